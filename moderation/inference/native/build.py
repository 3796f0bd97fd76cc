"""Compiles the encoder with the machine's C++ compiler, when the package is installed or built (hatch_build.py).

It imports nothing of the package: there is none yet when it runs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
COMPILERS = ("g++", "clang++", "c++")
# x86-64-v4 is AVX-512; every processor that runs one of the libraries has it. Whether this one does is asked before a
# library is loaded, so that what is compiled here runs elsewhere. GCC 12 takes its own intrinsics for uninitialised
# (GCC bug 105593).
OPTIONS = [
    *("-O3", "-std=c++17", "-fPIC", "-shared", "-fvisibility=hidden", "-march=x86-64-v4", "-mavx512bf16"),
    *("-Wall", "-Wextra", "-Wno-uninitialized", "-Wno-maybe-uninitialized"),
]
MACHINES = {
    "amx": ["-mamx-tile", "-mamx-bf16", "-mamx-int8", "-DMODERATION_AMX"],
    "avx512": ["-mavx512vnni"],
}  # the fastest first


class NotCompiled(RuntimeError):
    """There is no compiler, or it does not compile the encoder."""


def sources() -> list[Path]:
    """The files that the library is made of."""
    return sorted([*FOLDER.glob("*.cpp"), *FOLDER.glob("*.h")])


def library_of(machine: str, folder: Path = FOLDER) -> Path:
    """Where the library for a kind of processor is."""
    return folder / f"_encoder_{machine}.so"


def sources_digest() -> str:
    """A digest of the sources and the options: a library that has another was made of something else."""
    digest = hashlib.sha256(repr([OPTIONS, MACHINES]).encode())
    for file in sources():
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def compile_libraries(folder: Path = FOLDER) -> list[Path]:
    """Compiles the encoder for each kind of processor; raises `NotCompiled`."""
    compiler = os.environ.get("CXX") or next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None or not sys.platform.startswith("linux"):
        raise NotCompiled("no C++ compiler (g++ or clang++) on Linux")
    return [compile_library(compiler, options, library_of(machine, folder)) for machine, options in MACHINES.items()]


def compile_library(compiler: str, options: list[str], target: Path) -> Path:
    """Compiles the encoder to `target`, which appears whole or not at all; raises `NotCompiled`."""
    made = target.with_suffix(f".{os.getpid()}.making")
    digest = f'-DMODERATION_SOURCES="{sources_digest()}"'
    units = (str(file) for file in sources() if file.suffix == ".cpp")
    try:
        done = subprocess.run(
            [*compiler.split(), *OPTIONS, *options, digest, *units, "-o", str(made)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotCompiled(f"{compiler} failed: {done.stderr[-2000:]}")
        made.replace(target)
    except OSError as error:
        raise NotCompiled(f"{compiler} cannot be run: {error}") from error
    finally:
        made.unlink(missing_ok=True)
    return target


if __name__ == "__main__":
    print(*compile_libraries(), sep="\n")
