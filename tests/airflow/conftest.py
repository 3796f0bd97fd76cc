"""An Airflow of the tests' own: its home, its database, its settings, and days of comments to moderate."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "airflow_dags"
PROJECT_PYTHON = Path(os.environ.get("PROJECT_PYTHON") or ROOT / ".venv" / "bin" / "python")
HOME = Path(tempfile.mkdtemp(prefix="airflow-test-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
SPARK = {"conn_type": "spark", "host": "local[2]", "extra": {"deploy-mode": "client", "spark-binary": "spark-submit"}}
# A hundred rows are not worth what Java's second compiler and Spark's own one cost: half of a job's CPU time.
FASTER = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "1g",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "2",
}
ENVIRONMENT = {  # before anything imports airflow
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(SPARK),
    "SPARK_LOCAL_IP": "127.0.0.1",
    "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
os.environ |= ENVIRONMENT
sys.path[:0] = [str(DAGS), str(ROOT / "airflow")]


def airflow(*arguments: str, **environment: str) -> str:
    """Runs an airflow command and returns what it printed."""
    command = [str(Path(sys.executable).with_name("airflow")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def project(code: str, *arguments: object) -> str:
    """Runs code with the project's own Python."""
    command = [str(PROJECT_PYTHON), "-c", code, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def moderation(*arguments: object) -> str:
    """Runs a command of the project."""
    code = "import sys; from moderation.cli import app, exit_code; sys.exit(exit_code(lambda: app(sys.argv[1:])))"
    return project(code, *arguments)


@pytest.fixture(scope="session", autouse=True)
def database() -> None:
    airflow("db", "migrate")
    airflow("pools", "set", "moderation_gpu", "1", "Spark jobs")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled dump: four days from 2026-01-05 on."""
    folder = tmp_path_factory.mktemp("dumps") / "sample"
    project("import sys, pathlib, moderation.sample as s; s.write_sample(pathlib.Path(sys.argv[1]), 400)", folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    project(
        "import sys, pathlib; from tests.conftest import make_tiny_model as m; m(pathlib.Path(sys.argv[1]))", folder
    )
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "moderated"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, output: Path, sample: Path, tiny_model: Path) -> Any:
    """A function that sets the Variable `moderation`; called once without arguments."""

    def change(**changed: Any) -> dict[str, Any]:
        values = {
            "dump": str(sample),
            "output": str(output),
            "python": str(PROJECT_PYTHON),
            "model": str(tiny_model),
            "wait_hours": 0,
            "retries": 1,
            "retry_seconds": 1,
            "spark_conf": FASTER,
        } | changed
        text = json.dumps({name: value for name, value in values.items() if value is not None})
        monkeypatch.setenv("AIRFLOW_VAR_MODERATION", text)
        return values

    change()
    return change


@pytest.fixture
def dags(settings: Any) -> Iterator[Any]:
    """A function that gives a DAG, parsed with the settings of the moment."""

    def dag(name: str) -> Any:
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(str(DAGS), load_op_links=False)
        assert not bag.import_errors, bag.import_errors
        return bag.dags[name]

    yield dag


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any]]]:
    """A server on this machine that keeps what is posted to it: its URL, and a list of headers and JSON."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((dict(self.headers), json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
