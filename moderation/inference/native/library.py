"""The compiled encoder: where it is, whether this processor runs it, and its functions."""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

from moderation.inference.native.build import MACHINES, library_of, sources_digest

AVX512 = {"avx512_bf16", *(f"avx512{part}" for part in ("f", "bw", "cd", "dq", "vl"))}
FLAGS = {"amx": AVX512 | {"amx_tile", "amx_bf16", "amx_int8"}, "avx512": AVX512 | {"avx512_vnni"}}


class Config(ctypes.Structure):
    """`Config` of encoder.cpp."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("hidden", "heads", "inner", "layers", "tags", "int8", "first", "types")),
        ("eps", ctypes.c_float),
    ]


def library() -> ctypes.CDLL | None:
    """The library for this processor, None where there is none: `missing` says why."""
    return opened()[0]


def missing() -> str:
    """Why no library can be used here; empty where one can."""
    return opened()[2]


def machine() -> str:
    """What the library multiplies matrices with: `amx` or `avx512`; empty where there is none."""
    return opened()[1]


@cache
def opened() -> tuple[ctypes.CDLL | None, str, str]:
    """The library of the fastest kind that runs here and its kind; or None, and why none of the other kinds does."""
    why = ""
    for kind in MACHINES:
        found, why = opened_for(kind)
        if found:
            return found, kind, ""
    return None, "", why


def opened_for(kind: str) -> tuple[ctypes.CDLL | None, str]:
    """The library for a kind of processor, or why it cannot be used."""
    path = library_of(kind)
    if not path.is_file():
        return None, f"{path.name} was not compiled when the package was installed, which wants g++ or clang++"
    if lacking := sorted(FLAGS[kind] - processor_flags()):
        return None, f"this processor lacks {', '.join(lacking)}"
    try:
        found = ctypes.CDLL(str(path))
    except OSError as error:  # of another architecture, or against another C library
        return None, f"{path.name} cannot be loaded ({error})"
    found.moderation_sources.restype = ctypes.c_char_p
    found.moderation_encoder.restype = ctypes.c_void_p
    found.moderation_free.argtypes = [ctypes.c_void_p]
    if found.moderation_sources().decode() != sources_digest():
        return None, f"{path.name} was compiled from other sources: install the package again (make setup)"
    if found.moderation_prepare() != 0:
        return None, "Linux does not let this process use AMX (it wants 5.16 or later)"
    return found, ""


@cache
def processor_flags() -> frozenset[str]:
    """What Linux says that the processor can do."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    lines = (line.partition(":") for line in text.splitlines())
    return frozenset(next((value.split() for name, _, value in lines if name.strip() == "flags"), []))


def address(array: np.ndarray | None) -> ctypes.c_void_p:
    """Where an array lies; null for None."""
    return ctypes.c_void_p(None if array is None else array.ctypes.data)
