"""Moderates the comments of one day, every day."""

import datetime
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, PokeReturnValue, task
from moderation_dags import checks
from moderation_dags.alerts import tag_of
from moderation_dags.day import DAY_PARAMS, common_arguments, day_tasks
from moderation_dags.plan import plan_day
from moderation_dags.settings import read_settings

DOC = """
Moderates the day of the data interval: waits for its dump, scores it, lets the gate decide, publishes what passed.
Every task may be cleared and run again. `docs/airflow.md` says what the params and the settings do.
"""
PARAMS = {
    "date": Param(None, type=["null", "string"], format="date", description="another day than the data interval's"),
    **DAY_PARAMS,
}
settings = read_settings()

with DAG(
    "moderate_daily",
    description="score, validate and publish one day",
    doc_md=DOC,
    schedule=CronDataIntervalTimetable(settings.schedule, timezone="UTC"),
    start_date=datetime.datetime(2005, 12, 1, tzinfo=datetime.UTC),  # the first Reddit dumps' month; for backfills
    catchup=False,
    max_active_runs=2,
    params=PARAMS,
    default_args=common_arguments(settings),
    tags=["moderation"],
) as dag:

    @task.sensor(
        mode="reschedule",
        poke_interval=300,
        timeout=max(settings.wait_hours, 1) * 3600 + 86400,
        doc_md="Checks params, connection, model and policy, then waits for the day's dump.",
    )
    def wait_for_dump(**context: Any) -> PokeReturnValue:
        params, run = context["params"], context["dag_run"]
        checks.check_params(run.conf or {}, PARAMS)
        start, end = context.get("data_interval_start"), context.get("data_interval_end")
        if not (params["date"] or start):
            raise checks.AirflowFailException("this run has no data interval: set the param 'date'")
        day = datetime.date.fromisoformat(params["date"]) if params["date"] else start.date()
        checks.check_spark(settings)
        plan = plan_day(settings, params, day, tag_of(context, str(day)))
        if checks.dump_is_there(settings, day):
            return PokeReturnValue(True, plan)
        waited_until = (end or run.run_after) + datetime.timedelta(hours=settings.wait_hours)
        if params["date"] or datetime.datetime.now(datetime.UTC) > waited_until:
            raise checks.no_dump(settings, day)
        return PokeReturnValue(False)

    day_tasks(settings, wait_for_dump())
