"""Scores and truth that something is known of."""

import numpy as np

from moderation.models.calibration import sigmoid


def rows(count: int, seed: int, scale: float = 1.0, shift: float = -1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores in [0, 1], float32, and their truth, bool; with scale 1 a score is the probability of a positive."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=count) * 2 + shift
    return sigmoid(logits).astype(np.float32), random.random(count) < sigmoid(scale * logits)
