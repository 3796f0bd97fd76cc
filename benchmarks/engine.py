"""The engine beside Detoxify's own way of predicting: same weights, same texts, equal answers first, then speed.

Run `python -m benchmarks.engine` from the repository's root; README.md in this folder says how to read it.
"""

import argparse
import json
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks.machine import describe, print_machine
from benchmarks.peers import Answers, DetoxifyPeer, EnginePeer, Peer
from benchmarks.texts import add_arguments, data_file, scorable_bodies
from moderation.inference.engine import SPECIALS
from moderation.models.load import find_model
from moderation.models.spec import ModelSpec

FP32_TOLERANCE = 1e-3  # largest difference of a probability
BF16_TOLERANCE = 0.02  # largest share of decisions (a label of a text) that change
RATIOS = {
    "bf16_vs_detoxify_32": ("engine_bf16", "detoxify_32"),
    "fp32_vs_detoxify_32": ("engine_fp32", "detoxify_32"),
    "bf16_vs_one_by_one": ("engine_bf16", "detoxify_1"),
}


def main() -> None:
    """Runs the benchmark; exits with 1 where the peers' answers differ."""
    arguments = parse()
    source, file = find_model("builtin"), data_file(arguments)
    texts = scorable_bodies(file, arguments.texts)
    machine = describe()
    peers: list[Peer] = [DetoxifyPeer(source, 32), DetoxifyPeer(source, 1)]
    peers += [EnginePeer(source, "fp32"), EnginePeer(source, "bf16")]
    answers = {peer.name: peer.answers(texts) for peer in peers}  # warms every peer up, too
    agreement = compare(answers, source.spec)
    if not agreement["equal"]:
        sys.exit(f"benchmark failed: the peers' answers are not equal, so their speeds are not compared: {agreement}")
    seconds = race(peers, texts, arguments.rounds)
    result = {
        "machine": machine,
        "texts": {"source": file.name if file else "generated", **lengths(answers["engine_fp32"].tokens)},
        "answers": agreement,
        "rounds": arguments.rounds,
        "peers": {name: figures(answers[name], times) for name, times in seconds.items()},
    }
    result["ratios"] = ratios(result["peers"])
    report(result)
    if arguments.json:
        print(json.dumps(result))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=2000, help="texts to score (default 2000)")
    parser.add_argument("--rounds", type=int, default=3, help="times that every peer scores them (default 3)")
    add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.texts < 1 or arguments.rounds < 1:
        parser.error("--texts and --rounds must be at least 1")
    return arguments


def compare(answers: dict[str, Answers], spec: ModelSpec) -> dict[str, Any]:
    """Compares the peers on the texts that fit one window: of longer ones Detoxify reads only the first."""
    reference = answers["engine_fp32"]
    fits = (reference.tokens > 0) & (reference.tokens <= spec.max_tokens - SPECIALS)
    found = {name: answer.probabilities[fits] for name, answer in answers.items()}
    thresholds = np.array([spec.thresholds[label] for label in spec.labels])
    apart = {name: float(np.abs(rows - found["engine_fp32"]).max(initial=0)) for name, rows in found.items()}
    changed = (found["engine_bf16"] >= thresholds) != (found["detoxify_32"] >= thresholds)
    fp32, bf16 = float(np.max([apart["detoxify_32"], apart["detoxify_1"]])), apart["engine_bf16"]  # NaN stays NaN
    within = fits.any() and fp32 <= FP32_TOLERANCE and changed.mean() <= BF16_TOLERANCE
    return {
        "equal": bool(within and np.isfinite(bf16)),
        "texts_compared": int(fits.sum()),
        "fp32_largest_difference": fp32,
        "bf16_largest_difference": bf16,
        "bf16_changed_decisions": float(changed.mean()) if changed.size else 0.0,
        "bf16_changed_texts": float(changed.any(axis=1).mean()) if changed.size else 0.0,
    }


def race(peers: list[Peer], texts: list[str], rounds: int) -> dict[str, list[float]]:
    """Seconds of every peer in every round; peers take turns, so that a slow moment of the machine meets all alike."""
    seconds: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            started = time.perf_counter()
            peer.score(texts)
            seconds[peer.name].append(time.perf_counter() - started)
    return seconds


def figures(answer: Answers, seconds: list[float]) -> dict[str, Any]:
    """A peer's speed at its median round, in the tokens that it read; special tokens and padding count as waste."""
    tokens = int(answer.tokens.sum())
    return {
        "seconds": [round(second, 3) for second in seconds],
        "texts_per_second": round(len(answer.tokens) / median(seconds), 1),
        "tokens_read": tokens,
        "tokens_per_second": round(tokens / median(seconds), 1),
        "padding_waste": round(1 - tokens / answer.padded, 4),
    }


def ratios(peers: dict[str, dict[str, Any]]) -> dict[str, float]:
    """How many times the tokens per second of one peer another has."""
    speed = {name: peer["tokens_per_second"] for name, peer in peers.items()}
    return {name: round(speed[ours] / speed[theirs], 2) for name, (ours, theirs) in RATIOS.items()}


def lengths(tokens: np.ndarray) -> dict[str, Any]:
    """How many texts there are and how long they are in tokens."""
    median_, p90, p99 = (int(value) for value in np.quantile(tokens, [0.5, 0.9, 0.99]))
    return {"count": len(tokens), "mean": round(float(tokens.mean()), 1), "median": median_, "p90": p90, "p99": p99}


def report(result: dict[str, Any]) -> None:
    """Prints the result for people."""
    print_machine(result["machine"])
    texts, answers = result["texts"], result["answers"]
    sizes = ", ".join(f"{name} {texts[name]}" for name in ("mean", "median", "p90", "p99"))
    print(f"texts     {texts['count']} of {texts['source']}, tokens: {sizes}")
    print(
        f"answers   equal on the {answers['texts_compared']} texts of one window: fp32 within "
        f"{answers['fp32_largest_difference']:.1e}, bf16 within {answers['bf16_largest_difference']:.1e}, "
        f"where {answers['bf16_changed_decisions']:.2%} of decisions and {answers['bf16_changed_texts']:.2%} of texts' "
        f"labels change\n"
    )
    print(
        f"{'peer':<14}{'seconds':>9}{'texts/s':>10}{'tokens/s':>10}{'waste':>8}   median of {result['rounds']} rounds"
    )
    for name, peer in result["peers"].items():
        print(
            f"{name:<14}{median(peer['seconds']):>9.2f}{peer['texts_per_second']:>10,.0f}"
            f"{peer['tokens_per_second']:>10,.0f}{peer['padding_waste']:>8.1%}"
        )
    print("waste: padding, special tokens, and tokens that two windows share, of all tokens computed\n")
    for name, ratio in result["ratios"].items():
        print(f"{name:<22}{ratio:>7.2f} ×")


if __name__ == "__main__":
    main()
