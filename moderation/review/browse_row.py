"""All that is known of one published row: what decided it, from where it came, what was said of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from moderation.audit.design import SampleFolder, audits
from moderation.audit.published import thresholds_of
from moderation.audit.record import base_name
from moderation.audit.verdict_store import for_reading
from moderation.errors import UsageError

LONGEST = 1500  # letters of an address that an id may take
KNOWN = ("id", "body", "date", "file", "scores", "labels", "entities", "evidence", "rules", "status_reason")


@dataclass(frozen=True)
class Score:
    """A label's score beside the threshold from which it is given."""

    label: str
    score: float | None
    threshold: float
    given: bool


@dataclass(frozen=True)
class Said:
    """A verdict on the row, in whichever sample of the run."""

    sample_id: str
    label: str
    reviewer: str
    verdict: str
    time: str
    note: str


def row_address(row_id: str, date: str, number: int | None = None) -> str:
    """Where the page of a row is. An id that would be too long, or that browsers take for a step up or for nothing,
    is left out of the path."""
    folder, name = f"/rows/{quote(date, safe='')}/", quote(row_id, safe="", errors="replace")
    if len(name) > LONGEST and number is not None:
        return folder + "?" + urlencode({"n": number})
    return folder + ("?" + urlencode({"id": row_id}) if row_id in ("", ".", "..") else name)


def scores_of(row: dict[str, Any], manifest: dict[str, Any]) -> list[Score]:
    """Every label's score and threshold, highest score first."""
    scores, given = row.get("scores") or {}, row.get("labels") or ()
    found = [Score(label, scores.get(label), limit, label in given) for label, limit in thresholds_of(manifest).items()]
    return sorted(found, key=lambda one: -(one.score or 0.0))


def rules_of(row: dict[str, Any], manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules that fired, with their condition."""
    known = {rule["name"]: rule for rule in manifest["policy"].get("rules") or []}
    return [
        known.get(name, {"name": name, "when": "", "action": "", "severity": ""}) for name in row.get("rules") or ()
    ]


def provenance(row: dict[str, Any], manifest: dict[str, Any], output: Path) -> list[tuple[str, str]]:
    """Where the row and its decision came from: names and digests."""
    path = Path(row["file"])
    told = f"labelled/{path.parent.name}/{path.name}"
    entry: dict[str, Any] = next((one for one in manifest["published"] if one["path"] == told), {})
    key = path.name.split("-")[0]
    source: dict[str, Any] = next((one for one in manifest["inputs"] if one.get("key") == key), {})
    models = [
        f"{base_name(str(one.get('source', '')))} {one.get('model_id', '')}" for one in manifest["model"]["models"]
    ]
    found = [
        ("run", f"{manifest['run_id']}, began {manifest['started']}"),
        ("manifest's digest", str(manifest.get("sha256") or "none: it was made before manifests had one")),
        (
            "published file",
            told if path.is_relative_to(output / "labelled") else f"{told} (replaced since, kept aside)",
        ),
        ("its digest", str(entry.get("sha256", ""))),
        ("input", f"{base_name(source['uri'])}, {source['rows']:,} rows" if source else f"of the key {key}"),
        ("its digest", str(source.get("sha256", ""))),
        ("models", ", ".join(models)),
        ("policy", str(manifest["policy"].get("policy_id", ""))),
        ("text's digest", str(row.get("text_sha256") or "")),
    ]
    return [(name, value) for name, value in found if value]


def other_columns(row: dict[str, Any]) -> list[tuple[str, str]]:
    """All columns that are shown nowhere else, those of the input among them."""
    return [(name, str(value)) for name, value in row.items() if name not in KNOWN and value is not None]


def verdicts_on(output: Path, run_id: str, row_id: str, date: str) -> tuple[list[Said], list[str]]:
    """Every verdict on a row in all samples of its run, in the order in which they were stored; and what could not be
    read."""
    found, problems = [], []
    for folder in samples_of(output, run_id):
        try:
            with for_reading(folder) as store:
                asked = (
                    "SELECT label, reviewer, verdict, time, note FROM verdicts "
                    "WHERE row_id = ? AND date = ? ORDER BY entry"
                )
                lines = store.execute(asked, [row_id, date]).fetchall() if store else []
        except UsageError as error:
            problems.append(str(error))
            continue
        found += [Said(folder.path.name, *line) for line in lines]
    return found, problems


def samples_of(output: Path, run_id: str) -> list[SampleFolder]:
    """The samples of a run, the oldest first; folders whose design cannot be read are passed by."""
    found = []
    for path in audits(output).glob("*/design.json"):
        folder = SampleFolder(path.parent)
        try:
            design = folder.read_design()
        except UsageError:
            continue
        if design.run_id == run_id:
            found.append((design.created, path.parent.name, folder))
    return [folder for _, _, folder in sorted(found, key=lambda one: one[:2])]
