"""Batch content moderation: score text dumps with BERT, gate the result, publish it, audit it.

`moderation.load("builtin").score(["some text"])` is the whole Python interface for lists of texts;
`moderation.spark.moderate` is the same as a Spark column.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moderation.inference.devices import Device
    from moderation.inference.moderator import Moderator
    from moderation.models.panel import Models

__version__ = "0.1.0"


def load(models: "Models" = "builtin", precision: str = "auto", device: "Device | None" = None) -> "Moderator":
    """Loads models and returns their moderator, whose `.score(list_of_texts)` gives one result per text, in order.

    `models` is one model or a list of them, each a name or a mapping as in the config's `models:`; `precision` is
    `auto`, `fp32`, `bf16` or `int8`; `device` says where they run, on a GPU if there is one, else on the CPU. Raises
    `UsageError` where a model is not complete, two of them give the same label, or the device cannot be had.
    """
    from moderation.inference.moderator import Moderator

    return Moderator.load(models, precision, device)
