"""What came of a replay, for people and as JSON."""

from dataclasses import dataclass
from typing import Any

from moderation.audit.replay_compare import Difference


@dataclass(frozen=True)
class Replay:
    """The verdict: `equal` to the last bit, `equal within tolerance`, or `differs`, and the fields that do.

    `company` is the number of rows that the row was scored among, None where it was scored by itself.
    """

    run_id: str
    row_id: str
    date: str
    verdict: str
    tolerance: float
    columns: int
    company: int | None
    differences: tuple[Difference, ...]
    checked: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def largest(self) -> float:
        """The largest difference of a number that a model computed."""
        return max((found.size for found in self.differences if found.computed), default=0.0)

    def as_dict(self, with_text: bool = False) -> dict[str, Any]:
        """The result as JSON has it."""
        return {
            **{name: value for name, value in vars(self).items() if name != "differences"},
            "notes": list(self.notes),
            "largest_difference": self.largest,
            "differences": [found.shown(with_text) for found in self.differences],
        }

    def lines(self, with_text: bool = False) -> list[str]:
        """The result for people."""
        found = self.checked
        return [
            f"run        {self.run_id}",
            f"row        id {self.row_id}, date {self.date}, {found['published']}",
            f"input      {found['input']} row {found['input_row']:,}, sha256 {found['input_sha256'][:12]} as recorded",
            f"model      {found['model_id']} as recorded",
            f"policy     {found['policy_id']} as recorded",
            f"scored     {found['here']['backend']} {found['here']['precision']} on {found['here']['place']}, "
            + (f"with the {self.company:,} rows of its shard" if self.company else "by itself"),
            *(f"note       {note}" for note in self.notes),
            *(self.words(one.shown(with_text)) for one in self.differences),
            self.sentence,
        ]

    @staticmethod
    def words(one: dict[str, Any]) -> str:
        """A difference in one line."""
        return f"differs    {one['field']}: published {one['published']!r}, replayed {one['replayed']!r}"

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        if self.verdict == "equal":
            return f"equal: all {self.columns} columns, to the last bit"
        if self.verdict == "differs":
            return f"differs: {len(self.differences)} fields"
        return (
            f"equal within tolerance: scores differ by {self.largest:.1e} at most, {self.tolerance:g} is allowed; all "
            f"else of the {self.columns} columns is equal, the labels and the action among it"
        )
