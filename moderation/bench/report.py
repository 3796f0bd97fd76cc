"""The result for people: tables on the screen, a picture in a file."""

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from moderation.bench.machine import lines
from moderation.bench.picture import Bar, draw
from moderation.bench.ratios import TARGETS, figure, verdict
from moderation.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table


def show(result: dict[str, Any]) -> None:
    """Prints all of it."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print("\n".join(lines(result["machine"])))
    texts = result["texts"]
    sizes = ", ".join(f"{name} {texts[name]}" for name in ("mean", "median", "p90", "p99"))
    console.print(f"texts     {texts['count']:,} of {texts['source']}, tokens: {sizes}")
    console.print(f"answers   equal on the {result['answers']['texts']:,} compared texts of one window\n")
    console.print(peers_table(result))
    console.print("padding: padded tokens of all that the model runs on. changed: decisions unlike fp32's\n")
    for name, reason in result["missing"].items():
        console.print(f"left out  {name}: {reason}")
    console.print(targets_table(result))


def table(*columns: str) -> "Table":
    """An empty table, its first column for names and the others for figures."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left", no_wrap=True)
    return made


def peers_table(result: dict[str, Any]) -> "Table":
    """A line for each peer, slow ones first."""
    made = table("peer", "seconds", "texts/s", "tokens/s", "padding", "changed")
    for name, peer in result["peers"].items():
        changed = result["answers"]["peers"][name]["changed_decisions"]
        made.add_row(
            name,
            f"{median(peer['seconds']):.2f}",
            f"{peer['texts_per_second']:,.0f}",
            f"{peer['tokens_per_second']:,.0f}",
            f"{peer['padding_waste']:.1%}",
            f"{changed:.2%}",
        )
    made.caption, made.caption_justify = f"median of {result['rounds']} rounds", "left"
    return made


def targets_table(result: dict[str, Any]) -> "Table":
    """A line for each target, reached or not."""
    made = table("figure", "measured", "target", "verdict")
    for target in TARGETS:
        value = figure(result, target.figure)
        bound = f"{'≤' if target.most else '≥'} {target.bound:g}"
        name = target.figure.removeprefix("ratios.")
        made.add_row(name, "-" if value is None else f"{value:.4g}", bound, verdict(result, target))
    return made


def check_picture(path: Path | None) -> None:
    """Raises `UsageError` where the picture could not be written: better now than after half an hour."""
    if path and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise UsageError(f"--picture {path}: cannot be written there")


def write_picture(result: dict[str, Any], path: Path) -> None:
    """Writes the speeds of all peers as SVG."""
    speeds = {name: peer["tokens_per_second"] for name, peer in result["peers"].items()}
    yardstick = speeds["detoxify_32"]
    bars = [
        Bar(name, speed, f"{speed:,.0f}  ({speed / yardstick:.1f}×)", name.startswith("engine"))
        for name, speed in speeds.items()
    ]
    machine, texts = result["machine"], result["texts"]
    names = ", ".join(f"{name} {machine['versions'][name]}" for name in ("torch", "openvino", "onnxruntime"))
    kind = "made-up texts" if texts["source"] == "generated" else "Reddit comments"
    subtitle = f"{texts['count']:,} {kind}, mean {texts['mean']} tokens; same weights; × is against detoxify_32"
    note = f"{machine['cores']} cores, {machine['cpu']}; {names}; median of {result['rounds']} interleaved rounds"
    path.write_text(draw(bars, "Tokens per second, tokenising included", subtitle, note), encoding="utf-8")
