"""Calibrations: what they do to scores, which are refused, and that every backend applies the same one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_edits import refusal, set_section
from pydantic import ValidationError

import moderation
from moderation.inference.devices import Device
from moderation.models.calibration import MOST_KNOTS, Calibration, Calibrator, logit, sigmoid

TEXTS = ["hello you", "you utter fool", "the train to Rome was late again"]
KNOTS = Calibration(x=(0.1, 0.5, 0.9), y=(0.05, 0.2, 0.95))


@st.composite
def isotonic(draw: st.DrawFn) -> Calibration:
    """Any isotonic calibration that is valid."""
    x = sorted(draw(st.sets(st.floats(0, 1), min_size=2, max_size=MOST_KNOTS)))
    inside = st.floats(0, 1, exclude_min=True, exclude_max=True)
    return Calibration(x=tuple(x), y=tuple(sorted(draw(st.lists(inside, min_size=len(x), max_size=len(x))))))


@given(isotonic(), st.lists(st.floats(-40, 40), min_size=1, max_size=50))
def test_isotonic_scores_never_fall_as_logits_rise_and_are_no_certainties(
    one: Calibration, logits: list[float]
) -> None:
    found = Calibrator.of([one]).apply(np.sort(np.array(logits))[:, None])[:, 0]
    assert (np.diff(found) >= 0).all()
    assert ((found > 0) & (found < 1)).all()


@given(st.one_of(isotonic(), st.builds(Calibration, scale=st.floats(0.01, 50), shift=st.floats(-9, 9))))
def test_a_calibration_survives_its_own_json(one: Calibration) -> None:
    assert Calibration.model_validate_json(one.model_dump_json()) == one


def test_platt_scaling_is_of_the_logit_and_isotonic_of_the_probability() -> None:
    logits = logit(np.array([[0.3, 0.3, 0.3], [0.95, 0.95, 0.95]]))
    found = Calibrator.of([Calibration(scale=2, shift=-1), KNOTS, Calibration()]).apply(logits)
    assert found[:, 0] == pytest.approx(sigmoid(2 * logits[:, 0] - 1))
    assert found[:, 1] == pytest.approx([0.125, 0.95])
    assert found[:, 2] == pytest.approx([0.3, 0.95])


def test_what_is_not_finite_stays_so_and_certain_logits_give_no_warning() -> None:
    with np.errstate(all="raise"):
        found = Calibrator.of([Calibration(), KNOTS]).apply(np.array([[np.nan, np.nan], [-2000, -2000], [2000, 2000]]))
    assert np.isnan(found[0]).all()
    assert found[1:].tolist() == [[0, 0.05], [1, 0.95]]


def test_a_calibration_names_its_method() -> None:
    methods = [one.method for one in (Calibration(), Calibration(scale=2), Calibration(shift=1), KNOTS)]
    assert methods == ["none", "temperature", "platt", "isotonic"]
    assert [KNOTS.describe(), Calibration(scale=2, shift=-1).describe()] == ["isotonic 3 knots", "platt 2.000, -1.000"]


def test_knots_are_written_only_where_there_are_some() -> None:
    assert json.loads(Calibration(scale=2).model_dump_json()) == {"scale": 2, "shift": 0}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"x": (0.1, 0.2), "y": (0.1,)}, "x has 2 knots, y has 1"),
        ({"x": (0.1,), "y": (0.1,)}, "2 to 50 knots, not 1"),
        ({"x": tuple(np.linspace(0, 1, 51)), "y": (0.5,) * 51}, "2 to 50 knots, not 51"),
        ({"x": (0.2, 0.2), "y": (0.1, 0.2)}, "the knots in x do not rise"),
        ({"x": (0.1, 0.2), "y": (0.2, 0.1)}, "the knots in y fall"),
        ({"x": (0.1, 0.2), "y": (0.0, 0.1)}, "greater than 0"),
        ({"x": (0.1, 0.2), "y": (0.1, 1.0)}, "less than 1"),
        ({"x": (0.1, 0.2), "y": (0.1, float("nan"))}, "finite"),
        ({"x": (0.1, 0.2), "y": (0.1, 0.2), "shift": 1}, "neither scale nor shift"),
        ({"scale": float("inf")}, "finite"),
    ],
)
def test_a_calibration_that_makes_no_sense_is_refused(values: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Calibration(**values)


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_knots_in_a_model_folder_are_applied_by_every_backend(tiny_model: Path, folder: Path) -> None:
    set_section(folder, calibration={"insult": KNOTS.model_dump(mode="json")})
    before = moderation.load(str(tiny_model), "fp32").score(TEXTS)
    for backend in ("openvino", "torch"):
        found = moderation.load(str(folder), "fp32", Device("cpu", backend)).score(TEXTS)
        plain = [result.scores["insult"] for result in before]
        assert [result.scores["insult"] for result in found] == pytest.approx(
            np.interp(plain, KNOTS.x, KNOTS.y), abs=1e-3
        )
        assert [result.scores["threat"] for result in found] == pytest.approx(
            [result.scores["threat"] for result in before], abs=1e-3
        )


def test_knots_that_fall_are_named_with_their_file(folder: Path) -> None:
    set_section(folder, calibration={"insult": {"x": [0.1, 0.2], "y": [0.5, 0.4]}})
    assert "moderation.calibration.insult: Value error, the knots in y fall" in refusal(folder)
