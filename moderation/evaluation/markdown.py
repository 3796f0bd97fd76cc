"""Markdown tables that are legible as plain text too."""

import re
from collections.abc import Sequence

FIGURE = re.compile(r"[-\d.,%]*")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with padded columns; those that hold nothing but figures are set to the right.

    A last column of text is not padded: it may be long, and nothing follows it.
    """
    cells = list(zip(columns, *rows, strict=True))
    widths = [max(3, *map(len, column)) for column in cells]
    figures = [all(FIGURE.fullmatch(cell) for cell in column[1:]) for column in cells]
    if not figures[-1]:
        widths[-1] = len(columns[-1])
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, figures, strict=True)]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, figures, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    return "\n".join(map(line, (columns, rule, *rows)))


def percent(share: float | None) -> str:
    """A share of one as whole percent; `-` where there is none."""
    return "-" if share is None else f"{share:.0%}"
