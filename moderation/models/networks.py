"""Networks of transformers' own classes: which there are, how they are built, and how they are given their weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from moderation.errors import UsageError
from moderation.models.load import ModelSource, load_own
from moderation.models.spec import OURS, read_config
from moderation.models.weights import fill, read_weights

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

    from moderation.models.multitask import MultiTask

FAMILIES = {
    "bert": "Bert",
    "distilbert": "DistilBert",
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
    "albert": "Albert",
    "deberta": "Deberta",
    "deberta-v2": "DebertaV2",
    "electra": "Electra",
}
HEADS = ("ForSequenceClassification", "ForTokenClassification")


class Classifier(nn.Module):
    """A network of transformers' own with the inputs and outputs of `MultiTaskBert`; it has one of the two heads."""

    def __init__(self, network: "PreTrainedModel") -> None:
        super().__init__()
        self.network, self.pad = network, int(network.config.pad_token_id or 0)
        self.tokens = type(network).__name__.endswith(HEADS[1])

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask, both [rows, tokens], to label logits [rows, labels] and tag logits [rows, tokens, tags],
        of which one has no columns. What stands where the mask is 0 does not matter."""
        logits = self.head(input_ids, attention_mask)
        rows, width = input_ids.shape
        return (logits.new_zeros(rows, 0), logits) if self.tokens else (logits, logits.new_zeros(rows, width, 0))

    def head(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The logits of the only head. RoBERTa counts positions by what is padding, so padding is its own token."""
        ids = torch.where(attention_mask.bool(), input_ids, self.pad)
        logits: torch.Tensor = self.network(input_ids=ids, attention_mask=attention_mask).logits
        return logits


def load_network(source: ModelSource) -> "MultiTask | Classifier":
    """Loads a model's network in fp32, all of its weights: a missing, misshapen or unknown one is a `UsageError` that
    names it, never a random head."""
    name = architecture(source.folder)
    if name == OURS:
        return load_own(source)
    network = Classifier(build(name, encoder_config(source.folder), source.folder))
    expected = len(source.spec.tags) if network.tokens else len(source.spec.outputs)
    other = source.spec.outputs if network.tokens else source.spec.tags
    if other or network.network.num_labels != expected:
        raise UsageError(
            f"model {source.folder}: its {type(network.network).__name__} has {network.network.num_labels} outputs, "
            f"the moderation section of config.json names {len(source.spec.outputs)} outputs and "
            f"{len(source.spec.tags)} tags"
        )
    fill(network.network, read_weights(source.folder), source.folder)
    return network.eval()


def build(name: str, config: "PretrainedConfig", folder: Path) -> "PreTrainedModel":
    """A network of transformers' own by its class and config, its weights not yet anything; `folder` is for errors."""
    import transformers
    from transformers.initialization import no_init_weights

    network = getattr(transformers, name)
    if not isinstance(config, network.config_class):
        raise UsageError(f"model {folder}: config.json has model_type '{config.model_type}', which is no {name}")
    try:
        with no_init_weights():
            found: PreTrainedModel = network(config)
    except Exception as error:  # transformers raises whatever the value at fault brings about
        raise unbuildable(folder, error) from error
    return found


def architecture(folder: Path) -> str:
    """The class that config.json names; raises `UsageError` where it is none that is known here."""
    named = read_config(folder).get("architectures")
    name = named[0] if isinstance(named, list) and named else None
    if name == OURS or name in known_classes():
        return str(name)
    raise UsageError(
        f"model {folder}: config.json has architectures {named!r}; known are {OURS}, and {' and '.join(HEADS)} of "
        f"{', '.join(FAMILIES.values())}"
    )


def known_classes() -> set[str]:
    """The names of all classes of transformers that can be loaded."""
    return {family + head for family in FAMILIES.values() for head in HEADS}


def encoder_config(folder: Path) -> "PretrainedConfig":
    """The config of a known family, as transformers has it."""
    from transformers import CONFIG_MAPPING

    content: dict[str, Any] = read_config(folder)
    family = content.get("model_type")
    if family not in FAMILIES:
        raise UsageError(f"model {folder}: config.json has model_type {family!r}; known are {', '.join(FAMILIES)}")
    try:
        config: PretrainedConfig = CONFIG_MAPPING[family].from_dict(content)
    except Exception as error:  # as above
        raise unbuildable(folder, error) from error
    return config


def unbuildable(folder: Path, error: Exception) -> UsageError:
    """What is said of a config that makes no network."""
    return UsageError(f"model {folder}: config.json makes no network: {' '.join(str(error).split())}")
