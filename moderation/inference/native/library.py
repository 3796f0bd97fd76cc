"""The compiled encoder: where it is, whether this processor runs it, and its functions."""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

from moderation.inference.native.build import LIBRARY, sources_digest

FLAGS = {
    "amx_tile",
    "amx_bf16",
    "amx_int8",
    "avx512_bf16",
    *(f"avx512{part}" for part in ("f", "bw", "cd", "dq", "vl")),
}


class Config(ctypes.Structure):
    """`Config` of encoder.cpp."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("hidden", "heads", "inner", "layers", "tags", "int8", "first")),
        ("eps", ctypes.c_float),
    ]


def library() -> ctypes.CDLL | None:
    """The library, None where it cannot be used here: `missing` says why."""
    return opened()[0]


def missing() -> str:
    """Why the library cannot be used here; empty where it can."""
    return opened()[1]


@cache
def opened() -> tuple[ctypes.CDLL | None, str]:
    """The library, or why it cannot be used."""
    if not LIBRARY.is_file():
        return None, f"{LIBRARY.name} was not compiled when the package was installed, which wants g++ or clang++"
    if lacking := sorted(FLAGS - processor_flags()):
        return None, f"this processor lacks {', '.join(lacking)}"
    try:
        found = ctypes.CDLL(str(LIBRARY))
    except OSError as error:  # of another architecture, or against another C library
        return None, f"{LIBRARY.name} cannot be loaded ({error})"
    found.moderation_sources.restype = ctypes.c_char_p
    found.moderation_encoder.restype = ctypes.c_void_p
    found.moderation_free.argtypes = [ctypes.c_void_p]
    if found.moderation_sources().decode() != sources_digest():
        return None, f"{LIBRARY.name} was compiled from other sources: install the package again (make setup)"
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
