"""An estimate: a figure of the whole run, told from the reviewed rows of a sample."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Measure = Literal["precision", "recall", "false_positive_rate", "prevalence"]
MEASURES: tuple[Measure, ...] = ("precision", "recall", "false_positive_rate", "prevalence")
NOT_ENOUGH = "not enough verdicts"


@dataclass(frozen=True)
class Estimate:
    """A share with its 95% interval; `value`, `low` and `high` are None where there are not enough verdicts.

    `n` is the number of reviewed rows that the share rests on, `slice` is `COLUMN=VALUE` or None for the whole run,
    and `note` says in words what is missing or was assumed.
    """

    label: str
    slice: str | None
    measure: Measure
    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a figure."""
        return self.value is not None

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)
