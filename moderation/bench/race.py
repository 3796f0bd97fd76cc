"""Peers that take turns, and what their seconds come to."""

import time
from statistics import median
from typing import Any

from moderation.bench.peak import Peak
from moderation.bench.peers import Counts, Peer
from moderation.bench.progress import Progress

Seconds = dict[str, list[float]]


def race(
    peers: list[Peer], texts: list[str], rounds: int, peak: Peak, progress: Progress, guesses: dict[str, float]
) -> Seconds:
    """Seconds of every peer in every round, and the matrix peak in each: peers take turns, so that a slow moment of
    the machine meets all alike. `guesses` are the seconds that each is expected to take."""
    seconds: Seconds = {peer.name: [] for peer in peers}
    for number in range(rounds):
        with progress.step(f"round {number + 1} of {rounds}: matrix peak"):
            peak.measure()
        for peer in peers:
            with progress.step(f"round {number + 1} of {rounds}: {peer.name}", guesses[peer.name]):
                seconds[peer.name].append(timed(peer, texts))
    return seconds


def timed(peer: Peer, texts: list[str]) -> float:
    """Seconds in which a peer scores the texts."""
    started = time.perf_counter()
    peer.score(texts)
    return time.perf_counter() - started


def figures(counts: Counts, texts: int, seconds: list[float]) -> dict[str, Any]:
    """A peer's speed at its median round, in the tokens that it reads."""
    return {
        "seconds": [round(second, 4) for second in seconds],
        "texts_per_second": round(texts / median(seconds), 1),
        "tokens_read": counts.read,
        "tokens_per_second": round(counts.read / median(seconds), 1),
        "padding_waste": round(counts.padding_waste, 4),
    }
