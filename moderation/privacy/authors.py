"""Columns that name a person: emptied, or in their place a keyed digest, equal for equal names."""

import hashlib
import hmac
import os
import re
from pathlib import Path

import pyarrow as pa

from moderation.errors import UsageError
from moderation.privacy.settings import KEY_VARIABLE

SHORTEST = 32  # characters of a key
PREFIX = "hashed:"
DIGITS = 32  # hexadecimal: 128 bits, of which no two of all names of this world will be equal
HASHED = re.compile(f"{PREFIX}[0-9a-f]{{{DIGITS}}}")
NOBODY = ("", "[deleted]", "[removed]")
HOW = f"make one with: openssl rand -hex 32 > author.key; then name it as privacy.key_file, or set {KEY_VARIABLE}"


def read_key(file: Path | None, output: Path | None = None) -> bytes:
    """The key: of the environment, else of the file; raises `UsageError` where there is none, or no good one."""
    where, given = KEY_VARIABLE, os.environ.get(KEY_VARIABLE, "")
    if not given and file is not None:
        where = f"privacy.key_file {file}"
        if output is not None and file.resolve().is_relative_to(output.resolve()):
            raise UsageError(f"{where}: lies in the output, which others read; keep it elsewhere")
        try:
            given = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "not text"
            raise UsageError(f"{where}: cannot be read ({said}); {HOW}") from error
    key = given.strip()
    if not key:
        raise UsageError(f"privacy: hash_author needs a key, and there is none{f' in {file}' if file else ''}; {HOW}")
    if len(key) < SHORTEST:
        raise UsageError(f"{where}: the key has {len(key)} characters, and {SHORTEST} is the least; {HOW}")
    return key.encode()


def key_id(key: bytes) -> str:
    """By what a key is known from others; it tells nothing of the key."""
    return hmac.digest(key, b"moderation: which key is it?", hashlib.sha256).hex()[:12]


def hashed(name: str | None, key: bytes) -> str | None:
    """A name's keyed digest (HMAC-SHA256); nobody stays nobody, and what is hashed already stays as it is."""
    if name is None or name in NOBODY or HASHED.fullmatch(name):
        return name
    return PREFIX + hmac.digest(key, name.encode("utf-8", "surrogateescape"), hashlib.sha256).hex()[:DIGITS]


def hash_column(array: pa.Array, key: bytes) -> pa.Array:
    """A column of strings, each name hashed once."""
    coded = array.view(pa.binary()).dictionary_encode()
    names = [raw.decode("utf-8", "surrogateescape") for raw in coded.dictionary.to_pylist()]
    made = pa.array([hashed(name, key) for name in names], pa.string())
    return made.take(coded.indices)
