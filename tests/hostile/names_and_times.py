"""Hostile ids and times, made by code, with what becomes of each row by construction."""

import datetime
import unicodedata
from random import Random

from tests.hostile.bodies import BAD_BYTES, SPACES, Family, word

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
FIRST, LAST = -62135596800, 253402300799  # the first and last second of the years 1 to 9999
PATHS = [
    "../../{n}", "/etc/passwd/{n}", "..\\..\\{n}", "%2F..%2F{n}", "date=2020-01-01/{n}", "a/b/c/{n}", "{n}.parquet",
    "s3://bucket/{n}", "~/{n}", "*{n}?[x]", "{{{n}}}", "con{n}", "-rf {n}", "${{{n}}}",
]  # fmt: skip
WORDS = [
    "NaN", "nan", "null", "NULL", "None", "none", "true", "TRUE", "0", "00", "-0", "+0", "0.0", "1", "01", "1.0",
    "1e0", "1E0", "1_0", "10", "0x1", "١", "inf", "-1", "[deleted]", "id", "undefined", "NA", "\\N",
]  # fmt: skip
DECORATIONS = [
    "{}\x00", "\x00{}", "{}\u200b", "\u200b{}", "\u202e{}", "{}\ufeff", "{}\n", "\r\n{}", "{}\t", '"{}"', "'{}'",
    "{},{}", "<b>{}</b>", "{}'; --", "{}\x1b[0m", "{}́", "👩\u200d🚀{}", "{}\U0010ffff", "=1+{}",
]  # fmt: skip


def day(seconds: float) -> str:
    """The UTC day of epoch seconds."""
    return f"{EPOCH + datetime.timedelta(seconds=seconds):%Y-%m-%d}".rjust(10, "0")


def near(number: int) -> list[str]:
    """Ids that people and careless code take for one: case, normal form, spaces around, width."""
    base = f"Ångström-ﬁ{number}x"
    forms = {unicodedata.normalize(form, base) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    cased = {change(base) for change in (str.lower, str.upper, str.swapcase, str.casefold)}
    return sorted(
        forms | cased | {f"{base} ", f" {base}", f"{base}  ", f"{base}\u00a0", f"{base}\t", base.replace("x", "ｘ")}
    )


def odd_ids(random: Random) -> dict[str, list[str]]:
    """Families of ids that are sound, each id once over all of them."""
    return {
        "ids that differ by case, normal form, spaces or width only": [
            id for number in range(40) for id in near(number)
        ],
        "ids like paths, globs, partitions, options": [path.format(n=n) for n in range(20) for path in PATHS],
        "ids that are words for nothing, and numbers as text": WORDS,
        "ids with NUL, zero width, quotes, line breaks, markup": [
            form.replace("{}", f"k{number}") for number in range(20) for form in DECORATIONS
        ],
        "ids of ten thousand letters": [f"{number}-" + random.choice("abc") * 10_000 for number in range(20)],
        "whole numbers as text": [str(random.randrange(-(10**30), 10**30)) for _ in range(100)],
    }


BROKEN_IDS = [
    Family("a null id", 100, lambda _: None, "quarantined", "id_missing"),
    Family("an empty id", 50, lambda _: "", "quarantined", "id_missing"),
    Family(
        "an id of nothing but spaces",
        100,
        lambda random: "".join(random.choices(SPACES, k=3)),
        "quarantined",
        "id_missing",
    ),
    Family(
        "an id that is not UTF-8",
        200,
        lambda random: word(random).encode() + random.choice(BAD_BYTES),
        "quarantined",
        "id_not_text",
    ),
]

DAYS = [
    FIRST // 86400,
    -1,
    0,
    20458,
    LAST // 86400,
    *Random(1).sample(range(FIRST // 86400 + 2, LAST // 86400 - 2), 20),
]


def moment(random: Random) -> int:
    """Epoch seconds on one of a few days: each day of the output costs a folder."""
    return random.choice(DAYS) * 86400 + random.randrange(86400)


def epoch_text(random: Random) -> tuple[str, str]:
    seconds = random.choice([moment(random), moment(random), FIRST, LAST, 0, -1])
    form = random.choice(["{}", " {} ", "{}.0", "{}.5", "{}e0", "\n{}\t"])
    half = 0.5 if form == "{}.5" and FIRST < seconds < LAST else 0
    form = "{}" if form == "{}.5" and not half else form
    return form.format(seconds), day(seconds + (half if seconds >= 0 else -half))


def iso_text(random: Random) -> tuple[str, str]:
    """ISO 8601 with and without a zone; the day is UTC's."""
    utc = EPOCH + datetime.timedelta(seconds=random.choice(DAYS[5:]) * 86400 + random.randrange(86400))
    hours = random.choice([0, 1, -5, 14, -12])
    local = (utc + datetime.timedelta(hours=hours)).replace(tzinfo=None).isoformat(sep=random.choice("T "))
    zone = random.choice(["Z", "+00:00", "", " UTC"]) if hours == 0 else f"{hours:+03d}:00"
    fraction = random.choice(["", ".1", ".123", ".123456", ".123456789"])
    return local + fraction + zone, day((utc - EPOCH).total_seconds())


def date_text(random: Random) -> tuple[str, str]:
    found = day(moment(random))
    return found, found


UNREADABLE = [
    "NaN", "nan", "inf", "-inf", "Infinity", "-Infinity", "1e308", "1e400", "-1e18", "253402300800", "-62135596801",
    "1767571200000", "1767571200000000000", "yesterday", "today", "now", "tomorrow", "epoch", "null", "None", "true",
    "2026-13-01", "2026-02-30", "2025-02-29", "2026-00-10", "2026-01-00", "10000-01-01", "0000-01-01", "-0001-01-01",
    "+12026-01-01", "99999999-01-01", "2026-01-05T25:00:00Z", "2026-01-05T23:60:00Z", "2026-01-05T23:59:61Z",
    "2026-01-05T23:30:00+99:00", "2026-01-05T23:30:00 Mars/Olympus", "05.01.2026", "01/05/2026", "5 Jan 2026",
    "Mon, 05 Jan 2026 23:30:00 GMT", "2026W021", "2026-W02-1", "1,767,571,200", "1767571200s", "0x695b", "٢٠٢٦-٠١-٠٥",
    "２０２６-01-05", "2026–01–05", "<b>", "1767571200; DROP", "$(date)", "23:30",
    "T23:30:00",
    "12:30:00Z", "--01-05",
]  # fmt: skip
TIMES = {
    "epoch seconds as text, of the years 1 to 9999": (300, epoch_text),
    "ISO 8601 text with any zone and up to nine digits of a second": (300, iso_text),
    "days as text": (150, date_text),
    "no time": (100, lambda random: (random.choice([None, "", " ", "   "]), "unknown")),
}
UNREADABLE_NAME = "times that are none: NaN, inf, milliseconds, words, other calendars and formats, no day"
