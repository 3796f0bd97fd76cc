"""The report of a published run: one HTML file for people who did not write the code."""

import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from moderation.audit import record, truth
from moderation.audit.charts import histogram
from moderation.audit.design import SampleFolder, audits, find_sample
from moderation.audit.document import document, note, percent
from moderation.audit.example_list import examples_html, limits_html
from moderation.audit.examples import Example, explained, of_run, of_sample, sources_of, with_verdicts
from moderation.audit.facts import MOST_VALUES, Counts, Frame, Histogram, Named, open_frame
from moderation.audit.published import find_run, labelled_files, thresholds_of
from moderation.audit.shares import by_date, by_run, by_slice, drift, named_table, share
from moderation.errors import UsageError
from moderation.runs.manifest import read_manifests

log = logging.getLogger(__name__)
BESIDE = "insult"  # the label whose rows' names are listed, where the models know it


@dataclass(frozen=True)
class Wanted:
    """What the report is to show: the sample by its id (None: the newest of the run, where there is one), slices,
    the label whose rows' names are listed, examples of each stratum (0: none), and whether words are explained."""

    sample: str | None = None
    slices: Sequence[str] = ("subreddit",)
    beside: str = BESIDE
    examples: int = 2
    words: bool = True


@dataclass
class Facts:
    """All that is told, gathered before a line is written."""

    manifest: dict[str, Any]
    manifests: list[dict[str, Any]]
    output: str
    thresholds: Mapping[str, float]
    days: list[Counts]
    histograms: list[Histogram]
    slices: dict[str, list[Counts]]
    beside: str
    named: list[Named]
    examples: list[Example]
    notes: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    sample: SampleFolder | None = None
    truth: str = ""

    @property
    def labels(self) -> list[str]:
        """The labels of the run."""
        return list(self.thresholds)


