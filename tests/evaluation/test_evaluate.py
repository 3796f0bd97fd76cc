"""A model on labelled rows: figures where there are enough rows, slices, notes, strict JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from moderation.errors import UsageError
from moderation.evaluation import evaluate as module
from moderation.evaluation import progress
from moderation.evaluation.data import Data, Sentences, Texts
from moderation.evaluation.evaluate import evaluate
from moderation.evaluation.picture import draw
from moderation.evaluation.show import show
from moderation.inference.engine import Engine

WORDS = ["hello", "you", "utter", "fool", "the", "train", "to", "Rome", "was", "late", "again", "nobody", "cared"]
RANDOM = np.random.default_rng(2)
TEXTS = [" ".join(RANDOM.choice(WORDS, 6)) for _ in range(300)]


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Engine:
    return Engine.load(str(tiny_model), "fp32")


@pytest.fixture(scope="module")
def scores(engine: Engine) -> np.ndarray:
    return engine.score(TEXTS).scores[:, engine.spec.labels.index("insult")]


@pytest.fixture(scope="module")
def truth(scores: np.ndarray) -> np.ndarray:
    """Insults as the model's own scores have them, but for noise; every tenth text is not judged."""
    found = (scores + RANDOM.normal(0, 0.3, len(scores)) > np.median(scores)).astype(float)
    found[::10] = np.nan
    return found


def test_figures_are_those_of_the_judged_rows(engine: Engine, scores: np.ndarray, truth: np.ndarray) -> None:
    report = evaluate(engine, Data(Texts(TEXTS, {"insult": truth})))
    [label], judged = report.labels, ~np.isnan(truth)
    assert (label.rows, label.positives) == (270, int(np.nansum(truth)))
    assert label.figures
    assert label.figures.roc_auc.value == pytest.approx(metrics.roc_auc_score(truth[judged], scores[judged]))
    assert label.figures.shipped.threshold == 0.5
    given = scores[judged] >= 0.5
    assert label.figures.shipped.macro_f1.value == pytest.approx(
        metrics.f1_score(truth[judged], given, average="macro", labels=[0, 1], zero_division=0)
    )
    assert label.figures.best.macro_f1.value >= label.figures.shipped.macro_f1.value
    assert sum(one.rows for one in label.figures.bins) == 270
    assert any(note.startswith("not judged in this data: offensive, toxicity") for note in report.notes)


def test_texts_without_a_score_are_counted_and_cost_no_figure(engine: Engine, truth: np.ndarray) -> None:
    texts = [None, "[deleted]", "\ud800 half a pair", *TEXTS[3:]]
    report = evaluate(engine, Data(Texts(texts, {"insult": np.nan_to_num(truth)})))
    assert report.unscored == {"missing": 1, "deleted": 1}
    assert report.labels[0].rows == 298


@pytest.mark.parametrize("positives", [0, 19, 281, 300])
def test_too_few_of_a_class_give_no_figure(engine: Engine, positives: int) -> None:
    report = evaluate(engine, Data(Texts(TEXTS, {"insult": (np.arange(300) < positives).astype(float)})))
    assert report.labels[0].figures is None
    assert report.as_dict()["labels"]["insult"] == {
        "column": None,
        "n": 300,
        "positives": positives,
        "base_rate": round(positives / 300, 4),
        "too_few": True,
    }


def test_slices_are_the_biggest_values_and_the_rest_are_counted(
    engine: Engine, truth: np.ndarray, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "SLICES", 2)
    groups = ["b"] * 100 + [None] * 150 + ["c"] * 30 + ["d"] * 20
    report = evaluate(engine, Data(Texts(TEXTS, {"insult": truth}, groups)), by="place")
    assert [(part.value, part.labels[0].rows) for part in report.slices] == [(None, 135), ("b", 90)]
    assert "2 more values of place with 50 texts are not shown" in report.notes
    show(report)
    printed = capsys.readouterr().out
    assert "insult by place" in printed and "(null)" in printed


def test_the_report_is_strict_json_and_the_same_each_time(engine: Engine, truth: np.ndarray) -> None:
    data = Data(Texts(TEXTS, {"insult": truth}, ["a"] * 280 + ["b"] * 20))
    first, second = (json.dumps(evaluate(engine, data, "g").as_dict(), allow_nan=False) for _ in range(2))
    assert first == second
    content = json.loads(first)
    low, high = content["labels"]["insult"]["roc_auc"]["interval"]
    assert low < content["labels"]["insult"]["roc_auc"]["value"] < high
    assert content["slices"][1]["labels"]["insult"]["too_few"]


def tagged() -> Sentences:
    words = [text.split() for text in TEXTS[:60]]
    return Sentences(words, [["B-LOC" if word == "Rome" else "O" for word in some] for some in words])


def test_types_that_the_data_does_not_annotate_are_left_out_and_said_so(engine: Engine) -> None:
    report = evaluate(engine, Data(sentences=tagged()))
    assert [one.type for one in report.spans] == ["all", "LOC"]
    assert report.spans[0].gold == sum(text.split().count("Rome") for text in TEXTS[:60])
    assert any("left out: PER, ORG, MISC" in note for note in report.notes)
    assert report.spans[1].found < evaluate(engine, Data(sentences=tagged()), types=["PER", "LOC"]).spans[0].found


def test_types_that_the_model_does_not_have_are_named(engine: Engine) -> None:
    with pytest.raises(UsageError, match="--types DATE: the model has the entity types PER, ORG, LOC, MISC"):
        evaluate(engine, Data(sentences=tagged()), types=["DATE"])
    foreign = Sentences([["May"]], [["B-DATE"]])
    with pytest.raises(UsageError, match="the data tags DATE; the model has PER"):
        evaluate(engine, Data(sentences=foreign))


def test_the_picture_is_xml_with_a_pair_of_panels_for_each_label_with_figures(
    engine: Engine, truth: np.ndarray
) -> None:
    from xml.etree import ElementTree

    few = (np.arange(300) < 3).astype(float)
    report = evaluate(engine, Data(Texts(TEXTS, {"insult": truth, "threat": few})))
    picture = draw(report.labels, "<tiny> & wrong")
    root = ElementTree.fromstring(picture)
    assert root.find("{*}title").text == "<tiny> & wrong"  # type: ignore[union-attr]
    assert sum(one.get("class") == "frame" for one in root.iter("{http://www.w3.org/2000/svg}rect")) == 2
    assert "nan" not in picture and "prefers-color-scheme: dark" in picture


def test_a_log_gets_a_line_now_and_then_and_none_for_what_is_soon_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seconds in (30.0, 0.0):
        monkeypatch.setattr(progress, "LINE_SECONDS", seconds)
        with progress.progress("scoring", 3000) as advance:
            for _ in range(3):
                advance(1000)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == (0 if seconds else 2)
    assert lines[1].startswith("scoring: 2,000 of 3,000, about 0 s left")
