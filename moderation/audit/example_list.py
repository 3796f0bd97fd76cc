"""Examples and known limits as HTML: texts blurred until asked for, entities and driving words marked."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby

from moderation.audit.document import note, sentences
from moderation.audit.examples import Example
from moderation.audit.shown import marked_html, short_html, visible

TOP = 5  # words that are named below a text
LIMITS = "## Known limits"
MARKS = (
    "Words that raised the named score are shaded, the more the stronger; entities are underlined and followed by "
    "their type."
)
ALWAYS = (
    "A score is a reason to look, not a finding about a person.",
    "Flag rates say how often the model flagged, not how often it was right.",
    "Driving words say what moved the model's score, not whether it should have. They are one way to divide a score "
    "among words (integrated gradients against the same text with all words masked); others divide it otherwise.",
    "Names are found by a model as well, and some are none.",
    "Intervals tell of chance in drawing rows or in a day's rows; not of reviewers' mistakes or of what a dump lacks.",
)


def examples_html(
    examples: Sequence[Example], thresholds: Mapping[str, float], notes: Iterable[str], sampled: bool
) -> str:
    """The examples by stratum."""
    chosen = (
        "The first rows of every stratum of the sample, in the order of review."
        if sampled
        else "A few rows from either side of every threshold, chosen by a digest of their ids: nobody picked them."
    )
    parts = [f"<p>{chosen} {MARKS}</p>"]
    parts += [note(f"<p>{escape(visible(said))}</p>", True) for said in notes]
    number = 0
    for stratum, rows in groupby(examples, key=lambda one: one.stratum):
        items = []
        for one in rows:
            number += 1
            items.append(f"<li>{example_html(one, thresholds, number)}</li>")
        parts.append(f'<h3>{short_html(stratum, 200)}</h3><ul class="examples">{"".join(items)}</ul>')
    return "\n".join(parts) if examples else "<p>There is no row to show, or nobody asked for any.</p>"


def example_html(one: Example, thresholds: Mapping[str, float], number: int) -> str:
    """One example: what was decided, and the text behind its blur."""
    said = [decision(one, thresholds), verdict_words(one)]
    words = one.attribution.top(TOP) if one.attribution else []
    focus = min((word.start for word in words[:1]), default=one.evidence[0] if one.evidence else 0)
    shaded = one.attribution.words if one.attribution else ()
    body = marked_html(one.body, one.entities, shaded, focus)
    drove = ", ".join(
        f"<bdi>{escape(visible(one.body[word.start : word.end][:40]))}</bdi> {word.weight:+.2f}" for word in words
    )
    if drove:
        miss = "" if one.attribution and one.attribution.complete else " (approximate)"
        drove = f'<p class="quiet">raised the log-odds of {escape(one.label)}{miss}: {drove}</p>'
    return (
        f"<p>{' '.join(filter(None, said))}</p>"
        f'<input type="checkbox" class="ask" id="ask-{number}"><label for="ask-{number}">Show text {number}</label>'
        f'<div class="said"><div dir="auto">{body}</div>{drove}</div>'
    )


def decision(one: Example, thresholds: Mapping[str, float]) -> str:
    """What the model said and what follows from it."""
    score = one.scores.get(one.label)
    given = ", ".join(one.labels) or "no label"
    told = f"{score:.3f}, threshold {thresholds[one.label]:.3g}" if score is not None else "no score"
    return (
        f"<strong>{escape(one.label)}</strong> {told}; {escape(given)}; action {escape(str(one.action))}, severity "
        f'{escape(str(one.severity))}. <span class="quiet">row {short_html(one.id)} of {short_html(one.date)}</span>'
    )


def verdict_words(one: Example) -> str:
    """What reviewers said of it."""
    if not one.verdicts:
        return ""
    said = ", ".join(f"{escape(label)}: {escape(word)}" for label, word in one.verdicts.items())
    return f"Reviewers say: {said}."


def limits_html(cards: Iterable[str]) -> str:
    """The limits that the models' cards name, and those of every such page."""
    named = [limit for card in cards for limit in limits_of(card)]
    told = "<p>From the cards of the models:</p>" if named else "<p>The cards of the models are not here.</p>"
    return told + sentences(map(escape, named)) + "<p>Of this page:</p>" + sentences(map(escape, ALWAYS))


def limits_of(card: str) -> list[str]:
    """The items below a card's heading of known limits."""
    below = card.partition(LIMITS)[2].partition("\n## ")[0]
    found: list[str] = []
    for line in below.splitlines():
        if line.startswith("- "):
            found.append(line[2:].strip())
        elif line.strip() and found:
            found[-1] += " " + line.strip()
    return [visible(one) for one in found]
