"""Packs Python itself and the project with all it needs into one archive for `spark-submit --archives`.

A virtual environment does not travel: its interpreter is a link to the one that made it, and so is its standard
library. The archive therefore holds a copy of the interpreter and its library, into which pip installs the pinned
packages; CPython finds its library beside its own executable, wherever that is unpacked. pyspark is left out: on a
cluster it is that of the cluster's Spark, which puts it on every worker's path.
"""

import argparse
import compileall
import gzip
import platform
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Parts of the standard library that no job uses, and what marks a Python as its distribution's own, closed to pip.
LEFT_OUT = (
    *("test", "idlelib", "turtledemo", "tkinter", "_tkinter.*", "nis.*", "lib2to3", "ensurepip"),
    *("site-packages", "dist-packages"),
)
MARKS = ("config-*", "EXTERNALLY-MANAGED", "sitecustomize.py", "__pycache__")
OF_THE_CLUSTER = ("pyspark", "py4j")
# Where libpython is a library of its own, the executable looks for it in the folder it was installed to; the variable
# comes before that. One line of sh costs a millisecond, and needs no tool to rewrite executables.
LAUNCHER = """#!/bin/sh
here=$(dirname -- "$(realpath -- "$0")")
LD_LIBRARY_PATH="$here/../lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}" exec "$here/{python}" "$@"
"""
COMMAND = """#!/bin/sh
exec "$(dirname -- "$(realpath -- "$0")")/python" -m moderation "$@"
"""


def main() -> None:
    """Builds the archive, tells its size and how long it took."""
    options = arguments()
    started = time.monotonic()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="moderation-environment-") as scratch:
        environment = Path(scratch) / "environment"
        copy_interpreter(environment)
        install(environment, options.requirements, options.pip)
        compile_modules(environment)
        archive(environment, options.output)
        size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
        needs = foreign_libraries(environment)
    seconds = time.monotonic() - started
    print(
        f"{options.output}: {options.output.stat().st_size / 1e6:,.0f} MB ({size / 1e6:,.0f} MB unpacked), "
        f"{seconds:.0f} s\n  its Python needs of each machine: {', '.join(needs)}"
    )


def arguments() -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(description="Packs Python and the project for spark-submit --archives.")
    parser.add_argument("requirements", nargs="+", help="what pip installs, as it wants it: the wheel, with extras")
    parser.add_argument("--output", type=Path, default=Path("dist/environment.tar.gz"))
    parser.add_argument("--pip", action="append", default=[], help="an option for pip; may be given more than once")
    return parser.parse_args()


def copy_interpreter(environment: Path) -> None:
    """Copies this process's Python, its library and, where it has one, libpython; every link becomes its file."""
    binaries, library = environment / "bin", environment / "lib" / VERSION
    binaries.mkdir(parents=True)
    executable = Path(sys.base_prefix) / "bin" / VERSION
    shutil.copy2(executable, binaries / VERSION)
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=shutil.ignore_patterns(*LEFT_OUT, *MARKS))
    (library / "site-packages").mkdir()
    for name in ("python", "python3"):
        (binaries / name).write_text(LAUNCHER.format(python=VERSION), encoding="utf-8")
        (binaries / name).chmod(0o755)
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        shared = sysconfig.get_config_var("INSTSONAME")
        shutil.copy2(Path(sysconfig.get_config_var("LIBDIR")) / shared, environment / "lib" / shared)


def install(environment: Path, requirements: list[str], options: list[str]) -> None:
    """Installs into the copy with this process's pip, pinned as everywhere, and takes out what the cluster brings.

    The command is written anew: pip's begins with the path of the interpreter that it was installed by.
    """
    site = environment / "lib" / VERSION / "site-packages"
    pinned = ["-c", str(ROOT / "constraints.txt"), "--no-compile", "--target", str(site)]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-conflicts"]
    subprocess.run([sys.executable, "-m", "pip", "install", *quiet, *pinned, *options, *requirements], check=True)
    shutil.rmtree(site / "bin", ignore_errors=True)
    for name in OF_THE_CLUSTER:
        for found in (site / name, *site.glob(f"{name}-*.dist-info")):
            shutil.rmtree(found, ignore_errors=True)
    command = environment / "bin" / "moderation"
    command.write_text(COMMAND, encoding="utf-8")
    command.chmod(0o755)


def compile_modules(environment: Path) -> None:
    """Compiles every module once, here, else each executor would for itself; never by time, which archives round."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    folder = environment / "lib" / VERSION
    compileall.compile_dir(folder, quiet=2, workers=0, stripdir=str(environment), invalidation_mode=unchecked)


def archive(environment: Path, output: Path) -> None:
    """Writes the archive, quickly rather than small, and the same bytes for the same files; whole or not at all."""
    scratch = output.with_name(f".{output.name}.new")
    with (
        scratch.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(environment.rglob("*")):
            tar.add(path, str(path.relative_to(environment)), recursive=False, filter=anonymous)
    scratch.replace(output)


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without owner and time."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def foreign_libraries(environment: Path) -> list[str]:
    """The system's libraries that the interpreter and its own modules load, and the C library it was built with."""
    files = [environment / "bin" / VERSION, *(environment / "lib" / VERSION / "lib-dynload").glob("*.so")]
    listing = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    found = set(re.findall(r"^\s+(lib\S+) => ", listing, re.MULTILINE))
    inside = {path.name for path in (environment / "lib").glob("lib*")}
    of_glibc = ("libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libutil.so", "libcrypt.so")
    others = sorted(name for name in found - inside if not name.startswith(of_glibc))
    return [f"{' '.join(platform.libc_ver())} or newer", *others]


if __name__ == "__main__":
    main()
