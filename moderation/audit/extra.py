"""What an extra installs, asked for where it is used."""

from importlib.util import find_spec

from moderation.errors import UsageError


def need_extra(*modules: str, extra: str = "audit") -> None:
    """Raises `UsageError` where one of the modules is not installed."""
    if missing := [name for name in modules if find_spec(name) is None]:
        raise UsageError(f"{missing[0]} is not installed: pip install 'moderation-batch[{extra}]'")
