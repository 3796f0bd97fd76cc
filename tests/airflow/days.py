"""Running a day, and looking at what came of it."""

import datetime
import json
from pathlib import Path
from typing import Any

from conftest import project

COUNT = """
import sys, json, pathlib
from pyarrow import parquet
days = {}
for file in pathlib.Path(sys.argv[1]).glob("labelled/date=*/*.parquet"):
    ids = parquet.ParquetFile(file).read(columns=["id"]).column("id").to_pylist()
    days.setdefault(file.parent.name.removeprefix("date="), []).extend(ids)
print(json.dumps({day: [len(ids), len(set(ids))] for day, ids in sorted(days.items())}))
"""


def run_day(dag: Any, day: str, **params: Any) -> dict[str, str | None]:
    """Runs the DAG for this day's data interval in this process; the states of its tasks."""
    end = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.UTC) + datetime.timedelta(days=1)
    run = dag.test(logical_date=end, run_conf=params)
    return {instance.task_id: state(instance) for instance in run.get_task_instances()}


def state(instance: Any) -> str | None:
    """A task's state as text."""
    return None if instance.state is None else str(getattr(instance.state, "value", instance.state))


def published(output: Path) -> dict[str, list[int]]:
    """Rows and distinct ids of each published day."""
    return dict(json.loads(project(COUNT, output)))


def manifests(output: Path) -> list[dict[str, Any]]:
    """The manifests of an output, oldest first."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(output.glob("runs/*/manifest.json"))]
