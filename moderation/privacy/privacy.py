"""What the settings come to: columns as the input has them to columns as they may be written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from moderation.errors import UsageError
from moderation.privacy.authors import hash_column, key_id, read_key
from moderation.privacy.mask import ORDER, Masker, total
from moderation.privacy.phones import check_phones
from moderation.privacy.settings import PrivacySettings

VERSION = 1  # raise it where masking answers otherwise than before
FIELDS = ("author", *ORDER)
MASKED = pa.struct([(name, pa.int32()) for name in FIELDS])  # what was done in a row
NUMERIC = re.compile(r"[\s\d.,:+TZ/-]*")  # a time, as epoch seconds or ISO text


@dataclass(frozen=True)
class Privacy:
    """The settings, and the key where authors are hashed."""

    settings: PrivacySettings
    key: bytes | None = field(default=None, repr=False)

    @cached_property
    def masker(self) -> Masker | None:
        """What masks texts, if they are to be masked."""
        if not self.settings.masks:
            return None
        return Masker(tuple(self.settings.kinds), tuple(self.settings.regions))

    def author(self, *names: str) -> bool:
        """Whether a column by any of its names is one that names a person, and is not to be kept."""
        wanted = {name.casefold() for name in self.settings.author} if self.drops or self.key else set()
        return any(name.casefold() in wanted for name in names)

    @property
    def drops(self) -> bool:
        """Whether authors are dropped."""
        return "drop_author" in self.settings.apply

    def kinds(self, kinds: Mapping[str, pa.DataType], roles: Iterable[str]) -> dict[str, pa.DataType]:
        """The types of columns after hashing; raises `UsageError` for one that cannot be hashed, or has a role."""
        made = dict(kinds)
        for name, kind in kinds.items():
            if not self.author(name):
                continue
            if name in roles:
                raise UsageError(
                    f"privacy.author: '{name}' is mapped as id, body or created_utc and cannot be an author"
                )
            if not self.drops:
                if types.is_nested(kind) or types.is_binary(kind):
                    raise UsageError(f"privacy.author: column '{name}' holds {kind}, which cannot be hashed; drop it")
                made[name] = pa.string()
        return made

    def applied(self, columns: Sequence[pa.Array], names: Sequence[tuple[str, str]]) -> tuple[list[pa.Array], pa.Array]:
        """A batch's columns as they may be written, and what was done in each row, as `MASKED` has it.

        `names` are the columns' names, ours and the input's.
        """
        length = len(columns[0]) if columns else 0
        authors, made, counts = np.zeros(length, bool), [], []
        for (ours, theirs), array in zip(names, columns, strict=True):
            if self.author(ours, theirs):
                array, touched = self.hidden(array)
                authors |= touched
            elif self.masker and ours != "id" and not self.kept(ours, theirs):
                array, found = self.masker.column(array, not_a_time if ours == "created_utc" else None)
                counts.append(found)
            made.append(array)
        summed = total(counts, length)
        summed = np.zeros((len(ORDER), length), np.int32) if summed is None else summed
        return made, pa.StructArray.from_arrays(
            [pa.array(authors.astype(np.int32)), *map(pa.array, summed)], fields=list(MASKED)
        )

    def hidden(self, array: pa.Array) -> tuple[pa.Array, np.ndarray]:
        """A column of authors, dropped or hashed, and in which rows that changed something."""
        if self.drops:
            return pa.nulls(len(array), array.type), np.asarray(array.is_valid())
        made = hash_column(array, self.key or b"")
        changed = pc.not_equal(made.view(pa.binary()), array.view(pa.binary()))
        return made, np.asarray(pc.fill_null(changed, False))

    def kept(self, *names: str) -> bool:
        """Whether a column's texts are left as they are."""
        kept = {name.casefold() for name in self.settings.keep}
        return any(name.casefold() in kept for name in names)

    def notes(self, names: Sequence[tuple[str, str]]) -> list[str]:
        """What whoever set it should know of these columns."""
        if (self.drops or self.key) and not any(self.author(*both) for both in names):
            return [
                f"privacy: the input has no column of authors ({', '.join(self.settings.author)}): see privacy.author"
            ]
        return []

    def describe(self) -> dict[str, Any]:
        """What the manifest says: never the key."""
        found: dict[str, Any] = {"apply": sorted(self.settings.apply)}
        if self.settings.masks:
            found["masking"] = masking(self.settings)
            found["keep"] = sorted(self.settings.keep)
        if self.drops or self.key:
            found["author"] = sorted(self.settings.author)
        if self.key:
            found["key_id"] = key_id(self.key)
        return found


def find_privacy(settings: PrivacySettings, output: Path | None = None) -> Privacy | None:
    """What the settings ask for, None where that is nothing; raises `UsageError` where a key or a library is missing.

    A key below `output` is refused: others read there.
    """
    if not settings.apply:
        return None
    if settings.masks and "phone" in settings.kinds:
        check_phones(settings.regions)
    return Privacy(settings, read_key(settings.key_file, output) if "hash_author" in settings.apply else None)


def masking(settings: PrivacySettings) -> dict[str, Any] | None:
    """All that decides what of a text is masked; None where nothing is."""
    if not settings.masks:
        return None
    found: dict[str, Any] = {"version": VERSION, "kinds": sorted(set(settings.kinds))}
    if "phone" in settings.kinds:
        found |= {"regions": sorted(set(settings.regions)), "phonenumbers": library()}
    return found


def library() -> str:
    """The version of the library that knows phone numbers, whose plans change every few weeks."""
    try:
        return version("phonenumbers")
    except PackageNotFoundError:
        return "not installed"


def not_a_time(text: str) -> bool:
    """Whether a text in a column of times is something else."""
    return NUMERIC.fullmatch(text) is None
