"""Calibration of scores: what a label's probability is worth, and how a model's logits become such probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

MOST_KNOTS = 50
Unit = Annotated[float, Field(ge=0, le=1)]
Inside = Annotated[float, Field(gt=0, lt=1)]  # no score is a certainty


class Calibration(BaseModel):
    """How one label's logit becomes a probability.

    Platt scaling: sigmoid(scale * logit + shift) (Platt, "Probabilistic outputs for support vector machines", 1999).
    Temperature scaling is Platt scaling without a shift; its temperature is 1 / scale (Guo et al., "On Calibration of
    Modern Neural Networks", 2017). Isotonic: `x` are uncalibrated probabilities, ascending, `y` what they are worth,
    never falling; linear between knots and level outside them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    scale: Annotated[float, Field(gt=0)] = 1.0
    shift: float = 0.0
    x: tuple[Unit, ...] = ()
    y: tuple[Inside, ...] = ()

    @model_validator(mode="after")
    def check_knots(self) -> Self:
        """Knots come in pairs, rise, and stand alone."""
        if len(self.x) != len(self.y):
            raise ValueError(f"x has {len(self.x)} knots, y has {len(self.y)}")
        if self.x and not 2 <= len(self.x) <= MOST_KNOTS:
            raise ValueError(f"an isotonic calibration has 2 to {MOST_KNOTS} knots, not {len(self.x)}")
        if any(low >= high for low, high in zip(self.x, self.x[1:], strict=False)):
            raise ValueError("the knots in x do not rise")
        if any(low > high for low, high in zip(self.y, self.y[1:], strict=False)):
            raise ValueError("the knots in y fall")
        if self.x and (self.scale, self.shift) != (1, 0):
            raise ValueError("knots are of the uncalibrated probability: they allow neither scale nor shift")
        return self

    @model_serializer(mode="wrap")
    def without_empty_knots(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The fields, but for knots where there are none."""
        return {name: value for name, value in handler(self).items() if name not in ("x", "y") or value}

    @property
    def method(self) -> str:
        """`none`, `temperature`, `platt` or `isotonic`."""
        if self.x:
            return "isotonic"
        return "platt" if self.shift else "temperature" if self.scale != 1 else "none"

    def describe(self) -> str:
        """The method with its parameters, for a table."""
        numbers = {"platt": f" {self.scale:.3f}, {self.shift:+.3f}", "temperature": f" {self.scale:.3f}"}
        return self.method + numbers.get(self.method, f" {len(self.x)} knots" if self.x else "")


@dataclass(frozen=True)
class Calibrator:
    """The calibrations of several labels, applied to all of them at once."""

    scale: np.ndarray
    shift: np.ndarray
    knots: tuple[tuple[int, np.ndarray, np.ndarray], ...]

    @classmethod
    def of(cls, calibrations: Sequence[Calibration]) -> Self:
        """One calibration for each label, in the order of the logits' columns."""
        knots = [(column, np.array(one.x), np.array(one.y)) for column, one in enumerate(calibrations) if one.x]
        return cls(
            np.array([one.scale for one in calibrations], np.float64),
            np.array([one.shift for one in calibrations], np.float64),
            tuple(knots),
        )

    def apply(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of logits [rows, labels], float64; NaN stays NaN.

        A logit is log(p / (1 - p)) of the uncalibrated probability p, whatever head p comes from.
        """
        found = sigmoid(logits.astype(np.float64) * self.scale + self.shift)
        for column, x, y in self.knots:
            found[:, column] = np.interp(found[:, column], x, y)
        return found


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """The logistic function; infinite logits give 0 and 1 without a warning."""
    with np.errstate(over="ignore", under="ignore"):
        return 1 / (1 + np.exp(-logits))


SMALLEST = 2.0**-24  # half the step of float32 below 1: a score of 1.0 is nearer to 1 than this


def logit(probability: np.ndarray) -> np.ndarray:
    """The inverse of the sigmoid, float64; scores of exactly 0 and 1 are taken as `SMALLEST` away from it."""
    inside = np.clip(probability.astype(np.float64), SMALLEST, 1 - SMALLEST)
    return np.log(inside / (1 - inside))
