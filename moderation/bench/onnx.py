"""onnxruntime as one who knows it uses it: in bulk, sorted by length, in batches of as many tokens."""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from moderation.bench.peers import Counts, calibrated, case_of
from moderation.inference.batches import rows_within
from moderation.inference.devices import usable_threads
from moderation.models.load import ModelSource, load_multitask, load_tokenizer

TOKEN_BUDGET = 4096  # padded tokens of a batch
SPECIALS = 2  # [CLS] and [SEP]


class OnnxPeer:
    """The label head alone, of the first window of a text: less than the engine does."""

    def __init__(self, source: ModelSource, precision: str) -> None:
        self.name, self.spec = f"onnxruntime_{precision}", source.spec
        self.tokenizer = load_tokenizer(source.folder)
        self.tokenizer.enable_truncation(source.spec.max_tokens)
        self.session = session(source, quantised=precision == "int8")

    def batches(self, texts: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The texts' numbers, padded ids and lengths, batch by batch, longest first."""
        encodings = self.tokenizer.encode_batch(texts) if self.spec.case else self.tokenizer.encode_batch_fast(texts)
        lengths = np.fromiter(map(len, encodings), np.int64)
        order = np.argsort(-lengths, kind="stable")
        while len(order):
            rows = rows_within(lengths[order], TOKEN_BUDGET)
            chosen, order = order[:rows], order[rows:]
            ids = np.zeros((len(chosen), int(lengths[chosen].max())), np.int64)
            for row, text in enumerate(chosen):
                ids[row, : lengths[text]] = encodings[text].ids
                if self.spec.case:
                    ids[row, : lengths[text]] += case_of(texts[text], encodings[text].offsets)
            yield chosen, ids, lengths[chosen]

    def score(self, texts: list[str]) -> np.ndarray:
        """The plain sigmoids [texts, labels]."""
        logits = np.empty((len(texts), len(self.spec.labels)), np.float32)
        for chosen, ids, lengths in self.batches(texts):
            logits[chosen] = self.session.run(None, {"ids": ids, "lengths": lengths})[0]
        return 1 / (1 + np.exp(-logits))

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """The same, calibrated."""
        return calibrated(self.score(texts), self.spec)

    def counts(self, texts: list[str]) -> Counts:
        """What is left of the texts, and what padding makes of it."""
        found = [(ids.size, int(lengths.sum())) for _, ids, lengths in self.batches(texts)]
        padded, computed = (sum(column) for column in zip(*found, strict=True))
        return Counts(computed - SPECIALS * len(texts), computed, padded)


def session(source: ModelSource, quantised: bool) -> Any:
    """The network in onnxruntime on all cores, in fp32 or quantised the way onnxruntime does it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_threads()
    with tempfile.TemporaryDirectory(prefix="moderation-bench-") as folder, quiet():
        file = export(source, Path(folder))
        if quantised:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            whole, file = file, Path(folder) / "int8.onnx"
            quantize_dynamic(whole, file, weight_type=QuantType.QInt8)
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def export(source: ModelSource, folder: Path) -> Path:
    """Writes the network as ONNX, by torch's older exporter: the newer one wants another package."""
    import torch

    from moderation.inference.openvino_graph import Graph, example

    file = folder / "fp32.onnx"
    torch.onnx.export(
        Graph(load_multitask(source), entities=False).eval(),
        tuple(example().values()),
        str(file),
        input_names=["ids", "lengths"],
        output_names=["logits"],
        dynamic_axes={"ids": {0: "rows", 1: "width"}, "lengths": {0: "rows"}},
        dynamo=False,
    )
    return file


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the exporter's and the quantiser's advice from the screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
