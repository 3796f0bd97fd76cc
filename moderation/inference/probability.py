"""The label head's outputs to calibrated probabilities of the labels."""

import numpy as np

from moderation.models.spec import ModelSpec


def probabilities(outputs: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """Outputs [rows, outputs] to calibrated probabilities [rows, labels]; what is not finite gives NaN."""
    return spec.calibrator().apply(label_logits(outputs, spec))


def label_logits(outputs: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """The logit of each label's probability, [rows, labels] in float64, before calibration.

    For a softmax that is the output less the logarithm of the sum of the others' exponentials: p / (1 - p), in logs.
    """
    columns = [spec.outputs.index(label) for label in spec.labels]
    values = outputs.astype(np.float64)
    if spec.activation == "sigmoid":
        return values[:, columns]
    others = [np.delete(values, column, axis=1) for column in columns]
    logits = [values[:, column] - log_sum(rest) for column, rest in zip(columns, others, strict=True)]
    return np.stack(logits, axis=1) if logits else values[:, :0]


def log_sum(values: np.ndarray) -> np.ndarray:
    """log(sum(exp(values))) of each row, without overflow."""
    highest = values.max(axis=1, keepdims=True)
    return (highest + np.log(np.exp(values - highest).sum(axis=1, keepdims=True)))[:, 0]
