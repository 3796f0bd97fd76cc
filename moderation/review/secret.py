"""The secret that signs cookies, kept beside the samples, and the token that lets people in.

It is kept so that a page that was open when the server died goes on after the next start. Removing the file signs
everybody out and makes another token.
"""

import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from moderation.audit.design import audits
from moderation.errors import UsageError

FEWEST = 16  # letters of a token
PASSING = secrets.token_bytes(32)  # where none can be kept


def signing_key(output: Path, token: str | None) -> bytes:
    """What cookies are signed with: another token makes another key, and those of the old one are worth nothing."""
    return digest(stored_secret(output), f"key\0{token or ''}")


def token_for(output: Path, given: str | None, loopback: bool) -> str | None:
    """The token that reviewers need: the one that was given, else none on this machine itself, else the output's own.

    Raises `UsageError` for a token that could be guessed.
    """
    if given is None:
        return None if loopback else urlsafe_b64encode(digest(stored_secret(output), "token")[:24]).decode()
    if len(given) < FEWEST or not given.isprintable() or not given.isascii():
        raise UsageError(f"--token: {FEWEST} printable ASCII letters or more; without one, a token is made and printed")
    return given


def digest(secret: bytes, text: str) -> bytes:
    """A key of its own for each use."""
    return hmac.new(secret, text.encode(), sha256).digest()


def stored_secret(output: Path) -> bytes:
    """The secret of an output, made where there is none. Only for this run of the server where it cannot be kept."""
    path = audits(output) / ".review" / "secret"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make(path)
        found = path.read_bytes()
        private = not path.stat().st_mode & 0o077
    except OSError:
        return PASSING
    return found if private and len(found) >= 32 else PASSING


def make(path: Path) -> None:
    """Makes the file, whole or not at all; another process may be first."""
    if path.exists():
        return
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(32))
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(scratch)
    scratch.unlink()
