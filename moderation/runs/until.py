"""How far a run goes."""

from enum import StrEnum


class Until(StrEnum):
    """The last stage of a run: the scores are stored, the gate has accepted, or the rows are published."""

    SCORE = "score"
    VALIDATE = "validate"
    PUBLISH = "publish"
