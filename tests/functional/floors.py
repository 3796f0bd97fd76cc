"""Floors for the functional cases: `python -m tests.functional.floors [MODEL]` sets them at what a model reaches.

It writes floors.yaml and the tables of docs/functional.md. Run it when the built-in model or the cases have changed,
look at the difference, and commit both.
"""

import math
import re
import sys
from pathlib import Path

import yaml

from moderation.evaluation.bias import TermFigures, measure, spreads
from moderation.evaluation.functional import Answer, Figures, ask, by_group
from moderation.evaluation.sections import group_table, label_table, spread_table, term_table
from moderation.evaluation.suite import read_suite
from moderation.inference.engine import Engine

FOLDER = Path(__file__).parent
FLOORS, PAGE = FOLDER / "floors.yaml", FOLDER.parents[1] / "docs" / "functional.md"
HEADER = """\
# Set by `python -m tests.functional.floors` at what the model {model} reaches on the CPU in fp32.
# groups: the least share of right answers, one case below what it reaches (but one right answer at least).
# false_alarms: the largest share of harmless sentences about identities that may get a label, 0.03 above.
"""
ROOM = 0.03  # decisions near a threshold differ between machines; a worse model differs by more


def floor_of(found: Figures) -> float:
    """A group's floor: one case below its rate, but above nothing where one answer was right."""
    least = max(found.rate - 1 / found.cases, min(found.right, 1) / found.answers)
    return math.floor(least * 100) / 100


def floors(answers: list[Answer], terms: list[TermFigures]) -> dict[str, dict[str, float]]:
    """What floors.yaml holds."""
    return {
        "groups": {found.name: floor_of(found) for found in by_group(answers)},
        "false_alarms": {found.label: round(found.identities + ROOM, 2) for found in spreads(terms)},
    }


def page(text: str, model: str, answers: list[Answer], terms: list[TermFigures]) -> str:
    """The page with the model's tables between its two marks."""
    tables = (group_table(answers), label_table(answers), spread_table(terms), term_table(terms))
    inside = "\n\n".join([f"Model `{model}`, fp32, on the CPU:", *tables])
    return re.sub(
        r"(<!-- tables -->\n).*(\n<!-- end -->)", lambda marks: marks[1] + inside + marks[2], text, flags=re.S
    )


def main(model: str = "builtin") -> None:
    """Measures a model and writes both files."""
    engine, suite = Engine.load(model, "fp32"), read_suite(str(FOLDER))
    answers, terms = ask(engine, suite.cases), measure(engine, suite.identities)
    name = engine.source.model_id
    content = yaml.safe_dump(floors(answers, terms), sort_keys=False)
    FLOORS.write_text(HEADER.format(model=name) + content, encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), name, answers, terms), encoding="utf-8")
    print(f"written: {FLOORS} and {PAGE}")


if __name__ == "__main__":
    main(*sys.argv[1:])
