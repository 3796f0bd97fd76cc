"""Weights of rows: what counts more is learnt more, in the loss, in calibration and in thresholds."""

import numpy as np
import pandas as pd
import pytest
import torch

from moderation.errors import UsageError
from moderation.evaluation.counts import Counts
from moderation.evaluation.thresholds import Criterion
from moderation.training.choose import fit_label
from moderation.training.fit import Judged, apply, fit_isotonic, fit_platt
from moderation.training.judge import mean_average_precision
from moderation.training.losses import label_loss
from moderation.training.make import make_model
from moderation.training.recipe import TextSource
from moderation.training.rows import read_rows, weights_of
from moderation.training.simple import recipe_of


def test_a_row_that_counts_three_times_pulls_as_three_equal_rows() -> None:
    targets = torch.tensor([[1.0, 0.0], [0.0, float("nan")]])
    weighted = torch.tensor([[0.3, -0.2], [0.7, 0.1]], requires_grad=True)
    label_loss(weighted, targets, row=torch.tensor([3.0, 1.0])).backward()
    repeated = weighted.detach().clone()[[0, 0, 0, 1]].requires_grad_()
    label_loss(repeated, targets[[0, 0, 0, 1]]).backward()
    assert weighted.grad is not None and repeated.grad is not None
    assert torch.allclose(weighted.grad[0], repeated.grad[:3].sum(0)) and weighted.grad[0].abs().min() > 0
    assert torch.allclose(weighted.grad[1], repeated.grad[3])


def rows_judged(weights: np.ndarray | None) -> Judged:
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, 600)
    return Judged(logits, random.random(600) < 1 / (1 + np.exp(1 - logits)), drawn=weights)


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_a_calibration_of_weighted_rows_gives_the_share_that_they_have_in_nature(fit) -> None:
    weights = np.where(rows_judged(None).truth, 1.0, 9.0)
    judged = rows_judged(weights)
    found = apply(fit(judged), judged.logits)
    assert np.average(found, weights=weights) == pytest.approx(np.average(judged.truth, weights=weights), abs=0.01)
    assert found.mean() < 0.5 * apply(fit(rows_judged(None)), judged.logits).mean()


def test_weights_that_are_all_alike_change_nothing() -> None:
    one, two = (fit_label(rows_judged(drawn), "platt", Criterion.parse("f1")) for drawn in (None, np.ones(600)))
    assert one == two
    found = Counts.of(np.array([0.1, 0.2, 0.2]), np.array([True, False, True]), np.array([2.0, 3.0, 4.0]))
    assert (found.positives.tolist(), found.negatives.tolist()) == ([2, 4], [0, 3])


def test_the_metric_of_early_stopping_is_weighted() -> None:
    scores, targets = np.array([[0.9], [0.8], [0.1]]), np.array([[0.0], [1.0], [0.0]])
    light, heavy = (mean_average_precision([(scores, targets, np.array([w, 1.0, 1.0]))]) for w in (0.1, 10.0))
    assert light == pytest.approx(1 / 1.1) and heavy == pytest.approx(1 / 11)


def write(folder, **columns) -> None:
    pd.DataFrame({"text": ["a", "b"], "bad": [0, 1], "split": "train"} | columns).to_parquet(folder / "d.parquet")


@pytest.mark.parametrize("bad", [[1.0, 0.0], [1.0, -2.0], [1.0, None], [1.0, float("inf")], ["1", "2"]])
def test_a_weight_that_is_no_number_above_0_is_named(tmp_path, bad) -> None:
    write(tmp_path, weight=bad)
    source = TextSource(file="d.parquet", labels={"x": "bad"})
    with pytest.raises(UsageError, match=r"d\.parquet.*weight.*a weight is a number above 0"):
        read_rows(tmp_path, source, "train", ["text", "bad"], 1)
    plain = source.model_copy(update={"weight": None})
    assert weights_of(read_rows(tmp_path, plain, "train", ["text", "bad"], 1), plain).tolist() == [1, 1]


def test_a_column_of_labels_is_no_column_of_weights(tmp_path) -> None:
    write(tmp_path, weight=[0, 1])
    source = TextSource(file="d.parquet", labels={"x": "weight"})
    assert weights_of(read_rows(tmp_path, source, "train", ["text", "weight"], 1), source).tolist() == [1, 1]


def test_a_named_column_of_weights_has_to_be_there(tmp_path) -> None:
    write(tmp_path)
    with pytest.raises(UsageError, match="no column importance"):
        recipe_of(tmp_path / "d.parquet", "bad", None, None, None, 0.1, {}, "importance")
    assert recipe_of(tmp_path / "d.parquet", "bad", None, None, None, 0.1, {}, "none").texts[0].weight is None


def test_a_model_follows_the_weightier_of_two_groups_that_contradict_each_other(base, tmp_path) -> None:
    """The same texts are judged both ways; whichever side counts more is what the model says of them."""
    from moderation.inference.moderator import Moderator

    texts = [f"{text} {end}" for text in ("stupid fool", "lovely tea") for end in ("now", "here", "again", "ok")]
    right = pd.DataFrame({"text": texts, "bad": [1] * 4 + [0] * 4, "weight": 20.0})
    frame = pd.concat([right, right.assign(bad=1 - right.bad, weight=1.0)] * 6)
    changes = {"base": str(base), "epochs": 6, "max_tokens": 32, "overlap": 8, "batch_tokens": 256, "precision": "fp32"}
    changes |= {"learning_rate": 0.003, "head_learning_rate": 0.01}
    scores = {}
    for name, data in {"as judged": frame, "turned": frame.assign(weight=21 - frame.weight)}.items():
        file = tmp_path / f"{name}.parquet"
        data.to_parquet(file)
        make_model(recipe_of(file, "bad", None, None, None, 0, changes), tmp_path, tmp_path / name, lambda line: None)
        rude, kind = Moderator.load(str(tmp_path / name)).score(["stupid fool", "lovely tea"])
        scores[name] = rude.scores["bad"] - kind.scores["bad"]
        assert "weighted: as much as" in (tmp_path / name / "MODEL_CARD.md").read_text()
    assert scores["as judged"] > 0.5 and scores["turned"] < -0.5
