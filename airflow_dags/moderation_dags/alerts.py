"""Alerts: one callback, which says in the log, and to a webhook where there is a connection for it, what went wrong."""

from pathlib import Path
from typing import Any

from airflow.sdk import BaseNotifier

from moderation_dags.manifests import newest_run
from moderation_dags.settings import Settings


class Alert(BaseNotifier):
    """Called when a task has failed for good, so after its retries; never stands in the way of the task's own end."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings

    def notify(self, context: Any) -> None:
        """Tells every sink."""
        event = describe(context, self.settings)
        self.log.error("ALERT %(dag)s.%(task)s: %(reason)s (run %(moderation_run)s, %(links)s)", event)
        if self.settings.alert_connection:
            post(self.settings.alert_connection, event)
            self.log.info("alert sent to connection %s", self.settings.alert_connection)


def describe(context: Any, settings: Settings) -> dict[str, Any]:
    """The event as JSON-ready data: no text of users, no secret."""
    instance = context["ti"]
    plan = getattr(context["task"], "plan", None)
    plan = plan if isinstance(plan, dict) else {}  # a task that failed before it knew its plan has the template
    manifest = (newest_run(settings.output, plan["tag"]) if "tag" in plan else None) or {}
    run = manifest.get("run_id")
    links = {
        "log": getattr(instance, "log_url", None),
        "data_docs": manifest.get("validation", {}).get("docs"),
        "manifest": str(Path(settings.output, "runs", run, "manifest.json")) if run else None,
    }
    return {
        "dag": instance.dag_id,
        "task": instance.task_id,
        "airflow_run": instance.run_id,
        "try": instance.try_number,
        "date": plan.get("day") or str((context.get("data_interval_start") or context["dag_run"].run_after).date()),
        "moderation_run": run,
        "reason": str(context.get("exception") or "the task failed"),
        "links": {name: link for name, link in links.items() if link},
    }


def tag_of(context: Any, day: str) -> str:
    """The tag of a day's runs in this DAG run."""
    return f"{context['ti'].dag_id}/{context['ti'].run_id}/{day}"


def post(connection: str, event: dict[str, Any]) -> None:
    """Sends the event as JSON to the connection's URL."""
    from airflow.providers.http.hooks.http import HttpHook

    HttpHook(method="POST", http_conn_id=connection).run(json=event, extra_options={"timeout": 10})
