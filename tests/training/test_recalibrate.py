"""`moderation calibrate`: an artefact, or a copy of the model, that makes scores mean what they say."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moderation.errors import UsageError
from moderation.evaluation.counts import Counts, calibration_error
from moderation.evaluation.data import Choice
from moderation.evaluation.thresholds import Criterion
from moderation.inference.engine import Engine
from moderation.models.artefact import read_artefact, with_calibration
from moderation.models.calibration import logit, sigmoid
from moderation.models.load import ModelSource, find_model
from moderation.training.recalibrate import Wish, check_targets, make_artefact, write_artefact, write_model
from tests.commands import moderation

RANDOM = np.random.default_rng(8)
WORDS = ["fool", "idiot", "train", "Rome", "late", "again", "you", "nobody", "tea", "rain", "what", "utter", "kind"]
TEXTS = [" ".join(RANDOM.choice(WORDS, 7)) for _ in range(2400)]
JUDGED = ("offensive", "insult")


@pytest.fixture(scope="module")
def source(tiny_model: Path) -> ModelSource:
    return find_model(str(tiny_model))


@pytest.fixture(scope="module")
def scores(source: ModelSource) -> np.ndarray:
    return Engine(source, "fp32").score(TEXTS).scores


@pytest.fixture(scope="module")
def truth(source: ModelSource, scores: np.ndarray) -> dict[str, np.ndarray]:
    """What was really meant: other probabilities than the scores, and known."""
    found = {}
    for label in JUDGED:
        logits = logit(scores[:, source.spec.labels.index(label)])
        found[label] = RANDOM.random(len(TEXTS)) < sigmoid(2.5 * (logits - np.median(logits)) - 1)
    return found


@pytest.fixture(scope="module")
def data(truth: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first half is for fitting; two labels are judged, and a third nearly never positive."""
    path = tmp_path_factory.mktemp("judged") / "judged.parquet"
    columns = {label: pa.array(values.astype(np.int8)) for label, values in truth.items()}
    split = ["fit"] * 1200 + ["rest"] * 1200
    rare = (np.arange(2400) % 200 == 0).astype(np.int8)
    pq.write_table(pa.table({"text": TEXTS, "split": split, "threat": rare} | columns), path)
    return path


def silent(line: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def artefact(source: ModelSource, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "calibration.json"
    write_artefact(make_artefact(source, data, Choice(split="fit"), Wish(), silent), path)
    return path


@pytest.mark.parametrize("label", JUDGED)
def test_scores_of_rows_that_it_has_not_seen_are_frequencies(source, scores, truth, artefact, label) -> None:
    after = Engine(with_calibration(source, artefact), "fp32").score(TEXTS[1200:]).scores
    column, meant = source.spec.labels.index(label), truth[label][1200:]
    before = float(calibration_error(Counts.of(scores[1200:, column], meant)))
    error = float(calibration_error(Counts.of(after[:, column], meant)))
    assert error < 0.05 < 0.1 < before
    said = read_artefact(artefact).labels[label]
    assert said.ece_after == pytest.approx(error, abs=0.03)
    assert said.ece_before == pytest.approx(before, abs=0.04)


def test_a_label_with_too_few_positives_keeps_its_calibration_and_is_reported(source, data, artefact) -> None:
    assert set(read_artefact(artefact).labels) == set(JUDGED)
    lines: list[str] = []
    make_artefact(source, data, Choice(split="fit"), Wish(method="platt"), lines.append)
    assert lines == [
        "note: threat is not calibrated: 10 positives and 10 negatives are the least that can be fitted to"
    ]
    with pytest.raises(UsageError, match=r"cannot calibrate threat \(10 positives and 10 negatives"):
        make_artefact(source, data, Choice(split="fit"), Wish(labels=("threat", "insult")), silent)


def test_the_same_rows_make_the_same_bytes(source, data, artefact) -> None:
    again = make_artefact(source, data, Choice(split="fit"), Wish(), silent)
    assert again.text() == artefact.read_text(encoding="utf-8")
    assert read_artefact(artefact) == again


def test_a_wanted_precision_is_about_what_unseen_rows_get(source, data, scores, truth) -> None:
    wish = Wish(labels=("insult",), method="platt", criterion=Criterion("precision", 0.7))
    found = make_artefact(source, data, Choice(split="fit"), wish, silent).labels["insult"]
    calibrated = sigmoid(
        logit(scores[1200:, source.spec.labels.index("insult")]) * found.calibration.scale + found.calibration.shift
    )
    given = calibrated >= found.threshold
    assert truth["insult"][1200:][given].mean() == pytest.approx(0.7, abs=0.1)
    assert found.precision == pytest.approx(0.7, abs=0.07)


def test_a_base_rate_lowers_scores_to_the_share_in_nature(source, data, scores) -> None:
    wish = Wish(labels=("insult",), method="platt", base_rates={"insult": 0.02})
    found = make_artefact(source, data, Choice(split="fit"), wish, silent).labels["insult"]
    assert found.assumed_base_rate == 0.02 < 0.2 < found.base_rate
    plain = make_artefact(source, data, Choice(split="fit"), Wish(labels=("insult",), method="platt"), silent)
    assert found.calibration.shift < plain.labels["insult"].calibration.shift - 2


def test_a_copy_of_the_model_scores_like_the_artefact(source, artefact, tmp_path) -> None:
    (tmp_path / "here").mkdir()
    write_model(source, read_artefact(artefact), tmp_path / "here" / "copy")
    copy = find_model(str(tmp_path / "here" / "copy"))
    beside = with_calibration(source, artefact)
    assert copy.network_id == source.network_id and copy.spec == beside.spec
    found, expected = (Engine(one, "fp32").score(TEXTS[:20]).scores for one in (copy, beside))
    assert (found == expected).all()
    assert [one.name for one in (tmp_path / "here").iterdir()] == ["copy"]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(labels=("rude",)), "the model has no label rude; it has offensive"),
        (Wish(base_rates={"rude": 0.1}), "the model has no label rude"),
        (Wish(labels=("obscene",)), "has no column named like a label of the model"),
    ],
)
def test_labels_that_cannot_be_are_named(source, data, wish, words) -> None:
    with pytest.raises(UsageError, match=words):
        make_artefact(source, data, Choice(), wish, silent)


