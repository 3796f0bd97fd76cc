"""Converted models are stored once, whole, by any number of processes, and made anew where they broke."""

import logging
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from moderation.inference import openvino_model
from moderation.inference.batches import Batch
from moderation.inference.openvino_backend import OpenvinoBackend
from moderation.inference.openvino_graph import Graph
from moderation.inference.openvino_model import Unconvertible, check, convert, read_model, runtime, stored_model
from moderation.models.load import ModelSource, find_model, load_multitask

BATCH = Batch(np.array([[101, 2017, 102], [101, 3000, 102]]), np.array([3, 3]), np.arange(2))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for converted models."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "moderation" / "openvino"


@pytest.fixture
def source(tiny_model: Path) -> ModelSource:
    return find_model(str(tiny_model))


@pytest.fixture(scope="module")
def converted(tiny_model: Path) -> object:
    """The model, converted once for all tests here: it takes seconds where nncf has been imported."""
    return openvino_model.convert(find_model(str(tiny_model)))


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch, converted: object) -> list[str]:
    """A note for each time that a model is converted."""
    notes: list[str] = []

    def noted(*arguments: object) -> object:
        notes.append("converted")
        return converted

    monkeypatch.setattr(openvino_model, "convert", noted)
    return notes


def logits(source: ModelSource) -> np.ndarray:
    """What the stored model answers."""
    ((_, answer),) = OpenvinoBackend(source, "fp32", threads=1).run([BATCH])
    return answer.logits  # type: ignore[union-attr, no-any-return]


def files(cache: Path) -> list[str]:
    """All that is in the cache, below its only folder; beside it is only the lock."""
    folder, lock = sorted(cache.iterdir(), key=lambda path: path.is_file())
    assert lock.name == f".{folder.name}.lock"
    return sorted(path.name for path in folder.iterdir())


def test_a_model_is_converted_once_and_used_again(cache: Path, source: ModelSource, conversions: list[str]) -> None:
    first = logits(source)
    assert (logits(source) == first).all()
    assert conversions == ["converted"]
    assert files(cache) == ["model.bin", "model.xml"]


def test_what_is_stored_is_known_by_what_it_was_made_from_and_with(
    cache: Path, source: ModelSource, tiny_model: Path
) -> None:
    from tests.conftest import make_tiny_model

    other = find_model(str(make_tiny_model(cache / "other", seed=4)))
    keys = {
        openvino_model.key(found, quantised, entities)
        for found in (source, other)
        for quantised in (False, True)
        for entities in (False, True)
    }
    assert len(keys) == 8
    assert all("openvino-" in key and "/" not in key for key in keys)


def test_the_cache_is_below_the_home_folder_unless_xdg_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    for value in ("", None):
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        if value is not None:
            monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert openvino_model.cache_folder() == Path("/home/somebody/.cache/moderation")
    monkeypatch.setenv("XDG_CACHE_HOME", "/fast")
    assert openvino_model.cache_folder() == Path("/fast/moderation")


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("name", ["model.bin", "model.xml"])
@pytest.mark.parametrize(
    "harm", [cut_short, Path.unlink, lambda file: file.write_bytes(b"")], ids=["cut", "lost", "empty"]
)
def test_a_broken_model_is_made_anew(
    cache: Path, source: ModelSource, conversions: list[str], name: str, harm: object
) -> None:
    expected = logits(source)
    harm(stored_model(source).with_name(name))  # type: ignore[operator]
    assert (logits(source) == expected).all()
    assert len(conversions) == 2
    assert (logits(source) == expected).all()
    assert len(conversions) == 2, "and then used again"
    assert files(cache) == ["model.bin", "model.xml"]


@pytest.mark.usefixtures("conversions")
def test_an_empty_folder_is_no_model(cache: Path, source: ModelSource) -> None:
    (cache / openvino_model.key(source, False, True)).mkdir(parents=True)
    assert logits(source).shape == (2, 7)
    assert files(cache) == ["model.bin", "model.xml"]


def test_who_comes_second_uses_what_the_first_has_stored(
    cache: Path, source: ModelSource, monkeypatch: pytest.MonkeyPatch, converted: object
) -> None:
    first: list[int] = []
    lock = cache / f".{openvino_model.key(source, False, True)}.lock"
    cache.mkdir(parents=True)
    lock.touch()
    monkeypatch.setattr(openvino_model, "turn", lambda folder: nullcontext())  # as on two machines with one home

    def overtaken(*arguments: object) -> object:
        monkeypatch.setattr(openvino_model, "convert", lambda *arguments: converted)
        first.append(stored_model(source).stat().st_ino)
        return converted

    monkeypatch.setattr(openvino_model, "convert", overtaken)
    assert [stored_model(source).stat().st_ino] == first
    assert files(cache) == ["model.bin", "model.xml"]


@pytest.mark.usefixtures("conversions")
def test_a_conversion_that_fails_leaves_nothing_behind(
    cache: Path, source: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object) -> object:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(openvino_model, "convert", failing)
        with pytest.raises(OSError, match="no space left"):
            stored_model(source)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]
    assert stored_model(source).is_file()


@pytest.mark.slow
def test_of_processes_that_come_at_once_one_converts_and_all_have_the_model(cache: Path, tiny_model: Path) -> None:
    code = (
        "import sys\n"
        "from moderation.inference import openvino_model\n"
        "from moderation.inference.openvino_model import convert, read_model, runtime\n"
        "from moderation.models.load import find_model\n"
        "import torch, transformers\n"
        "core, source = runtime().Core(), find_model(sys.argv[1])\n"
        "openvino_model.convert = lambda *given: (print('converting'), convert(*given))[1]\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(len(read_model(core, source).outputs))\n"
    )
    command = [sys.executable, "-c", code, str(tiny_model)]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, env=variables, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = []
    for process in both:
        output, errors = process.communicate(timeout=120)
        said.append(output)
        assert process.returncode == 0, errors
    assert sorted(said) == ["2\n", "converting\n2\n"]
    assert files(cache) == ["model.bin", "model.xml"]


@pytest.mark.parametrize("folder", ["tiny_model", "case_model"])
def test_a_model_that_answers_otherwise_than_torch_is_refused(folder: str, request: pytest.FixtureRequest) -> None:
    import torch

    source = find_model(str(request.getfixturevalue(folder)))
    model, graph = convert(source), Graph(load_multitask(source)).eval()
    check(model, graph, source)
    with torch.no_grad():
        graph.label_head.bias[2] += 0.01
    with pytest.raises(RuntimeError, match="otherwise than torch"):
        check(model, graph, source)


def test_a_cache_that_is_no_folder_only_costs_a_conversion(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert read_model(runtime().Core(), find_model(str(tiny_model))) is not None


def test_a_network_that_cannot_be_converted_leaves_the_process_logging_as_before(
    source: ModelSource, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(torch.nn.Module):
        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no such kernel")

    monkeypatch.setattr(openvino_model, "graph_of", lambda *arguments: Broken())
    root = logging.getLogger()
    before = root.level, list(root.filters), list(root.handlers)
    with pytest.raises(Unconvertible):
        convert(source)
    assert (root.level, root.filters, root.handlers) == before
    logging.getLogger("moderation").warning("heard")
    assert caplog.messages == ["heard"]
