"""Ingest as a job: `python jobs/ingest.py SRC... --output DIR`; options as for `moderation ingest`."""

import sys

from moderation.cli import app, exit_code

if __name__ == "__main__":
    sys.exit(exit_code(lambda: app(["ingest", *sys.argv[1:]])))
