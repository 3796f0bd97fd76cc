"""Fine-tuning as a job: `python jobs/finetune.py --data DIR --output MODEL`; options as `moderation finetune`."""

import sys

from moderation.cli import app, exit_code

if __name__ == "__main__":
    sys.exit(exit_code(lambda: app(["finetune", *sys.argv[1:]])))
