"""The demo: a generated dump through the main job, and what it flagged."""

import shutil
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from moderation.config import load_config
from moderation.pipeline import moderate
from moderation.runs.summary import print_summary

EXAMPLES = 6
WIDTH = 160  # characters of an example that are shown
COLUMNS = ["body", "labels", "action", "severity", "entities", "scores", "evidence"]


def run_demo(folder: Path, rows: int) -> None:
    """Generates `rows` comments below `folder`, moderates them, and prints the summary and a few flagged examples."""
    from moderation.sample import write_sample

    console = Console(highlight=False, soft_wrap=True)
    dump, output = folder / "comments", folder / "moderated"
    shutil.rmtree(dump, ignore_errors=True)
    write_sample(dump, rows)
    console.print(f"{rows:,} generated comments are in {dump}; scoring them with the built-in model ...\n")
    manifest = moderate(load_config(input=[dump], output=output))
    print_summary(manifest, output)
    console.print("\nflagged, most severe first ([TYPE name] marks an entity):\n")
    for row in flagged_examples(output, manifest.published):
        console.print(example(row))


def flagged_examples(output: Path, published: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Flagged rows of a run: one for each combination of labels, the most severe and most certain first."""
    import pyarrow as pa
    from pyarrow import parquet

    from moderation.policy import SEVERITIES

    files = [output / entry["path"] for entry in published if entry["path"].startswith("labelled/")]
    tables = [parquet.ParquetFile(file).read(columns=[*COLUMNS, "flagged"]) for file in files]
    rows = [row for row in pa.concat_tables(tables).to_pylist() if row["flagged"]]
    rows.sort(key=lambda row: (SEVERITIES.index(row["severity"]), bool(row["entities"]), top_score(row)), reverse=True)
    distinct: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        distinct.setdefault(tuple(row["labels"]), row)
    return list(distinct.values())[:EXAMPLES]


def top_score(row: dict[str, Any]) -> float:
    """The highest score of a row."""
    return max((score for score in (row["scores"] or {}).values()), default=0.0)


def example(row: dict[str, Any]) -> Text:
    """One row as two lines: what was decided, and the text with its entities marked."""
    scores = ", ".join(f"{label} {row['scores'][label]:.2f}" for label in row["labels"])
    head = Text().append(f"{row['severity']} → {row['action']}: ", style="bold").append(scores, style="dim")
    return head.append("\n   ").append(marked(row)).append("\n")


def marked(row: dict[str, Any]) -> Text:
    """The part of the body around its evidence, entities in brackets, control characters made visible."""
    start = row["evidence"]["start"] if row["evidence"] else 0
    end = min(len(row["body"]), start + WIDTH)
    text, position = Text("… " if start else ""), start
    for entity in sorted(row["entities"], key=lambda found: found["start"]):
        if position <= entity["start"] and entity["end"] <= end:
            text.append(visible(row["body"][position : entity["start"]]))
            text.append(f"[{entity['type']} {visible(entity['text'])}]", style="bold cyan")
            position = entity["end"]
    text.append(visible(row["body"][position:end]))
    return text.append(" …" if end < len(row["body"]) else "")


def visible(text: str) -> str:
    """Text for a terminal: white space is a space, other control characters are shown as their code."""
    return "".join(c if c.isprintable() else " " if c.isspace() else f"\\x{ord(c):02x}" for c in text)
