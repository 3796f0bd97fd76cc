"""The errors that reach the user as one line and an exit code (DESIGN.md, section 3)."""


class UsageError(Exception):
    """The caller's mistake: config, usage, missing or unreadable input. Exit code 2, nothing written.

    Its message is one line: names of files and columns may hold line breaks and escape codes, which are shown as such.
    """

    exit_code = 2

    def __str__(self) -> str:
        return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in super().__str__())


class GateRefused(Exception):
    """Validation refused to publish. Exit code 3, nothing published."""

    exit_code = 3


class Interrupted(Exception):
    """Ctrl-C. Exit code 130, as a shell has it; the message says how to go on."""

    exit_code = 130
