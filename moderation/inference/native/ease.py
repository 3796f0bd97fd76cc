"""How channels are eased for int8: a large channel is made smaller before it is rounded, and its weights larger.

Xiao et al., "SmoothQuant" (2023), with its alpha of 1/2. How large channels get is seen on made-up comments in bf16;
whatever the factors are, the products are the same but for rounding, so that it does not matter much.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from moderation.inference.native.weights import Array, Weights

TINY = 1e-6
EASED = (0, 6, 8)  # the weights, among a layer's arrays, of the three products that are in int8


def eased(weights: "Weights", seen: "Array") -> Iterator["Array"]:
    """A model's arrays in order with eased weights, and behind each layer's the factors of the three products' inputs.

    `seen` [layers, 2 hidden + inner] is how large each input channel gets.
    """
    yield from weights.before()
    for number in range(weights.source.shape.layers):
        layer, factors = list(weights.layer(number)), []
        bounds = np.cumsum([0, *(layer[place].shape[1] for place in EASED)])
        for place, start, end in zip(EASED, bounds, bounds[1:], strict=False):
            scale = np.sqrt(np.maximum(seen[number, start:end], TINY) / np.maximum(np.abs(layer[place]).max(0), TINY))
            layer[place] = layer[place] * scale
            factors.append((1 / scale).astype(np.float32))
        yield from (*layer, *factors)
    yield from weights.tag_head()
