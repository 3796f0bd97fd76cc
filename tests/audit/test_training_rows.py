"""What reviewers settled becomes training data: labels of 1, 0 or null, weights, and where it comes from."""

import pandas as pd
import pytest

from moderation.audit.training_rows import certainty, settled_rows, split_of, write_training
from moderation.audit.verdict import Verdict
from moderation.audit.verdicts import append, last_words, settle, verdicts
from moderation.cli import app, exit_code
from moderation.errors import UsageError
from moderation.training.recipe import TextSource
from moderation.training.rows import read_rows, weights_of
from tests.audit.drawn_by_hand import BODIES, sample_by_hand
from tests.audit.samples import LABEL, world


def said(*entries: tuple[str, str, str, str]) -> list[Verdict]:
    return [Verdict(row, label, who, word) for row, label, who, word in entries]


JUDGED = said(
    ("r0", "insult", "anna", "yes"),
    ("r0", "threat", "anna", "no"),
    ("r1", "insult", "anna", "no"),
    ("r2", "insult", "anna", "yes"),
    ("r2", "insult", "ben", "no"),  # as many yes as no: nothing is settled
    ("r2", "threat", "anna", "no"),
    ("r3", "insult", "anna", "unsure"),
    ("r4", "insult", "anna", "yes"),
    ("r4", "insult", "anna", "withdrawn"),
)


def test_only_settled_labels_are_taught_and_all_others_are_null(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    append(folder, JUDGED)
    found = write_training(folder, tmp_path / "reviewed.parquet")
    rows = pd.read_parquet(tmp_path / "reviewed.parquet").set_index("row_id").sort_index()
    assert list(rows.index) == ["r0", "r1", "r2"] and found.rows == 3
    assert rows.loc["r0", "text"] == BODIES[0]
    assert rows["insult"].tolist()[:2] == [1, 0] and rows["insult"].isna().tolist() == [False, False, True]
    assert rows["threat"].isna().tolist() == [False, True, False] and "identity_attack" not in rows
    assert set(rows["source"]) == {"verdicts of sample 0123456789ab"} and set(rows["run_id"]) == {"20260101T000000-abc"}
    assert found.labels == {"insult": (1, 1), "threat": (0, 2)}


def test_the_design_weights_say_how_many_rows_of_the_run_each_row_stands_for(tmp_path) -> None:
    made = world(tmp_path)
    append(made.folder, [Verdict(one.row_id, LABEL, "anna", one.verdict) for one in made.verdicts().itertuples()])
    write_training(made.folder, tmp_path / "out.parquet", "design")
    rows = pd.read_parquet(tmp_path / "out.parquet")
    assert rows.weight.mean() == pytest.approx(1)
    by_stratum = rows.groupby(rows.row_id.str[0]).weight.first()
    assert by_stratum["0"] / by_stratum["3"] == pytest.approx((20_000 / 400) / (400 / 150))
    share = (rows.weight * (rows[LABEL] == 1)).sum() / rows.weight.sum()
    assert share == pytest.approx(made.frame.truth.mean(), abs=0.01)  # unweighted it is three times that
    assert (rows[LABEL] == 1).mean() > 2 * made.frame.truth.mean()


def test_a_row_on_which_reviewers_agree_counts_more_than_one_that_was_outvoted(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    words = {"r0": ["yes"], "r1": ["yes", "yes"], "r2": ["yes", "yes", "no"]}
    names = ("anna", "ben", "cem")
    append(
        folder, said(*((row, "insult", names[n], word) for row, all_ in words.items() for n, word in enumerate(all_)))
    )
    last = last_words(verdicts(folder))
    sure = certainty(last, settle(last)).reset_index().set_index("row_id").sure
    assert sure.to_dict() == pytest.approx({"r0": 1, "r1": (3 / 4) / (2 / 3), "r2": (3 / 5) / (2 / 3)})
    rows = settled_rows(folder, last, "votes").set_index("row_id").weight
    assert rows["r1"] > rows["r0"] > rows["r2"]
    assert set(settled_rows(folder, last, "none").weight) == {1.0}


def test_equal_texts_are_in_one_split_and_the_shares_are_as_asked(tmp_path) -> None:
    found = [split_of(f"text {number}", 7, 0.2) for number in range(4000)]
    assert found == [split_of(f"text {number}", 7, 0.2) for number in range(4000)]
    assert found.count("test") / 4000 == pytest.approx(0.2, abs=0.02)
    assert found.count("dev") / 4000 == pytest.approx(0.08, abs=0.02)


def test_finetune_reads_the_file_with_its_weights(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    append(folder, JUDGED)
    write_training(folder, tmp_path / "reviewed.parquet", "votes")
    source = TextSource(file="reviewed.parquet", labels={"insult": "insult"})
    found = [read_rows(tmp_path, source, split, ["text", "insult"], 7) for split in ("train", "dev")]
    assert sum(map(len, found)) == 3
    assert all((weights_of(rows, source) > 0).all() for rows in found)
    assert {name for rows in found for name in rows["source"]} == {"verdicts of sample 0123456789ab"}


def test_the_command_says_what_it_wrote_and_how_to_learn_from_it(tmp_path, capsys) -> None:
    append(sample_by_hand(tmp_path), JUDGED)
    to = tmp_path / "reviewed.parquet"
    command = ["audit", "verdicts", "export", "--output", str(tmp_path), "--to", str(to), "--for-training"]
    assert exit_code(lambda: app(command, standalone_mode=False)) == 0
    shown = capsys.readouterr().out
    assert "3 texts in" in shown and "  insult: 1 yes, 1 no" in shown and "  threat: 0 yes, 2 no" in shown
    assert f"moderation finetune --data {to} --labels insult --output my-model" in shown


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--for-training"], "no label of any row is settled as yes or no yet"),
        (["--for-training", "--weights", "odd"], "--weights odd: is none of both, design, votes, none"),
        (["--for-training", "--test", "1"], "--test 1.0: must be a share"),
        (["--for-training", "--blind"], "--for-training takes what all reviewers settled"),
        (["--weights", "votes"], "say --for-training too"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(tmp_path, capsys, options, line) -> None:
    sample_by_hand(tmp_path)
    to = tmp_path / "reviewed.parquet"
    command = ["audit", "verdicts", "export", "--output", str(tmp_path), "--to", str(to), *options]
    assert exit_code(lambda: app(command, standalone_mode=False)) == 2
    (found,) = capsys.readouterr().err.splitlines()
    assert line in found and not to.exists()


def test_a_file_that_is_not_named_parquet_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.parquet"):
        write_training(sample_by_hand(tmp_path), tmp_path / "reviewed.csv")
