"""The Asset that publishing updates and other DAGs wait for."""

from airflow.sdk import Asset

from moderation_dags.settings import Settings

NAME = "moderated_comments"


def published_table(settings: Settings) -> Asset:
    """The published table; its events carry run id, counts and flag rates as extra."""
    return Asset(name=NAME, uri=f"file://{settings.output}/labelled")
