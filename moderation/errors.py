"""The errors that reach the user as one line and an exit code (DESIGN.md, section 3)."""


class UsageError(Exception):
    """The caller's mistake: config, usage, missing or unreadable input. Exit code 2, nothing written."""

    exit_code = 2


class GateRefused(Exception):
    """Validation refused to publish. Exit code 3, nothing published."""

    exit_code = 3


class Interrupted(Exception):
    """Ctrl-C. Exit code 130, as a shell has it; the message says how to go on."""

    exit_code = 130
