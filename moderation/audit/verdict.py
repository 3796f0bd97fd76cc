"""A verdict: what one reviewer said of one label of one row, and the rules that every one of them keeps."""

import unicodedata
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Literal, cast, get_args

from moderation.errors import UsageError

Word = Literal["yes", "no", "unsure", "withdrawn"]
WORDS: tuple[str, ...] = get_args(Word)
REVIEWER_LETTERS, NOTE_LETTERS = 100, 2000
MARKUP = frozenset('<>&"`\\')
AHEAD = timedelta(days=1)  # what clocks and time zones may be wrong by


@dataclass(frozen=True)
class Verdict:
    """One entry of the table. `withdrawn` takes the reviewer's earlier word back: undo is a new entry too.

    `date` is the row's partition, `time` is UTC in ISO 8601 with microseconds; both may be left empty before the
    verdict is stored: the date is then looked up, the time is now.
    """

    row_id: str
    label: str
    reviewer: str
    verdict: str  # a `Word`, once it was checked
    date: str = ""
    time: str = ""
    note: str = ""


COLUMNS = tuple(field.name for field in fields(Verdict))


def checked_reviewer(name: str) -> str:
    """A reviewer's name as it is stored (NFC); raises `UsageError` for markup, control characters and bad lengths."""
    if not name or name != name.strip() or len(name) > REVIEWER_LETTERS:
        raise UsageError(
            f"reviewer '{short(name)}': a name has 1 to {REVIEWER_LETTERS} letters and no space around them"
        )
    if odd := [letter for letter in name if letter in MARKUP or not letter.isprintable()]:
        raise UsageError(f"reviewer '{short(name)}': {odd[0]!r} may not be in a name (markup or control character)")
    return unicodedata.normalize("NFC", name)


def checked_word(word: str) -> Word:
    """The verdict's word; raises `UsageError` for any other."""
    if word not in WORDS:
        raise UsageError(f"verdict '{short(word)}' is none of {', '.join(WORDS)}")
    return cast(Word, word)


def checked_note(note: str) -> str:
    """A reviewer's note; raises `UsageError` where it is long or holds control characters but tabs and line breaks."""
    if len(note) > NOTE_LETTERS:
        raise UsageError(f"note of {len(note)} letters: at most {NOTE_LETTERS}")
    if odd := [letter for letter in note if unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\t\r\n"]:
        raise UsageError(f"note: {odd[0]!r} may not be in it (control character)")
    return note


def checked_time(text: str) -> str:
    """A time as it is stored: UTC, microseconds. One without a zone is taken for UTC.

    Raises `UsageError` for what is no ISO 8601 time, and for one that is still to come: it would be the last word for
    as long.
    """
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"time '{short(text)}': no ISO 8601 time, such as 2026-01-31T12:00:00Z") from error
    if time > datetime.now(UTC) + AHEAD:
        raise UsageError(f"time '{short(text)}': is still to come")
    return stored_time(time)


def stored_time(time: datetime) -> str:
    """A time in UTC as text that sorts as the times do."""
    return time.isoformat(timespec="microseconds")


def short(text: str) -> str:
    """Text of somebody else's for an error of one line."""
    return text if len(text) <= 60 else f"{text[:57]}..."
