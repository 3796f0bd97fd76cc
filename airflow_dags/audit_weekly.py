"""Every week, a sample of what was published for people to review, and what they found in samples before."""

import datetime
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TriggerRule, task
from moderation_dags.audit import draw_sample, estimate_reviewed, write_report
from moderation_dags.checks import check_params
from moderation_dags.day import common_arguments
from moderation_dags.settings import read_settings

DOC = """
Draws an audit sample of the newest published run for people to review, and logs what the samples that they have
reviewed say: precision and recall, with intervals. A report of that run, one HTML page, is left beside its sample.
Versions of the project without `moderation audit` skip all three, and say so in the tasks' logs.
"""
PARAMS = {"run": Param("latest", type="string", description="the published run to sample and report of")}
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

    @task(doc_md="Checks the params.")
    def check(**context: Any) -> None:
        check_params(context["dag_run"].conf or {}, PARAMS)

    @task(pool=settings.pool, doc_md="Draws the sample; skipped in versions without `moderation audit sample`.")
    def sample(*, params: Any = None) -> float:
        return draw_sample(settings, params["run"])

    @task(pool=settings.pool, doc_md="Logs precision and recall by the verdicts so far; skipped where there are none.")
    def estimate() -> list[str]:
        return estimate_reviewed(settings)

    @task(
        pool=settings.pool,
        trigger_rule=TriggerRule.NONE_FAILED,
        doc_md="Writes the run's report beside its sample; skipped in versions without `moderation audit report`.",
    )
    def report(*, params: Any = None) -> None:
        write_report(settings, params["run"])

    drawn = sample()
    check() >> [drawn, estimate()]
    drawn >> report()
