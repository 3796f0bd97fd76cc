"""The benchmark, stage by stage: load, compare answers, race, agreement, share of the peak, Spark."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from moderation.bench import agreement, bert_base, equal, spark
from moderation.bench.load import check_extra, load_peers, makers
from moderation.bench.machine import describe
from moderation.bench.peak import Peak
from moderation.bench.peers import EnginePeer
from moderation.bench.progress import Progress
from moderation.bench.race import figures, race
from moderation.bench.ratios import ratios
from moderation.bench.texts import bodies, data_file, distinct, scorable_bodies
from moderation.errors import UsageError
from moderation.inference.chunk import SPECIALS
from moderation.inference.tokenise import tokenise
from moderation.models.load import find_model, load_tokenizer

COMPARED = 400  # texts on which answers are compared; this warms every peer up and tells how long it will take
BASE_SHARE = 4  # one in so many texts is enough for a BERT-base
AGREEING = ("engine_fp32", "engine_bf16", "engine_int8")


@dataclass(frozen=True)
class Options:
    """How much to measure; `rows` (of the Spark job) and `agreement` may be 0, which leaves that part out."""

    texts: int = 2000
    rounds: int = 3
    rows: int = 20_000
    agreement: int = 20_000
    data: Path | None = None
    generated: bool = False


def bench(options: Options) -> dict[str, Any]:
    """Measures everything; raises `UsageError` for what is missing and ends the program where answers differ."""
    check_extra()
    with Progress() as progress:
        run = Bench(options, progress)
        run.compare()
        run.race()
        run.agree()
        run.bert_base()
        run.spark()
    return run.result


class Bench:
    """A run of the benchmark: what is measured, on which texts, and what came of it so far."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self.options, self.progress, self.source = options, progress, find_model("builtin")
        self.file = data_file(options.data, options.generated)
        self.texts = distinct(scorable_bodies(self.file, options.texts))
        self.lengths = tokenise(load_tokenizer(self.source.folder), self.texts).lengths
        self.peak = Peak()
        self.result: dict[str, Any] = {
            "machine": describe(),
            "texts": {"source": self.file.name if self.file else "generated", **sizes(self.lengths)},
            "rounds": options.rounds,
        }
        self.peers, self.missing = load_peers(makers(self.source), progress)
        self.result["missing"] = self.missing
        if equal.REFERENCE in self.missing:
            raise UsageError(f"bench needs {equal.REFERENCE}: {self.missing[equal.REFERENCE]}")
        self.guesses: dict[str, float] = {}

    def compare(self) -> None:
        """Ends the program unless all peers give equal answers to some of the texts."""
        texts, lengths = self.texts[:COMPARED], self.lengths[:COMPARED]
        found, times = {}, self.lengths.sum() / max(1, lengths.sum())
        for peer in self.peers:
            with self.progress.step(f"comparing answers: {peer.name}"):
                started = time.perf_counter()
                found[peer.name] = peer.probabilities(texts)
                self.guesses[peer.name] = (time.perf_counter() - started) * float(times)
        fits = (lengths > 0) & (lengths <= self.source.spec.max_tokens - SPECIALS)
        self.result["answers"] = equal.compare(found, fits, self.source.spec)
        equal.stop_unless_equal(self.result["answers"])

    def race(self) -> None:
        """Times all peers, and what their speeds are to each other."""
        rounds, guesses = self.options.rounds, self.guesses
        self.progress.plan(rounds * sum(guesses.values()))
        self.progress.plan(self.options.agreement / len(self.texts) * sum(guesses.get(name, 0) for name in AGREEING))
        seconds = race(self.peers, self.texts, rounds, self.peak, self.progress, guesses)
        speeds = {p.name: figures(p.counts(self.texts), len(self.texts), seconds[p.name]) for p in self.peers}
        best = "engine_bf16" if "engine_bf16" in speeds else equal.REFERENCE
        self.result |= {
            "peers": speeds,
            "ratios": {**ratios(speeds), "share_of_bf16_peak": self.share(seconds)},
            "padding_waste": speeds[best]["padding_waste"],
        }

    def share(self, seconds: dict[str, list[float]]) -> float | None:
        """The share of the matrix peak that the engine reaches in bf16."""
        peer = self.engines().get("engine_bf16")
        found = peer and self.peak.share(peer.work, median(seconds[peer.name]))
        return round(found, 4) if found else None

    def engines(self) -> dict[str, EnginePeer]:
        """Those of the peers that are our engine."""
        return {peer.name: peer for peer in self.peers if isinstance(peer, EnginePeer)}

    def agree(self) -> None:
        """Compares the engine's precisions on many texts."""
        texts = scorable_bodies(self.file, self.options.agreement) if self.options.agreement else []
        chosen = {name: peer for name, peer in self.engines().items() if name in AGREEING}
        guesses = {name: len(texts) / len(self.texts) * self.guesses[name] for name in chosen}
        found = agreement.measure(chosen, texts, self.source.spec, self.progress, guesses) if texts else {}
        self.result["agreement"] = found

    def bert_base(self) -> None:
        """The share of the peak with a BERT-base, which leaves more of the time to the matrices."""
        texts = self.texts[: -(-len(self.texts) // BASE_SHARE)]
        found: dict[str, Any] = {}
        try:
            found = bert_base.measure(self.source, texts, self.options.rounds, self.peak, self.progress)
        except (UsageError, ImportError) as error:
            self.missing["bert_base_bf16"] = str(error)
        self.result["bert_base"] = found
        self.result["ratios"]["share_of_bf16_peak_bert_base"] = found.get("share_of_bf16_peak")
        self.result["peak_gflops"] = {shape: round(best / 1e9) for shape, best in self.peak.best.items()}

    def spark(self) -> None:
        """The Spark job beside the engine alone."""
        found: dict[str, Any] = {}
        try:
            if self.options.rows:
                found = spark.measure(bodies(self.file, self.options.rows), self.progress)
            else:
                self.missing["spark"] = "not asked for"
        except spark.JobFailed as error:
            self.missing["spark"] = str(error)
        self.result["spark"] = found
        self.result["ratios"]["spark_vs_engine"] = found.get("ratio")


def sizes(lengths: np.ndarray) -> dict[str, Any]:
    """How many texts there are and how long they are in tokens."""
    middle, p90, p99 = (int(value) for value in np.quantile(lengths, [0.5, 0.9, 0.99]))
    return {"count": len(lengths), "mean": round(float(lengths.mean()), 1), "median": middle, "p90": p90, "p99": p99}
