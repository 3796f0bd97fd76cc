"""Other names for a model's labels and entity types: one by one, or by a taxonomy that ships as data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from moderation import resources
from moderation.errors import UsageError
from moderation.models.load import DIGEST_LENGTH, ModelSource
from moderation.models.spec import ModelSpec
from moderation.settings import read_yaml
from moderation.text.digest import text_digest

Names = Mapping[str, str | None]  # a new name for an old one, None where it is dropped


class Taxonomy(BaseModel):
    """Names that belong together, each with what else it is called. What a taxonomy does not know is dropped; one
    without labels, or without entity types, leaves a model's as they are. Upper and lower case are one, and so are
    space, hyphen and underscore.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    about: str
    labels: dict[str, list[str]] = {}
    entity_types: dict[str, list[str]] = {}


def relabel(
    source: ModelSource, labels: Names | None = None, entities: Names | None = None, taxonomy: str | None = None
) -> ModelSource:
    """The model under other names: those of `labels` and `entities`, by the model's own names; of the rest those of the
    taxonomy, where one is given. A new `model_id`, the same `network_id`.

    Raises `UsageError` where a name or the taxonomy is unknown, two labels get one name, or nothing is left. Entity
    types may get one name.
    """
    spec, known = source.spec, read_taxonomy(taxonomy) if taxonomy else Taxonomy(about="")
    where = f"model {source.folder}"
    new_labels = renamed(spec.labels, labels or {}, known.labels, f"{where}: labels")
    new_types = renamed(spec.entity_types, entities or {}, known.entity_types, f"{where}: entities")
    kept = [name for name in new_labels.values() if name is not None]
    if doubled := sorted({name for name in kept if kept.count(name) > 1}):
        old = " and ".join(name for name, new in new_labels.items() if new == doubled[0])
        raise UsageError(f"{where}: labels: {old} would both be '{doubled[0]}'; drop one of them with null")
    if not kept and not any(new_types.values()):
        had = ", ".join([*spec.labels, *spec.entity_types])
        raise UsageError(f"{where}: none of its names is left ({had})" + (f" in {taxonomy}" if taxonomy else ""))
    if all(old == new for names in (new_labels, new_types) for old, new in names.items()):
        return source
    said = json.dumps([new_labels, new_types], sort_keys=True)
    model_id = text_digest(source.model_id + said)[:DIGEST_LENGTH]
    return replace(source, spec=under_names(spec, new_labels, new_types), model_id=model_id)


def renamed(old: Sequence[str], given: Names, known: Mapping[str, list[str]], where: str) -> dict[str, str | None]:
    """The new name of each old one."""
    if unknown := [name for name in given if name not in old]:
        raise UsageError(f"{where}: unknown '{unknown[0]}'; the model has {', '.join(old) or 'none'}")
    if empty := [name for name, new in given.items() if new == ""]:
        raise UsageError(f"{where}: '{empty[0]}' has an empty new name; null drops it")
    names = {alike(alias): name for name, aliases in known.items() for alias in [name, *aliases]}
    return {name: given[name] if name in given else names.get(alike(name)) if known else name for name in old}


def alike(name: str) -> str:
    """A name as taxonomies compare it."""
    return name.casefold().replace(" ", "_").replace("-", "_")


def under_names(spec: ModelSpec, labels: Names, types: Names) -> ModelSpec:
    """The spec under other names; the tags of types that are dropped are outside."""

    def tag(old: str) -> str:
        new = types.get(old[2:])
        return f"{old[:2]}{new}" if old != "O" and new else "O"

    pairs = [(old, new) for old, new in labels.items() if new is not None]
    changed = {
        "labels": [new for _, new in pairs],
        "outputs": [labels[name] if name is not None else None for name in spec.outputs],
        "thresholds": {new: spec.thresholds[old] for old, new in pairs},
        "calibration": {new: spec.calibration[old] for old, new in pairs if old in spec.calibration},
        "entity_types": list(dict.fromkeys(new for new in types.values() if new)),
        "tags": [tag(old) for old in spec.tags],
    }
    return ModelSpec.model_validate(spec.model_dump() | changed)


def taxonomies() -> list[str]:
    """The names of the taxonomies that ship."""
    return sorted(path.stem for path in (resources.schemas() / "taxonomies").glob("*.yaml"))


def read_taxonomy(name: str) -> Taxonomy:
    """A taxonomy by its name; raises `UsageError` that lists those there are."""
    if name not in taxonomies():
        raise UsageError(f"taxonomy '{name}' is none of {', '.join(taxonomies())}")
    return read_yaml(resources.schemas() / "taxonomies" / f"{name}.yaml", Taxonomy)
