"""The engine: lists of texts to scores and spans, in order, each text answered for."""

import os
from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np

from moderation.inference.backend import Predictions
from moderation.inference.chunk import Chunk
from moderation.inference.decode import finish
from moderation.inference.devices import Device, usable_threads
from moderation.inference.feed import Feed, ahead
from moderation.inference.member import Member, load_members
from moderation.inference.recent import Recent
from moderation.inference.scored import Scored
from moderation.inference.settle import settle
from moderation.inference.spans import Spans
from moderation.inference.tokenise import Tokens, tokenise
from moderation.inference.work import Work
from moderation.models.load import ModelSource
from moderation.models.panel import Models, Panel, find_panel, panel_of
from moderation.models.spec import ModelSpec
from moderation.text.normalise import skip_reason, without_surrogates

CHUNK_CHARACTERS = 1_000_000  # texts that are tokenised and sorted together: bounds memory, far above a batch
Copies = tuple[Scored, list[tuple[int, int]]]  # where answers are, and pairs of a row there and a row here


class Engine:
    """Loaded models that score texts together; remembers the answers to short texts, and how large a batch fits memory.

    One model is a panel of one: the same steps, and none more.
    """

    def __init__(
        self,
        models: ModelSource | Panel,
        precision: str = "auto",
        device: Device | None = None,
        token_budget: int | None = None,
        entities: bool = True,
        remember: bool = True,
    ) -> None:
        self.panel = models if isinstance(models, Panel) else panel_of(models)
        device = device or Device()
        os.environ.setdefault("RAYON_NUM_THREADS", str(device.threads or usable_threads()))  # the tokeniser's
        self.members = load_members(self.panel, precision, device, token_budget, entities)
        self.recent = Recent() if remember else Recent(capacity=0)

    @classmethod
    def load(cls, models: Models = "builtin", precision: str = "auto", device: Device | None = None) -> "Engine":
        """Finds and loads models; raises `UsageError` where one is not whole or two give the same label."""
        return cls(find_panel(models), precision, device)

    @property
    def source(self) -> ModelSource:
        """The model; of several the first."""
        return self.panel.sources[0]

    @property
    def spec(self) -> ModelSpec:
        """What the model says of itself; of several the first: `panel` is what all of them say."""
        return self.source.spec

    def start_afresh(self) -> None:
        """Forgets the texts that were scored before, if answers to those that follow could tell: an answer's last bits
        may come from the texts that were computed beside it, and a memory of others brings theirs."""
        if not all(member.backend.independent for member in self.members):
            self.recent = Recent(self.recent.capacity)

    def score(self, texts: Sequence[str | None]) -> Scored:
        """Scores texts in any number and of any length; one answer per text, in order.

        None, empty and deleted texts are skipped without the model; a text on which the model fails is `failed` with
        its reason and costs no other text its answer; equal texts are scored once. Raises `TypeError` for a text that
        is no string.
        """
        scored = Scored.blank([reason(index, text) for index, text in enumerate(texts)], len(self.panel.labels))
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
        """Answers for the texts of `rows`; the next chunk is tokenised while one is with a model.

        One model runs through all chunks without a pause. Several take turns with each chunk: they share the cores or
        the GPU, and of the tokens no more is kept than a chunk's.
        """
        pieces: list[Spans] = []
        prepared = ahead(self.chunks(scored.work, texts, rows))
        for group in [prepared] if len(self.members) == 1 else ([chunks] for chunks in prepared):
            for member in self.members:
                self.ask(member, map(itemgetter(member.number), group), scored, pieces)
        scored.spans = Spans.join(pieces)
        if len(self.members) > 1:
            settle(scored, rows)

    def ask(self, member: Member, chunks: Iterator[Chunk], scored: Scored, pieces: list[Spans]) -> None:
        """Has one model answer for its chunks."""
        backend, busy = member.backend, member.backend.seconds
        feed = Feed(chunks, member.budget, lambda chunk: pieces.append(finish(scored, chunk, member)))
        while feed.more():
            for batch, answer in backend.run(feed):
                with scored.work.timed("decode_seconds"):
                    if isinstance(answer, Predictions):
                        scored.work.padded_tokens += backend.computed(batch)
                    feed.settle(batch, answer)
        scored.work.model_seconds += backend.seconds - busy

    def chunks(self, work: Work, texts: Sequence[str | None], rows: list[int]) -> Iterator[list[Chunk]]:
        """The texts of `rows` in groups of about `CHUNK_CHARACTERS`, as one chunk for each model."""
        for part in parts(rows, texts, CHUNK_CHARACTERS):
            with work.timed("tokenise_seconds"):
                bodies = [without_surrogates(texts[row] or "") for row in part]
                chunks = self.prepare(bodies, np.array(part, np.int64))
            for member, chunk in zip(self.members, chunks, strict=True):
                lengths = chunk.windows.lengths
                tokens, pairs = int(lengths.sum()), int((lengths**2).sum())
                work.windows += len(lengths)
                work.computed_tokens += tokens
                work.operations += member.source.shape.operations(tokens, pairs)
            yield chunks

    def prepare(self, bodies: list[str], rows: np.ndarray) -> list[Chunk]:
        """Texts as one chunk for each model; a tokenizer that models share is asked once."""
        found: dict[int, Tokens] = {}
        chunks = []
        for member in self.members:
            key = id(member.tokenizer)
            found[key] = found.get(key) or tokenise(member.tokenizer, bodies)
            chunks.append(Chunk.prepare(member.tokenizer, bodies, rows, member.source.spec, found[key]))
        return chunks


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
