"""A small sample written by hand, with texts that make trouble, for tests of what is done with samples."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from moderation.audit.design import Design, SampleFolder, Stratum

THRESHOLDS = {"insult": 0.5, "threat": 0.4, "identity_attack": 0.3}
ENTITY = pa.struct(
    [("start", pa.int32()), ("end", pa.int32()), ("type", pa.string()), ("text", pa.string()), ("score", pa.float32())]
)
BODIES = (
    "You 🙈 fool, go back to Paris 🇫🇷 with Anna",
    "plain words",
    "<script>alert('x')</script> & \"quotes\" \\ back",
    "line one\r\nline two\tParis",
    '=HYPERLINK("http://x")',
    "e\u0301 combining, ‮right to left‬, \u200bzero width",
    "a 👨‍👩‍👧‍👦 family in Paris",
    "𝕱raktur Paris 𐍈",
)


def entities_of(body: str) -> list[dict[str, Any]]:
    """Every 'Paris' and 'Anna' of a body, in code points."""
    found = [(body.find(name), name, kind) for name, kind in (("Paris", "LOC"), ("Anna", "PER"))]
    return [
        {"start": at, "end": at + len(name), "type": kind, "text": name, "score": 0.9}
        for at, name, kind in found
        if at >= 0
    ]


def row(number: int, body: str) -> dict[str, Any]:
    """A sampled row."""
    return {
        "id": f"r{number}",
        "date": f"2026-01-0{1 + number % 3}",
        "body": body,
        "status": "scored",
        "scores": dict.fromkeys(THRESHOLDS, number * 37 % 100 / 100),
        "labels": ["insult"] if number % 2 else [],
        "flagged": bool(number % 2),
        "entities": entities_of(body),
        "action": "remove" if number % 2 else "none",
        "stratum": "flagged" if number % 2 else "rest",
        "probability": 0.5,
        "weight": 2.0,
        "duplicates": 1,
        "place": number,
    }


def sample_by_hand(output: Path, rows: int = 8, sample_id: str = "0123456789ab", **changes: Any) -> SampleFolder:
    """Writes sample.parquet and design.json below OUT/audits/ and returns where."""
    folder = SampleFolder(output / "audits" / sample_id)
    folder.path.mkdir(parents=True)
    drawn = [row(number, BODIES[number % len(BODIES)]) for number in range(rows)]
    types = {"entities": pa.list_(ENTITY), "labels": pa.list_(pa.string())}
    table = pa.Table.from_pylist(drawn)
    for name, kind in types.items():
        at = table.column_names.index(name)
        table = table.set_column(at, name, pa.array([one[name] for one in drawn], kind))
    pq.write_table(table, folder.sample)
    facts: dict[str, Any] = {
        "sample_id": sample_id,
        "run_id": "20260101T000000-abc",
        "seed": 7,
        "thresholds": THRESHOLDS,
        "labels": list(THRESHOLDS),
        "strata": [Stratum(name="all", leading="any", band="all", action="none", rows=2 * rows, drawn=rows)],
        "frame": "f" * 16,
        "created": "2026-01-02T00:00:00+00:00",
        "version": "0",
    }
    folder.design.write_text(Design(**facts | changes).model_dump_json(), encoding="utf-8")
    return folder
