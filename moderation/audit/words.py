"""What is said of the words of a text: by how much each of them moved a label's score."""

from dataclasses import dataclass, field, replace

TOLERANCE = 0.1  # the miss that is small enough: of the difference, or of one unit of log-odds where that is more


@dataclass(frozen=True)
class Word:
    """Code points [start, end) of the text, and by how much they moved the label's log-odds."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Attribution:
    """The words of the window of a text that gave a label its score, in their order.

    `logit` are the log-odds of that window before calibration, `baseline` those of the same window with every token
    masked. A text without tokens has no words.
    """

    label: str
    words: tuple[Word, ...] = field(default=(), repr=False)
    logit: float = 0.0
    baseline: float = 0.0

    @property
    def miss(self) -> float:
        """How far the sum of the weights is from the difference that they should add up to."""
        return abs(sum(word.weight for word in self.words) - (self.logit - self.baseline))

    @property
    def complete(self) -> bool:
        """Whether the weights add up, within `TOLERANCE`."""
        return self.miss <= TOLERANCE * max(1.0, abs(self.logit - self.baseline))

    def top(self, count: int = 1) -> list[Word]:
        """The words that raised the score most, the strongest first."""
        return sorted((word for word in self.words if word.weight > 0), key=lambda word: -word.weight)[:count]

    def moved(self, by: int) -> "Attribution":
        """The same where the text was the part of a longer one that begins at code point `by`."""
        words = tuple(Word(word.start + by, word.end + by, word.weight) for word in self.words)
        return replace(self, words=words)
