"""The main job: `spark-submit jobs/moderate.py --input DUMP --output OUT`; options as for `moderation run`."""

import sys

from moderation.cli import app, exit_code

if __name__ == "__main__":
    sys.exit(exit_code(lambda: app(["run", *sys.argv[1:]])))
