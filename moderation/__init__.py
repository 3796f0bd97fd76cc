"""Batch content moderation: score text dumps with BERT, gate the result, publish it, audit it.

`moderation.load("builtin").score(["some text"])` is the whole Python interface for lists of texts;
`moderation.spark.moderate` is the same as a Spark column.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moderation.inference.devices import Device
    from moderation.inference.moderator import Moderator

__version__ = "0.1.0"


def load(source: str = "builtin", precision: str = "auto", device: "Device | None" = None) -> "Moderator":
    """Loads a model and returns its moderator, whose `.score(list_of_texts)` gives one result per text, in order.

    `source` is `builtin` or a model folder; `precision` is `auto`, `fp32`, `bf16` or `int8`; `device` says where it
    runs, on a GPU if there is one, else on the CPU. Raises `UsageError` where the source is not a complete model or the
    device cannot be had.
    """
    from moderation.inference.moderator import Moderator

    return Moderator.load(source, precision, device)
