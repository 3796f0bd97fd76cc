"""The pages of runs: a list, and one with its totals, its gate, its samples and its report."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from moderation.audit.design import SampleFolder, audits
from moderation.audit.published import find_run
from moderation.audit.record import base_name, seconds, when
from moderation.errors import UsageError
from moderation.review.browse_jobs import ask, job_of, refreshed
from moderation.review.browse_row import samples_of
from moderation.review.pages import Refused, page, review_of
from moderation.runs.history import manifests_by_id

REPORT = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'"
}
COUNTS = ("rows_in", "scored", "skipped", "failed", "quarantined", "other_dates", "flagged")


def runs_page(request: Request) -> Response:
    """All runs, the newest first."""
    review = review_of(request)
    found = [
        {
            "run_id": run_id,
            "status": str(manifest["status"]).replace("_", " "),
            "began": when(str(manifest["started"])),
            "counts": manifest.get("counts") or {},
            "samples": len(samples_of(review.output, run_id)),
        }
        for run_id, manifest in manifests_by_id(review.output).items()
    ]
    return page(request, "runs.html", run_id=review.run_id, runs=found[::-1])


def run_page(request: Request) -> Response:
    """One run."""
    review, manifest = review_of(request), manifest_of(request)
    job = job_of(request, "report")
    report = report_of(request, manifest["run_id"])
    answer = page(
        request,
        "run.html",
        run_id=review.run_id,
        manifest=manifest,
        state=str(manifest["status"]).replace("_", " "),
        began=when(str(manifest["started"])),
        seconds=seconds(manifest),
        counts=totals(manifest),
        inputs=[
            (base_name(str(one["uri"])), one.get("rows"), str(one.get("sha256", ""))) for one in manifest["inputs"]
        ],
        models=[(base_name(str(one.get("source", ""))), str(one.get("model_id", ""))) for one in models_of(manifest)],
        gate=manifest.get("validation") or {},
        samples=[sample_facts(folder) for folder in samples_of(review.output, manifest["run_id"])],
        report=report is not None and report.is_file(),
        job=job,
    )
    return refreshed(answer, job)


def totals(manifest: dict[str, Any]) -> list[tuple[str, int]]:
    """What became of the rows, and what the flagged ones were given."""
    counts = manifest.get("counts") or {}
    found = [(name.replace("_", " "), counts[name]) for name in COUNTS if counts.get(name) is not None]
    for kind in ("labels", "actions", "entities"):
        found += [(f"{kind}: {name}", number) for name, number in (counts.get(kind) or {}).items()]
    return found


def models_of(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The models of a run."""
    return list((manifest.get("model") or {}).get("models") or [])


def sample_facts(folder: SampleFolder) -> dict[str, Any]:
    """What is told of a sample."""
    design = folder.read_design()
    return {
        "sample_id": design.sample_id,
        "created": when(design.created),
        "drawn": design.drawn,
        "labels": design.labels,
    }


def manifest_of(request: Request) -> dict[str, Any]:
    """The manifest of the run that an address names in full: what it says never becomes a path."""
    known = manifests_by_id(review_of(request).output)
    if (run_id := request.path_params["run_id"]) not in known:
        raise Refused(404, "no such run", "/runs shows them")
    return known[run_id]


def report_of(request: Request, run_id: str) -> Path | None:
    """Where the report of a run is or will be: in the folder of its newest sample, else beside the samples."""
    output = review_of(request).output
    folders = samples_of(output, run_id)
    return folders[-1].report if folders else audits(output) / f"report-{run_id}.html"


def make_report(request: Request) -> Response:
    """Starts to make the report; the run's page goes on to it."""
    run_id = manifest_of(request)["run_id"]
    try:
        find_run(review_of(request).output, run_id)
    except UsageError as error:
        raise Refused(409, str(error)) from error
    return RedirectResponse(f"/runs/{run_id}?job={ask(request, 'report', run=run_id)}", 303)


def report_page(request: Request) -> Response:
    """The report as it was made: a page of its own, which may have its styles and nothing else."""
    path = report_of(request, manifest_of(request)["run_id"])
    try:
        content = path.read_bytes() if path else b""
    except OSError as error:
        raise Refused(404, "there is no report of this run yet", "its page has a button that makes one") from error
    return HTMLResponse(content, headers=REPORT)


routes = [
    Route("/runs", runs_page),
    Route("/runs/{run_id}", run_page),
    Route("/runs/{run_id}/report", report_page),
    Route("/runs/{run_id}/report", make_report, methods=["POST"]),
]
