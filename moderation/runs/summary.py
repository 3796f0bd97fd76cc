"""What a run did, as a short table for people."""

from pathlib import Path
from typing import Any

from moderation.runs.manifest import Manifest

SECONDS = ("load", "tokenise", "model", "decode", "read_and_write")


def summary_rows(manifest: Manifest) -> list[tuple[str, str]]:
    """Names and figures, in the order of the pipeline."""
    counts = manifest.counts
    rows = [("rows in", counts["rows_in"])]
    if counts["other_dates"]:
        rows.append(("of other dates", counts["other_dates"]))
    rows += [
        ("scored", counts["scored"]),
        ("skipped", counts["skipped"]),
        ("failed", counts["failed"]),
        ("quarantined", counts["quarantined"]),
        *masked_rows(manifest.privacy),
        ("flagged", counts["flagged"]),
        *((f"  {name}", count) for name, count in counts["labels"].items()),
        *((f"entities {name}", count) for name, count in counts["entities"].items()),
    ]
    text = [(name, f"{count:,}") for name, count in rows]
    return [*text, *report_rows(manifest.throughput)]


def masked_rows(privacy: dict[str, Any]) -> list[tuple[str, int]]:
    """What privacy did, by the options that applied; nothing where there were none."""
    if not privacy:
        return []
    masked, verb = privacy["masked"], "dropped" if "drop_author" in privacy["apply"] else "hashed"
    rows = [("rows changed for privacy", masked["rows"])]
    if "author" in privacy:
        rows.append((f"  author {verb}", masked["author"]))
    kinds = privacy["masking"]["kinds"] if "masking" in privacy else []
    return [*rows, *((f"  {kind} masked", masked[kind]) for kind in kinds)]


def report_rows(throughput: dict[str, Any]) -> list[tuple[str, str]]:
    """How fast the scoring stage was, and where its seconds went; one line where the store had all scores."""
    if not throughput.get("rows", 1):
        return [("comments/s", "all scores were there")]
    seconds = throughput["seconds"]
    rows = [
        ("comments/s", f"{throughput['comments_per_second']:,.0f}"),
        ("tokens/s", f"{throughput['tokens_per_second']:,.0f}"),
        ("padding", f"{throughput['padding_waste']:.1%}"),
        ("duplicates saved", f"{throughput['duplicates_saved']:.1%}"),
        *((f"  seconds {name.replace('_', ' ')}", f"{seconds[name]:,.1f}") for name in SECONDS),
    ]
    if throughput["share_of_peak"] is not None:
        rows.insert(2, ("of the machine's peak", f"{throughput['share_of_peak']:.0%}"))
    if "cost_per_million" in throughput:
        rows.append(("cost per million", f"{throughput['cost_per_million']:,.2f}"))
    return rows


def print_summary(manifest: Manifest, output: Path) -> None:
    """Prints the table and where everything is."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, figure in summary_rows(manifest):
        table.add_row(name, figure)
    Console(highlight=False).print(table)
    folder = output.resolve() / "runs" / manifest.run_id
    print(f"\npublished  {short(output.resolve() / 'labelled')}")
    print(f"manifest   {short(folder / 'manifest.json')}")
    print(f"data docs  {short(Path(manifest.validation['docs']))}")
    print(f"all runs   {short(folder.parent / 'index.html')}")
    for line in gate_lines(manifest):
        print(line)


def gate_lines(manifest: Manifest) -> list[str]:
    """What the gate has to say of a run that was published: what it could not compare, and what was accepted."""
    lines = [f"gate       {note}" for note in manifest.validation.get("notes", ())]
    if accepted := manifest.accepted_shift:
        lines.append(f"shift      accepted by {accepted['by']}: {accepted['reason']}")
        lines += [f"           {sentence}" for sentence in accepted["shift"]]
    return lines


def print_end(manifest: Manifest, output: Path) -> None:
    """Says how far a run came that was not to publish, and what comes next."""
    again = f"moderation publish --output {output} --run {manifest.run_id}"
    ends = {"accepted": f"the gate accepted it; publish it with: {again}", "scored": "its scores are stored"}
    print(
        f"run {manifest.run_id} is {manifest.status}"
        + (f": {ends[manifest.status]}" if manifest.status in ends else "")
    )


def short(path: Path) -> Path:
    """A path as one types it from here: relative where it lies below this folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
