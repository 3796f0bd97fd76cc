"""The engine: lists of texts to scores and spans, in order, each text answered for."""

import os
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from moderation.errors import UsageError
from moderation.inference.backend import Backend, Predictions
from moderation.inference.chunk import Budget, Chunk
from moderation.inference.decode import finish
from moderation.inference.devices import Device, load_backend, usable_threads
from moderation.inference.feed import Feed, ahead
from moderation.inference.recent import Recent
from moderation.inference.scored import Scored
from moderation.inference.spans import Spans
from moderation.inference.work import Work
from moderation.models.load import ModelSource, find_model, load_tokenizer
from moderation.text.normalise import skip_reason, without_surrogates

CHUNK_CHARACTERS = 1_000_000  # texts that are tokenised and sorted together: bounds memory, far above a batch
Copies = tuple[Scored, list[tuple[int, int]]]  # where answers are, and pairs of a row there and a row here


class Engine:
    """A loaded model that scores texts; remembers the answers to short texts, and how large a batch fits memory."""

    def __init__(
        self,
        source: ModelSource,
        precision: str = "auto",
        device: Device | None = None,
        token_budget: int | None = None,
        entities: bool = True,
        remember: bool = True,
    ) -> None:
        self.source, self.spec = source, source.spec
        device = device or Device()
        os.environ.setdefault("RAYON_NUM_THREADS", str(device.threads or usable_threads()))  # the tokeniser's
        self.tokenizer = load_tokenizer(source.folder)
        largest, rows = max(self.tokenizer.get_vocab().values()), source.shape.vocabulary
        if largest >= rows:
            raise UsageError(f"model {source.folder}: tokenizer.json has ids up to {largest}, the encoder knows {rows}")
        self.backend: Backend = load_backend(source, precision, device, entities)
        self.budget = Budget(token_budget or self.backend.token_budget)
        self.recent = Recent() if remember else Recent(capacity=0)

    @classmethod
    def load(cls, source: str = "builtin", precision: str = "auto", device: Device | None = None) -> "Engine":
        """Loads `builtin` or a model folder; raises `UsageError` where it is not whole."""
        return cls(find_model(source), precision, device)

    def score(self, texts: Sequence[str | None]) -> Scored:
        """Scores texts in any number and of any length; one answer per text, in order.

        None, empty and deleted texts are skipped without the model; a text on which the model fails is `failed` with
        its reason and costs no other text its answer; equal texts are scored once. Raises `TypeError` for a text that
        is no string.
        """
        scored = Scored.blank([reason(index, text) for index, text in enumerate(texts)], len(self.spec.labels))
        scored.work.texts = len(texts)
        new, copies = self.plan(scored, texts)
        if new:
            self.run(scored, texts, new)
        with scored.work.timed("decode_seconds"):
            pieces = [scored.spans]
            for other, pairs in copies:
                sources, targets = np.array(pairs, np.int64).T
                pieces.append(scored.copy(other, sources, targets))
                scored.work.duplicates += len(targets)
            scored.spans = Spans.join(pieces)
            self.recent.remember(scored, texts, new)
        return scored

    def plan(self, scored: Scored, texts: Sequence[str | None]) -> tuple[list[int], list[Copies]]:
        """Which rows need the model, and which take over the answer of an equal text, and from where."""
        new: list[int] = []
        first: dict[str, int] = {}
        copies: dict[int, Copies] = {}
        for row, text in enumerate(texts):
            if text is None or scored.reasons[row] is not None:
                continue
            other, source = self.recent.find(text) or (scored, first.setdefault(text, row))
            if other is scored and source == row:
                new.append(row)
            else:
                copies.setdefault(id(other), (other, []))[1].append((source, row))
        return new, list(copies.values())

    def run(self, scored: Scored, texts: Sequence[str | None], rows: list[int]) -> None:
        """Answers for the texts of `rows`; the next chunk is tokenised while one is with the model."""
        pieces: list[Spans] = []
        busy = self.backend.seconds
        done = partial(self.finish, scored, pieces)
        feed = Feed(ahead(self.chunks(scored.work, texts, rows)), self.budget, done)
        while feed.more():
            for batch, answer in self.backend.run(feed):
                with scored.work.timed("decode_seconds"):
                    if isinstance(answer, Predictions):
                        scored.work.padded_tokens += int(batch.ids.size if self.backend.pads else batch.lengths.sum())
                    feed.settle(batch, answer)
        scored.spans = Spans.join(pieces)
        scored.work.model_seconds += self.backend.seconds - busy

    def finish(self, scored: Scored, pieces: list[Spans], chunk: Chunk) -> None:
        """Reads a chunk's answers once it has them all."""
        pieces.append(finish(scored, chunk, self.spec))

    def chunks(self, work: Work, texts: Sequence[str | None], rows: list[int]) -> Iterator[Chunk]:
        """The texts of `rows`, tokenised in groups of about `CHUNK_CHARACTERS`."""
        for part in parts(rows, texts, CHUNK_CHARACTERS):
            with work.timed("tokenise_seconds"):
                bodies = [without_surrogates(texts[row] or "") for row in part]
                chunk = Chunk.prepare(self.tokenizer, bodies, np.array(part, np.int64), self.spec)
            lengths = chunk.windows.lengths
            work.windows += len(lengths)
            work.computed_tokens += int(lengths.sum())
            work.token_pairs += int((lengths**2).sum())
            yield chunk


def reason(index: int, text: object) -> str | None:
    """The skip reason of one text; raises `TypeError` that names the index of what is no text."""
    if text is not None and not isinstance(text, str):
        raise TypeError(f"texts[{index}] is {type(text).__name__}, not str")
    return skip_reason(text)


def parts(rows: list[int], texts: Sequence[str | None], limit: int) -> list[list[int]]:
    """The rows in groups of texts of about `limit` characters."""
    found: list[list[int]] = []
    size = limit
    for row in rows:
        if size >= limit:
            found.append([])
            size = 0
        found[-1].append(row)
        size += len(texts[row] or "")
    return found
