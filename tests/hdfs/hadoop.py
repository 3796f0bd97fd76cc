"""A real HDFS on loopback: a name node and a data node, each a process; the jars are those of `make hdfs-setup`."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from xml.sax.saxutils import escape

import hdfs_native

from tests.commands import ROOT

JARS = ROOT / ".hadoop" / "jars"
OPENED = ("java.base/java.lang", "java.base/java.io", "java.base/java.nio", "java.base/sun.nio.ch")
KERBEROS = "java.security.jgss/sun.security.krb5=ALL-UNNAMED"  # Hadoop 2 asks for the realm by Java's inner classes
SERVERS = "org.apache.hadoop.hdfs.server"
LOG = """log4j.rootLogger=INFO, all
log4j.appender.all=org.apache.log4j.ConsoleAppender
log4j.appender.all.layout=org.apache.log4j.PatternLayout
log4j.appender.all.layout.ConversionPattern=%d %p %c{1}: %m%n
"""


@contextmanager
def hdfs(folder: Path) -> Iterator[str]:
    """The address of an HDFS that lives below the folder, until the end of the context."""
    ports = free_ports(5)
    conf = folder / "conf"
    for name in ("hdfs", "datanode"):  # pages that nobody opens, without which the servers do not start
        (conf / "webapps" / name / "WEB-INF").mkdir(parents=True)
    (conf / "log4j.properties").write_text(LOG)
    settings = {
        "fs.defaultFS": f"hdfs://127.0.0.1:{ports[0]}",
        "dfs.namenode.name.dir": (folder / "name").as_uri(),
        "dfs.namenode.http-address": f"127.0.0.1:{ports[1]}",
        "dfs.datanode.data.dir": (folder / "data").as_uri(),
        "dfs.datanode.address": f"127.0.0.1:{ports[2]}",
        "dfs.datanode.http.address": f"127.0.0.1:{ports[3]}",
        "dfs.datanode.ipc.address": f"127.0.0.1:{ports[4]}",
        "dfs.replication": "1",
        "dfs.webhdfs.enabled": "false",
    }
    items = "".join(f"<property><name>{n}</name><value>{escape(v)}</value></property>" for n, v in settings.items())
    for name in ("core-site.xml", "hdfs-site.xml"):
        (conf / name).write_text(f"<configuration>{items}</configuration>")
    with (folder / "format.log").open("w") as log:
        subprocess.run(java(conf, "namenode.NameNode", "-format", "-force"), stdout=log, stderr=log, check=True)
    with ExitStack() as running:
        for name in ("namenode.NameNode", "datanode.DataNode"):
            running.enter_context(server(conf, name, folder / f"{name}.log"))
        wait_for(settings["fs.defaultFS"], folder)
        yield settings["fs.defaultFS"]


def java(conf: Path, name: str, *arguments: str) -> list[str]:
    """The command that runs one of Hadoop's servers on the Java that Spark needs."""
    path = ":".join([str(conf), *map(str, sorted(JARS.glob("*.jar")))])
    opened = [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED]
    found = shutil.which("java", path=f"{os.environ.get('JAVA_HOME', '/none')}/bin:{os.environ['PATH']}")
    assert found, "no java"
    kerberos = [f"--add-exports={KERBEROS}", f"--add-opens={KERBEROS}"]
    return [found, "-Xmx256m", *opened, *kerberos, "-cp", path, f"{SERVERS}.{name}", *arguments]


@contextmanager
def server(conf: Path, name: str, log: Path) -> Iterator[None]:
    """A server at work."""
    with log.open("w") as written:
        process = subprocess.Popen(java(conf, name), stdout=written, stderr=written, stdin=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def wait_for(address: str, folder: Path) -> None:
    """Returns when a file can be written."""
    for _ in range(120):
        try:
            client = hdfs_native.Client(address, {"dfs.client.failover.max.attempts": "1"})
            with client.create("/ready", hdfs_native.WriteOptions(overwrite=True)) as file:
                file.write(b"yes")
            return
        except (OSError, RuntimeError):
            time.sleep(0.5)
    raise AssertionError("".join(path.read_text()[-2000:] for path in folder.glob("*.log")))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
