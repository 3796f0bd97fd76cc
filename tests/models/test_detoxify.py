"""Detoxify's checkpoints: the scores that Detoxify itself gives, and nothing of a crafted one is run."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from families import make
from test_find_model import Malicious

from moderation.errors import UsageError
from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.models import detoxify as checkpoints
from moderation.models.export import import_model
from moderation.models.load import ModelSource, find_model

TEXTS = [
    "you are an idiot",
    "Thanks, see you in Paris tomorrow!",
    "go away",
    "I hate 東京 😂 and all of you, every day",
]
ORIGINAL = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
UNBIASED = ["toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual_explicit"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "cache"


def checkpoint(folder: Path, family: str = "bert", classes: list[str] = ORIGINAL, outputs: int = 6) -> Path:
    """A checkpoint in Detoxify's layout, its encoder's config and tokenizer in the folder `encoder` beside it."""
    from transformers import AutoModelForSequenceClassification

    plain = make(folder / "encoder", family, "Sequence", [f"LABEL_{number}" for number in range(outputs)])
    weights = AutoModelForSequenceClassification.from_pretrained(plain).state_dict()
    (plain / "model.safetensors").unlink()
    names = {"bert": "Bert", "roberta": "Roberta"}
    arguments = {
        "model_type": str(plain),
        "model_name": f"{names[family]}ForSequenceClassification",
        "tokenizer_name": f"{names[family]}Tokenizer",
        "num_classes": outputs,
    }
    config = {"arch": {"args": arguments}, "dataset": {"args": {"classes": classes}}, "n_gpu": 1, "loss": "bce"}
    position_ids = torch.arange(66)[None]  # old checkpoints have this buffer
    state = weights | {f"{family}.embeddings.position_ids": position_ids}
    torch.save({"config": config, "state_dict": state}, folder / "toxic.ckpt")
    return folder / "toxic.ckpt"


def edited(file: Path, **changes: Any) -> Path:
    """The checkpoint with other arguments of its network."""
    content = torch.load(file, weights_only=True)
    content["config"]["arch"]["args"] |= changes
    torch.save(content, file)
    return file


def scores(source: ModelSource) -> dict[str, list[float]]:
    found = Engine(source, "fp32", Device("cpu", "torch", 1)).score(TEXTS).scores
    return dict(zip(source.spec.labels, found.T.tolist(), strict=True))


@pytest.mark.parametrize(("family", "classes", "outputs"), [("bert", ORIGINAL, 6), ("roberta", UNBIASED, 16)])
def test_an_imported_checkpoint_gives_the_scores_that_detoxify_gives(
    tmp_path: Path, family: str, classes: list[str], outputs: int
) -> None:
    detoxify = pytest.importorskip("detoxify")
    file = checkpoint(tmp_path, family, classes, outputs)
    expected = detoxify.Detoxify(checkpoint=str(file)).predict(TEXTS)
    imported = import_model(str(file), tmp_path / "out")
    found = scores(imported)
    assert list(found) == list(expected) and len(imported.spec.outputs) == outputs
    for label, values in expected.items():
        assert found[label] == pytest.approx(values, abs=1e-4), label
    assert len({round(value, 3) for value in found[imported.spec.labels[0]]}) == len(TEXTS), "else it tells nothing"
    assert scores(find_model(str(file))) == found, "a checkpoint is a source of a run as it is"


def test_a_checkpoint_is_imported_once_until_it_changes(tmp_path: Path, cache: Path) -> None:
    file = checkpoint(tmp_path)
    first = find_model(str(file))
    made = (first.folder / "model.safetensors").stat().st_ino
    again = find_model(str(file))
    assert (again.folder, again.model_id) == (first.folder, first.model_id)
    assert (again.folder / "model.safetensors").stat().st_ino == made
    assert first.folder.parent == cache / "moderation" / "models"
    content = torch.load(file, weights_only=True)
    content["state_dict"]["classifier.bias"] += 1
    torch.save(content, file)
    assert find_model(str(file)).model_id != first.model_id


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_crafted_checkpoint_runs_nothing(tmp_path: Path, protocol: int) -> None:
    file = checkpoint(tmp_path)
    content = torch.load(file, weights_only=True)
    torch.save(content | {"extra": Malicious(tmp_path / "owned")}, file, pickle_protocol=protocol)
    for load in (lambda: find_model(str(file)), lambda: import_model(str(file), tmp_path / "out")):
        with pytest.raises(UsageError, match=r"toxic\.ckpt holds more than weights.*nothing of it was run") as caught:
            load()
        assert "\n" not in str(caught.value) and "weights_only=False" not in str(caught.value)
    assert not (tmp_path / "owned").exists() and not (tmp_path / "out").exists()
    torch.load(file, weights_only=False)
    assert (tmp_path / "owned").exists(), "the payload is a real one"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_name": "GPT2ForSequenceClassification"}, "GPT2ForSequenceClassification, which is none"),
        ({"model_name": "os.system"}, "os.system, which is none"),
        ({"model_name": "RobertaForSequenceClassification"}, "model_type 'bert', which is no Roberta"),
        ({"num_classes": 2}, "6 classes, and 2 outputs"),
        ({"num_classes": 7}, r"classifier.weight \(6, 16\) instead of \(7, 16\)"),
        ({"num_classes": "x"}, "has not the layout"),
    ],
)
def test_a_checkpoint_that_fits_nothing_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    file = edited(checkpoint(tmp_path), **changes)
    with pytest.raises(UsageError, match=message):
        find_model(str(file))
    assert not list((tmp_path / "cache" / "moderation" / "models").glob("[!.]*")), "nothing half-made stays"


def test_a_checkpoint_without_its_head_is_refused_and_never_given_a_random_one(tmp_path: Path) -> None:
    file = checkpoint(tmp_path)
    content = torch.load(file, weights_only=True)
    del content["state_dict"]["classifier.weight"]
    torch.save(content, file)
    with pytest.raises(UsageError, match=r"classifier\.weight are missing"):
        find_model(str(file))


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\x80\x04."])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.ckpt"):
        find_model(str(tmp_path / "x.ckpt"))


def test_the_encoders_files_may_lie_beside_the_checkpoint_or_in_a_folder_that_is_named(tmp_path: Path) -> None:
    file = edited(checkpoint(tmp_path), model_type="nobody/nowhere")
    named = import_model(str(file), tmp_path / "named", base=tmp_path / "encoder")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "encoder" / name).rename(tmp_path / name)
    assert import_model(str(file), tmp_path / "beside").model_id == named.model_id


def test_without_a_network_an_encoder_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    file = edited(checkpoint(tmp_path), model_type="nobody/nowhere")
    with pytest.raises(UsageError, match=r"wants the config and the tokenizer of nobody/nowhere.*put both beside it"):
        find_model(str(file))


def test_a_published_model_is_taken_from_where_detoxify_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "torch" / "hub" / "checkpoints"
    kept.mkdir(parents=True)
    content = checkpoint(tmp_path).read_bytes()
    name = f"toxic-{hashlib.sha256(content).hexdigest()[:8]}.ckpt"
    monkeypatch.setitem(checkpoints.CHECKPOINTS, "original", f"v0/{name}")
    (kept / name).write_bytes(content)
    assert find_model("detoxify:original").spec.labels[0] == "toxicity"
    (kept / name).write_bytes(content + b"x")
    with pytest.raises(UsageError, match=r"has the digest .*, which should begin with"):
        find_model("detoxify:original")


def test_a_published_model_that_cannot_be_had_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "RELEASES", "http://127.0.0.1:9/")
    with pytest.raises(UsageError, match=r"toxic_original-c1212f89\.ckpt is not in the cache .*put http.* into "):
        find_model("detoxify:original")
    with pytest.raises(UsageError, match="Detoxify has original, unbiased, multilingual, original-small"):
        find_model("detoxify:orginal")
