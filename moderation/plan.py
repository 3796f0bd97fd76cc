"""What a run is to do."""

from dataclasses import dataclass

from moderation.config import Config
from moderation.models.panel import Panel
from moderation.policy import Policy
from moderation.privacy.privacy import Privacy
from moderation.runs.digests import Digests
from moderation.runs.inputs import InputFile
from moderation.runs.publish import Scope, replaced_keys
from moderation.runs.recorded import RecordedPanel


@dataclass(frozen=True)
class Plan:
    """What a run is to do: found and checked, nothing of it done. With a `RecordedPanel` it decides only."""

    config: Config
    files: list[InputFile]
    panel: Panel | RecordedPanel
    policy: Policy
    digests: Digests
    scores_key: str
    privacy: Privacy | None = None

    @property
    def scope(self) -> Scope:
        """Whose earlier publications this run replaces; one that only decides, those of its files and no others."""
        roots = [file.root.as_uri() for file in self.files if file.root.is_dir() and isinstance(self.panel, Panel)]
        keys = replaced_keys(self.config.output.resolve(), [file.uri for file in self.files], roots)
        date = self.config.date
        return Scope(keys, frozenset({str(date), "unknown"}) if date else None)
