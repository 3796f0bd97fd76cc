"""The models of one run side by side: found, told apart, and described as one."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from moderation.errors import UsageError
from moderation.models.artefact import with_calibration
from moderation.models.entry import ModelEntry
from moderation.models.labels import relabel
from moderation.models.load import DIGEST_LENGTH, ModelSource, find_model
from moderation.settings import parse
from moderation.text.digest import file_digest, text_digest

Model = str | Path | Mapping[str, Any] | ModelEntry
Models = Model | Iterable[Model]


@dataclass(frozen=True, eq=False)
class Panel:
    """Models that score the same texts: how each was asked for, the digest of its folder, and what came of it.

    Their labels and entity types stand together in the order of the models; a type that two of them know is one type.
    Equal panels answer alike, whatever objects they are: Spark's workers know theirs by its key.
    """

    asked: tuple[ModelEntry, ...]
    digests: tuple[str, ...]
    sources: tuple[ModelSource, ...]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of all models."""
        return tuple(label for source in self.sources for label in source.spec.labels)

    @cached_property
    def entity_types(self) -> tuple[str, ...]:
        """The entity types of all models, each once."""
        return tuple(dict.fromkeys(name for source in self.sources for name in source.spec.entity_types))

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each label is given."""
        return {label: limit for source in self.sources for label, limit in source.spec.thresholds.items()}

    @cached_property
    def model_id(self) -> str:
        """The model's own digest; of several models the digest of theirs, in their order."""
        ids = [source.model_id for source in self.sources]
        return ids[0] if len(ids) == 1 else text_digest(json.dumps(ids))[:DIGEST_LENGTH]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """A short name for each model, which a row may show where its text failed: no folder of this machine's."""
        short = [entry.source.rstrip("/").rpartition("/")[2].partition("@")[0] for entry in self.asked]
        return tuple(
            f"{name}#{number}" if short.count(name) > 1 else name for number, name in enumerate(short, start=1)
        )

    @cached_property
    def key(self) -> str:
        """Digest of all that its answers depend on, and of where the files are."""
        said = [(str(one.folder), one.model_id, one.spec.model_dump_json()) for one in self.sources]
        return text_digest(json.dumps([said, self.names]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Panel) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def verify(self) -> None:
        """Raises `UsageError` where a folder no longer holds the model that was found, say on another machine."""
        for source, digest in zip(self.sources, self.digests, strict=True):
            if (here := find_model(str(source.folder)).model_id) != digest:
                raise UsageError(f"model {source.folder} has the digest {here} on this machine, not {digest}")

    def describe(self) -> dict[str, Any]:
        """What the manifest says of the models."""
        return {
            "model_id": self.model_id,
            "models": [
                {
                    "source": entry.source,
                    "model_id": source.model_id,
                    "calibrated_by": file_digest(entry.calibration) if entry.calibration else None,
                    **source.spec.model_dump(mode="json"),
                }
                for entry, source in zip(self.asked, self.sources, strict=True)
            ],
        }


def find_panel(models: Models = "builtin") -> Panel:
    """Finds models by name or entry; raises `UsageError` where one is not whole or two give the same label."""
    asked = tuple(map(entry_of, [models] if isinstance(models, str | Path | Mapping | ModelEntry) else models))
    if not asked:
        raise UsageError("models is empty: name at least one, for example 'builtin'")
    found = [find_model(entry.source, entry.digest) for entry in asked]
    sources = tuple(map(as_wanted, asked, found))
    check_labels(asked, sources)
    return Panel(asked, tuple(source.model_id for source in found), sources)


def panel_of(source: ModelSource) -> Panel:
    """One model, found already, as a panel."""
    return Panel((ModelEntry(source=str(source.folder)),), (source.model_id,), (source,))


def entry_of(model: Model) -> ModelEntry:
    """An entry as people write it."""
    if isinstance(model, ModelEntry):
        return model
    return parse({"source": str(model)} if isinstance(model, str | Path) else dict(model), ModelEntry, "model")


def as_wanted(entry: ModelEntry, source: ModelSource) -> ModelSource:
    """A model as its entry wants it: calibrated by its own labels, then renamed, then with other thresholds."""
    if entry.calibration:
        source = with_calibration(source, entry.calibration)
    source = relabel(source, entry.labels, entry.entities, entry.taxonomy)
    return with_thresholds(source, entry) if entry.thresholds else source


def with_thresholds(source: ModelSource, entry: ModelEntry) -> ModelSource:
    """The model with the entry's thresholds over its own, and so another `model_id`."""
    if unknown := sorted(set(entry.thresholds) - set(source.spec.labels)):
        known = ", ".join(source.spec.labels) or "no labels"
        raise UsageError(f"model '{entry.source}': thresholds: unknown label {unknown[0]!r}; the model has {known}")
    spec = source.spec.model_copy(update={"thresholds": source.spec.thresholds | entry.thresholds})
    said = json.dumps(entry.thresholds, sort_keys=True)
    return replace(source, spec=spec, model_id=text_digest(source.model_id + said)[:DIGEST_LENGTH])


def check_labels(asked: tuple[ModelEntry, ...], sources: tuple[ModelSource, ...]) -> None:
    """Refuses a label that two models give; Spark's columns do not tell upper from lower case."""
    owners: dict[str, int] = {}
    for number, source in enumerate(sources):
        for label in source.spec.labels:
            first = owners.setdefault(label.casefold(), number)
            if first != number:
                raise UsageError(
                    f"models '{asked[first].source}' and '{asked[number].source}' both give the label '{label}': "
                    f"rename or drop it in the entry of one of them, with 'labels: {{{label}: new_name}}' or "
                    f"'labels: {{{label}: null}}'"
                )
