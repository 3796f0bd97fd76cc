"""The report: what others wrote stays text, and every figure is the one that plain Python counts."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from moderation.audit.report import Wanted, write_report
from moderation.audit.shares import wilson
from moderation.audit.shown import Span, marked_html, visible
from moderation.audit.words import Word
from moderation.cli import app
from moderation.errors import UsageError
from tests.audit.reported import LABELS, THRESHOLDS, published, row, skipped

SCRIPT = "<script>alert(1)</script>"
HOSTILE = [
    SCRIPT,
    '"><img src=x onerror=alert(1)>',
    "</div></section></main></body></html><h1>gone</h1>",
    "'\"` onmouseover=alert(1) x='",
    "\u202egnp.exe \u2066isolated",
    "nul\x00 bell\x07 escape\x1b[31m \x85 \ufffe",
    "<!-- comment --><style>*{display:none}</style>",
    "&lt;script&gt; &amp;amp; &#60;",
    "مرحبا 東京 e\u0301\u0301\u0301 👩‍🚀",
    "w" * 10_000,
    "]]> <![CDATA[ {{7*7}} ${7*7} \\u003cscript\\u003e",
    "javascript:alert(1) http://elsewhere.example/x.png",
]


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.links: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        for name, value in attrs:
            self.attributes[name] += 1
            if name in ("href", "src", "action", "data", "srcset"):
                self.links.append(value or "")
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report of a run of which everything that others could write is hostile."""
    output = tmp_path_factory.mktemp("hostile")
    rows = []
    for number, text in enumerate(HOSTILE):
        entity = {"start": 0, "end": min(5, len(text)), "type": SCRIPT, "text": text[:5], "score": 0.9}
        who = {"start": 0, "end": 1, "type": "PER", "text": text[:70], "score": 0.9}
        rows.append(row(number, text, 0.9, 0.8, id=f"{number}{text}", subreddit=text, entities=[entity, who]))
    accepted = {"by": SCRIPT, "reason": SCRIPT, "shift": [SCRIPT]}
    published(output, rows, accepted_shift=accepted)
    path = write_report(output, "latest", Wanted(examples=20, words=False))
    return path.read_text(encoding="utf-8")


def test_hostile_text_makes_no_element_and_no_attribute(hostile_page) -> None:
    page = Page(hostile_page)
    assert page.open == []
    for element in ("script", "img", "iframe", "object", "embed", "link", "base", "form", "a:x"):
        assert page.elements[element] == 0
    assert page.elements["h1"] == page.elements["style"] == page.elements["main"] == page.elements["body"] == 1
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert all(link.startswith("#") for link in page.links)


def test_hostile_text_is_on_the_page_word_for_word(hostile_page) -> None:
    said = "".join(Page(hostile_page).text)
    for text in HOSTILE:
        assert visible(text)[:50].split("\u27e8")[0][5:] in said


def test_nothing_that_turns_text_around_or_cannot_be_seen_is_obeyed(hostile_page) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe]", hostile_page)
    assert "⟨U+202E⟩" in hostile_page and "␀" in hostile_page


def test_the_policy_of_the_page_lets_nothing_load_or_run(hostile_page) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', hostile_page)
    assert policy and policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1] and "@import" not in hostile_page and "url(" not in hostile_page


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    """A run of 400 rows over three days, with names and communities."""
    made = []
    for number in range(400):
        date = f"2026-01-0{5 + number % 3}"
        if number % 20 == 0:
            made.append(skipped(number, date))
            continue
        body = f"Anna said {number} things"
        who = [{"start": 0, "end": 4, "type": "PER", "text": "Anna" if number % 2 else "anna", "score": 0.9}]
        offensive, insult = (number * 37 % 100) / 100, (number * 61 % 100) / 100
        community = f"s{number % 4}"
        made.append(
            row(number, body, offensive, insult, date=date, subreddit=community, entities=who if number % 3 else [])
        )
    return made


