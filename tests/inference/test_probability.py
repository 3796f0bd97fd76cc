"""Outputs of the label head to probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import CHECKS

from moderation.inference.probability import label_logits, probabilities
from moderation.models.spec import Calibration, ModelSpec

logits = st.lists(st.lists(st.floats(-80, 80, width=32), min_size=3, max_size=3), max_size=4)


def spec(labels: tuple[str, ...], outputs: tuple[str | None, ...], activation: str = "softmax", **more) -> ModelSpec:  # type: ignore[no-untyped-def]
    return ModelSpec(
        labels=labels, outputs=outputs, activation=activation, thresholds=dict.fromkeys(labels, 0.5), **more
    )


@CHECKS
@given(rows=logits)
def test_a_softmax_is_over_all_outputs_reported_or_not(rows: list[list[float]]) -> None:
    values = np.array(rows, np.float32).reshape(-1, 3)
    found = probabilities(values, spec(("c", "a"), ("a", None, "c")))
    shares = np.exp(values.astype(np.float64) - values.max(1, keepdims=True, initial=-np.inf))
    shares /= shares.sum(1, keepdims=True)
    np.testing.assert_allclose(found, shares[:, [2, 0]], atol=1e-9)


@CHECKS
@given(rows=logits)
def test_a_sigmoid_is_of_each_output_by_itself(rows: list[list[float]]) -> None:
    values = np.array(rows, np.float32).reshape(-1, 3)
    found = probabilities(values, spec(("c", "a"), ("a", None, "c"), "sigmoid"))
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-values[:, [2, 0]].astype(np.float64))), atol=1e-12)


def test_calibration_is_of_the_logit_of_the_softmax_probability() -> None:
    outputs = np.array([[2.0, 0.5, -1.0]])
    plain, bent = spec(("c",), (None, None, "c")), Calibration(scale=2, shift=1)
    calibrated = plain.model_copy(update={"calibration": {"c": bent}})
    [[before]] = probabilities(outputs, plain)
    [[after]] = probabilities(outputs, calibrated)
    logit = np.log(before / (1 - before))
    assert after == pytest.approx(1 / (1 + np.exp(-(2 * logit + 1))))


def test_huge_outputs_neither_overflow_nor_become_sure_by_accident() -> None:
    found = probabilities(np.array([[1e4, -1e4, 1e4]]), spec(("a", "b"), ("a", "b", None)))
    assert found.tolist() == [[0.5, 0.0]]


def test_an_output_that_is_no_number_makes_the_whole_softmax_none() -> None:
    outputs = np.array([[0.0, np.nan], [0.0, 0.0]])
    assert np.isnan(probabilities(outputs, spec(("a", "b"), ("a", "b")))[0]).all()
    assert np.isnan(probabilities(outputs, spec(("a", "b"), ("a", "b"), "sigmoid"))).tolist() == [
        [False, True],
        [False, False],
    ]


def test_a_model_without_labels_has_no_columns() -> None:
    assert label_logits(np.zeros((3, 0)), spec((), (), "sigmoid")).shape == (3, 0)
    assert label_logits(np.zeros((3, 2)), spec((), (None, None))).shape == (3, 0)
