"""The sample dump that `make demo` scores: made-up comments, the awkward and the broken ones included."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from moderation.sample.generate import Writer, load, plan

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["sample_table", "write_sample"]

FIRST_SECOND = 1_767_571_200  # 2026-01-05 00:00 UTC
SECONDS = 4 * 86_400
FIRST_ID = int("nw4k000", 36)
UNPOPULAR = {"insult", "obscene_insult", "threat", "identity_attack", "disguised", "multilingual_insult"}
# A stray 0xff, characters cut after one and three bytes, a lone surrogate, Latin-1, an overlong slash.
NOT_UTF8 = (b"\xff\xfe", "é".encode()[:1], "👍".encode()[:3], b"\xed\xa0\x80", "naïve".encode("latin-1"), b"\xc0\xaf")


@dataclass
class Thread:
    """A post that comments hang below."""

    topic: str
    subreddit: str
    link_id: str
    last_id: str


def write_sample(folder: Path, rows: int = 3000, seed: int = 7) -> list[Path]:
    """Write the sample as two Parquet files, in order of time; the same rows and seed give the same bytes."""
    import pyarrow.parquet as pq

    table = sample_table(rows, seed).drop_columns(["kind"])
    half = (rows + 1) // 2
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "comments-1.parquet", folder / "comments-2.parquet"]
    for path, part in zip(paths, (table.slice(0, half), table.slice(half)), strict=True):
        pq.write_table(part, path)
    return paths


def sample_table(rows: int = 3000, seed: int = 7) -> pa.Table:
    """The sample with one more column, `kind`: what each row was made to be. Some bodies are not UTF-8, on purpose."""
    import pyarrow as pa

    random = Random(seed)
    kinds, writer = plan(rows, random), Writer(random)
    ids, threads, moments = number_rows(rows, random), pick_threads(kinds, random), spread(rows, random)
    authors = [writer.deal("handle_form") for _ in range(rows // 3)]
    texts = [writer.write(kind, thread.topic) for kind, thread in zip(kinds, threads, strict=True)]
    missing = {"broken_null_id": None, "broken_empty_id": ""}
    columns = {
        "id": pa.array([missing.get(kind, id_) for kind, id_ in zip(kinds, ids, strict=True)], pa.string()),
        "author": ["[deleted]" if kind == "deleted" else random.choice(authors) for kind in kinds],
        "subreddit": [thread.subreddit for thread in threads],
        # Arrow checks UTF-8 when it builds strings, so the bodies are built as bytes and then viewed as strings.
        "body": pa.array(encode(kinds, texts, random), pa.binary()).view(pa.string()),
        "created_utc": [None if kind == "undated" else at for kind, at in zip(kinds, moments, strict=True)],
        "score": [vote(kind, random) for kind in kinds],
        "parent_id": answer(ids, threads, random),
        "link_id": [thread.link_id for thread in threads],
        "gilded": [int(random.random() < 0.01) for _ in kinds],
        "kind": kinds,
    }
    return pa.table(columns)


def sample_texts(rows: int, seed: int) -> list[str]:
    """The sample's bodies alone; bytes that are not UTF-8 become U+FFFD."""
    import pyarrow as pa

    bodies = sample_table(rows, seed)["body"].drop_null().cast(pa.binary()).to_pylist()
    return [body.decode(errors="replace") for body in bodies]


def pick_threads(kinds: list[str], random: Random) -> list[Thread]:
    """The thread of each row; comments in another language keep to their own threads."""
    open_threads = {name: start_threads(load(name), len(kinds) // 15, random) for name in ("topics", "languages")}
    return [random.choice(open_threads["languages" if kind.startswith("multi") else "topics"]) for kind in kinds]


def start_threads(topics: dict[str, Any], count: int, random: Random) -> list[Thread]:
    """Threads over all of these topics, at least one for each."""
    names = sorted(topics)
    threads = []
    for number in range(max(count, len(names))):
        topic = names[number % len(names)]
        link_id = "t3_" + base36(random.randrange(FIRST_ID - 10**6, FIRST_ID))
        threads.append(Thread(topic, random.choice(topics[topic]["subreddits"]), link_id, link_id))
    return threads


def number_rows(rows: int, random: Random) -> list[str]:
    """Ids as Reddit counts them: base 36, rising, with gaps."""
    number, ids = FIRST_ID, []
    for _ in range(rows):
        number += random.randint(1, 900)
        ids.append(base36(number))
    return ids


def base36(number: int) -> str:
    """The number in the digits 0-9a-z."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def spread(rows: int, random: Random) -> list[int]:
    """Rising epoch seconds that cover the four days evenly."""
    return [FIRST_SECOND + int((row + random.random()) / rows * SECONDS) for row in range(rows)]


def encode(kinds: list[str], texts: list[str], random: Random) -> list[bytes | None]:
    """The bodies as bytes, some of them spoilt in the middle or at the end, some missing."""
    bodies: list[bytes | None] = []
    spoilt = cycle(NOT_UTF8)
    for kind, text in zip(kinds, texts, strict=True):
        if kind == "broken_body_bytes":
            cut = random.choice([len(text) // 2, len(text)])
            bodies.append(text[:cut].encode() + next(spoilt) + text[cut:].encode())
        else:
            bodies.append(None if kind == "broken_null_body" else text.encode())
    return bodies


def answer(ids: list[str], threads: list[Thread], random: Random) -> list[str]:
    """The parent of each row: its thread's post or the comment before it."""
    parents = []
    for id_, thread in zip(ids, threads, strict=True):
        parents.append(random.choice([thread.link_id, thread.last_id]))
        thread.last_id = f"t1_{id_}"
    return parents


def vote(kind: str, random: Random) -> int:
    """A score: mostly small and now and then in the hundreds; rude comments often fall below zero."""
    score = int(random.paretovariate(0.9))
    return -score if kind in UNPOPULAR and random.random() < 0.7 else score