@pytest.fixture(scope="module")
def said(rows, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = tmp_path_factory.mktemp("counted")
    published(output, rows)
    html = write_report(output, "latest", Wanted(words=False)).read_text(encoding="utf-8")
    return " ".join("".join(f"{text} " for text in Page(html).text).split())


def test_totals_and_daily_rates_are_those_that_python_counts(rows, said) -> None:
    flagged = sum(one["flagged"] for one in rows)
    assert f"A model read 380 texts and {flagged} of 400 rows ({flagged / 400:.1%})" in said
    for day in ("2026-01-05", "2026-01-06", "2026-01-07"):
        mine = [one for one in rows if one["date"] == day]
        count, low, high = sum(one["flagged"] for one in mine), *wilson(sum(one["flagged"] for one in mine), len(mine))
        assert f"{day} {count / len(mine):.1%} {low:.1%} to {high:.1%} {count} of {len(mine)}" in said


def test_slices_and_names_are_those_that_python_counts(rows, said) -> None:
    for name in ("s0", "s1", "s2", "s3"):
        mine = [one for one in rows if one["subreddit"] == name]
        count = sum(one["flagged"] for one in mine)
        low, high = wilson(count, len(mine))
        assert f"{name} {len(mine)} {count / len(mine):.1%} {low:.1%} to {high:.1%}" in said
    named = [one for one in rows if one["entities"]]
    insults = sum("insult" in one["labels"] for one in named)
    assert f"anna PER {insults} {len(named)} {insults / len(named):.1%}" in said


def test_histograms_hold_every_scored_row_once(rows, said) -> None:
    for label in LABELS:
        figures = said.split(f"{label} , as figures", 1)[-1] if f"{label} , as figures" in said else said
        assert f"380 scored rows, threshold {THRESHOLDS[label]:.3g}" in figures
    offensive = Counter(int(one["scores"]["offensive"] * 40 + 1e-6) for one in rows if one["status"] == "scored")
    assert f"0.5 to 0.525 {offensive[20]}" in said


def test_without_verdicts_the_page_says_that_nothing_is_known_and_what_to_do(said) -> None:
    assert "Nothing is known about precision or recall of this run." in said
    assert re.search(r"moderation audit sample --output \S+ --run 20260105T000000Z-abcdef", said)


def test_a_model_that_is_not_here_is_said_and_costs_only_the_driving_words(tmp_path) -> None:
    published(tmp_path, [row(1, "one", 0.9, 0.9)])
    html = write_report(tmp_path, "latest", Wanted()).read_text(encoding="utf-8")
    assert "The words that drove a score are not marked" in html and "Show text 1" in html


def test_a_run_without_flags_names_or_scored_rows_has_a_page_too(tmp_path) -> None:
    published(tmp_path, [skipped(1), skipped(2)])
    html = write_report(tmp_path, "latest", Wanted(words=False)).read_text(encoding="utf-8")
    Page(html)
    assert "No row with the label insult names anybody" in html


def test_the_caller_is_told_of_mistakes_in_one_line(tmp_path) -> None:
    published(tmp_path, [row(1, "one", 0.9, 0.9)])
    for wanted, problem in (
        (Wanted(slices=("language",)), "--by language: the labelled rows have no such column"),
        (Wanted(sample="abc"), "no sample of run"),
        (Wanted(beside="rude"), "--beside rude: the run has no such label; it has offensive, insult"),
    ):
        with pytest.raises(UsageError, match=problem):
            write_report(tmp_path, "latest", wanted)
    with pytest.raises(UsageError, match="cannot be written"):
        write_report(tmp_path, "latest", Wanted(words=False), tmp_path / "no" / "such.html")
    assert not list(tmp_path.rglob("*.part"))


def test_the_command_writes_where_it_is_told(tmp_path) -> None:
    published(tmp_path, [row(1, "one", 0.9, 0.9)])
    target = tmp_path / "page.html"
    answer = CliRunner().invoke(
        app, ["audit", "report", "--output", str(tmp_path), "--html", str(target), "--no-words", "--by", "subreddit"]
    )
    assert answer.exit_code == 0 and str(target.name) in answer.stdout
    assert Path(target).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_marks_of_entities_and_words_overlap_without_nesting() -> None:
    html = marked_html("You Mr. Fool, go", [Span(4, 12, "PER")], [Word(8, 12, 2.0), Word(0, 3, 0.5), Word(14, 16, 0.1)])
    assert html == (
        '<mark class="w1">You</mark> <span class="entity">Mr. </span><mark class="w4 entity">Fool</mark>'
        '<span class="type">PER</span>, go'
    )


def test_a_long_text_is_cut_around_what_matters() -> None:
    html = marked_html("a" * 5000 + "FOOL" + "b" * 5000, [], [Word(5000, 5004, 1.0)], 5000)
    assert html.startswith("… a") and html.endswith("b …") and '<mark class="w4">FOOL</mark>' in html
    assert len(html) < 1700


def test_wilsons_interval_is_the_textbooks() -> None:
    low, high = wilson(10, 50)
    assert (low, high) == pytest.approx((0.1124, 0.3304), abs=1e-4)  # Newcombe 1998's method 3
    assert wilson(0, 0) == (None, None)
