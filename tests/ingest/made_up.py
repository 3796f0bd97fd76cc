"""Made-up dump lines in the shapes that Reddit's dumps had over the years, and files of them in every compression."""

import bz2
import gzip
import json
import lzma
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import zstandard

YEARS = (2005, 2008, 2012, 2016, 2020, 2024)
MONTHS = {2005: 1134365188, 2008: 1199152390, 2012: 1325376000, 2016: 1451606400, 2020: 1588204800, 2024: 1706745600}
TEXT = (
    "the a of to and in that it is was for on you he be with as by at have are this not but had his they from she"
    " which or we an there her were one do been all their has would will what if can when so no said who more about"
    " up out them some could into other than then these time people bread garden train café naïve 東京 кино 🙂 river"
)
WORDS = TEXT.split()
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
OLD = {"ups": 3, "subreddit_id": "t5_6", "gilded": 0, "controversiality": 0, "author_flair_css_class": None}
FLAIR = {
    "author_flair_background_color": None,
    "author_flair_richtext": [],
    "author_flair_template_id": None,
    "author_flair_text_color": None,
    "author_flair_type": "text",
    "author_patreon_flair": False,
    "author_premium": False,
}
AWARDS = {"all_awardings": [], "associated_award": None, "awarders": [], "gildings": {}, "total_awards_received": 0}
REVIEW = {
    **{"can_gild": True, "can_mod_post": False, "collapsed": False, "collapsed_because_crowd_control": None},
    **{"collapsed_reason": None, "is_submitter": False, "locked": False, "no_follow": True, "send_replies": True},
    **{"removal_reason": None, "top_awarded_type": None, "treatment_tags": [], "subreddit_type": "public"},
}
NEW = {
    **{"approved_at_utc": None, "approved_by": None, "author_is_blocked": False, "banned_at_utc": None},
    **{"banned_by": None, "collapsed_reason_code": None, "comment_type": None, "likes": None, "mod_note": None},
    **{"mod_reason_by": None, "mod_reason_title": None, "mod_reports": [], "num_reports": 0, "replies": ""},
    **{"report_reasons": [], "saved": False, "unrepliable_reason": None, "user_reports": [], "downs": 0},
}


def base36(number: int) -> str:
    """A number as Reddit writes ids."""
    digits = ""
    while number or not digits:
        number, rest = divmod(number, 36)
        digits = DIGITS[rest] + digits
    return digits


def text(draw: random.Random) -> str:
    """A few words, mostly one short sentence, now and then several lines."""
    words = draw.choices(WORDS, k=max(1, int(draw.lognormvariate(3, 1))))
    return "\n\n".join(" ".join(words[start : start + 60]) for start in range(0, len(words), 60)) + ' "so"'


def comment(number: int, year: int = 2016, **changes: Any) -> dict[str, Any]:
    """A comment as a dump of that year has it; the same for the same number."""
    draw = random.Random(f"{year} {number}")
    created = MONTHS[year] + number // 20
    row: dict[str, Any] = {
        "id": f"c{base36(1_000_000 * year + number)}",
        "author": f"user{draw.randrange(5000)}",
        "author_flair_text": draw.choice([None, None, None, "gardener"]),
        "body": text(draw),
        "created_utc": {2008: str(created), 2012: str(created), 2024: float(created)}.get(year, created),
        "distinguished": "moderator" if number % 500 == 0 else None,
        "edited": float(created + 60) if number % 40 == 0 else False,
        "link_id": f"t3_{base36(number // 30 + 5000)}",
        "parent_id": f"t1_{base36(number + 70_000)}",
        "retrieved_on": created + 90_000,
        "score": draw.randrange(-5, 200),
        "stickied": False,
        "subreddit": f"place{draw.randrange(50)}",
        **OLD,
    }
    if year >= 2012:
        row |= {"archived": True, "downs": 0, "name": f"t1_{row['id']}", "score_hidden": False}
    if year >= 2016:
        row |= {"author_flair_text": row["author_flair_text"] or ""}
    if year >= 2020:
        row |= {**FLAIR, **AWARDS, **REVIEW, "author_fullname": f"t2_{base36(draw.randrange(10**9))}"}
        row |= {"permalink": f"/r/{row['subreddit']}/comments/{row['link_id'][3:]}/_/{row['id']}/"}
        row |= {"subreddit_name_prefixed": f"r/{row['subreddit']}"}
    if year >= 2024:
        row |= {**NEW, "created": float(created), "_meta": {"retrieved_2nd_on": created + 90_000}}
    return row | changes


def submission(number: int, year: int = 2020, **changes: Any) -> dict[str, Any]:
    """A submission as a dump of that year has it."""
    row = comment(number, year)
    for name in ("body", "link_id", "parent_id", "controversiality"):
        del row[name]
    row |= {"id": row["id"][1:], "title": f"Title {number}", "selftext": text(random.Random(number)), "is_self": True}
    row |= {"over_18": number % 9 == 0, "num_comments": number % 40, "url": f"https://example.org/{number}"}
    return row | {"domain": "example.org", "link_flair_text": None, "removed_by_category": None} | changes


def line(row: object) -> bytes:
    """A row as dumps write it: no space between the parts, anything beyond ASCII escaped."""
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def lines(count: int, years: Iterable[int] = (2016,)) -> Iterator[bytes]:
    """So many comments of some years, in turns."""
    shapes = list(years)
    return (line(comment(number, shapes[number % len(shapes)])) for number in range(count))


def pack(content: bytes, suffix: str) -> bytes:
    """Content in the compression that a suffix names; none for other suffixes."""
    if suffix == ".zst":
        return zstandard.ZstdCompressor().compress(content)
    packers = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    return packers[suffix](content) if suffix in packers else content


def write(path: Path, content: bytes | Iterable[bytes]) -> Path:
    """Writes a dump in the compression that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(content if isinstance(content, bytes) else b"".join(content), path.suffix))
    return path
