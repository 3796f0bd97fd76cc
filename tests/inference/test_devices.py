"""Where a model runs: what is asked for is there, or the error names it."""

import os
from pathlib import Path

import pytest

from moderation.errors import UsageError
from moderation.inference import devices
from moderation.inference.devices import Device, check, load_backend, resolve_place, usable_threads
from moderation.models.load import find_model


@pytest.mark.parametrize("backend", ["", "onnx", "OpenVINO", "Torch "])
def test_an_unknown_backend_is_named(backend: str) -> None:
    with pytest.raises(UsageError, match=f"backend '{backend}' is none of auto, native, openvino, torch"):
        Device(backend=backend)


@pytest.mark.parametrize(
    "place", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1.5", "cpu:0", "0", "7", "cuda0", "mps"]
)
def test_an_unknown_place_is_named(place: str) -> None:
    with pytest.raises(UsageError, match=f"device '{place}' is none of auto, cpu, cuda, cuda:<number>"):
        Device(place)


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_threads_than_one_are_refused(threads: int) -> None:
    with pytest.raises(UsageError, match=f"threads {threads} must be at least 1"):
        Device(threads=threads)


@pytest.mark.parametrize("place", ["auto", "cpu", "cuda", "cuda:0", "cuda:15"])
@pytest.mark.parametrize("backend", ["auto", "native", "openvino", "torch"])
def test_all_that_the_words_allow_can_be_asked_for(place: str, backend: str) -> None:
    assert Device(place, backend, 3) == Device(place, backend, 3)


@pytest.mark.parametrize("backend", ["auto", "native", "openvino", "torch"])
@pytest.mark.parametrize("precision", ["", "fp16", "FP32", "int4"])
def test_an_unknown_precision_is_named(tiny_model: Path, backend: str, precision: str) -> None:
    with pytest.raises(UsageError, match=f"precision '{precision}' is none of auto, fp32, bf16, int8"):
        load_backend(find_model(str(tiny_model)), precision, Device("cpu", backend))


def test_torch_does_not_run_int8(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="precision 'int8'"):
        load_backend(find_model(str(tiny_model)), "int8", Device("cpu", "torch"))


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> int:
    """A machine on which torch finds so many GPUs."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: request.param)
    monkeypatch.setattr(devices, "gpu_nodes", lambda: request.param > 0)
    return int(request.param)


@pytest.mark.parametrize(
    ("gpus", "place"), [(0, "cuda"), (0, "cuda:0"), (1, "cuda:1"), (2, "cuda:7")], indirect=["gpus"]
)
def test_a_gpu_that_is_not_there_is_named(gpus: int, place: str) -> None:
    with pytest.raises(UsageError, match=f"device '{place}' was asked for, and torch .* finds {gpus} GPUs"):
        resolve_place(Device(place))


@pytest.mark.parametrize(
    ("gpus", "place", "expected"),
    [
        (0, "auto", "cpu"),
        (0, "cpu", "cpu"),
        (1, "auto", "cuda:0"),
        (1, "cpu", "cpu"),
        (1, "cuda", "cuda:0"),
        (8, "cuda:5", "cuda:5"),
    ],
    indirect=["gpus"],
)
@pytest.mark.usefixtures("gpus")
def test_auto_is_a_gpu_where_there_is_one_and_a_number_is_kept(place: str, expected: str) -> None:
    assert resolve_place(Device(place)) == expected


def test_a_driver_without_a_gpu_that_torch_knows_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "gpu_nodes", lambda: True)
    assert resolve_place(Device("auto")) == "cpu"


@pytest.mark.parametrize("gpus", [1], indirect=True)
@pytest.mark.usefixtures("gpus")
def test_openvino_on_a_gpu_is_refused(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="backend 'openvino' runs on the CPU, not on cuda:0"):
        load_backend(find_model(str(tiny_model)), "auto", Device("cuda", "openvino"))


@pytest.mark.parametrize(("backend", "expected"), [("auto", "openvino"), ("openvino", "openvino"), ("torch", "torch")])
def test_the_backend_on_a_cpu_is_openvino_unless_torch_is_asked_for(
    tiny_model: Path, backend: str, expected: str
) -> None:
    found = load_backend(find_model(str(tiny_model)), "fp32", Device("cpu", backend, threads=1))
    assert found.name == f"{expected} fp32 on cpu" and found.precision == "fp32"


@pytest.mark.parametrize("wanted", ["1", "3", "64"])
def test_threads_follow_omp_num_threads(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert usable_threads() == int(wanted)


@pytest.mark.parametrize("wanted", [None, "", "0", "-2", "many"])
def test_threads_are_the_cores_of_this_process_otherwise(monkeypatch: pytest.MonkeyPatch, wanted: str | None) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if wanted is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2, 5, 7}, raising=False)
    assert usable_threads() == 3


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_what_can_be_had_is_checked_without_loading_a_model(backend: str) -> None:
    check("fp32", Device("cpu", backend))
    with pytest.raises(UsageError, match="fp16"):
        check("fp16", Device("cpu", backend))


def test_a_gpu_that_is_not_there_is_found_missing_early() -> None:
    with pytest.raises(UsageError, match="cuda:9"):
        check("auto", Device("cuda:9"))
