"""Deciding again: a run's stored scores under another policy, without its models."""

from pathlib import Path
from typing import Any

from moderation.config import Config, load_config
from moderation.errors import UsageError
from moderation.pipeline import carry_out
from moderation.plan import Plan
from moderation.policy import read_policy
from moderation.privacy.privacy import find_privacy, masking
from moderation.runs.digests import Digests
from moderation.runs.manifest import Manifest, read_manifests
from moderation.runs.recorded import RecordedPanel, recorded_inputs

SCORED = ("published", "refused", "rolled_back")  # runs whose scores are all there
DECISIVE = ("input", "date", "columns", "models", "precision")  # what the scores were made from stays as it was
MACHINE = ("output", "spark", "device", "backend", "threads")  # what is of the machine, not of the result
ONCE = ("accept_shift",)  # what is for one run alone


def decide(
    output: Path,
    run_id: str = "latest",
    policy: str | None = None,
    file: Path | None = None,
    force: bool = False,
    accept_shift: str | None = None,
) -> Manifest:
    """Decides a run's comments anew and publishes them, if the gate lets them pass; returns the new run's manifest.

    The inputs, columns, date, models and what is masked are those of the run; the policy and everything else are as in
    `file` and the environment, else as the run had them. Raises `UsageError` where the run, its scores or its inputs
    are not there as they were, and `GateRefused` where validation refused.
    """
    before = find_run(output.resolve(), run_id)
    config = config_of(before, output, policy, file, accept_shift)
    check_masking(before, config)
    privacy = find_privacy(config.privacy, output)
    panel, digests = RecordedPanel(before["model"]), Digests(output.resolve())
    files = recorded_inputs(before["inputs"], config.columns, digests, before["run_id"])
    found = read_policy(config.policy, panel)
    return carry_out(Plan(config, files, panel, found, digests, before["scores"]["key"], privacy), force)


def check_masking(before: dict[str, Any], config: Config) -> None:
    """Refuses to mask texts otherwise than before they were scored: places of entities would be those of others."""
    recorded, here = before.get("privacy", {}).get("masking"), masking(config.privacy)
    if recorded != here:
        raise UsageError(
            f"run {before['run_id']}: its texts were scored as masked by {recorded}, and now they would be by {here}: "
            "'moderation run' scores them anew"
        )


def find_run(output: Path, run_id: str) -> dict[str, Any]:
    """The manifest of a run that has scores, by its id; `latest` is the newest that was scored to its end."""
    manifests = read_manifests(output)
    if not manifests:
        raise UsageError(f"output {output}: no run has been there")
    if run_id == "latest":
        found = [one for one in manifests if one["status"] in SCORED and one.get("scores")]
        if not found:
            raise UsageError(f"output {output}: no run there was scored to its end; 'moderation run' goes on with it")
        return found[-1]
    found = [one for one in manifests if one["run_id"] == run_id]
    if not found:
        newest = ", ".join(one["run_id"] for one in manifests[:-4:-1])
        raise UsageError(f"output {output}: no run '{run_id}'; the newest are {newest}")
    if not found[0].get("scores"):
        raise UsageError(f"run {run_id} kept no scores: 'moderation run' makes them")
    return found[0]


def config_of(
    before: dict[str, Any], output: Path, policy: str | None, file: Path | None, accept_shift: str | None = None
) -> Config:
    """The settings: what decides the scores as it was, the rest from the file and the environment, else as it was."""
    recorded = {name: value for name, value in before["config"].items() if name in Config.model_fields}
    fixed = {name: recorded[name] for name in DECISIVE}
    base = {name: value for name, value in recorded.items() if name not in (*DECISIVE, *MACHINE, *ONCE)}
    return load_config(file, base=base, output=output, policy=policy, accept_shift=accept_shift, **fixed)
