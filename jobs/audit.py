"""Audit as a job: `spark-submit jobs/audit.py sample --output OUT --margin 0.05`; options as for `moderation audit`."""

import sys

from moderation.cli import app, exit_code

if __name__ == "__main__":
    sys.exit(exit_code(lambda: app(["audit", *sys.argv[1:]])))
