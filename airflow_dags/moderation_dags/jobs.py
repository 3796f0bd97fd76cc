"""Runs the project's jobs: through the Spark connection, or as plain commands of the project's own Python."""

import logging
import os
import subprocess
import time
from collections import deque
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from moderation_dags.settings import Settings
from moderation_dags.verdict import code_of, verdict

KEPT_LINES = 200
log = logging.getLogger(__name__)  # the task's log: a task instance has none of its own in Airflow 3


class ModerationJob(SparkSubmitOperator):
    """Submits one of the project's job scripts with the arguments that a day's plan has for this step.

    A job that was submitted in cluster mode is re-attached to on a retry (`durable`, the provider's own default). A
    step for which the plan has no arguments is skipped.
    """

    template_fields = (*SparkSubmitOperator.template_fields, "plan")

    def __init__(self, *, settings: Settings, job: str, plan: Any, **options: Any) -> None:
        super().__init__(
            application=str(settings.project / "jobs" / f"{job}.py"),
            conn_id=settings.spark_connection,
            conf=dict(settings.spark_conf),
            env_vars=job_environment(settings),
            name=f"moderation-{job}",
            pool=settings.pool,
            **(settings.spark_options | options),
        )
        self.settings = settings
        self.plan = plan

    def execute(self, context: Any) -> float:
        """Submits and waits; an exit code becomes a failure for good or a retry. Returns the job's seconds."""
        arguments = self.plan[self.task_id.rsplit(".")[-1]]
        if arguments is None:
            raise AirflowSkipException("nothing to do in this step")
        self.application_args = arguments
        started = time.monotonic()
        try:
            super().execute(context)
        except AirflowException as error:
            if (code := code_of(error)) is None:
                raise
            failure = verdict(code, str(error).splitlines())
            self.log.error("%s", failure)
            raise failure from None
        return round(time.monotonic() - started, 1)


def job_environment(settings: Settings) -> dict[str, str]:
    """What makes spark-submit, its driver and its workers those of the project, not Airflow's (which has a pyspark
    folder of its own, of another kind)."""
    folder = settings.interpreter.parent
    found = {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    if homes := sorted(folder.parent.glob("lib/python3*/site-packages/pyspark/bin/spark-submit")):
        found["SPARK_HOME"] = str(homes[0].parents[1])
    found |= dict.fromkeys(("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"), str(settings.interpreter))
    return found | {"PYTHONPATH": str(settings.project)} | settings.spark_env


def run_command(settings: Settings, *arguments: object) -> list[str]:
    """Runs `moderation ARGUMENTS` with the project's Python, logs each line, and returns the last ones.

    Raises what the exit code stands for.
    """
    command = [str(settings.interpreter), "-m", "moderation", *map(str, arguments)]
    log.info("%s", " ".join(command))
    environment = os.environ | job_environment(settings)
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
    ) as process:
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                log.info("%s", lines[-1])
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        failure = verdict(process.returncode, lines)
        log.error("%s", failure)
        raise failure
    return list(lines)


def has_command(settings: Settings, *names: str) -> bool:
    """Whether this version of the project knows a command, by its help; raises where the project cannot be asked."""
    command = [str(settings.interpreter), "-m", "moderation", *names, "--help"]
    environment = os.environ | job_environment(settings)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode and "No such command" not in done.stderr:
        raise verdict(done.returncode, (done.stdout + done.stderr).splitlines())
    return done.returncode == 0
