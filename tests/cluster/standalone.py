"""A standalone Spark cluster of real processes on loopback, whose GPUs are only addresses."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyspark

from tests.commands import ROOT

HOME = Path(pyspark.__file__).parent
# Two hosts and four GPUs in all; real machines all count from 0, but so a test can tell whose GPU a task had.
HOSTS = {"127.0.0.1": ("0", "1"), "127.0.0.2": ("2", "3")}
BRIEF = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # for Java that lives for seconds
SMALL = {  # two cores and little memory for master, workers, driver and executors at once
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "512m",
    "spark.sql.shuffle.partitions": "2",
    "spark.executorEnv.PYTHONPATH": str(ROOT),
    "spark.driver.extraJavaOptions": BRIEF,
    "spark.executor.extraJavaOptions": BRIEF,
}


@dataclass
class Cluster:
    """The processes of a cluster and how to reach it."""

    folder: Path
    port: int
    web: int
    processes: dict[str, "subprocess.Popen[Any]"] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """What `spark-submit --master` wants."""
        return f"spark://127.0.0.1:{self.port}"

    def start_master(self) -> None:
        """Starts the master and waits until its page answers."""
        conf = self.folder / "master.conf"
        conf.write_text("spark.master.rest.enabled false\n")  # or it takes a port that others may have
        address = ["--host", "127.0.0.1", "--port", str(self.port), "--webui-port", str(self.web)]
        self.start("master", "master.Master", [*address, "--properties-file", str(conf)])
        wait_for(lambda: self.state() is not None, "the master")

    def start_worker(self, host: str, gpus: tuple[str, ...] = (), before: tuple[str, ...] = ()) -> None:
        """Starts a worker that claims eight cores and 3 GB, `before` being what its command is run by."""
        options = ["--host", host, "--cores", "8", "--memory", "3g", "--webui-port", str(free_port())]
        if gpus:
            options += ["--properties-file", str(self.pretend_gpus(host, gpus))]
        self.start(host, "worker.Worker", [*options, "--work-dir", str(self.folder / host), self.url], before)

    def pretend_gpus(self, host: str, gpus: tuple[str, ...]) -> Path:
        """The settings of a worker whose discovery script finds these addresses."""
        script, conf = self.folder / f"{host}.sh", self.folder / f"{host}.conf"
        script.write_text(f"#!/bin/sh\necho '{json.dumps({'name': 'gpu', 'addresses': gpus})}'\n")
        script.chmod(0o755)
        resource = "spark.worker.resource.gpu"
        conf.write_text(f"{resource}.amount {len(gpus)}\n{resource}.discoveryScript {script}\n")
        return conf

    def start(self, name: str, main: str, arguments: list[str], before: tuple[str, ...] = ()) -> None:
        """Starts a process in a session of its own, so that all that it starts can be found again."""
        command = [*before, str(HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{main}", *arguments]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=environment(PYTHONPATH=""), stdout=log, stderr=log, start_new_session=True
            )
        self.processes[name] = process

    def state(self) -> dict[str, Any] | None:
        """What the master's page says, None while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/json/", timeout=5) as page:
                return dict(json.load(page))
        except OSError:
            return None

    def wait_for_workers(self, number: int) -> None:
        """Waits until as many workers are alive, no more and no fewer."""
        wait_for(lambda: (self.state() or {}).get("aliveworkers") == number, f"{number} workers")

    def start_command(self, command: list[str], **variables: str) -> "subprocess.Popen[str]":
        """Starts a submitted job without waiting for its end; it can be killed under the name `driver`."""
        output = (self.folder / "driver.log").open("w+")
        process = subprocess.Popen(
            command, env=environment(**variables), stdout=output, stderr=output, start_new_session=True, text=True
        )
        self.processes["driver"] = process
        return process

    def kill(self, name: str) -> None:
        """Kills a worker or the master with -9 and all that it started, as when the machine loses its power."""
        process = self.processes.pop(name)
        for member in session_members(process.pid):
            os.kill(member, signal.SIGKILL)
        process.wait(20)

    def command(self, conf: Mapping[str, str], *arguments: object, properties: Path | None = None) -> list[str]:
        """A `spark-submit` command for this cluster."""
        options = ["--properties-file", str(properties)] if properties else []
        for name, value in {**SMALL, **conf}.items():
            options += ["--conf", f"{name}={value}"]
        return [str(HOME / "bin" / "spark-submit"), "--master", self.url, *options, *map(str, arguments)]

    def submit(
        self, conf: Mapping[str, str], *arguments: object, properties: Path | None = None, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Submits a job and waits for its end."""
        command = self.command(conf, *arguments, properties=properties)
        return subprocess.run(
            command, env=environment(**variables), capture_output=True, text=True, timeout=900, check=False
        )


def environment(**more: str) -> dict[str, str]:
    """The variables of every process: this Python, this project, loopback, small daemons."""
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    spark = {"SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    return os.environ | python | spark | {"SPARK_DAEMON_JAVA_OPTS": BRIEF} | more


def session_members(session: int) -> Iterator[int]:
    """The processes of a session, whatever groups they are in (pyspark's daemon makes one of its own)."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue  # gone in the meantime
            if int(fields[3]) == session:
                yield int(folder.name)


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 180, every: float = 0.3) -> None:
    """Looks `every` so many seconds; raises `TimeoutError` with `what` where it does not come."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not there within {seconds} s")
        time.sleep(every)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def cluster_of(folder: Path, hosts: Mapping[str, tuple[str, ...]]) -> Iterator[Cluster]:
    """A master and a worker for each host, with these addresses of GPUs; all of it is gone at the end."""
    found = Cluster(folder, free_port(), free_port())
    try:
        found.start_master()
        for host, gpus in hosts.items():
            found.start_worker(host, gpus)
        found.wait_for_workers(len(hosts))
        yield found
    finally:
        for name in list(found.processes):
            found.kill(name)
