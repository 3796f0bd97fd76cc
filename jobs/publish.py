"""Publishes what the gate accepted: `spark-submit jobs/publish.py --output OUT --run ID`; as `moderation publish`."""

import sys

from moderation.cli import app, exit_code

if __name__ == "__main__":
    sys.exit(exit_code(lambda: app(["publish", *sys.argv[1:]])))
