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
    found, kind, why = library.opened.__wrapped__()
    assert found is None and kind == ""
    return str(why)


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the libraries would be, were they not compiled yet, on a processor that runs them all."""
    monkeypatch.setattr(library, "library_of", lambda kind: build.library_of(kind, tmp_path))
    monkeypatch.setattr(library, "processor_flags", lambda: frozenset().union(*library.FLAGS.values()))
    return tmp_path


@pytest.mark.slow
def test_it_is_compiled_where_there_is_a_compiler(tmp_path: Path) -> None:
    if not any(map(shutil.which, build.COMPILERS)):
        pytest.skip("no C++ compiler here")
    made = build.compile_libraries(tmp_path)
    assert [file.name for file in made] == ["_encoder_amx.so", "_encoder_avx512.so"]
    assert sorted(tmp_path.iterdir()) == made
    for file in made:
        found = ctypes.CDLL(str(file))
        found.moderation_sources.restype = ctypes.c_char_p
        assert found.moderation_sources().decode() == build.sources_digest()


@pytest.mark.parametrize(
    ("compiler", "said"),
    [("/nowhere/g++", "cannot be run"), ("false", "failed"), ("cat --no-such", "no-such")],
)
def test_a_compiler_that_fails_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str, said: str
) -> None:
    monkeypatch.setenv("CXX", compiler)
    with pytest.raises(build.NotCompiled, match=said):
        build.compile_libraries(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("other")
def test_without_a_library_the_reason_is_told() -> None:
    assert reason() == "_encoder_avx512.so was not compiled when the package was installed, which wants g++ or clang++"


def test_a_processor_is_told_what_it_lacks_of_the_least_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch, other: Path
) -> None:
    for kind in build.MACHINES:
        build.library_of(kind, other).touch()
    monkeypatch.setattr(library, "processor_flags", lambda: frozenset({"avx512f", "avx512bw", "amx_tile"}))
    assert reason() == "this processor lacks avx512_bf16, avx512_vnni, avx512cd, avx512dq, avx512vl"


def test_files_that_are_no_libraries_are_not_loaded(other: Path) -> None:
    for kind in build.MACHINES:
        build.library_of(kind, other).write_bytes(b"no library")
    assert reason().startswith("_encoder_avx512.so cannot be loaded (")


def test_the_library_for_amx_comes_before_the_one_that_runs_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"amx": object(), "avx512": object()}
    monkeypatch.setattr(library, "opened_for", lambda kind: (kinds[kind], ""))
    assert library.opened.__wrapped__() == (kinds["amx"], "amx", "")
    monkeypatch.setattr(library, "opened_for", lambda kind: (None, "no") if kind == "amx" else (kinds[kind], ""))
    assert library.opened.__wrapped__() == (kinds["avx512"], "avx512", "")


@pytest.mark.skipif(bool(library.missing()), reason=f"no native encoder here: {library.missing()}")
def test_a_library_of_other_sources_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "sources_digest", lambda: "0123456789abcdef")
    assert reason() == "_encoder_avx512.so was compiled from other sources: install the package again (make setup)"


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
