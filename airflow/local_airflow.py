"""A real Airflow on this machine: `airflow standalone` on free ports, with a home of its own, gone when it is stopped.

For the demo and the tests: everybody who reaches its port, on this machine alone, is its administrator.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
SPARK = {"conn_type": "spark", "host": "local[2]", "extra": {"deploy-mode": "client", "spark-binary": "spark-submit"}}


class LocalAirflow:
    """As a context: migrated, started and healthy inside, with no process left outside."""

    def __init__(self, home: Path, settings: dict[str, Any], patience: float = 300) -> None:
        self.home, self.patience = home.resolve(), patience
        api, log, trigger = free_ports(3)
        self.url = f"http://127.0.0.1:{api}"
        self.environment = os.environ | {
            "AIRFLOW_HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # standalone calls `airflow`
            # SQLite takes one writer at a time; by default another gives up after 5 s
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db?timeout=120",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "airflow_dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(api),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "900",
            "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(SPARK),
            "AIRFLOW_VAR_MODERATION": json.dumps(settings),
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""

    def __enter__(self) -> Self:
        (self.home / "config").mkdir(parents=True, exist_ok=True)
        shutil.copy(FOLDER / "airflow_local_settings.py", self.home / "config")
        self.run("db", "migrate")
        self.run("pools", "set", "moderation_gpu", "1", "Spark jobs, one by one")
        log = (self.home / "standalone.log").open("wb")
        command = [sys.executable, str(FOLDER / "keeper.py"), airflow_binary(), "standalone"]
        output = {"stdout": log, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, **output, env=self.environment, start_new_session=True
        )
        try:
            self.wait(self.healthy, "healthy")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, *arguments: str) -> str:
        """An airflow command with this Airflow's environment; what it printed."""
        command = [airflow_binary(), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def call(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """A request to the REST API; its JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def healthy(self) -> bool:
        """Whether the API answers and scheduler and DAG processor have said that they live."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"airflow standalone ended; its log is {self.home / 'standalone.log'}")
        try:
            health = self.call("/api/v2/monitor/health")
            self.token = self.token or self.call("/auth/token")["access_token"]
        except OSError:
            return False
        return all(health[name]["status"] == "healthy" for name in ("metadatabase", "scheduler", "dag_processor"))

    def wait(self, condition: Any, what: str, seconds: float | None = None) -> Any:
        """What the condition gives once it is true; raises `TimeoutError` where it takes too long."""
        end = time.monotonic() + (seconds or self.patience)
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(1)
        raise TimeoutError(f"not {what} after {seconds or self.patience:.0f} s; see {self.home / 'standalone.log'}")

    def unpause(self, *names: str) -> None:
        """Lets the DAGs run, once they have been read."""
        for name in names:
            self.wait(lambda name=name: self.known(name), f"there: DAG {name}")
            self.call(f"/api/v2/dags/{name}", {"is_paused": False}, "PATCH")

    def known(self, name: str) -> bool:
        """Whether the DAG has been read."""
        try:
            return bool(self.call(f"/api/v2/dags/{name}")["dag_id"])
        except urllib.error.HTTPError:
            return False

    def runs(self, name: str) -> list[dict[str, Any]]:
        """The DAG's runs."""
        return list(self.call(f"/api/v2/dags/{name}/dagRuns?limit=100")["dag_runs"])

    def tasks(self, name: str, run_id: str) -> dict[str, str | None]:
        """The states of a run's tasks; mapped ones with their number."""
        path = f"/api/v2/dags/{name}/dagRuns/{urllib.parse.quote(run_id)}/taskInstances?limit=200"
        found = self.call(path)["task_instances"]
        return {
            one["task_id"] + (f"[{one['map_index']}]" if one["map_index"] >= 0 else ""): one["state"] for one in found
        }

    def stop(self) -> None:
        """Ends the whole of it: the keeper does, as it also would where this process were killed."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.wait(60)

    def processes(self) -> list[int]:
        """The processes of this Airflow: of the keeper's session, or with this home in their environment."""
        mark, found = f"AIRFLOW_HOME={self.home}".encode(), []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # a process that names itself overwrites its environment
                session = (entry / "stat").read_text().rpartition(")")[2].split()[3]
                ours = self.process is not None and int(session) == self.process.pid
                if ours or mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return [pid for pid in found if pid != os.getpid()]


def airflow_binary() -> str:
    """The command beside this Python."""
    return str(Path(sys.executable).with_name("airflow"))


def free_ports(count: int) -> list[int]:
    """So many ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for found in sockets:
            found.bind(("127.0.0.1", 0))
        return [found.getsockname()[1] for found in sockets]