def test_targets_are_checked_before_anything_is_scored(tmp_path) -> None:
    for output, folder, words in (
        (None, None, "name one of --output"),
        (tmp_path / "a.json", tmp_path / "b", "name one of --output"),
        (tmp_path, None, "is a folder"),
        (tmp_path / "no" / "a.json", None, "no such folder"),
        (None, tmp_path, "is there already"),
    ):
        with pytest.raises(UsageError, match=words):
            check_targets(output, folder)


def test_the_commands_print_what_they_found(tiny_model, data, tmp_path) -> None:
    done = moderation(
        *("calibrate", "--model", tiny_model, "--data", data, "--label", "insult", "--threshold", "cost=3:1"),
        *("--where", "split=fit", "--output", tmp_path / "c.json"),
    )
    assert done.returncode == 0, done.stderr
    assert "insult" in done.stdout and done.stdout.endswith("c.json\n")
    assert read_artefact(tmp_path / "c.json").labels["insult"].threshold == 0.25
    done = moderation(
        *("evaluate", "--model", tiny_model, "--data", data, "--split", "rest", "--by", "split", "--json"),
        *("--calibration", tmp_path / "c.json", "--picture", tmp_path / "p.svg"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads(done.stdout.splitlines()[-1])
    assert content["labels"]["insult"]["n"] == content["slices"][0]["labels"]["insult"]["n"] == 1200
    assert content["labels"]["insult"]["shipped"]["threshold"] == 0.25
    assert content["labels"]["insult"]["calibration_error"]["value"] < 0.05
    assert (tmp_path / "p.svg").read_text().startswith("<svg")


def test_mistakes_are_one_line_with_exit_code_two(tiny_model, data, tmp_path) -> None:
    for arguments, words in (
        (["calibrate", "--output", tmp_path / "c.json", "--method", "magic"], "method 'magic' is none of platt"),
        (["calibrate", "--output", tmp_path / "c.json", "--base-rate", "insult=2"], "--base-rate 'insult=2'"),
        (["evaluate", "--where", "split"], "--where 'split' is not COLUMN=VALUE"),
        (["evaluate", "--picture", tmp_path / "p.png"], "the picture is an SVG"),
    ):
        done = moderation(*arguments, "--model", tiny_model, "--data", data)
        assert (done.returncode, done.stdout) == (2, "")
        [line] = done.stderr.splitlines()
        assert line.startswith("moderation: ") and words in line
    assert not list(tmp_path.iterdir())
