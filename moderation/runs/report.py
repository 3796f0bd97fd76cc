"""What is known of runs, for people and as JSON."""

from pathlib import Path
from typing import Any

from moderation.runs.history import Manifests, manifests_by_id, newest
from moderation.runs.locked import check_output, find_run
from moderation.runs.publish_journal import JOURNAL
from moderation.runs.summary import short

HEADINGS = ("run", "started", "status", "rows", "flagged", "inputs", "files", "replaced", "override")


def brief(output: Path) -> list[dict[str, Any]]:
    """A few figures of every run, oldest first; `current` is the run whose state is the published one."""
    manifests = manifests_by_id(check_output(output))
    current = newest(manifests)
    return [row(manifest) | {"current": run_id == current} for run_id, manifest in manifests.items()]


def row(manifest: dict[str, Any]) -> dict[str, Any]:
    """The figures of one run; null where it did not come so far."""
    counts = manifest["counts"]
    scored = counts.get("scored")
    return {
        "run_id": manifest["run_id"],
        "started": manifest["started"],
        "status": manifest["status"],
        "rows": counts.get("rows_in"),
        "flagged_share": round(counts["flagged"] / scored, 4) if scored else None,
        "inputs": len(manifest["inputs"]),
        "published": len(manifest["published"]),
        "replaced": len(manifest["replaced"]),
        "override": override(manifest),
    }


def override(manifest: dict[str, Any]) -> str | None:
    """Who let a run pass that the gate would have refused, and why."""
    accepted = manifest.get("accepted_shift")
    return None if not accepted else f"{accepted.get('by')}: {accepted.get('reason')}"


def cells(one: dict[str, Any]) -> list[str]:
    """A row of the list as text."""
    share = "-" if one["flagged_share"] is None else f"{one['flagged_share']:.1%}"
    rows = "-" if one["rows"] is None else f"{one['rows']:,}"
    status = one["status"].replace("_", " ") + (" (current)" if one["current"] else "")
    figures = [str(one[name]) for name in ("inputs", "published", "replaced")]
    return [one["run_id"], one["started"][:19], status, rows, share, *figures, one["override"] or "-"]


def full(output: Path, name: str) -> dict[str, Any]:
    """A run's manifest with what has become of it: its folder, its files in place, whether it is the current one."""
    output = check_output(output)
    manifests = manifests_by_id(output)
    run_id = find_run(output, manifests, name)
    folder = output / "runs" / run_id
    return manifests[run_id] | {
        "folder": str(folder),
        "current": run_id == newest(manifests),
        "unfinished": (folder / JOURNAL).exists(),
        "replaced_by": replaced_by(manifests, run_id),
    }


def replaced_by(manifests: Manifests, run_id: str) -> dict[str, str]:
    """Which of a run's files later runs replaced, and which of them did."""
    mine = {entry["path"] for entry in manifests[run_id]["published"]}
    later = [manifest for manifest in manifests.values() if manifest["status"] == "published"]
    return {path: manifest["run_id"] for manifest in later for path in manifest["replaced"] if path in mine}


def words(run: dict[str, Any]) -> list[str]:
    """A run in sentences and its files, one line each."""
    found = [f"run        {run['run_id']}", f"status     {status(run)}", f"time       {times(run)}"]
    found += [f"input      {one['uri']}  {one['rows']:,} rows  sha256 {one['sha256'][:12]}" for one in run["inputs"]]
    found += [f"model      {run['model']['model_id']}"] if run["model"] else []
    found += [f"policy     {run['policy']['policy_id']}"] if run["policy"] else []
    found += [f"rows       {rows(run['counts'])}"] if run["counts"] else []
    found += [f"gate       {gate(run['validation'])}"] if run["validation"] else []
    found += [f"override   {override(run)}"] if override(run) else []
    found += [f"error      {run['error']}"] if run["error"] else []
    found += (
        [f"tables     {', '.join(f'{k} version {v}' for k, v in run['tables'].items())}"] if run.get("tables") else []
    )
    for one in run["published"]:
        later = run["replaced_by"].get(one["path"])
        found.append(f"published  {one['path']}  {one['rows']:,} rows" + (f"  (replaced by {later})" if later else ""))
    found += [f"replaced   {path}" for path in run["replaced"]]
    return [*found, f"folder     {short(Path(run['folder']))}"]


def status(run: dict[str, Any]) -> str:
    """The status in words."""
    if run["unfinished"]:
        return "died while publishing; the next run, rollback or clean finishes it"
    if run.get("rolled_back"):
        return f"rolled back at {run['rolled_back']}"
    return run["status"] + (", and what readers see now" if run["current"] else "")


def times(run: dict[str, Any]) -> str:
    """When it ran, and where the time went."""
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in run["timings"].items())
    return f"{run['started']} to {run['finished'] or '-'}" + (f" ({stages})" if stages else "")


def rows(counts: dict[str, Any]) -> str:
    """The counts on one line."""
    names = ("rows_in", "other_dates", "scored", "skipped", "failed", "quarantined", "flagged")
    return ", ".join(f"{name.replace('_', ' ')} {counts[name]:,}" for name in names if name in counts)


def gate(validation: dict[str, Any]) -> str:
    """What the gate said."""
    failures = validation.get("failures") or []
    told = "passed" if validation.get("success") else "refused"
    return f"{told}, {validation.get('checks')} checks, {len(failures)} failed; {short(Path(validation['docs']))}"
