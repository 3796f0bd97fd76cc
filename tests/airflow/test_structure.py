"""The DAGs as Airflow reads them: they parse quickly and say who, what and how often."""

import json
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from conftest import DAGS

NAMES = {"moderate_daily", "moderate_backfill", "audit_weekly", "retrain", "example_consumer"}
DAY = ["ingest", "score", "validate", "publish", "announce"]
HEAVY = ("pyspark", "torch", "transformers", "moderation", "pandas", "great_expectations")
# CPU seconds, as a busy machine should not fail the test; the first file also pays for what all import
PARSE = """
import json, pathlib, sys, time
from airflow.dag_processing.dagbag import DagBag
seconds, errors = {}, {}
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    started = time.process_time()
    errors |= DagBag(str(file), load_op_links=False).import_errors
    seconds[file.name] = time.process_time() - started
print(json.dumps([seconds, errors, [name for name in sys.argv[2:] if name in sys.modules]]))
"""


@pytest.fixture
def bag(settings: Any) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS), load_op_links=False)


def test_every_file_parses_in_a_second_without_heavy_imports(settings: Any) -> None:
    command = [sys.executable, "-c", PARSE, str(DAGS), *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, env=None, check=True, cwd=DAGS)
    seconds, errors, heavy = json.loads(done.stdout.splitlines()[-1])
    assert errors == {}
    assert heavy == []
    assert len(seconds) == len(NAMES)
    assert max(seconds.values()) <= 1, seconds


def test_every_dag_and_task_has_docs_an_owner_and_alerts(bag: Any) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == NAMES
    for dag in bag.dags.values():
        dag.check_cycle()
        assert dag.doc_md and dag.description, dag.dag_id
        assert dag.catchup is False
        for task in dag.tasks:
            assert task.doc_md, task.task_id
            assert task.owner == "moderation"
            assert task.retries == 1
            assert task.retry_exponential_backoff
            assert task.on_failure_callback, task.task_id


def test_a_day_is_scored_then_validated_then_published_in_one_pool(bag: Any) -> None:
    dag = bag.dags["moderate_daily"]
    for before, after in pairwise(DAY):
        assert before in dag.get_task(after).upstream_task_ids
    assert {dag.get_task(name).pool for name in DAY[:-1]} == {"moderation_gpu"}
    assert all(dag.get_task(name).durable for name in DAY[:-1]), "a job submitted to a cluster is re-attached to"
    assert dag.max_active_runs == 2
    assert [asset.name for asset in dag.get_task("announce").outlets] == ["moderated_comments"]


def test_a_backfill_maps_a_bounded_number_of_days(bag: Any) -> None:
    dag = bag.dags["moderate_backfill"]
    tasks = [dag.get_task(f"one_day.{name}") for name in DAY]
    assert all(task.max_active_tis_per_dagrun == 2 for task in tasks)
    assert all(task.get_closest_mapped_task_group() for task in tasks)


def test_a_daily_run_has_the_day_before_as_its_interval(bag: Any) -> None:
    import pendulum
    from airflow.serialization.encoders import coerce_to_core_timetable

    timetable = coerce_to_core_timetable(bag.dags["moderate_daily"].timetable)
    interval = timetable.infer_manual_data_interval(run_after=pendulum.datetime(2026, 1, 7, 3))
    assert (str(interval.start.date()), str(interval.end.date())) == ("2026-01-06", "2026-01-07")
