"""Peers that take texts in lists of one size in their order, as Detoxify and transformers' pipeline are used."""

from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import BertConfig, PreTrainedModel, PreTrainedTokenizerFast, TextClassificationPipeline
from transformers.modeling_outputs import SequenceClassifierOutput

from moderation.bench.peers import Counts, calibrated, case_of
from moderation.models.load import ModelSource, load_multitask
from moderation.models.multitask import MultiTaskBert

SPECIALS = 2  # [CLS] and [SEP]


class ListPeer:
    """Lists of `size` texts, each padded to its longest; texts longer than the model's window are cut."""

    def __init__(self, source: ModelSource, size: int, kind: str) -> None:
        self.name, self.size, self.spec, self.tokenizer = f"{kind}_{size}", size, source.spec, cutting_tokenizer(source)

    def lists(self, texts: list[str]) -> list[list[str]]:
        """The texts in lists of `size`."""
        return [texts[start : start + self.size] for start in range(0, len(texts), self.size)]

    def counts(self, texts: list[str]) -> Counts:
        """What is left of the texts, and what padding makes of it."""
        masks = [self.tokenizer(part, truncation=True, padding=True)["attention_mask"] for part in self.lists(texts)]
        computed = sum(int(np.sum(mask)) for mask in masks)
        return Counts(computed - SPECIALS * len(texts), computed, sum(np.size(mask) for mask in masks))


class DetoxifyPeer(ListPeer):
    """Detoxify's own `predict`."""

    def __init__(self, source: ModelSource, size: int) -> None:
        super().__init__(source, size, "detoxify")
        from detoxify import Detoxify

        # its constructor downloads and unpickles a checkpoint
        self.detoxify = Detoxify.__new__(Detoxify)
        self.detoxify.model = Logits(load_multitask(source)).eval()
        self.detoxify.class_names, self.detoxify.device = list(source.spec.labels), "cpu"
        self.detoxify.tokenizer = self.tokenizer

    def score(self, texts: list[str]) -> list[dict[str, Any]]:
        """Predicts list by list."""
        return [self.detoxify.predict(part) for part in self.lists(texts)]

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Detoxify's answers; of a list of one text it gives bare numbers."""
        parts = [np.array([*map(np.atleast_1d, found.values())]).T for found in self.score(texts)]
        return calibrated(np.concatenate(parts), self.spec)


class PipelinePeer(ListPeer):
    """transformers' text-classification pipeline."""

    def __init__(self, source: ModelSource, size: int) -> None:
        super().__init__(source, size, "pipeline")
        network = BertForSequenceClassification(source)
        self.pipeline = TextClassificationPipeline(
            model=network, tokenizer=self.tokenizer, top_k=None, function_to_apply="sigmoid", device="cpu"
        )

    def score(self, texts: list[str]) -> Any:
        """The pipeline makes the lists itself."""
        return self.pipeline(texts, batch_size=self.size, truncation=True)

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """The pipeline's answers, which come sorted by score."""
        found = [{one["label"]: one["score"] for one in row} for row in self.score(texts)]
        return calibrated(np.array([[row[label] for label in self.spec.labels] for row in found]), self.spec)


class Logits(nn.Module):
    """The network as Detoxify wants it: a call gives the logits first. Nobody asks it for entities."""

    device = torch.device("cpu")

    def __init__(self, network: MultiTaskBert) -> None:
        super().__init__()
        self.network = network
        self.network.add_module("tag_head", nn.Identity())

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [rows, labels], then what Detoxify does not look at."""
        return self.network(input_ids, attention_mask)


class BertForSequenceClassification(PreTrainedModel):
    """The network as the pipeline wants it; it warns of models by any other name."""

    config_class = BertConfig
    _supports_sdpa = True

    def __init__(self, source: ModelSource) -> None:
        network = load_multitask(source)
        config = network.encoder.config
        config.id2label = dict(enumerate(source.spec.labels))
        config.label2id = {label: number for number, label in config.id2label.items()}
        super().__init__(config)
        self.post_init()  # draws random weights for all that is there: the network comes after
        self.logits = Logits(network)
        self.eval()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: object) -> SequenceClassifierOutput:
        """Logits [rows, labels]."""
        return SequenceClassifierOutput(logits=self.logits(input_ids, attention_mask)[0])


class CaseTokenizer(PreTrainedTokenizerFast):
    """A tokenizer whose ids, where they are tensors, hold the case of words as our network reads it."""

    def __call__(self, text: Any, **given: Any) -> Any:
        """As transformers' own, of a text or a list of them."""
        found = super().__call__(text, return_offsets_mapping=True, **given)
        offsets, texts = found.pop("offset_mapping"), [text] if isinstance(text, str) else text
        if given.get("return_tensors") == "pt":
            rows = [case_of(each, row.numpy()) for each, row in zip(texts, offsets, strict=True)]
            found["input_ids"] += torch.from_numpy(np.stack(rows))
        return found


def cutting_tokenizer(source: ModelSource) -> PreTrainedTokenizerFast:
    """The model's tokenizer as transformers has it, cutting at the model's window."""
    return (CaseTokenizer if source.spec.case else PreTrainedTokenizerFast)(
        tokenizer_file=str(source.folder / "tokenizer.json"),
        model_max_length=source.spec.max_tokens,  # the default is 1e30, with which truncation=True cuts nothing
        split_special_tokens=True,  # a "[SEP]" in a text is text, as the engine reads it
        **{"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"},
    )
