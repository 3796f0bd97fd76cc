"""The ratios that the benchmark is for, and the figures that they should reach."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Target:
    """What a figure, named by its keys in the result, should be at least, or at most."""

    figure: str
    bound: float
    most: bool = False

    def reached(self, value: float) -> bool:
        """Whether a value is on the right side of the bound."""
        return value <= self.bound if self.most else value >= self.bound


TARGETS = (
    Target("ratios.bf16_vs_detoxify_32", 25),
    Target("ratios.int8_vs_detoxify_32", 35),
    Target("ratios.bf16_vs_one_by_one", 6),
    Target("ratios.share_of_bf16_peak", 0.7),
    Target("ratios.share_of_bf16_peak_bert_base", 0.7),
    Target("ratios.multitask_vs_single", 1.1, most=True),
    Target("ratios.spark_vs_engine", 1.05, most=True),
    Target("padding_waste", 0.05, most=True),
    Target("agreement.bf16.largest_difference", 0.01, most=True),
    Target("agreement.bf16.texts_with_equal_spans", 0.995),
    Target("agreement.int8.largest_difference", 0.05, most=True),
    Target("agreement.int8.changed_decisions", 0.002, most=True),
    Target("agreement.int8.texts_with_equal_spans", 0.995),
)


def ratios(peers: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """Ratios of peers' figures: of tokens per second, so more is better, but for the last, which is of seconds. None
    where a peer is not there."""
    speed = {name: peer["tokens_per_second"] for name, peer in peers.items()}
    seconds = {name: median(peer["seconds"]) for name, peer in peers.items()}
    one_by_one = max((speed[name] for name in ("detoxify_1", "pipeline_1") if name in speed), default=None)
    return {
        "bf16_vs_detoxify_32": quotient(speed.get("engine_bf16"), speed.get("detoxify_32")),
        "int8_vs_detoxify_32": quotient(speed.get("engine_int8"), speed.get("detoxify_32")),
        "fp32_vs_detoxify_32": quotient(speed.get("engine_fp32"), speed.get("detoxify_32")),
        "bf16_vs_one_by_one": quotient(speed.get("engine_bf16"), one_by_one),
        "multitask_vs_single": quotient(seconds.get("engine_bf16"), seconds.get("engine_bf16_labels")),
    }


def quotient(above: float | None, below: float | None) -> float | None:
    """A ratio, None where one side was not measured."""
    return round(above / below, 3) if above is not None and below else None


def figure(result: Mapping[str, Any], keys: str) -> float | None:
    """A figure of the result by its keys, None where it was not measured."""
    found: Any = result
    for key in keys.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def verdict(result: Mapping[str, Any], target: Target) -> str:
    """`reached`, `below target` (whichever side is the wrong one) or `not measured`."""
    value = figure(result, target.figure)
    if value is None:
        return "not measured"
    return "reached" if target.reached(value) else "below target"
