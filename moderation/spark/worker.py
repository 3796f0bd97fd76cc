"""What a Python worker of Spark does with a batch of bodies."""

import numpy as np
import pandas as pd

from moderation.inference.moderator import Moderator, Result
from moderation.text.digest import text_digest


def answers(moderator: Moderator, bodies: pd.Series, model_id: str) -> pd.DataFrame:
    """The fields of `moderation_type`, one row for each body; nulls arrive as None or NaN."""
    texts = [body if known else None for body, known in zip(bodies, bodies.notna(), strict=True)]
    results = moderator.score(texts)
    frame = pd.DataFrame(
        {
            "text_sha256": [text_digest(text) if text is not None else None for text in texts],
            "status": [result.status for result in results],
            "status_reason": [result.status_reason for result in results],
            "scores": [result.scores or None for result in results],
            "labels": [result.labels for result in results],
            "flagged": [result.flagged for result in results],
            "entities": [entities(result) for result in results],
            "evidence": [evidence(result) for result in results],
            "token_count": np.array([result.token_count for result in results], np.int32),
            "window_count": np.array([result.window_count for result in results], np.int32),
            "padded_count": np.array([result.padded_count for result in results], np.int32),
        }
    )
    frame["model_id"] = model_id
    return frame


def entities(result: Result) -> list[dict[str, object]]:
    """A result's entities as Spark rows."""
    return [vars(entity) for entity in result.entities]


def evidence(result: Result) -> dict[str, int] | None:
    """A result's evidence window as a Spark row."""
    return {"start": result.evidence[0], "end": result.evidence[1]} if result.evidence else None
