"""The ways of scoring that are compared, all with the weights of the built-in model."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from detoxify import Detoxify
from torch import nn
from transformers import PreTrainedTokenizerFast

from moderation.inference.engine import SPECIALS, Engine
from moderation.models.load import ModelSource, load_network
from moderation.models.multitask import MultiTaskBert


@dataclass(frozen=True)
class Answers:
    """Per text the calibrated probabilities [texts, labels] and the tokens that were read, special ones left out;
    `padded` counts all tokens that were computed."""

    probabilities: np.ndarray
    tokens: np.ndarray
    padded: int


class Peer(Protocol):
    """A way of scoring texts."""

    name: str

    def score(self, texts: list[str]) -> None:
        """Scores the texts; this is what is timed."""

    def answers(self, texts: list[str]) -> Answers:
        """Scores the texts and counts; this is what is compared."""


class EnginePeer:
    """Our engine as every caller has it: tokenising, windows, scores and entity spans."""

    def __init__(self, source: ModelSource, precision: str) -> None:
        self.name, self.engine = f"engine_{precision}", Engine(source, precision)

    def score(self, texts: list[str]) -> None:
        """Scores every token of the texts."""
        self.engine.score(texts)

    def answers(self, texts: list[str]) -> Answers:
        """The engine's own probabilities and counts; a token that two windows share is counted once."""
        scored = self.engine.score(texts)
        return Answers(scored.scores, scored.tokens, int(scored.padded.sum()))


class DetoxifyPeer:
    """Detoxify's own `predict`, given lists of `size` texts in their order."""

    def __init__(self, source: ModelSource, size: int) -> None:
        self.name, self.size, self.detoxify = f"detoxify_{size}", size, detoxify_with(source)
        self.calibration = [source.spec.calibration_of(label) for label in source.spec.labels]

    def lists(self, texts: list[str]) -> list[list[str]]:
        """The texts in lists of `size`."""
        return [texts[start : start + self.size] for start in range(0, len(texts), self.size)]

    def score(self, texts: list[str]) -> None:
        """Predicts list by list; texts longer than the model's window are cut, as Detoxify does."""
        for part in self.lists(texts):
            self.detoxify.predict(part)

    def answers(self, texts: list[str]) -> Answers:
        """Detoxify's probabilities under the model's calibration, which it does not know, and what it read."""
        # predict gives a bare number instead of a list where the list holds one text
        parts = [np.array([*map(np.atleast_1d, self.detoxify.predict(part).values())]).T for part in self.lists(texts)]
        masks = [self.detoxify.tokenizer(p, truncation=True, padding=True)["attention_mask"] for p in self.lists(texts)]
        tokens = np.concatenate([np.sum(mask, axis=1) - SPECIALS for mask in masks])
        return Answers(self.calibrated(np.concatenate(parts)), tokens, sum(np.size(mask) for mask in masks))

    def calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        """Plain sigmoids as the engine would give them."""
        tiny = np.finfo(np.float32).tiny
        logits = np.log(np.maximum(probabilities, tiny)) - np.log(np.maximum(1 - probabilities, 2**-25))
        scale, shift = np.array([(found.scale, found.shift) for found in self.calibration]).T
        return 1 / (1 + np.exp(-(logits * scale + shift)))


class Classifier(nn.Module):
    """The network as transformers' classifiers present themselves to Detoxify: a call gives the logits first."""

    device = torch.device("cpu")

    def __init__(self, network: MultiTaskBert) -> None:
        super().__init__()
        self.network = network
        self.network.add_module("tag_head", nn.Identity())  # Detoxify finds no entities, so it need not look for them

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [rows, labels], then what Detoxify does not look at."""
        return self.network(input_ids, attention_mask)


def detoxify_with(source: ModelSource) -> Detoxify:
    """A Detoxify with our weights, made without its constructor, which downloads and unpickles a checkpoint."""
    detoxify = Detoxify.__new__(Detoxify)
    detoxify.model = Classifier(load_network(source)).eval()
    detoxify.class_names, detoxify.device = list(source.spec.labels), "cpu"
    detoxify.tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(source.folder / "tokenizer.json"),
        model_max_length=source.spec.max_tokens,  # the default is 1e30, with which truncation=True cuts nothing
        split_special_tokens=True,  # a "[SEP]" in a text is text, as the engine reads it
        **{"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"},
    )
    return detoxify
