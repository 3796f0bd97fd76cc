"""Draws a terminal's output as SVG: `FORCE_COLOR=1 moderation demo | python docs/picture.py TITLE > docs/demo.svg`."""

import sys
from io import StringIO

from rich.console import Console
from rich.text import Text

console = Console(record=True, width=110, file=StringIO())
console.print(Text.from_ansi(sys.stdin.read()))
sys.stdout.write(console.export_svg(title=sys.argv[1]))
