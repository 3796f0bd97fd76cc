"""Functional cases and bias as Markdown: sections of a model card, and tables for the screen."""

from moderation.evaluation.bias import CONTROL, Identities, TermFigures, measure, spreads
from moderation.evaluation.functional import Answer, Cases, Figures, ask, by_group, by_label, failures, figures
from moderation.evaluation.markdown import percent, table
from moderation.evaluation.suite import Suite
from moderation.inference.engine import Engine

FUNCTIONAL = """\
Short texts of our own writing, in groups that each ask one thing; they are for asking, not for training. An answer is
one judged label of one case at the shipped threshold. Missed: the label had to be given and was not; false alarms: it
was given and should not have been."""
BIAS = """\
The same sentences about different people. False alarms: the share of {harmless} harmless sentences that got the label
at the shipped threshold. Found: the share of {hateful} hateful ones that got it. Controls are trades and the like,
whose hateful sentences are no attack on an identity."""
COUNTS = ["cases", "answers", "right", "missed", "false alarms"]


def card_sections(engine: Engine, suite: Suite) -> list[str]:
    """The sections of a model card, without those for which the model has no label."""
    answers, terms = ask(engine, suite.cases), measure(engine, suite.identities)
    parts = ["## Functional cases", functional_section(answers, suite.cases)] if answers else []
    return [*parts, "## Bias by template", bias_section(terms, suite.identities)] if terms else parts


def functional_section(answers: list[Answer], cases: Cases) -> str:
    """Rates per group and label."""
    rows = [[found.name, cases.groups[found.name].about, *counts(found)] for found in by_group(answers)]
    return "\n\n".join([FUNCTIONAL, table(["group", "what it asks", *COUNTS], rows), label_table(answers)])


def bias_section(terms: list[TermFigures], identities: Identities) -> str:
    """The spread of the false alarms per label, and the figures of each term."""
    text = BIAS.format(harmless=len(identities.harmless), hateful=len(identities.hateful))
    return "\n\n".join([text, spread_table(terms), term_table(terms)])


def counts(found: Figures) -> list[str]:
    """The cells of a row of figures."""
    return [str(found.cases), str(found.answers), percent(found.rate), str(found.missed), str(found.false_alarms)]


def group_table(answers: list[Answer]) -> str:
    """Rates per group, with the ids of the cases that have a wrong answer."""
    rows = []
    for found in by_group(answers):
        wrong = dict.fromkeys(answer.case for answer in failures(answers) if answer.group == found.name)
        rows.append([found.name, *counts(found), ", ".join(wrong)])
    return table(["group", *COUNTS, "wrong"], rows)


def label_table(answers: list[Answer]) -> str:
    """Rates per label and over all."""
    rows = [[found.name, *counts(found)] for found in (*by_label(answers), figures("all", answers))]
    return table(["label", *COUNTS], rows)


def spread_table(terms: list[TermFigures]) -> str:
    """False-alarm rates per label: identities, controls, and the spread between the identity terms."""
    rows = [
        [found.label, *map(percent, (found.identities, found.controls, found.smallest, found.largest, found.spread))]
        for found in spreads(terms)
    ]
    return table(["false alarms", "identities", "controls", "smallest", "largest", "spread"], rows)


def term_table(terms: list[TermFigures]) -> str:
    """False alarms, mean score of the harmless sentences and found hate, per term and label."""
    labels = list(terms[0].false_alarms)
    rows = [[term.term, term.kind, *(cell for label in labels for cell in term_cells(term, label))] for term in terms]
    columns = [f"{label}: {what}" for label in labels for what in ("false alarms", "mean", "found")]
    return table(["term", "kind", *columns], rows)


def term_cells(term: TermFigures, label: str) -> list[str]:
    """The cells of one label."""
    judged = label in term.found and not (term.kind == CONTROL and label == "identity_attack")
    found = percent(term.found[label] if judged else None)
    return [percent(term.false_alarms[label]), f"{term.mean_scores[label]:.3f}", found]
