"""What a decision was made with, as its manifest and stored scores have it, and what of it there is here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from moderation.config import Config
from moderation.errors import UsageError
from moderation.inference.devices import Device, resolve_place, running
from moderation.models.entry import ModelEntry
from moderation.models.panel import Panel, entry_of, find_panel
from moderation.privacy.privacy import Privacy, find_privacy
from moderation.settings import explain
from moderation.text.digest import file_digest

if TYPE_CHECKING:
    from moderation.audit.replay import Wish


@dataclass(frozen=True)
class How:
    """Backend, precision and place of models; `known` where the stored scores say it, and no settings stand for it."""

    backend: str
    precision: str
    place: str
    instructions: str = ""  # those of the native encoder
    known: bool = True

    @classmethod
    def of(cls, task: dict[str, str], known: bool = True) -> Self:
        """What a shard's file, or this machine, says."""
        return cls(task["backend"], task["precision"], task["place"], task.get("instructions", ""), known)

    @property
    def words(self) -> str:
        """As people say it."""
        return f"{self.backend} {self.precision} on {' with '.join(filter(None, (self.place, self.instructions)))}"

    @property
    def settings(self) -> dict[str, str]:
        """The config's settings for it."""
        return {"backend": self.backend, "precision": self.precision, "device": self.place}

    def same(self, other: "How") -> bool:
        """Whether the same bits can be expected: any two GPUs of one kind count as one place."""
        kinds = self.place.partition(":")[0], other.place.partition(":")[0]
        mine = (self.backend, self.precision, self.instructions, kinds[0])
        return mine == (other.backend, other.precision, other.instructions, kinds[1])


def recorded_config(manifest: dict[str, Any]) -> Config:
    """The settings of a run, none from the environment; raises `UsageError` for one that this version does not know."""
    recorded = manifest["config"]
    if unknown := [name for name in recorded if name not in Config.model_fields]:
        raise UsageError(
            f"run {manifest['run_id']}: was made with the setting '{unknown[0]}', which this version does not know"
        )
    every = {name: field.get_default() for name, field in Config.model_fields.items()}
    try:
        return Config.model_validate({**every, **recorded})
    except ValidationError as error:
        raise explain(error, f"manifest of run {manifest['run_id']}") from error


def recorded_privacy(manifest: dict[str, Any], config: Config) -> Privacy | None:
    """What the run did to personal data; raises `UsageError` where the same cannot be done here."""
    privacy = find_privacy(config.privacy)
    if privacy is None:
        return None
    here, recorded, run = privacy.describe(), manifest.get("privacy", {}), manifest["run_id"]
    if here.get("key_id") != recorded.get("key_id"):
        raise UsageError(
            f"run {run}: authors were hashed with the key of the id {recorded.get('key_id')}, and the key here has the "
            f"id {here.get('key_id')}: set MODERATION_PRIVACY_KEY to that one"
        )
    if here.get("masking") != recorded.get("masking"):
        raise UsageError(
            f"run {run}: texts were masked as {recorded.get('masking')}, and this version masks as "
            f"{here.get('masking')}: replay it with the versions of then"
        )
    return privacy


def found_panel(manifest: dict[str, Any], config: Config, models: tuple[str, ...]) -> Panel:
    """The models of a run, at `models` where they are elsewhere now; raises `UsageError` where a digest is another."""
    entries = [entry_of(model).model_copy(update={"digest": None}) for model in config.models]
    if models:
        if len(models) != len(entries):
            raise UsageError(f"--model: the run had {len(entries)} models, {len(models)} are named; name all, in order")
        entries = [entry.model_copy(update={"source": new}) for entry, new in zip(entries, models, strict=True)]
    recorded = manifest["model"]["models"]
    for entry, said in zip(entries, recorded, strict=True):
        check_calibration(entry, said["calibrated_by"])
    panel = find_panel(entries)
    for entry, source, said in zip(entries, panel.sources, recorded, strict=True):
        if source.model_id != said["model_id"]:
            raise UsageError(
                f"model '{entry.source}': has the digest {source.model_id}, and the run had {said['model_id']}; say "
                "where that one is with --model"
            )
    if panel.model_id != manifest["model"]["model_id"]:
        raise UsageError(
            f"run {manifest['run_id']}: its manifest does not agree with itself on the digest of its models"
        )
    return panel


def check_calibration(entry: ModelEntry, recorded: str | None) -> None:
    """Raises `UsageError` where a model's calibration is another than the run had."""
    if entry.calibration and entry.calibration.is_file() and (found := file_digest(entry.calibration)) != recorded:
        raise UsageError(
            f"calibration {entry.calibration}: changed since the run: its SHA-256 is {found}, recorded was {recorded}"
        )


def how_recorded(config: Config, panel: Panel, made: dict[str, Any]) -> How:
    """How a shard was scored: as its file says; where it is gone, what the run's settings stand for here."""
    task = made.get("task", {})
    if {"backend", "precision", "place"} <= task.keys():
        return How.of(task)
    return How.of(running(config.precision, config.device_settings, panel.sources), known=False)


def how_here(config: Config, panel: Panel, recorded: How, wish: "Wish") -> How:
    """How it is scored now: as it was, but for what is wished, and for a GPU that is not there."""
    if wish.device:
        place = wish.device
    else:
        on_gpu = recorded.place != "cpu" and resolve_place(Device()) != "cpu"
        place = "cuda" if on_gpu else "cpu"
    backend = wish.backend or (recorded.backend if place == "cpu" else "torch")
    device = Device(place, backend, config.threads)
    return How.of(running(wish.precision or recorded.precision, device, panel.sources))
