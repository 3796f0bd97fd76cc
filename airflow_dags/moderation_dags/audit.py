"""Audit samples, estimates and reports, by the project's `moderation audit` commands, in versions that have them."""

import time

from airflow.sdk.exceptions import AirflowSkipException

from moderation_dags.jobs import has_command, run_command
from moderation_dags.settings import Settings

SEED = 7  # the same run and seed give the same sample, so a task that is cleared draws none anew


def need_command(settings: Settings, name: str) -> None:
    """Skips the task in versions of the project that lack `moderation audit NAME`."""
    if not has_command(settings, "audit", name):
        raise AirflowSkipException(f"this version of the project has no command `moderation audit {name}`")


def draw_sample(settings: Settings, run: str) -> float:
    """Draws the sample of a published run, which stays below `<output>/audits/`; the seconds that took."""
    if settings.audit_margin is None:
        raise AirflowSkipException("the setting 'audit_margin' is null: no sample is wanted")
    need_command(settings, "sample")
    options = ["--output", settings.output, "--run", run, "--margin", settings.audit_margin, "--seed", SEED]
    started = time.monotonic()
    run_command(settings, "audit", "sample", *options)
    return round(time.monotonic() - started, 1)


def write_report(settings: Settings, run: str) -> None:
    """Writes the report of a published run, one HTML page; with the verdicts on its newest sample, if it has some."""
    need_command(settings, "report")
    run_command(settings, "audit", "report", "--output", settings.output, "--run", run)


def estimate_reviewed(settings: Settings) -> list[str]:
    """Logs what each sample that people have reviewed says of its run; the ids of those samples."""
    need_command(settings, "estimate")
    reviewed = sorted(path.parent.name for path in settings.output.glob("audits/*/verdicts.sqlite"))
    if not reviewed:
        raise AirflowSkipException(f"no sample in {settings.output}/audits has verdicts yet")
    for sample in reviewed:
        run_command(settings, "audit", "estimate", "--output", settings.output, "--sample", sample)
    return reviewed
