"""The native encoder is compiled whole or not at all, and one made of other sources is not run."""

import ctypes
import shutil
from pathlib import Path

import pytest

from moderation.errors import UsageError
from moderation.inference import devices
from moderation.inference.devices import Device, load_backend, running
from moderation.inference.native import backend, build, library
from moderation.models.load import find_model


def reason() -> str:
    """Why the library, looked at anew, cannot be used; there is none then."""
    found, why = library.opened.__wrapped__()
    assert found is None
    return str(why)


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the library would be, were it not compiled yet, on a processor that runs it."""
    monkeypatch.setattr(library, "LIBRARY", tmp_path / "_encoder.so")
    monkeypatch.setattr(library, "processor_flags", lambda: frozenset(library.FLAGS))
    return tmp_path / "_encoder.so"


@pytest.mark.slow
def test_it_is_compiled_where_there_is_a_compiler(tmp_path: Path) -> None:
    if not any(map(shutil.which, build.COMPILERS)):
        pytest.skip("no C++ compiler here")
    made = ctypes.CDLL(str(build.compile_library(tmp_path / "made.so")))
    made.moderation_sources.restype = ctypes.c_char_p
    assert made.moderation_sources().decode() == build.sources_digest()
    assert [file.name for file in tmp_path.iterdir()] == ["made.so"]


@pytest.mark.parametrize(
    ("compiler", "said"),
    [("/nowhere/g++", "cannot be run"), ("false", "failed"), ("cat --no-such", "no-such")],
)
def test_a_compiler_that_fails_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str, said: str
) -> None:
    monkeypatch.setenv("CXX", compiler)
    with pytest.raises(build.NotCompiled, match=said):
        build.compile_library(tmp_path / "made.so")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("other")
def test_without_a_library_the_reason_is_told() -> None:
    assert reason() == "_encoder.so was not compiled when the package was installed, which wants g++ or clang++"


def test_a_processor_without_amx_is_told_what_it_lacks(monkeypatch: pytest.MonkeyPatch, other: Path) -> None:
    other.touch()
    monkeypatch.setattr(library, "processor_flags", lambda: frozenset({"avx512f", "amx_tile"}))
    assert reason().startswith("this processor lacks amx_bf16, amx_int8, avx512_bf16")


def test_a_file_that_is_no_library_is_not_loaded(other: Path) -> None:
    other.write_bytes(b"no library")
    assert reason().startswith("_encoder.so cannot be loaded (")


@pytest.mark.skipif(bool(library.missing()), reason=f"no native encoder here: {library.missing()}")
def test_a_library_of_other_sources_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "sources_digest", lambda: "0123456789abcdef")
    assert reason() == "_encoder.so was compiled from other sources: install the package again (make setup)"


def test_without_it_auto_takes_another_backend_and_a_run_is_told_so(
    monkeypatch: pytest.MonkeyPatch, native_model: Path
) -> None:
    monkeypatch.setattr(backend, "missing", lambda: "it is not there")
    source, device = find_model(str(native_model)), Device("cpu", "auto", 1)
    monkeypatch.setattr(devices, "resolved", devices.resolved.__wrapped__)
    assert load_backend(source, "auto", device).name.startswith("openvino")
    assert running("auto", device, (source,))["backend"] == "openvino"
    with pytest.raises(UsageError, match="backend 'native' does not run here: it is not there; take backend auto"):
        load_backend(source, "auto", Device("cpu", "native"))