def write_report(output: Path, run: str, wanted: Wanted, target: Path | None = None) -> Path:
    """Writes the report of a run and returns where it is: `target`, or the sample's folder, or else `audits/`.

    Whole or not at all; raises `UsageError` for what `Wanted` cannot have.
    """
    facts = gather(output, run, wanted)
    folder = facts.sample.path if facts.sample else audits(output)
    path = target or (folder / ("report.html" if facts.sample else f"report-{facts.manifest['run_id']}.html"))
    content = report_page(facts)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if target is None:
            path.parent.mkdir(exist_ok=True)
        scratch.write_text(content, encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UsageError(f"report {path}: cannot be written ({error.strerror})") from error
    return path


def gather(output: Path, run: str, wanted: Wanted) -> Facts:
    """Reads all that the report tells; raises `UsageError`."""
    manifest = find_run(output, run)
    thresholds = thresholds_of(manifest)
    sample = wanted_sample(output, manifest["run_id"], wanted.sample)
    files = labelled_files(output, manifest)
    with tempfile.TemporaryDirectory() as scratch, open_frame(files, list(thresholds), Path(scratch)) as frame:
        beside = label_beside(wanted.beside, list(thresholds))
        facts = Facts(
            manifest=manifest,
            manifests=read_manifests(output),
            output=str(output),
            thresholds=thresholds,
            days=frame.by_date(),
            histograms=frame.histograms() if thresholds else [],
            slices=slices_of(frame, wanted.slices),
            beside=beside,
            named=frame.named_beside(beside) if beside else [],
            examples=examples_of(frame, sample, thresholds, wanted.examples),
            sample=sample,
        )
    facts.truth = truth_of(facts, output)
    add_models(facts, wanted)
    return facts


def label_beside(name: str, labels: Sequence[str]) -> str:
    """The label whose rows' names are listed; raises `UsageError` for an unknown one, unless nobody asked for it."""
    if name not in labels and name != BESIDE:
        raise UsageError(f"--beside {name}: the run has no such label; it has {', '.join(labels) or 'none'}")
    return name if name in labels else next(iter(labels), "")


def wanted_sample(output: Path, run_id: str, name: str | None) -> SampleFolder | None:
    """The sample that was asked for; the newest of the run where none was, and None where the run has none."""
    if name is not None:
        return find_sample(output, name, run_id)
    drawn = any(
        SampleFolder(path.parent).read_design().run_id == run_id for path in audits(output).glob("*/design.json")
    )
    return find_sample(output, "latest", run_id) if drawn else None


def slices_of(frame: Frame, columns: Sequence[str]) -> dict[str, list[Counts]]:
    """Counts by each column; raises `UsageError` for one that is not there, unless nobody asked for it."""
    known = frame.columns()
    if unknown := [column for column in columns if column not in known and columns != Wanted.slices]:
        raise UsageError(f"--by {unknown[0]}: the labelled rows have no such column; they have {', '.join(known)}")
    return {column: frame.by(column, MOST_VALUES) for column in columns if column in known}


def examples_of(frame: Frame, sample: SampleFolder | None, thresholds: Mapping[str, float], each: int) -> list[Example]:
    """A few rows of every stratum of the sample, or around every threshold where there is none."""
    if not each:
        return []
    if not sample:
        return of_run(frame, thresholds, each)
    return with_verdicts(of_sample(sample, frame, thresholds, each), sample)


def add_models(facts: Facts, wanted: Wanted) -> None:
    """Adds what needs the run's models: their cards, and the words that drove the scores of the examples."""
    try:
        sources = sources_of(facts.manifest)
        facts.cards = [card for source in sources if (card := record.card_of(source))]
        if wanted.words and facts.examples:
            facts.examples = explained(facts.examples, sources)
    except UsageError as error:
        facts.notes.append(f"The words that drove a score are not marked: {error}.")
        log.warning("the words that drove a score are not marked: %s", error)
    if not wanted.words:
        facts.notes.append("The words that drove a score are not marked, as nobody asked for them.")


def truth_of(facts: Facts, output: Path) -> str:
    """What verdicts say of the run."""
    run_id = facts.manifest["run_id"]
    if facts.sample is None:
        return truth.nothing_known(str(output), run_id, None)
    return truth.of_sample(facts.sample, facts.labels) or truth.nothing_known(
        str(output), run_id, facts.sample.path.name
    )


def report_page(facts: Facts) -> str:
    """The page."""
    manifest = facts.manifest
    histograms = "".join(histogram(one.label, one.counts, facts.thresholds[one.label]) for one in facts.histograms)
    slices = "".join(
        f"<h3>{escape(name)}</h3>{by_slice(name, counts, facts.labels)}" for name, counts in facts.slices.items()
    )
    counts = manifest["counts"]
    labelled = counts["labels"].get(facts.beside, 0)
    sections = [
        ("In short", in_short(facts)),
        ("What was run", record.what_was_run(manifest, facts.thresholds)),
        ("Totals", record.totals(manifest)),
        ("How right it was", facts.truth),
        (
            "Flag rates over time",
            by_date(facts.days, facts.labels) + "<h3>Runs</h3>" + by_run(manifest, facts.manifests),
        ),
        ("Scores and thresholds", SCORES + f'<div class="panels">{histograms}</div>'),
        ("Slices", slices or "<p>The rows have no column to compare by; name one with <code>--by</code>.</p>"),
        (f"Names beside {facts.beside}", named_table(facts.beside, facts.named, counts["scored"], labelled)),
        ("Drift", drift(manifest, facts.manifests)),
        ("Examples", examples_html(facts.examples, facts.thresholds, facts.notes, facts.sample is not None)),
        ("Known limits", limits_html(facts.cards)),
        ("Digests", record.digests(manifest, facts.sample, facts.output)),
    ]
    return document("Audit of a moderation run", sections)


SCORES = (
    "<p>How many texts got which score. The red line is the threshold: bars to the right of it got the label. The "
    "scale is logarithmic, as most scores are near 0.</p>"
)


def in_short(facts: Facts) -> str:
    """The first thing to read, and the way to see hidden text."""
    counts = facts.manifest["counts"]
    rows = counts["scored"] + counts["skipped"] + counts["failed"]
    flagged = share("flagged", counts["flagged"], rows)
    told = percent(flagged.value) if flagged.value is not None else "none"
    made = record.when(datetime.now(UTC).isoformat())
    return (
        f"<p>A model read {counts['scored']:,} texts and <strong>{counts['flagged']:,}</strong> of {rows:,} rows "
        f"({told}) were flagged. This page says what was done, what is known of how right it was, and what is not "
        f"known. It was made on {escape(made)} from the published files alone, loads nothing and runs nothing.</p>"
        + note(HIDDEN)
    )


HIDDEN = (
    "<p>Texts and names on this page are other people's, and some of them are offensive. They are blurred until you "
    "ask for them, one by one or all at once; to print them, show them first.</p>"
    '<p><input type="checkbox" class="ask" id="ask-all"><label for="ask-all">Show all texts and names</label></p>'
)
