"""The engine: lists of texts to scores and spans, in order, each text answered for."""

from collections.abc import Callable, Sequence

import numpy as np

from moderation.errors import UsageError
from moderation.inference.batches import pad, token_budget_batches
from moderation.inference.scored import Scored
from moderation.inference.spans import Spans, decode
from moderation.inference.torch_backend import Predictions, TorchBackend
from moderation.inference.windowed import Windowed, cut
from moderation.models.load import ModelSource, find_model, load_network, load_tokenizer
from moderation.text.normalise import skip_reason, without_surrogates

TOKEN_BUDGET = 4096  # padded tokens of a batch; from 2,048 to 16,384 torch is equally fast on a CPU
CHUNK_CHARACTERS = 1_000_000  # texts that are tokenised and sorted together: bounds memory, far above a batch
SPECIALS = 2  # [CLS] and [SEP] of each window


class Engine:
    """A loaded model that scores texts; holds no state between calls."""

    def __init__(self, source: ModelSource, precision: str = "auto", token_budget: int = TOKEN_BUDGET) -> None:
        self.source, self.spec, self.token_budget = source, source.spec, token_budget
        self.tokenizer = load_tokenizer(source.folder)
        self.specials = [self.tokenizer.token_to_id("[CLS]"), self.tokenizer.token_to_id("[SEP]")]
        network = load_network(source)
        largest, rows = max(self.tokenizer.get_vocab().values()), network.encoder.config.vocab_size
        if largest >= rows:
            raise UsageError(f"model {source.folder}: tokenizer.json has ids up to {largest}, the encoder knows {rows}")
        self.backend = TorchBackend(network, precision)
        calibration = [self.spec.calibration_of(label) for label in self.spec.labels]
        self.scale = np.array([found.scale for found in calibration])
        self.shift = np.array([found.shift for found in calibration])

    @classmethod
    def load(cls, source: str = "builtin", precision: str = "auto") -> "Engine":
        """Loads `builtin` or a model folder; raises `UsageError` where it is not whole."""
        return cls(find_model(source), precision)

    def score(self, texts: Sequence[str | None]) -> Scored:
        """Scores texts in any number and of any length; one answer per text, in order.

        None, empty and deleted texts are skipped without the model; a text on which the model fails is `failed` with
        its reason and costs no other text its answer. Raises `TypeError` for a text that is no string.
        """
        scored = Scored.blank([reason(index, text) for index, text in enumerate(texts)], len(self.spec.labels))
        for rows in chunks(scored.reasons, texts):
            self.score_chunk(scored, rows, [without_surrogates(texts[row] or "") for row in rows])
        return scored

    def score_chunk(self, scored: Scored, rows: list[int], texts: list[str]) -> None:
        """Answers for the texts of `rows`: tokenised, cut into windows and run together."""
        windowed = cut(self.tokenizer, texts, self.spec.max_tokens - SPECIALS, self.spec.overlap)
        logits = np.full((len(windowed.windows), len(self.spec.labels)), np.nan, np.float32)
        tags = np.zeros(len(windowed.tokens.ids), np.int64)
        confidence = np.zeros(len(windowed.tokens.ids), np.float32)
        numbers = np.array(rows, np.int64)

        def accept(batch: np.ndarray, answer: Predictions) -> None:
            logits[batch] = answer.logits
            np.add.at(scored.padded, numbers[windowed.owners[batch]], answer.tags.shape[1])
            for row, index in enumerate(batch):
                window = windowed.windows[index]
                own, inner = (
                    slice(window.own_start, window.own_end),
                    own_part(window.start, window.own_start, window.own_end),
                )
                tags[own], confidence[own] = answer.tags[row, inner], answer.confidence[row, inner]

        errors = self.run(windowed, accept)
        logits[~np.isfinite(logits)] = np.nan  # an overflow is no confident answer
        probabilities = 1 / (1 + np.exp(-(logits.astype(np.float64) * self.scale + self.shift)))
        read_labels(scored, rows, windowed, probabilities, errors)
        scored.spans.append(spans_of(scored, numbers, decode(texts, windowed.tokens, tags, confidence)))

    def run(self, windowed: Windowed, accept: Callable[[np.ndarray, Predictions], None]) -> dict[int, str]:
        """Runs every window; a batch that fails is halved until the window at fault stands alone.

        Returns the reason for each text (by its number in the chunk) that failed.
        """
        errors: dict[int, str] = {}

        def attempt(batch: np.ndarray) -> None:
            try:
                accept(batch, self.predict(windowed, batch))
            except RuntimeError as error:  # torch's, for an allocation that fails and for a kernel's own errors
                if len(batch) == 1:
                    errors[int(windowed.owners[batch[0]])] = f"model_error:{type(error).__name__}"
                    return
                attempt(batch[: len(batch) // 2])
                attempt(batch[len(batch) // 2 :])

        for batch in token_budget_batches(windowed.lengths + SPECIALS, self.token_budget):
            attempt(batch)
        return errors

    def predict(self, windowed: Windowed, batch: np.ndarray) -> Predictions:
        """Pads the windows of a batch and runs them through the network."""
        first, last = self.specials
        windows = [windowed.windows[index] for index in batch]
        rows = [np.array([first, *windowed.tokens.ids[window.start : window.end], last]) for window in windows]
        width = max(map(len, rows))
        mask = np.arange(width) < np.array([[len(row)] for row in rows])
        return self.backend.predict(pad(rows, width), mask.astype(np.int64))


def reason(index: int, text: object) -> str | None:
    """The skip reason of one text; raises `TypeError` that names the index of what is no text."""
    if text is not None and not isinstance(text, str):
        raise TypeError(f"texts[{index}] is {type(text).__name__}, not str")
    return skip_reason(text)


def chunks(reasons: list[str | None], texts: Sequence[str | None]) -> list[list[int]]:
    """The rows that are to be scored, in groups of about `CHUNK_CHARACTERS`."""
    found: list[list[int]] = []
    size = CHUNK_CHARACTERS
    for row, text in enumerate(texts):
        if reasons[row] is not None:
            continue
        if size >= CHUNK_CHARACTERS:
            found.append([])
            size = 0
        found[-1].append(row)
        size += len(text or "")
    return found


def own_part(start: int, own_start: int, own_end: int) -> slice:
    """Where the tokens that a window owns stand in its row, behind [CLS]."""
    return slice(1 + own_start - start, 1 + own_end - start)


def read_labels(
    scored: Scored, rows: list[int], windowed: Windowed, probabilities: np.ndarray, errors: dict[int, str]
) -> None:
    """The highest probability over a text's windows for each label; the window with the highest of all is evidence."""
    tokens = windowed.tokens
    for number, (row, windows) in enumerate(zip(rows, windowed.windows_of_texts(), strict=True)):
        scored.tokens[row], scored.windows[row] = tokens.lengths[number], len(windows)
        found = probabilities[windows.start : windows.stop]
        if not windows:
            scored.reasons[row] = "no_readable_text"  # nothing but what the tokeniser drops, such as control characters
        elif number in errors or not np.isfinite(found).all():
            scored.fail(row, errors.get(number, "scores_not_finite"))
        else:
            scored.scores[row] = found.max(axis=0)
            if len(windows) > 1:
                best = windowed.windows[windows.start + int(found.max(axis=1).argmax())]
                scored.evidence[row] = tokens.starts[best.start], tokens.ends[best.end - 1]


def spans_of(scored: Scored, rows: np.ndarray, spans: Spans) -> Spans:
    """A chunk's spans under the row numbers of the whole list, but for texts that failed."""
    owners = rows[spans.texts]
    good = ~scored.failed[owners]
    return Spans(owners[good], spans.starts[good], spans.ends[good], spans.types[good], spans.scores[good])
