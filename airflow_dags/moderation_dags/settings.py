"""All settings of the DAGs: the Airflow Variable `moderation`, one JSON object (docs/airflow.md lists the keys)."""

import datetime
from pathlib import Path
from typing import Annotated, Any

from airflow.sdk import Variable
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, ValidationError
from pydantic import field_validator as validates

VARIABLE = "moderation"


class SettingsError(ValueError):
    """A mistake in the settings, in one line; Airflow shows it as the DAG's import error."""


class Settings(BaseModel):
    """Where things are and how the DAGs behave."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    dump: Annotated[str, Field(description="a day's dump; {date}, {date:%Y-%m} and the like stand for the day")]
    output: Annotated[Path, Field(description="folder of labelled/, quarantine/ and runs/")]
    comments: Annotated[Path | None, Field(description="where ingest writes; <output>/../comments where none")] = None
    project: Annotated[Path, Field(description="checkout with jobs/")] = Path(__file__).resolve().parents[2]
    python: Annotated[Path | None, Field(description="the project's Python; <project>/.venv/bin/python where none")] = (
        None
    )
    model: Annotated[str, Field(description="'builtin', a folder, or a link to one, as retrain moves it")] = "builtin"
    policy: Annotated[str, Field(description="'default' or a YAML file")] = "default"
    config: Annotated[Path | None, Field(description="YAML file of all other settings of the jobs")] = None
    schedule: Annotated[str, Field(description="when moderate_daily runs, in UTC; each run does the day before")] = (
        "@daily"
    )
    wait_hours: Annotated[NonNegativeFloat, Field(description="how long after its day's end a dump may come")] = 12
    retries: Annotated[NonNegativeInt, Field(description="tries after the first, of what can heal")] = 3
    retry_seconds: Annotated[PositiveInt, Field(description="before the first retry; doubles up to an hour")] = 300
    spark_connection: Annotated[str, Field(description="Airflow connection of type spark")] = "spark_default"
    spark_conf: Annotated[dict[str, str], Field(description="any Spark settings, by their full names")] = {}
    spark_options: Annotated[dict[str, Any], Field(description="further arguments of SparkSubmitOperator")] = {}
    spark_env: Annotated[dict[str, str], Field(description="environment of spark-submit, before what is found")] = {}
    pool: Annotated[str, Field(description="Airflow pool of all jobs that score or write")] = "moderation_gpu"
    alert_connection: Annotated[str | None, Field(description="Airflow connection of type http for alerts")] = None
    owner: Annotated[str, Field(description="the owner that Airflow shows")] = "moderation"
    parallel_days: Annotated[PositiveInt, Field(description="days that moderate_backfill does at a time")] = 2
    audit_margin: Annotated[
        float | None, Field(gt=0, lt=0.5, description="audit samples are to tell precision and recall within so much")
    ] = 0.05
    reviewed: Annotated[Path | None, Field(description="Parquet of reviewed labels that retrain learns from")] = None
    models: Annotated[Path | None, Field(description="folder of retrained models and of the link 'current'")] = None

    @validates("dump")
    @classmethod
    def takes_a_date(cls, value: str) -> str:
        """Refuses a template with other names than `date`."""
        try:
            if not value.format(date=datetime.date(2026, 1, 5)):
                raise ValueError("is empty: name the dump's path")
        except (KeyError, IndexError) as error:
            raise ValueError(f"has a name that is not 'date': {value}") from error
        return value

    def dump_of(self, day: datetime.date) -> Path:
        """The path of a day's dump."""
        return Path(self.dump.format(date=day))

    @property
    def interpreter(self) -> Path:
        """The Python of the project's own environment, which is never Airflow's."""
        return self.python or self.project / ".venv" / "bin" / "python"

    @property
    def ingested(self) -> Path:
        """The folder of ingested comments."""
        return self.comments or self.output.parent / "comments"


def read_settings() -> Settings:
    """The settings; raises `SettingsError` with one line that says what to set."""
    text = Variable.get(VARIABLE, default=None)
    if text is None:
        raise SettingsError(
            f"Airflow Variable '{VARIABLE}' is not set: give it a JSON object with at least 'dump' and 'output'"
        )
    return parse_settings(text)


def parse_settings(text: str) -> Settings:
    """Settings out of the Variable's text; raises `SettingsError` for the first mistake."""
    try:
        return Settings.model_validate_json(text)
    except ValidationError as error:
        raise SettingsError(f"Airflow Variable '{VARIABLE}': {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """The first mistake in words."""
    first = error.errors(include_url=False)[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown setting '{key}'; one of {', '.join(Settings.model_fields)}"
    if first["type"] == "missing":
        return f"'{key}' is missing: {Settings.model_fields[key].description}"
    message = first["msg"].removeprefix("Value error, ")
    return f"'{key}' {message}" if key else message
