"""Keys: digests of all that decides the scores, and of all that decides a whole run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.privacy.privacy import masking
from moderation.resources import schemas
from moderation.text.digest import file_digest, text_digest

if TYPE_CHECKING:
    from moderation.config import Config
    from moderation.models.panel import Panel
    from moderation.policy import Policy
    from moderation.privacy.privacy import Privacy
    from moderation.runs.inputs import InputFile

SCORES_VERSION = 2  # raise it where the engine answers otherwise than before, or the store's columns change
RUN_VERSION = 1  # raise it where deciding or the published columns change
LENGTH = 16  # hexadecimal digits
ELSEWHERE = {  # settings that change nothing of what is published
    *("input", "output", "spark", "device", "backend", "threads", "price_per_hour", "accept_shift", "tag"),
    *("models", "precision", "policy", "privacy"),  # these come in by what they resolve to
}


def scores_key(config: "Config", panel: "Panel") -> str:
    """The key of the scores: models, precision as configured, the columns that decide what is scored, the date, and
    what is masked."""
    said = {
        "version": SCORES_VERSION,
        "models": [[source.model_id, source.spec.model_dump(mode="json")] for source in panel.sources],
        "precision": config.precision,
        "columns": config.columns.model_dump(),
        "date": str(config.date),
    }
    masked = masking(config.privacy)
    return digest(said | {"masking": masked} if masked else said)


def run_key(
    config: "Config", scores: str, policy: "Policy", files: list["InputFile"], privacy: "Privacy | None" = None
) -> str:
    """The key of a run: inputs, scores, policy, privacy, the gate's suites, and every setting that the result depends
    on."""
    settings = config.model_dump(mode="json")
    settings["publish"].pop("mirror")  # where else the result is copied changes nothing of it
    said = {
        "version": RUN_VERSION,
        "inputs": sorted([file.uri, file.root.as_uri(), file.sha256] for file in files),
        "scores": scores,
        "policy": policy.model_dump(mode="json"),
        "settings": {name: settings[name] for name in sorted(settings) if name not in ELSEWHERE},
        "schemas": [[str(path.relative_to(schemas())), file_digest(path)] for path in suites()],
    }
    return digest(said | {"privacy": privacy.describe()} if privacy else said)


def suites() -> list[Path]:
    """The contracts and the gate's suites."""
    return sorted([*schemas().glob("*.json"), *schemas().glob("expectations/**/*.json")])


def digest(said: dict[str, Any]) -> str:
    """A short digest of JSON."""
    return text_digest(json.dumps(said, sort_keys=True))[:LENGTH]
