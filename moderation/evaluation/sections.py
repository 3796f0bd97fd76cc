"""The functional cases and the bias as sections of a model card, in Markdown."""

from moderation.evaluation.bias import CONTROL, TermFigures, spreads
from moderation.evaluation.functional import Answer, Cases, Figures, by_group, by_label, failures, figures
from moderation.evaluation.markdown import percent, table

FUNCTIONAL = """\
Short texts of our own writing, in groups that each ask one thing; none was trained on, and thresholds were not set on
them. An answer is one judged label of one case at the shipped threshold; missed answers should have been given, false
alarms should not."""
BIAS = """\
The same sentences about different people. False alarms are the share of {harmless} harmless sentences that are given the
label at the shipped threshold; found is the share of {hateful} hateful ones that are. Controls are trades and the like."""


def functional_section(answers: list[Answer], cases: Cases) -> str:
    """Rates per group and label."""
    groups = [[found.name, cases.groups[found.name].about, *counts(found)] for found in by_group(answers)]
    return "\n\n".join(
        [
            FUNCTIONAL,
            table(["group", "what it asks", *COUNTS], groups),
            label_table(answers),
        ]
    )


COUNTS = ["cases", "answers", "right", "missed", "false alarms"]


def counts(found: Figures) -> list[str]:
    """The cells of a row of figures."""
    return [str(found.cases), str(found.answers), percent(found.rate), str(found.missed), str(found.false_alarms)]


def group_table(answers: list[Answer]) -> str:
    """Rates per group, with the ids of the cases that have a wrong answer."""
    rows = []
    for found in by_group(answers):
        wrong = dict.fromkeys(answer.case for answer in failures(answers) if answer.group == found.name)
        rows.append([found.name, *counts(found), " ".join(wrong)])
    return table(["group", *COUNTS, "cases with a wrong answer"], rows)


def label_table(answers: list[Answer]) -> str:
    """Rates per label and over all."""
    rows = [[found.name, *counts(found)] for found in (*by_label(answers), figures("all", answers))]
    return table(["label", *COUNTS], rows)


def bias_section(terms: list[TermFigures], harmless: int, hateful: int) -> str:
    """Spread of the false alarms per label, and the figures of each term; the numbers are those of the templates."""
    text = BIAS.format(harmless=harmless, hateful=hateful)
    return "\n\n".join([text, spread_table(terms), term_table(terms)])


def spread_table(terms: list[TermFigures]) -> str:
    """False-alarm rates per label: identities, the spread between their terms, and controls."""
    rows = [
        [
            found.label,
            percent(found.identities),
            percent(found.controls),
            percent(found.smallest),
            percent(found.largest),
            percent(found.between_terms),
        ]
        for found in spreads(terms)
    ]
    return table(["false alarms of", "identities", "controls", "smallest", "largest", "spread between terms"], rows)


def term_table(terms: list[TermFigures]) -> str:
    """False alarms, mean scores and found hate of each term. No identity attack is there to be found for a control."""
    labels = list(terms[0].false_alarms)
    rows = []
    for term in terms:
        found = term.found if term.kind != CONTROL else term.found | {"identity_attack": None}
        rows.append(
            [
                term.term,
                term.kind,
                *(percent(term.false_alarms[label]) for label in labels),
                *(f"{term.mean_scores[label]:.3f}" for label in labels),
                *(percent(found.get(label)) for label in labels),
            ]
        )
    titles = [f"{what}: {label}" for what in ("false alarms", "mean score", "found") for label in labels]
    return table(["term", "kind", *titles], rows)
