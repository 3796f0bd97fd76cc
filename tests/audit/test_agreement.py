"""Agreement is that of textbooks, and a figure that says little says so."""

import pytest

from moderation.audit.agreement import agreement
from moderation.audit.verdict import Verdict
from moderation.audit.verdicts import append
from tests.audit.drawn_by_hand import sample_by_hand


def judged(folder, words: dict[str, str], label: str = "insult") -> None:
    """Words of reviewers on row after row: y, n, u, or - for none."""
    of = {"y": "yes", "n": "no", "u": "unsure"}
    append(
        folder,
        [
            Verdict(f"r{row}", label, name, of[word])
            for name, said in words.items()
            for row, word in enumerate(said)
            if word != "-"
        ],
    )


def test_cohens_kappa_is_that_of_the_known_example(tmp_path) -> None:
    """20 both yes, 5 and 10 split, 15 both no: 0.4 (the example of Wikipedia's article on the measure)."""
    folder = sample_by_hand(tmp_path, rows=50)
    judged(folder, {"Anna": "y" * 25 + "n" * 25, "Ben": "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15})
    (found,) = agreement(folder)
    assert (found.method, found.rows, found.note) == ("Cohen", 50, "")
    assert found.kappa == pytest.approx(0.4) and found.same == pytest.approx(0.7)
    assert found.low < 0.4 < found.high


def test_fleiss_kappa_counts_three_reviewers_as_the_formula_does(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    judged(folder, {"Anna": "yyyynnnn", "Ben": "yyyynnny", "Cleo": "yynynnnn"})
    (found,) = [one for one in agreement(folder) if one.method == "Fleiss"]
    yes = [3, 3, 2, 3, 0, 0, 0, 1]
    same = sum((y * (y - 1) + (3 - y) * (2 - y)) / 6 for y in yes) / 8
    share = sum(yes) / 24
    chance = share**2 + (1 - share) ** 2
    assert found.kappa == pytest.approx((same - chance) / (1 - chance)) and found.rows == 8
    assert sorted(one.reviewers for one in agreement(folder) if one.method == "Cohen") == [
        "Anna and Ben",
        "Anna and Cleo",
        "Ben and Cleo",
    ]


def test_few_rows_one_word_and_unsure_rows_are_said(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    judged(folder, {"Anna": "yyyyu---", "Ben": "yyyyy-nn"})
    judged(folder, {"Anna": "yn------", "Ben": "yn------"}, "threat")
    judged(folder, {"Anna": "u-------", "Ben": "y-------"}, "identity_attack")
    found = {one.label: one for one in agreement(folder)}
    assert (found["insult"].kappa, found["insult"].rows, found["insult"].unsure) == (None, 4, 1)
    assert "not defined" in found["insult"].note and found["insult"].same == 1.0
    assert found["threat"].kappa == pytest.approx(1.0) and "says little" in found["threat"].note
    assert (found["identity_attack"].rows, found["identity_attack"].same) == (0, None)


def test_one_reviewer_agrees_with_nobody(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    assert agreement(folder) == []
    judged(folder, {"Anna": "yyn"})
    assert agreement(folder) == []
