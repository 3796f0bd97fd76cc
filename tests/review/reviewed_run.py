"""A published run and a sample of it without Spark, any number of rows, for tests of the review page."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from moderation.audit.design import Design, SampleFolder, Stratum
from tests.audit.reported import LABELS, SCHEMA, THRESHOLDS, published, row

BODIES = (
    "You are a fool, go back to Paris",
    "plain words about the weather",
    "I will find you 🙈, said Anna in Paris",
    "<script>alert('x')</script> & \"quotes\"",
)
RUN, SAMPLE = "20260105T000000Z-abcdef", "0123456789ab"
OURS = [("stratum", pa.string()), ("probability", pa.float64()), ("weight", pa.float64()), ("duplicates", pa.int32())]


def entities_of(body: str) -> list[dict[str, Any]]:
    """Every Paris and Anna of a body, in code points."""
    names = {"Paris": "LOC", "Anna": "PER"}
    found = [(body.find(name), name) for name in names]
    return [
        {"start": at, "end": at + len(name), "type": names[name], "text": name, "score": 0.9}
        for at, name in found
        if at >= 0
    ]


def rows_of(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Labelled rows; every third is given a label."""
    found = []
    for number in range(count):
        body = f"{BODIES[number % len(BODIES)]} ({number})"
        given = number % 3 == 0
        made = row(number, body, 0.9 if given else 0.1, 0.05, entities=entities_of(body))
        found.append(made | {"date": f"2026-01-0{5 + number % 2}"} | changes)
    return found


def output_with_sample(output: Path, count: int = 12, sample: bool = True, **changes: Any) -> Path:
    """A published run of `count` rows below a folder, and a sample of all of them; `changes` are of the rows."""
    rows = rows_of(count, **changes)
    output.mkdir(parents=True, exist_ok=True)
    published(output, rows, RUN)
    if sample:
        draw(output, rows)
    return output


def draw(
    output: Path, rows: list[dict[str, Any]], sample_id: str = SAMPLE, run_id: str = RUN, **changes: Any
) -> SampleFolder:
    """Writes a sample of all rows."""
    folder = SampleFolder(output / "audits" / sample_id)
    folder.path.mkdir(parents=True)
    schema = pa.schema([*SCHEMA, ("date", pa.string()), *OURS, ("place", pa.int32())])
    mine = [
        {name: one.get(name) for name in schema.names}
        | {"run_id": run_id, "stratum": stratum(one), "probability": 1.0, "weight": 1.0, "duplicates": 1, "place": at}
        for at, one in enumerate(rows)
    ]
    pq.write_table(pa.Table.from_pylist(mine, schema=schema), folder.sample)
    facts: dict[str, Any] = {
        "sample_id": sample_id,
        "run_id": run_id,
        "seed": 7,
        "thresholds": THRESHOLDS,
        "labels": list(LABELS),
        "strata": strata(mine),
        "frame": "f" * 16,
        "created": "2026-01-06T00:00:00+00:00",
        "version": "0",
    }
    folder.design.write_text(json.dumps(Design(**facts | changes).model_dump(mode="json")), encoding="utf-8")
    return folder


def stratum(one: dict[str, Any]) -> str:
    """The stratum of a row."""
    return "offensive above +2 review" if one["labels"] else "any below -6 none"


def strata(rows: list[dict[str, Any]]) -> list[Stratum]:
    """The strata, drawn whole."""
    found = []
    for name in sorted({one["stratum"] for one in rows}):
        mine = [one for one in rows if one["stratum"] == name]
        given = {label: sum(label in one["labels"] for one in mine) for label in LABELS}
        leading, action = name.split()[0], name.split()[-1]
        band = " ".join(name.split()[1:-1])
        sizes = {"rows": len(mine), "drawn": len(mine), "given": given}
        found.append(Stratum(name=name, leading=leading, band=band, action=action, **sizes))
    return found
