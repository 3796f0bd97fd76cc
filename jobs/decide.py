"""Deciding anew as a job: `spark-submit jobs/decide.py --output OUT --policy FILE`; options as `moderation decide`."""

import sys

from moderation.cli import app, exit_code

if __name__ == "__main__":
    sys.exit(exit_code(lambda: app(["decide", *sys.argv[1:]])))
