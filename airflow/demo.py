"""`make airflow-demo`: a real Airflow moderates one day of the bundled dump with the built-in model."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from typing import Any

from local_airflow import ROOT, LocalAirflow

DAY, NEXT = "2026-01-06", "2026-01-07"
FOLDER = ROOT / "demo" / "airflow"
SAMPLE = "import sys, pathlib, moderation.sample as s; s.write_sample(pathlib.Path(sys.argv[1]), 3000)"
JOBS = ("ingest", "score", "validate", "publish", "audit_sample")
DONE = ("success", "failed")


def main() -> int:
    """Makes the dump, starts Airflow, runs the day, and stays until Ctrl-C where somebody is looking."""
    python = os.environ.get("PROJECT_PYTHON") or str(ROOT / ".venv" / "bin" / "python")
    shutil.rmtree(FOLDER, ignore_errors=True)
    project(python, "-c", SAMPLE, FOLDER / "sample")
    project(python, "-m", "moderation", "ingest", FOLDER / "sample", "--output", FOLDER / "dump")
    settings = {
        "dump": f"{FOLDER}/dump/date={{date}}",
        "output": str(FOLDER / "moderated"),
        "python": python,
        "spark_conf": {"spark.driver.memory": "1g"},
    }
    print("starting Airflow ...", flush=True)
    with LocalAirflow(FOLDER / "home", settings) as airflow:
        print(f"Airflow is at {airflow.url} (no password; Ctrl-C stops it)\n", flush=True)
        airflow.unpause("moderate_daily", "example_consumer")
        started = time.monotonic()
        run, state = watch(airflow)
        whole = time.monotonic() - started
        own = whole - job_seconds(airflow, run)
        print(f"\n{DAY}: {state} after {whole:.0f} s, of which Airflow's own share is {own:.0f} s", flush=True)
        print(
            f"published  {FOLDER / 'moderated' / 'labelled'}\nlook at    {airflow.url}/dags/moderate_daily", flush=True
        )
        stay(airflow.url)
    left = airflow.processes()
    print(f"stopped; still there: {left}" if left else "stopped; no process is left")
    return 0 if state == "success" else 1


def watch(airflow: LocalAirflow) -> tuple[str, str]:
    """Starts the day's run and says what becomes of each task; the run's id and last state."""
    run = airflow.call("/api/v2/dags/moderate_daily/dagRuns", {"logical_date": f"{NEXT}T00:00:00Z"})["dag_run_id"]
    seen: dict[str, Any] = {}
    while True:
        for task, state in airflow.tasks("moderate_daily", run).items():
            if state and state != seen.get(task):
                print(f"  {task:14} {state}", flush=True)
            seen[task] = state
        for found in airflow.runs("moderate_daily"):
            if found["dag_run_id"] == run and found["state"] in DONE:
                return str(run), str(found["state"])
        time.sleep(1)


def job_seconds(airflow: LocalAirflow, run: str) -> float:
    """The seconds that the project's own jobs took, from spark-submit's start to its end."""
    found = 0.0
    for task, state in airflow.tasks("moderate_daily", run).items():
        path = f"/api/v2/dags/moderate_daily/dagRuns/{urllib.parse.quote(run)}/taskInstances/{task}/xcomEntries"
        if task in JOBS and state == "success":
            found += float(airflow.call(f"{path}/return_value")["value"])
    return found


def stay(url: str) -> None:
    """Keeps Airflow until Ctrl-C, where there is a person at a terminal to press it."""
    if not sys.stdin.isatty() and not os.environ.get("STAY"):
        return
    print(f"\n{url} stays until Ctrl-C", flush=True)
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        print()


def project(*command: object) -> None:
    """Runs something with the project's own Python."""
    subprocess.run([str(word) for word in command], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


if __name__ == "__main__":
    for sign in (signal.SIGTERM, signal.SIGHUP):  # a kill or a closed terminal stops Airflow too
        signal.signal(sign, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
