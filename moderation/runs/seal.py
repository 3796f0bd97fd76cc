"""A manifest's digest: the manifest holds its own, and that of the run on whose publication its own one was made."""

import json
from typing import Any

from moderation.text.digest import text_digest

SEAL = "sha256"
CHANGING = ("status", "rolled_back")  # what a rollback writes into the manifests of others


def manifest_digest(content: dict[str, Any]) -> str:
    """SHA-256 of what a manifest says, in hexadecimal: of all but the digest itself and what a rollback may change.

    Of its JSON with sorted keys and no spaces, so that anybody can compute it anew.
    """
    said = json.loads(json.dumps(content, default=str))  # as who reads the file finds it
    fixed = {name: value for name, value in said.items() if name not in (SEAL, *CHANGING)}
    return text_digest(json.dumps(fixed, sort_keys=True, separators=(",", ":")))


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """A manifest with its digest."""
    return {**content, SEAL: manifest_digest(content)}
