"""The words that drove the scores of the rows that reviewers see next, one text and label at a time."""

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.audit.design import Design, SampleFolder
from moderation.audit.examples import cut, logit, sources_of
from moderation.audit.published import find_run
from moderation.audit.second import meant_for_two, second_share
from moderation.audit.verdict import Verdict
from moderation.errors import UsageError
from moderation.review.leash import Say
from moderation.review.word_store import WordStore

if TYPE_CHECKING:
    from moderation.audit.attribution import Attributor
    from moderation.models.load import ModelSource

AHEAD = 40  # rows: two minutes of a quick reviewer, who finds every text ready
NEAR = -4.0  # in log-odds: labels this near to their threshold come first, for all rows ahead
BATCH = 16  # rows that are read at once: a text may be 50 MB
MOST_WANTED = 50
FAILURES = 5  # one after the other: then it is not the texts

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """What is explained of a row: `letters` of its body from code point `start` on, and its labels, those that are near
    their threshold or above it first."""

    key: Key
    start: int
    letters: str
    near: tuple[str, ...]
    far: tuple[str, ...]


class DrivingWords:
    """The rows of a sample in the order of review, and the models of its run; raises `UsageError` without them."""

    def __init__(self, output: Path, run_id: str, folder: SampleFolder, say: Say) -> None:
        manifest = find_run(output, run_id)
        self.sources, self.say = sources_of(manifest), say
        self.design = folder.read_design()
        self.texts = {one.key: one for one in texts_of(folder, self.design)}
        try:
            self.store = WordStore(folder, manifest["model"]["model_id"])
        except sqlite3.Error as error:
            raise UsageError(f"words.sqlite in {folder.path}: {error}") from error
        self.attributors: dict[int, Attributor] = {}
        self.wanted: OrderedDict[Key, str] = OrderedDict()
        self.judged: dict[Key, dict[str, set[str]]] = {}
        share = second_share(folder)
        self.two = {key for key in self.texts if meant_for_two(*key, self.design.seed, share)}
        self.read, self.failures, self.state = 0, 0, ""

    def want(self, row_id: str, date: str, label: str) -> None:
        """Somebody looks at this row now: it comes first, with this label."""
        if (row_id, date) in self.texts:
            self.wanted[row_id, date] = label
            self.wanted.move_to_end((row_id, date))
            while len(self.wanted) > MOST_WANTED:
                self.wanted.popitem(last=False)

    def step(self, entries: list[Verdict]) -> bool:
        """Explains the next text and label; whether there was one."""
        self.note(entries)
        for one, label in self.ahead():
            self.tell("computing")
            self.explain(one, label)
            return True
        self.tell("ready")
        return False

    def note(self, entries: list[Verdict]) -> None:
        """What was judged since; begins anew where the store did."""
        if len(entries) < self.read:
            self.judged, self.read = {}, 0
        for entry in entries[self.read :]:
            said = self.judged.setdefault((entry.row_id, entry.date), {}).setdefault(entry.reviewer, set())
            (said.discard if entry.verdict == "withdrawn" else said.add)(entry.label)
        self.read = len(entries)

    def ahead(self) -> Iterator[tuple[Text, str]]:
        """What is left to do, the most urgent first."""
        for key, label in reversed(list(self.wanted.items())):
            one = self.texts[key]
            yield from self.left(one, sorted((*one.near, *one.far), key=lambda name: name != label))
            del self.wanted[key]
        rows = self.waiting()
        for one in rows:
            yield from self.left(one, one.near)
        for one in rows:
            yield from self.left(one, one.far)

    def waiting(self) -> list[Text]:
        """The next rows that somebody is still to judge, in the order of review."""
        asked, found = set(self.design.labels), []
        for key, one in self.texts.items():
            done = sum(asked <= said for said in self.judged.get(key, {}).values())
            if done < 1 + (key in self.two):
                found.append(one)
                if len(found) == AHEAD:
                    break
        return found

    def left(self, one: Text, labels: Iterable[str]) -> Iterator[tuple[Text, str]]:
        """The labels of a row that nothing was done for yet."""
        made = self.store.labels(*one.key)
        return ((one, label) for label in labels if label not in made)

    def explain(self, one: Text, label: str) -> None:
        """Finds and keeps the words of one text for one label; one that fails has none. Raises `UsageError` where
        nothing works any more."""
        self.store.try_(*one.key, label)
        try:
            found = self.attributor(label).attribute([one.letters], [label])[0].moved(one.start)
            self.store.put(*one.key, label, list(found.words))
            self.failures = 0
        except (RuntimeError, ValueError, IndexError, MemoryError) as error:
            self.failures += 1
            self.store.put(*one.key, label, [])
            if self.failures >= FAILURES:
                raise UsageError(f"the model cannot explain its scores ({type(error).__name__})") from error

    def attributor(self, label: str) -> "Attributor":
        """That of the model that gives a label, loaded when it is first needed."""
        place = next(number for number, source in enumerate(self.sources) if label in source.spec.labels)
        if place not in self.attributors:
            self.attributors[place] = loaded(self.sources[place])
        return self.attributors[place]

    def tell(self, state: str) -> None:
        """Says how far it is, where that is new."""
        if state != self.state:
            self.state = state
            self.say({"words": [state, ""]})


def loaded(source: "ModelSource") -> "Attributor":
    """A model that leaves half of the processors to others."""
    import torch

    from moderation.audit.attribution import Attributor

    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    return Attributor(source)


def texts_of(folder: SampleFolder, design: Design) -> list[Text]:
    """The sample's rows in the order of review, of each only what is explained; raises `UsageError`."""
    import pyarrow as pa
    from pyarrow import parquet

    found: list[tuple[int, Text]] = []
    columns = ["id", "date", "place", "body", "evidence", "scores"]
    try:
        file = parquet.ParquetFile(folder.sample)
        for batch in file.iter_batches(BATCH, columns=[name for name in columns if name in file.schema_arrow.names]):
            found += [(int(row["place"]), text_of(row, design)) for row in batch.to_pylist()]
    except (OSError, pa.ArrowException, KeyError) as error:
        raise UsageError(f"{folder.sample}: cannot be read; draw the sample anew with 'audit sample'") from error
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def text_of(row: dict[str, Any], design: Design) -> Text:
    """A row as it is explained."""
    body, evidence, scores = row["body"] or "", row.get("evidence"), row.get("scores") or {}
    low, high = cut(body, (evidence["start"], evidence["end"]) if evidence else None)
    distance = {
        label: logit(score) - logit(design.thresholds[label])
        for label in design.labels
        if (score := scores.get(label)) is not None
    }
    labels = sorted(distance, key=lambda label: -distance[label])
    near = tuple(label for label in labels if distance[label] >= NEAR)
    return Text((str(row["id"]), str(row["date"])), low, body[low:high], near, tuple(labels[len(near) :]))
