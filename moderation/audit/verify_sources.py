"""What a run was made from, as far as it is still there: inputs, models, calibrations, policy, stored scores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moderation.audit.check import Check, as_recorded, compared, differs, unchecked
from moderation.errors import UsageError
from moderation.models.entry import ModelEntry
from moderation.models.panel import entry_of, find_panel
from moderation.policy import Policy
from moderation.runs.recorded import local
from moderation.runs.shards import Shard, bounds
from moderation.runs.store import Store, damage
from moderation.text.digest import file_digest

GONE = "not there any more"


def check_inputs(manifest: dict[str, Any]) -> Iterator[Check]:
    """The input files: one that changed differs; one that is gone cannot be checked, and takes nothing from the run."""
    for entry in manifest["inputs"]:
        path = local(entry["uri"])
        if path.is_file():
            yield compared("input", str(path), path, entry["size"], entry["sha256"])
        else:
            yield unchecked("input", str(path), GONE)


def check_models(manifest: dict[str, Any]) -> Iterator[Check]:
    """The models and their calibrations, found as the run found them."""
    if not manifest["model"]:
        return
    for model, said in zip(manifest["config"]["models"], manifest["model"]["models"], strict=True):
        entry = entry_of(model)
        calibration = list(check_calibration(entry, said["calibrated_by"]))
        yield from calibration
        if all(check.state == "as recorded" for check in calibration):
            yield check_model(entry, said["model_id"])


def check_calibration(entry: ModelEntry, recorded: str | None) -> Iterator[Check]:
    """The calibration of a model that has one of its own."""
    if entry.calibration is None or recorded is None:
        return
    name = str(entry.calibration)
    if not entry.calibration.is_file():
        yield unchecked("calibration", name, GONE)
    elif (found := file_digest(entry.calibration)) != recorded:
        yield differs("calibration", name, f"has the SHA-256 {found}, recorded is {recorded}")
    else:
        yield as_recorded("calibration", name)


def check_model(entry: ModelEntry, recorded: str) -> Check:
    """A model, if it can be had without asking a network."""
    there = entry.source == "builtin" or Path(entry.source).exists()
    if not there:
        return unchecked("model", entry.source, "is no file or folder here")
    try:
        found = find_panel([entry.model_copy(update={"digest": None})]).model_id
    except UsageError as error:
        return differs("model", entry.source, str(error))
    if found != recorded:
        return differs("model", entry.source, f"has the digest {found}, recorded is {recorded}")
    return as_recorded("model", entry.source)


def check_policy(manifest: dict[str, Any]) -> Iterator[Check]:
    """The policy that the manifest holds against its digest, which every row has, too."""
    if not manifest["policy"]:
        return
    found, recorded = recorded_policy(manifest).policy_id, manifest["policy"]["policy_id"]
    if found != recorded:
        yield differs("policy", "policy in the manifest", f"has the digest {found}, recorded is {recorded}")
    else:
        yield as_recorded("policy", found)


def recorded_policy(manifest: dict[str, Any]) -> Policy:
    """The policy of a run; raises `UsageError` where the manifest's is none."""
    from pydantic import ValidationError

    given = {name: value for name, value in manifest["policy"].items() if name in Policy.model_fields}
    try:
        return Policy.model_validate(given)
    except ValidationError as error:
        raise UsageError(f"run {manifest['run_id']}: its manifest holds no policy that can be read") from error


def check_scores(output: Path, manifest: dict[str, Any]) -> Iterator[Check]:
    """The stored scores that the run decided from: whole, by the checksums of their pages, and of the rows that their
    names say. No digest of them is recorded."""
    if not manifest["scores"]:
        return
    store = Store(output, manifest["scores"]["key"])
    for shard in recorded_shards(manifest):
        name = str(store.path(shard).relative_to(output))
        if not store.path(shard).is_file():
            yield unchecked("scores", name, GONE)
        elif found := damage(store, shard, thorough=True):
            yield differs("scores", name, found)
        else:
            yield as_recorded("scores", name)


def recorded_shards(manifest: dict[str, Any]) -> Iterator[Shard]:
    """The shards of a run's inputs, which need not be there any more."""
    for entry in manifest["inputs"]:
        about = (str(local(entry["uri"])), entry["uri"], entry["key"], entry["sha256"], entry["rows"], entry["size"])
        yield from (Shard(*about, 0, (), start, stop) for start, stop in bounds(entry["rows"]))
