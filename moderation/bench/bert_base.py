"""BERT-base, in shape only: random weights, as speed does not care."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from moderation.bench.peak import Peak
from moderation.bench.peers import EnginePeer
from moderation.bench.progress import Progress
from moderation.bench.race import figures, timed
from moderation.models.load import ModelSource, find_model
from moderation.models.spec import OURS, SECTION


def measure(source: ModelSource, texts: list[str], rounds: int, peak: Peak, progress: Progress) -> dict[str, Any]:
    """The engine's figures with a BERT-base in bf16; raises `UsageError` where there is no bf16."""
    with tempfile.TemporaryDirectory(prefix="moderation-bench-") as folder, cache_in(Path(folder) / "cache"):
        with progress.step("making and loading a BERT-base"):
            base = make(Path(folder) / "model", source)
            peer = EnginePeer(base, "bf16", name="bert_base_bf16")
        counts, seconds = peer.counts(texts), []  # counting is the warm-up, too
        for number in range(rounds):
            with progress.step(f"round {number + 1} of {rounds}: {peer.name}"):
                peak.measure()
                seconds.append(timed(peer, texts))
        share = peak.share(peer.work, median(seconds))
        found = {"texts": len(texts), **figures(counts, len(texts), seconds)}
        return found | {"share_of_bf16_peak": round(share, 4) if share else None}


def make(folder: Path, source: ModelSource) -> ModelSource:
    """Writes a model folder of BERT-base's shape with the tokenizer and the labels of another model."""
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig

    from moderation.models.multitask import MultiTaskBert

    config = BertConfig(vocab_size=source.shape.vocabulary, type_vocab_size=source.shape.types)
    network = MultiTaskBert(config, source.spec)
    with torch.no_grad():
        network.tag_head.bias[0] = 10.0  # hardly any token is an entity, as in texts; chance would tag nearly all
    folder.mkdir()
    save_file({name: weight.half() for name, weight in network.state_dict().items()}, folder / "model.safetensors")
    content = config.to_dict() | {"architectures": [OURS], SECTION: source.spec.model_dump(mode="json")}
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    shutil.copy(source.folder / "tokenizer.json", folder)
    return find_model(str(folder))


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Has converted models kept in a folder: half a gigabyte of random weights is nothing to leave in a home."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before
