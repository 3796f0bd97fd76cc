"""Scores in the shape of Perspective's AnalyzeComment responses, for readers that were written for that API.

`attributeScores.NAME.summaryScore` with `value` and `type` PROBABILITY, and `clientToken`, which that API echoes from
the request and which is the row's id here (https://developers.perspectiveapi.com/s/about-the-api-methods). What we do
not know is not there: no spanScores, no languages. The probabilities are our model's, not Perspective's.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moderation.audit.labelled_rows import labelled_rows
from moderation.errors import UsageError
from moderation.models.labels import read_taxonomy, renamed

TAXONOMY = "perspective"


def attributes(labels: list[str]) -> dict[str, str]:
    """Perspective's attribute for each label that has one; raises `UsageError` where none has."""
    known = renamed(labels, {}, read_taxonomy(TAXONOMY).labels, "labels")
    found = {label: name for label, name in known.items() if name}
    if not found:
        raise UsageError(f"none of the run's labels ({', '.join(labels)}) is an attribute of Perspective's")
    return found


def responses(output: Path, manifest: dict[str, Any], names: dict[str, str]) -> Iterator[dict[str, Any]]:
    """A response for every row that was scored; `names` are the attributes of labels."""
    for rows in labelled_rows(output, manifest, ["id", "date", "status", "scores"]):
        yield from (response(row, names) for row in rows if row["status"] == "scored")


def response(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The response for one row."""
    values = {name: row["scores"].get(label) for label, name in names.items()}
    scores = {
        name: {"summaryScore": {"value": value, "type": "PROBABILITY"}}
        for name, value in values.items()
        if value is not None
    }
    return {"attributeScores": scores, "clientToken": row["id"]}
