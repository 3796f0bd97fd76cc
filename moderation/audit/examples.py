"""Examples for a report: a few texts of every stratum, with their scores, entities and the words that drove a score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING, Any

from moderation.audit.design import SampleFolder
from moderation.audit.facts import Frame, name, text
from moderation.audit.shown import Span
from moderation.audit.words import Attribution
from moderation.errors import UsageError

if TYPE_CHECKING:
    from moderation.models.load import ModelSource

COLUMNS = ("id", "date", "body", "labels", "action", "severity", "entities", "scores", "evidence")
NEAR = 1.0  # in log-odds: what lies as far from its threshold is near it
BANDS = {
    "far above": f"distance > {NEAR}",
    "just above": f"distance BETWEEN 0 AND {NEAR}",
    "just below": f"distance < 0 AND distance >= -{NEAR}",
}
LETTERS = 6000  # of a text that is explained: as many tokens as a few windows hold


@dataclass(frozen=True)
class Example:
    """A row of a stratum; `label` is the one whose driving words are told, the nearest to its threshold or above it."""

    stratum: str
    id: str
    date: str
    body: str
    label: str
    scores: Mapping[str, float]
    labels: Sequence[str]
    action: str
    severity: str
    entities: Sequence[Span]
    evidence: tuple[int, int] | None = None
    verdicts: Mapping[str, str] | None = None
    attribution: Attribution | None = None


def of_run(frame: Frame, thresholds: Mapping[str, float], each: int) -> list[Example]:
    """Of every label some rows from the bands around its threshold, by a digest of the id: the same ones every time."""
    found = []
    for label, threshold in thresholds.items():
        score = f"CAST(scores.{name(label)} AS DOUBLE)"
        distance = f"{log_odds(score)} - {log_odds(repr(threshold))}"
        for band, condition in BANDS.items():
            rows = frame.ask(
                f"SELECT {', '.join(COLUMNS)} FROM (SELECT *, {distance} AS distance FROM labelled "
                f"WHERE status = 'scored') WHERE {condition} ORDER BY md5(id), date LIMIT {each}"
            )
            found += [example(f"{label}, {band} its threshold", row, thresholds, label) for row in rows]
    return found


def log_odds(score: str) -> str:
    """SQL: the log-odds of a score; none is a certainty."""
    inside = f"greatest(1e-7, least(1 - 1e-7, {score}))"
    return f"ln({inside} / (1 - {inside}))"


def of_sample(folder: SampleFolder, frame: Frame, thresholds: Mapping[str, float], each: int) -> list[Example]:
    """The first rows of every stratum in the order of review; raises `UsageError` where the sample cannot be read."""
    path = text(str(folder.sample))
    try:
        rows = frame.ask(
            f"SELECT stratum, {', '.join(COLUMNS)} FROM (SELECT *, row_number() OVER (PARTITION BY stratum ORDER BY "
            f"place) AS number FROM read_parquet({path})) WHERE number <= {each} ORDER BY stratum, number"
        )
    except Exception as error:  # DuckDB's, which is imported where the frame was opened
        raise UsageError(f"{folder.sample}: cannot be read ({str(error).splitlines()[0]})") from error
    return [example(row[0], row[1:], thresholds) for row in rows]


def with_verdicts(examples: Sequence[Example], folder: SampleFolder) -> list[Example]:
    """The examples with what reviewers settled on."""
    from moderation.audit.verdicts import settled

    said: dict[tuple[str, str], dict[str, str]] = {}
    words = settled(folder)
    for row, date, label, word in words[["row_id", "date", "label", "verdict"]].itertuples(index=False):
        said.setdefault((str(row), str(date)), {})[str(label)] = str(word)
    return [replace(one, verdicts=said.get((one.id, one.date))) for one in examples]


def example(stratum: str, row: Sequence[Any], thresholds: Mapping[str, float], label: str | None = None) -> Example:
    """One row as an example."""
    found = dict(zip(COLUMNS, row, strict=True))
    scores = found["scores"] or {}
    evidence = found["evidence"]
    return Example(
        stratum=stratum,
        id=str(found["id"]),
        date=str(found["date"]),
        body=found["body"] or "",
        label=label or nearest(scores, thresholds),
        scores=scores,
        labels=found["labels"] or [],
        action=found["action"],
        severity=found["severity"],
        entities=[Span(one["start"], one["end"], one["type"]) for one in found["entities"] or []],
        evidence=(evidence["start"], evidence["end"]) if evidence else None,
    )


def nearest(scores: Mapping[str, float], thresholds: Mapping[str, float]) -> str:
    """The label that is furthest above its threshold, or least below it, in log-odds; '' where nothing was scored."""

    def distance(label: str) -> float:
        return logit(scores[label]) - logit(thresholds[label])

    return max((label for label in thresholds if scores.get(label) is not None), key=distance, default="")


def logit(score: float) -> float:
    """Log-odds of a score; none is a certainty."""
    inside = min(max(score, 1e-7), 1 - 1e-7)
    return log(inside / (1 - inside))


def explained(examples: Sequence[Example], sources: "Sequence[ModelSource]") -> list[Example]:
    """The examples with the words that drove their label's score, by the models of the run.

    Of a text of more than `LETTERS` the evidence is explained, or its beginning. Raises `UsageError` where the audit
    extra is not installed.
    """
    from moderation.audit.attribution import Attributor

    found = list(examples)
    for source in sources:
        mine = [place for place, one in enumerate(found) if one.label in source.spec.labels]
        if mine:
            cuts = [cut(found[place].body, found[place].evidence) for place in mine]
            bodies = [found[place].body[low:high] for place, (low, high) in zip(mine, cuts, strict=True)]
            answers = Attributor(source).attribute(bodies, [found[place].label for place in mine])
            for place, (low, _), answer in zip(mine, cuts, answers, strict=True):
                found[place] = replace(found[place], attribution=answer.moved(low))
    return found


def cut(body: str, evidence: tuple[int, int] | None) -> tuple[int, int]:
    """Which part of a text is explained: all of it, or what the highest score was given for."""
    if len(body) <= LETTERS:
        return 0, len(body)
    low, high = evidence or (0, LETTERS)
    return low, min(high, low + LETTERS)


def sources_of(manifest: Mapping[str, Any]) -> "list[ModelSource]":
    """The models of a run, as it had them; raises `UsageError` where they are not here any more, or others are."""
    from moderation.models.panel import find_panel

    entries = manifest["config"].get("models") or [one["source"] for one in manifest["model"]["models"]]
    panel = find_panel(entries)
    if panel.model_id != (wanted := manifest["model"]["model_id"]):
        raise UsageError(f"the models that are here have the digest {panel.model_id}, and the run had {wanted}")
    return list(panel.sources)
