"""What was run, in words, and the digests of everything: a manifest for people who did not write the code."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moderation.audit.design import SampleFolder
from moderation.audit.document import note, sentences, table
from moderation.audit.shown import short_html, text_html

if TYPE_CHECKING:
    from moderation.models.load import ModelSource

Manifest = Mapping[str, Any]


def what_was_run(manifest: Manifest, thresholds: Mapping[str, float]) -> str:
    """The run in sentences, then its totals."""
    said = [*run_sentences(manifest), *model_sentences(manifest), *policy_sentences(manifest, thresholds)]
    return sentences([*said, *gate_sentences(manifest)])


def run_sentences(manifest: Manifest) -> list[str]:
    """When it ran, on what."""
    counts, inputs = manifest["counts"], manifest["inputs"]
    took = seconds(manifest)
    names = ", ".join(short_html(base_name(one["uri"])) for one in inputs[:5])
    more = f" and {len(inputs) - 5:,} more" if len(inputs) > 5 else ""
    return [
        f"Run <code>{escape(manifest['run_id'])}</code> began on {escape(when(manifest['started']))}"
        f"{f' and took {took:,.0f} seconds' if took is not None else ''}. It was published.",
        f"It read {counts['rows_in']:,} rows from {len(inputs):,} file(s): {names}{more}.",
    ]


def model_sentences(manifest: Manifest) -> list[str]:
    """What scored the texts."""
    found = []
    for model in manifest["model"]["models"]:
        knows = [f"{len(model['labels'])} labels ({escape(', '.join(model['labels']))})"] if model["labels"] else []
        knows += [f"entities ({escape(', '.join(model['entity_types']))})"] if model["entity_types"] else []
        calibrated = "calibrated" if model.get("calibration") else "not calibrated"
        found.append(
            f"The model {short_html(base_name(str(model['source'])))} (digest <code>{escape(model['model_id'])}</code>)"
            f" judged every text by itself, knowing neither who wrote it nor what it answers. It tells "
            f"{' and '.join(knows) or 'nothing'}; its scores are {calibrated}. A text of more than "
            f"{model['max_tokens']} tokens was read in overlapping windows and takes the highest score."
        )
    return found


def policy_sentences(manifest: Manifest, thresholds: Mapping[str, float]) -> list[str]:
    """What a score leads to."""
    policy = manifest["policy"]
    limits = ", ".join(f"{escape(label)} {limit:.3g}" for label, limit in thresholds.items())
    verdict = policy.get("flagged") or {}
    found = [
        f"A text got a label where its score reached the label's threshold: {limits}. By the policy (digest "
        f"<code>{escape(policy['policy_id'])}</code>) a label alone means the action "
        f"<q>{escape(str(verdict.get('action')))}</q> at severity <q>{escape(str(verdict.get('severity')))}</q>."
    ]
    rules = [
        f"{escape(rule['name'])}: {escape(rule['action'])}, {escape(rule['severity'])}, where <code>"
        f"{text_html(rule['when'])}</code>"
        for rule in policy.get("rules") or []
    ]
    return [*found, f"These rules decide more:{sentences(rules)}"] if rules else found


def gate_sentences(manifest: Manifest) -> list[str]:
    """What the checks before publication said."""
    validation, accepted = manifest.get("validation") or {}, manifest.get("accepted_shift")
    passed = "all but those of the shares below passed" if accepted else "all passed"
    found = [f"Before anything was published, {validation.get('checks', 0)} checks were made of the rows; {passed}."]
    found += [f"The checks noted: {short_html(str(said), 400)}." for said in validation.get("notes") or []]
    if accepted:
        shifts = sentences(short_html(str(one), 400) for one in accepted.get("shift") or [])
        found.append(
            f"Shares had left their usual bands; {short_html(str(accepted.get('by')))} published it, because: "
            f"{short_html(str(accepted.get('reason')), 400)}{shifts}"
        )
    return found


def totals(manifest: Manifest) -> str:
    """What became of the rows, and of the scored ones: what they got."""
    counts = manifest["counts"]
    rows = [
        ("read", counts["rows_in"], "all rows of the input"),
        ("of other dates", counts["other_dates"], "not of the date that was asked for; not scored"),
        ("scored", counts["scored"], "read by the model"),
        ("skipped", counts["skipped"], "no text to read: deleted, removed or empty"),
        ("failed", counts["failed"], "the model gave no answer"),
        ("quarantined", counts["quarantined"], "broken rows, put aside with a reason"),
        ("flagged", counts["flagged"], "got a label or met a rule"),
    ]
    cells = [
        (escape(name), f"{count:,}", escape(said)) for name, count, said in rows if count or name != "of other dates"
    ]
    actions = [(escape(str(name)), f"{count:,}") for name, count in (counts.get("actions") or {}).items()]
    kept = counts["scored"] + counts["skipped"] + counts["failed"] + counts["quarantined"] + counts["other_dates"]
    whole = "Every row that was read is in one of these lines." if kept == counts["rows_in"] else ""
    lost = note(f"{counts['rows_in'] - kept:,} rows are in none of these lines.", warning=True) if not whole else ""
    return "\n".join(
        [
            table("What became of the rows", ("rows", "count", "what that means"), cells, (1,)),
            f"<p class='quiet'>{whole}</p>{lost}",
            table("What is to happen with them", ("action", "rows"), actions, (1,)) if actions else "",
        ]
    )


def digests(manifest: Manifest, sample: SampleFolder | None, output: str) -> str:
    """The digests by which every part of this page can be checked."""
    run_id = manifest["run_id"]
    rows = [("run", run_id), ("models", manifest["model"]["model_id"]), ("policy", manifest["policy"]["policy_id"])]
    rows += [(f"model {base_name(str(one['source']))}", one["model_id"]) for one in manifest["model"]["models"]]
    rows += [(f"input {base_name(one['uri'])}", one["sha256"]) for one in manifest["inputs"]]
    if sample:
        design = sample.read_design()
        rows += [("sample", design.sample_id), ("frame of the sample", design.frame)]
        rows += [(path.name, sha256(path)) for path in (sample.sample, sample.design) if path.is_file()]
        rows += verdict_digest(sample)
    versions = [f"{name} {number}" for name, number in manifest["versions"].items()]
    files = [(short_html(one["path"], 200), f"<code>{escape(str(one.get('sha256', '')))}</code>") for one in
             manifest["published"]]  # fmt: skip
    return "\n".join(
        [
            "<p>A digest (SHA-256, some of them shortened) changes with every bit of what it stands for. "
            f"<code>moderation audit verify --output {escape(output)} --run {escape(run_id)}</code> holds all files of "
            "the run against them.</p>",
            table(
                "Digests of everything",
                ("of", "digest"),
                [(short_html(of), f"<code>{escape(one)}</code>") for of, one in rows],
            ),
            f"<details><summary>Published files ({len(files):,})</summary>"
            f"{table('Published files', ('file', 'digest'), files)}</details>",
            f"<details><summary>Versions of the software</summary><p>{escape(', '.join(versions))}</p></details>",
        ]
    )


def verdict_digest(sample: SampleFolder) -> list[tuple[str, str]]:
    """A digest of every verdict that was ever stored, in order; the file itself changes without them."""
    from moderation.audit.verdicts import verdicts

    entries = [list(vars(entry).values()) for entry in verdicts(sample)]
    told = json.dumps(entries, ensure_ascii=False)
    return [(f"{len(entries):,} verdicts, as JSON", hashlib.sha256(told.encode()).hexdigest())] if entries else []


def seconds(manifest: Manifest) -> float | None:
    """How long the run took; None where that is not told."""
    try:
        ended, began = (datetime.fromisoformat(str(manifest[name])) for name in ("finished", "started"))
    except ValueError:
        return None
    return (ended - began).total_seconds()


def when(time: str) -> str:
    """A time as people write it."""
    try:
        return f"{datetime.fromisoformat(time):%-d %B %Y at %H:%M} UTC"
    except ValueError:
        return time


def base_name(uri: str) -> str:
    """The last part of a path or URI: a report says nothing of the machine that made it."""
    return unquote(uri.rstrip("/").rpartition("/")[2]) or uri


def sha256(path: Path) -> str:
    """The digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def card_of(source: "ModelSource") -> str:
    """The text of a model's card; '' where it has none."""
    path = Path(source.folder) / "MODEL_CARD.md"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
