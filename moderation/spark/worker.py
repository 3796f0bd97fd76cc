"""What a Python worker of Spark does with a batch of bodies: the engine's columns as Arrow arrays, row by row never."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from moderation.inference.devices import Device, resolve_place
from moderation.inference.tokenise import cumulated
from moderation.inference.work import Work
from moderation.models.panel import Panel
from moderation.text.digest import text_digest

if TYPE_CHECKING:
    from moderation.inference.engine import Engine
    from moderation.inference.spans import Spans

LIST_ROWS = 10_000  # bodies that the engine gets at once: bounds memory
LIST_CHARACTERS = 16_000_000


@dataclass(frozen=True)
class Scorer:
    """What a task needs to score bodies."""

    panel: Panel
    precision: str
    device: Device

    def answers(self, bodies: Iterable[str | None]) -> Iterator[tuple[dict[str, pa.Array], Work, float]]:
        """The fields of `moderation_type` for the bodies of a shard, list by list, what each list took, and the seconds
        that loading the models took where it was the worker's first.

        The last bits of a score follow from the texts that are computed together, and shall be the same whenever the
        shard is scored again: so the lists follow from the shard alone, and the worker forgets the texts of those that
        it scored before, which it is chance that it had, unless its backend answers to each text as if it were alone.
        """
        engine, loading = worker_engine(self.panel, self.precision, task_device(self.device))
        engine.start_afresh()
        for texts in lists_of(bodies):
            fields, work = answers(engine, texts)
            yield fields, work, loading.pop() if loading else 0.0


def lists_of(bodies: Iterable[str | None]) -> Iterator[list[str | None]]:
    """Bodies in lists of bounded size."""
    texts: list[str | None] = []
    size = 0
    for body in bodies:
        texts.append(body)
        size += len(body or "")
        if len(texts) == LIST_ROWS or size >= LIST_CHARACTERS:
            yield texts
            texts, size = [], 0
    if texts:
        yield texts


@lru_cache(maxsize=2)
def worker_engine(panel: Panel, precision: str, device: Device) -> tuple["Engine", list[float]]:
    """The worker's engine, and the seconds its loading took until somebody takes them off the list.

    Spark reuses workers, so tasks that follow find it loaded: every task brings a panel of its own, and equal ones are
    one key.
    """
    started = time.perf_counter()
    from moderation.inference.engine import Engine

    panel.verify()
    return Engine(panel, precision, device), [time.perf_counter() - started]


def task_device(device: Device) -> Device:
    """The device of the running task: the GPU that Spark has assigned to it, unless the config names another place."""
    from pyspark import TaskContext

    context = TaskContext.get()
    gpus = context.resources().get("gpu") if context else None
    if device.place not in ("auto", "cuda") or not gpus:
        return device
    return Device(f"cuda:{gpus.addresses[0]}", device.backend, device.threads)


def whereabouts(device: Device) -> dict[str, object]:
    """Where the running task scores: the place its models are loaded on, and the addresses that Spark assigned."""
    from pyspark import TaskContext

    context = TaskContext.get()
    resources = context.resources() if context else {}
    return {
        "place": resolve_place(task_device(device)),
        "assigned": {name: found.addresses for name, found in resources.items()},
    }


def answers(engine: "Engine", texts: list[str | None]) -> tuple[dict[str, pa.Array], Work]:
    """The fields of `moderation_type`, a row for each text, and what it took to fill them."""
    scored = engine.score(texts)
    panel = engine.panel
    status = [scored.status(row) for row in range(len(texts))]
    unscored = np.array([found != "scored" for found in status], bool)
    hits = scored.scores >= np.array([panel.thresholds[label] for label in panel.labels])  # NaN reaches no threshold
    found_labels = pa.array(panel.labels, pa.string()).take(pa.array(np.nonzero(hits)[1]))
    low, high = scored.evidence.astype(np.int32).T
    return {
        "text_sha256": pa.array([None if text is None else text_digest(text) for text in texts], pa.string()),
        "status": pa.array(status, pa.string()),
        "status_reason": pa.array(scored.reasons, pa.string()),
        "scores": struct(dict(zip(panel.labels, scored.scores.T, strict=True)), unscored),
        "labels": lists(hits.sum(axis=1), found_labels),
        "flagged": pa.array(hits.any(axis=1)),
        "entities": entities(scored.spans, texts, panel.entity_types),
        "evidence": struct({"start": low, "end": high}, low < 0),
        "token_count": pa.array(scored.tokens.astype(np.int32)),
        "window_count": pa.array(scored.windows.astype(np.int32)),
        "model_id": pa.repeat(pa.scalar(panel.model_id), len(texts)),
    }, scored.work


def entities(spans: "Spans", texts: list[str | None], types: tuple[str, ...]) -> pa.ListArray:
    """The entities of each text as a list of structs."""
    places = zip(spans.texts.tolist(), spans.starts.tolist(), spans.ends.tolist(), strict=True)
    found = {
        "start": spans.starts.astype(np.int32),
        "end": spans.ends.astype(np.int32),
        "type": pa.array(types, pa.string()).take(pa.array(spans.types)),
        "text": pa.array([(texts[row] or "")[start:end] for row, start, end in places], pa.string()),
        "score": spans.scores,
    }
    return lists(np.bincount(spans.texts, minlength=len(texts)), struct(found))


def lists(lengths: np.ndarray, values: pa.Array) -> pa.ListArray:
    """Values in lists of these lengths."""
    return pa.ListArray.from_arrays(pa.array(cumulated(lengths).astype(np.int32)), values)


def struct(fields: dict[str, np.ndarray | pa.Array], null: np.ndarray | None = None) -> pa.StructArray:
    """Columns as one column of structs, which is null where `null` says so."""
    columns = [
        pa.array(np.ascontiguousarray(field)) if isinstance(field, np.ndarray) else field for field in fields.values()
    ]
    return pa.StructArray.from_arrays(columns, list(fields), mask=None if null is None else pa.array(null))
