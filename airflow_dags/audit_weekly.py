"""Every week, a sample of what was published for people to review, and a report of what they found before."""

import datetime
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, task
from airflow.sdk.exceptions import AirflowSkipException
from moderation_dags.checks import check_params
from moderation_dags.day import common_arguments
from moderation_dags.jobs import has_command, run_command
from moderation_dags.settings import read_settings

DOC = """
Draws an audit sample of the newest published run. Versions of the project without `moderation audit` skip it, and say
so in the task's log.
"""
PARAMS = {"run": Param("latest", type="string", description="the published run to sample from")}
settings = read_settings()

with DAG(
    "audit_weekly",
    description="a sample of published decisions to review",
    doc_md=DOC,
    schedule=CronDataIntervalTimetable("@weekly", timezone="UTC"),
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args=common_arguments(settings),
    tags=["moderation"],
) as dag:

    @task(doc_md="Asks the project whether it has the audit commands; skips the rest where it has not.")
    def find_commands(**context: Any) -> None:
        check_params(context["dag_run"].conf or {}, PARAMS)
        if not has_command(settings, "audit", "sample"):
            raise AirflowSkipException("this version of the project has no command `moderation audit sample`")

    @task(doc_md="Draws the sample of the run.")
    def sample(*, ti: Any = None, params: Any = None) -> None:
        run_command(settings, "audit", "sample", "--output", settings.output, "--run", params["run"], log=ti.log)

    find_commands() >> sample()
