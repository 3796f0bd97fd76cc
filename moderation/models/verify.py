"""Whether a model is whole: all that can be known without scoring a text."""

from moderation.errors import UsageError
from moderation.models.load import ModelSource, find_model, load_tokenizer


def verify(source: str, digest: str | None = None) -> ModelSource:
    """Loads a model and checks it: the digest, every weight in its place and finite, token ids within the encoder.

    Raises `UsageError` with the first thing that is wrong.
    """
    found = find_model(source, digest)
    check_vocabulary(found)
    check_weights(found)
    return found


def check_vocabulary(source: ModelSource) -> None:
    """Raises `UsageError` where the tokenizer has ids that the encoder has no embedding for."""
    highest, rows = max(load_tokenizer(source.folder).get_vocab().values()), source.shape.vocabulary
    if highest >= rows:
        raise UsageError(f"model {source.folder}: tokenizer.json has ids up to {highest}, the encoder knows {rows}")


def check_weights(source: ModelSource) -> None:
    """Raises `UsageError` where a weight is missing, misshapen, unknown or not finite."""
    from moderation.models.networks import load_network

    for name, weight in load_network(source).state_dict().items():
        if not bool(weight.isfinite().all()):
            raise UsageError(f"model {source.folder}: the weight {name} is not finite")
