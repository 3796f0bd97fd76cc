"""What must hold before anything is started. Every check that fails is one line that says what to set."""

import datetime
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from moderation_dags.jobs import job_environment
from moderation_dags.settings import VARIABLE, Settings


def check_params(given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuses params that the DAG does not have: a misspelt one must not pass in silence."""
    if unknown := sorted(set(given) - set(known)):
        raise AirflowFailException(f"unknown param '{unknown[0]}': set one of {', '.join(sorted(known))}")


def check_spark(settings: Settings) -> None:
    """Refuses a missing Spark connection, of which the provider would make a submission to YARN."""
    name = settings.spark_connection
    try:
        kind = BaseHook.get_connection(name).conn_type
    except AirflowNotFoundException:
        raise AirflowFailException(
            f"no Airflow connection '{name}': add one of type spark, or name another with 'spark_connection' in the "
            f"Variable '{VARIABLE}'"
        ) from None
    if kind not in ("spark", "k8s", "yarn"):
        raise AirflowFailException(f"Airflow connection '{name}' is of type {kind}: set one of type spark")
    path = job_environment(settings)["PATH"]
    if not shutil.which("spark-submit", path=path):
        raise AirflowFailException(
            f"no spark-submit beside {settings.interpreter} or on PATH: run `make setup` in the project, or set "
            f"'python' in the Variable '{VARIABLE}'"
        )


def check_model(model: str) -> str:
    """The model with links followed, so that all tasks of a run use the one that was current when it began."""
    if not looks_like_path(model):
        return model
    if not Path(model, "config.json").is_file():
        raise AirflowFailException(f"model {model}: no such model folder; set the param or setting 'model'")
    return str(Path(model).resolve())


def check_policy(policy: str) -> str:
    """Refuses a policy file that is not there."""
    if policy != "default" and not Path(policy).is_file():
        raise AirflowFailException(f"policy {policy}: no such file; set the param or setting 'policy'")
    return policy


def looks_like_path(name: str) -> bool:
    """Whether a model's name is a path, and not 'builtin', a hub id or the like."""
    return name.startswith(("/", ".", "~"))


def dump_is_there(settings: Settings, day: datetime.date) -> bool:
    """Whether the day's dump has come: a file, or a folder with something in it."""
    path = settings.dump_of(day)
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def no_dump(settings: Settings, day: datetime.date) -> AirflowFailException:
    """What to say when the dump has not come in time."""
    return AirflowFailException(
        f"no dump for {day} at {settings.dump_of(day)}: put it there, or set 'dump' in the Variable '{VARIABLE}', and "
        "clear this task"
    )
