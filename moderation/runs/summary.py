"""What a run did, as a short table for people."""

from pathlib import Path

from moderation.runs.manifest import Manifest


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
        ("flagged", counts["flagged"]),
        *((f"  {name}", count) for name, count in counts["labels"].items()),
        *((f"entities {name}", count) for name, count in counts["entities"].items()),
    ]
    text = [(name, f"{count:,}") for name, count in rows]
    return [*text, ("comments/s", f"{manifest.throughput['comments_per_second']:,.0f}")]


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


def short(path: Path) -> Path:
    """A path as one types it from here: relative where it lies below this folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
