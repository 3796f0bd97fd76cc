"""Moderates a range of days again, with another model or policy say."""

from typing import Any

from airflow.sdk import DAG, Param, task, task_group
from airflow.sdk.exceptions import AirflowFailException
from moderation_dags import checks
from moderation_dags.alerts import tag_of
from moderation_dags.day import DAY_PARAMS, common_arguments, day_tasks
from moderation_dags.plan import days_between, plan_day
from moderation_dags.settings import read_settings

DOC = """
Moderates every day from `first` to `last`, a few at a time. Days that are published already with the same input, model
and policy are skipped. Only what the score store lacks is scored, so another policy costs no model.
"""
PARAMS = {
    "first": Param(None, type=["null", "string"], format="date", description="the first day"),
    "last": Param(None, type=["null", "string"], format="date", description="the last day; the first alone where none"),
    "skip_missing": Param(False, type="boolean", description="go on without the days that have no dump"),
    **DAY_PARAMS,
}
settings = read_settings()

with DAG(
    "moderate_backfill",
    description="score, validate and publish a range of days",
    doc_md=DOC,
    schedule=None,
    max_active_runs=1,
    params=PARAMS,
    default_args=common_arguments(settings),
    tags=["moderation"],
) as dag:

    @task(doc_md="Checks params, connection, model, policy and dumps, and lists the days' plans.")
    def plan_days(**context: Any) -> list[dict[str, Any]]:
        params = context["params"]
        checks.check_params(context["dag_run"].conf or {}, PARAMS)
        checks.check_spark(settings)
        days = days_between(params["first"], params["last"])
        missing = [day for day in days if not checks.dump_is_there(settings, day)]
        if missing and not params["skip_missing"]:
            raise checks.no_dump(settings, missing[0])
        found = [day for day in days if day not in missing]
        if not found:
            raise AirflowFailException(f"no dump for any day from {days[0]} to {days[-1]}: set 'first' and 'last'")
        return [plan_day(settings, params, day, tag_of(context, str(day))) for day in found]

    @task_group(default_args={"max_active_tis_per_dagrun": settings.parallel_days})
    def one_day(plan: dict[str, Any]) -> None:
        day_tasks(settings, plan)

    one_day.expand(plan=plan_days())
