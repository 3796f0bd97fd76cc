"""What is to be done for one day: the arguments of its jobs, as plain data that travels between tasks."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from moderation_dags.checks import check_model, check_policy
from moderation_dags.settings import Settings

PARQUET = ".parquet"


def plan_day(settings: Settings, params: Mapping[str, Any], day: datetime.date, tag: str) -> dict[str, Any]:
    """The day's plan; `tag` is how its runs are found again. Refuses a model or policy that is not there."""
    dump = settings.dump_of(day)
    ready = is_parquet(dump)
    comments = dump if ready else settings.ingested / f"date={day}"
    common = ["--output", settings.output, "--tag", tag]
    config = ["--config", settings.config] if settings.config else []
    model = check_model(params.get("model") or settings.model)
    policy = check_policy(params.get("policy") or settings.policy)
    run = [*common, "--input", comments, "--date", day, "--model", model, "--policy", policy, *config]
    force = ["--force"] if params.get("force") else []
    shift = ["--accept-shift", params["accept_shift"]] if params.get("accept_shift") else []
    plan = {
        "day": day,
        "tag": tag,
        "dump": dump,
        "ingest": None if ready else [dump, "--output", settings.ingested],
        "score": [*run, "--until", "score", *force],
        "validate": [*run, "--until", "validate", *force, *shift],
        "publish": common,
    }
    return {name: as_text(value) for name, value in plan.items()}


def as_text(value: Any) -> Any:
    """Paths and dates as the text that a command line takes."""
    if isinstance(value, list):
        return [str(item) for item in value]
    return None if value is None else str(value)


def is_parquet(dump: Path) -> bool:
    """Whether a dump needs no ingest: a Parquet file, or a folder of them."""
    return dump.suffix == PARQUET or (dump.is_dir() and next(dump.rglob(f"*{PARQUET}"), None) is not None)


def days_between(first: str | None, last: str | None) -> list[datetime.date]:
    """The days of a backfill, both ends included."""
    if first is None:
        raise AirflowFailException("no day to moderate: set the param 'first', as YYYY-MM-DD")
    start = datetime.date.fromisoformat(first)
    end = datetime.date.fromisoformat(last or first)
    if end < start:
        raise AirflowFailException(f"param 'last' ({end}) is before 'first' ({start}): set it to a later day")
    return [start + datetime.timedelta(days=number) for number in range((end - start).days + 1)]
