"""The packed Python runs where nothing of this one is, and in Spark's executors. Small: `make package` packs all."""

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.cluster.standalone import Cluster
from tests.commands import ROOT

pytestmark = pytest.mark.cluster
PACKAGES = ("typer", "rich", "shellingham", "annotated-doc", "click", "markdown-it-py", "mdurl", "pygments")
JOB = """
import json, sys
from pyspark.sql import SparkSession

def interpreter(numbers):
    import moderation, typer
    return [(sys.executable, moderation.__file__, typer.__file__)]

spark = SparkSession.builder.getOrCreate()
found = spark.sparkContext.parallelize(range(4), 4).mapPartitions(interpreter).collect()
print("FOUND", json.dumps(sorted(set(found))))
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel and what its command line needs, packed as `make package` does."""
    folder = tmp_path_factory.mktemp("dist")
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(wheel, capture_output=True, check=True, timeout=180)
    (built,) = folder.glob("*.whl")
    archive = folder / "environment.tar.gz"
    pack = [sys.executable, str(ROOT / "tools" / "pack_environment.py"), "--output", str(archive), "--pip=--no-deps"]
    done = subprocess.run([*pack, str(built), *PACKAGES], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{archive}: " in done.stdout and "glibc" in done.stdout
    return archive


@pytest.fixture(scope="module")
def unpacked(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive unpacked in another place than it was packed in."""
    folder = tmp_path_factory.mktemp("else where") / "environment"
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder


def alone(command: list[str | Path], folder: Path) -> str:
    """What a command prints with nothing of this environment around it and, where that can be, this Python hidden."""
    bare = ["env", "-i", "PATH=/usr/bin:/bin", *map(str, command)]
    if can_hide():
        hide = f'mount -t tmpfs none {sys.base_prefix} && mount -t tmpfs none {sys.prefix} && exec "$@"'
        bare = ["unshare", "-m", "sh", "-c", hide, "sh", *bare]
    done = subprocess.run(bare, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def can_hide() -> bool:
    """Whether this user may mount over folders, in a space of names of its own, and it would hide no system folder."""
    prefixes = {Path(sys.base_prefix), Path(sys.prefix)}
    if prefixes & {Path("/"), Path("/usr"), Path("/usr/local")} or not shutil.which("unshare"):
        return False
    return (
        subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0
    )


def test_the_command_runs_from_the_unpacked_folder_alone(unpacked: Path) -> None:
    assert alone([unpacked / "bin" / "moderation", "--version"], unpacked).startswith("moderation 0.")
    assert "Exit codes" in alone(["bin/moderation", "--help"], unpacked)


def test_its_python_takes_everything_from_the_unpacked_folder(unpacked: Path) -> None:
    code = (
        "import json, sys, ssl, sqlite3, ctypes, lzma, bz2, zlib, hashlib, multiprocessing, moderation, typer\n"
        "maps = {line.rstrip().split(maxsplit=5)[-1] for line in open('/proc/self/maps')}\n"
        "loaded = [name for name in maps if name.endswith('.so') or 'libpython' in name]\n"
        "files = [module.__file__ for module in list(sys.modules.values()) if getattr(module, '__file__', None)]\n"
        "print(json.dumps([sys.prefix, sys.path[1:], files, loaded]))"
    )
    prefix, path, files, loaded = json.loads(alone([unpacked / "bin" / "python", "-c", code], unpacked.parent))
    assert prefix == str(unpacked)
    assert len(files) > 50
    assert [found for found in (*path, *files, *loaded) if not found.startswith(str(unpacked))] == []


def test_the_archive_holds_no_spark_no_tests_and_no_folder_of_this_machine(packed: Path) -> None:
    with tarfile.open(packed) as archive:
        names = archive.getnames()
        launcher = archive.extractfile("bin/python")
        assert launcher is not None
        text = launcher.read().decode()
    site = "lib/python3.11/site-packages"
    assert f"{site}/moderation/models/builtin/model.safetensors" in names
    assert f"{site}/moderation/_schemas/labelled.json" in names
    assert not [
        name for name in names if name.startswith((f"{site}/pyspark", f"{site}/pytest", "lib/python3.11/test/"))
    ]
    assert sys.base_prefix not in text and "/tmp" not in text


def test_executors_run_the_python_that_spark_unpacks_for_them(cluster: Cluster, packed: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    job.write_text(JOB)
    conf = {"spark.archives": f"{packed}#environment", "spark.cores.max": "4", "spark.executor.cores": "2"}
    conf |= {"spark.executorEnv.PYTHONPATH": ""}
    done = cluster.submit(conf, job, PYTHONPATH="", PYSPARK_PYTHON="./environment/bin/python")
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    found = json.loads(line.removeprefix("FOUND "))
    assert found
    work = str(cluster.folder)
    assert {path.startswith(work) and "/environment/" in path for paths in found for path in paths} == {True}
