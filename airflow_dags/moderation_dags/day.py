"""The tasks of one day, which the daily and the backfill DAG share."""

import datetime
from typing import Any

from airflow.sdk import Param, TriggerRule, task
from airflow.sdk.exceptions import AirflowSkipException

from moderation_dags.audit import draw_sample
from moderation_dags.jobs import ModerationJob
from moderation_dags.manifests import facts, newest_run
from moderation_dags.settings import Settings
from moderation_dags.tables import published_table

DAY_PARAMS = {
    "model": Param(None, type=["null", "string"], description="another model than the setting's"),
    "policy": Param(None, type=["null", "string"], description="another policy than the setting's"),
    "accept_shift": Param(
        None, type=["null", "string"], description="why to publish though shares left their bands; kept in the manifest"
    ),
    "force": Param(False, type="boolean", description="also where the same is published already"),
}


def common_arguments(settings: Settings) -> dict[str, Any]:
    """What every task of every DAG has: owner, alerts, retries with backoff."""
    from moderation_dags.alerts import Alert

    return {
        "owner": settings.owner,
        "retries": settings.retries,
        "retry_delay": datetime.timedelta(seconds=settings.retry_seconds),
        "retry_exponential_backoff": True,
        "max_retry_delay": datetime.timedelta(hours=1),
        "on_failure_callback": Alert(settings),
    }


def day_tasks(settings: Settings, plan: Any) -> None:
    """Adds the tasks of the day whose plan (`plan_day`) comes out of the task before."""
    ingest = ModerationJob(
        task_id="ingest",
        settings=settings,
        job="ingest",
        plan=plan,
        doc_md="Brings the raw dump (.zst, .ndjson) into Parquet. Skipped where the dump is Parquet already.",
    )
    score = Score(
        task_id="score",
        settings=settings,
        job="moderate",
        plan=plan,
        trigger_rule=TriggerRule.NONE_FAILED,
        doc_md="Scores what the score store lacks; killed and tried again, it goes on where it was. Skipped, with all "
        "that follows, where the day is published already with the same input, model and policy.",
    )
    validate = Validate(
        task_id="validate",
        settings=settings,
        job="moderate",
        plan=plan,
        doc_md="Decides by policy, stages the rows and asks the gate. A refusal (exit 3) fails at once, with the "
        "reasons and the Data Docs' path in the log; nothing is published.",
    )
    publish = ModerationJob(
        task_id="publish",
        settings=settings,
        job="publish",
        plan=plan,
        doc_md="Moves the accepted rows into the published table, in place of the day's earlier ones.",
    )
    ingest >> score >> validate >> publish >> announce(settings, plan)
    publish >> audit_sample(settings, plan)


class Score(ModerationJob):
    """The scoring job; skipped where it found the day published already."""

    def execute(self, context: Any) -> float:
        """Scores; a job that had nothing to do leaves no run behind."""
        seconds = super().execute(context)
        if newest_run(self.settings.output, self.plan["tag"]) is None:
            raise AirflowSkipException(
                f"{self.plan['day']} is published already with the same input, model and policy; the param 'force' "
                "does it again"
            )
        return seconds


class Validate(ModerationJob):
    """The validating job; skipped where another run has published the very same since the day was scored."""

    def execute(self, context: Any) -> float:
        """Validates; a job that had nothing to do leaves the day's newest run as the scoring left it."""
        seconds = super().execute(context)
        manifest = newest_run(self.settings.output, self.plan["tag"])
        if manifest is None or manifest["status"] == "scored":
            raise AirflowSkipException(f"another run has published the same of {self.plan['day']} meanwhile")
        return seconds


def announce(settings: Settings, plan: Any) -> Any:
    """The task that tells Airflow of the new rows, with run id, counts and flag rates."""
    table = published_table(settings)

    @task(task_id="announce", outlets=[table], doc_md="Updates the Asset that other DAGs wait for.")
    def tell(plan: dict[str, Any], *, outlet_events: Any = None) -> dict[str, Any]:
        manifest = newest_run(settings.output, plan["tag"])
        if manifest is None or manifest["status"] != "published":
            raise AirflowSkipException(f"no published run of {plan['day']} to tell of")
        outlet_events[table].extra = facts(manifest, settings.output)
        return facts(manifest, settings.output)

    return tell(plan)


def audit_sample(settings: Settings, plan: Any) -> Any:
    """The task that draws an audit sample of the new rows, where the project has the command."""

    @task(
        task_id="audit_sample",
        pool=settings.pool,
        doc_md="Draws a sample to review; skipped in versions without `moderation audit sample`.",
    )
    def draw(plan: dict[str, Any]) -> float:
        manifest = newest_run(settings.output, plan["tag"])
        if manifest is None or manifest["status"] != "published":
            raise AirflowSkipException(f"no published run of {plan['day']} to sample from")
        return draw_sample(settings, manifest["run_id"])

    return draw(plan)
