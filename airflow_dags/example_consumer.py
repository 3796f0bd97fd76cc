"""An example of a DAG that runs when comments were published: it reads what the Asset's event says of them."""

import logging
from typing import Any

from airflow.sdk import DAG, task
from moderation_dags.day import common_arguments
from moderation_dags.settings import read_settings
from moderation_dags.tables import published_table

DOC = """
Runs after each publication and logs its run id, counts and flag rates. A run that an Asset triggers has no logical
date and no data interval, so its day comes from the event. Copy it and put your own work in place of the log line.
"""
settings = read_settings()
log = logging.getLogger(__name__)
table = published_table(settings)

with DAG(
    "example_consumer",
    description="what to do with newly published comments",
    doc_md=DOC,
    schedule=[table],
    catchup=False,
    default_args=common_arguments(settings),
    tags=["moderation", "example"],
) as dag:

    @task(doc_md="Logs one line for each publication that triggered this run.")
    def look_at_published(*, triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        events = [event.extra for event in (triggering_asset_events or {}).get(table, [])]
        for extra in events:
            log.info("published %(date)s: run %(run_id)s, %(counts)s, flagged %(flagged)s, rates %(flag_rates)s", extra)
        return events

    look_at_published()
