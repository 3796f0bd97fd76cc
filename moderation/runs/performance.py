"""The run report: how fast the scoring was, what it could have been, where the time went, and what it cost."""

from typing import Any

from moderation.inference.work import Work


def performance(work: Work, load_seconds: float, seconds: float, workers: int, peak: float | None) -> dict[str, Any]:
    """Figures of a scoring stage of `seconds` in which `workers` tasks ran at once.

    The seconds of tokenising, of the model and of decoding are of all workers together, divided by their number; what
    remains of the stage is Spark's reading, its transport and its writing. The share of the peak counts the operations
    of real tokens only, against `peak`, the operations a second that this machine was measured to do in the same run;
    it is null where the driver cannot know what the workers' machines can do.
    """
    parts = {
        "load": load_seconds / workers,
        "tokenise": work.tokenise_seconds / workers,
        "model": work.model_seconds / workers,
        "decode": work.decode_seconds / workers,
    }
    busy = max(seconds - parts["load"], 1e-3)
    return {
        "seconds": {
            "scoring": round(seconds, 3),
            **{name: round(found, 3) for name, found in parts.items()},
            "read_and_write": round(max(0.0, seconds - sum(parts.values())), 3),
        },
        "padding_waste": round(work.padding_waste, 4),
        "duplicates_saved": round(work.duplicate_share, 4),
        "computed_tokens": work.computed_tokens,
        "gigaflops": round(work.operations / busy / 1e9, 1),
        "peak_gigaflops": round(peak / 1e9, 1) if peak else None,
        "share_of_peak": round(work.operations / busy / peak, 6) if peak else None,
    }


def speed(counts: dict[str, Any], seconds: float) -> dict[str, float]:
    """Scored comments and tokens in a second of the scoring stage."""
    return {
        "comments_per_second": round(counts["scored"] / max(seconds, 1e-3), 1),
        "tokens_per_second": round(counts["tokens"] / max(seconds, 1e-3), 1),
    }


def cost(price_per_hour: float | None, seconds: float, comments: int) -> dict[str, float]:
    """The price of a million comments, if a price is known and comments there are."""
    if price_per_hour is None or not comments:
        return {}
    return {"cost_per_million": round(price_per_hour * seconds / 3600 / comments * 1e6, 4)}
