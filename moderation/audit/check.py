"""What was checked of a run, and what came of it."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from moderation.text.digest import file_digest

State = Literal["as recorded", "differs", "unchecked"]
KINDS = {
    "manifest": "manifests",
    "published": "published files",
    "state": "what readers see",
    "input": "inputs",
    "model": "models",
    "calibration": "calibrations",
    "policy": "policy",
    "scores": "stored scores",
}


@dataclass(frozen=True)
class Check:
    """One thing: its kind, its path or name, and what is wrong with it, or why it could not be checked."""

    kind: str
    name: str
    state: State
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """All checks of a run; `sha256` is the digest that its manifest says of itself."""

    run_id: str
    sha256: str | None
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not any(check.state == "differs" for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "run_id": self.run_id,
            "sha256": self.sha256,
            "ok": self.ok,
            "checks": [asdict(check) for check in self.checks],
        }

    def lines(self) -> list[str]:
        """The report for people: what differs, what could not be checked, and how much is as recorded."""
        told = [
            f"{check.state:12} {check.kind:12} {check.name}: {check.detail}"
            for state in ("differs", "unchecked")
            for check in self.checks
            if check.state == state
        ]
        counts = Counter(check.kind for check in self.checks if check.state == "as recorded")
        well = [f"{'as recorded':12} {name:20} {counts[kind]:,}" for kind, name in KINDS.items() if counts[kind]]
        return [f"run {self.run_id}", *told, *well, self.verdict()]

    def verdict(self) -> str:
        """One line that says it all."""
        counts = Counter(check.state for check in self.checks)
        if not self.ok:
            return f"{counts['differs']:,} of {len(self.checks):,} checks differ: the run is not as it was"
        rest = f"; {counts['unchecked']:,} could not be checked" if counts["unchecked"] else ""
        return f"all as recorded{rest}; the manifest's digest is {self.sha256}"


def as_recorded(kind: str, name: str) -> Check:
    """What is as it was."""
    return Check(kind, name, "as recorded")


def differs(kind: str, name: str, detail: str) -> Check:
    """What is not."""
    return Check(kind, name, "differs", detail)


def unchecked(kind: str, name: str, detail: str) -> Check:
    """What is not there to be checked, and need not be."""
    return Check(kind, name, "unchecked", detail)


def compared(kind: str, name: str, file: Path, size: int, digest: str) -> Check:
    """A file against the bytes and the digest that were recorded of it."""
    if (now := file.stat().st_size) != size:
        return differs(kind, name, f"has {now:,} bytes, recorded are {size:,}")
    if (found := file_digest(file)) != digest:
        return differs(kind, name, f"has the SHA-256 {found}, recorded is {digest}")
    return as_recorded(kind, name)
