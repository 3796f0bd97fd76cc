"""The main job: read, score, decide, validate, publish."""

import logging
from contextlib import nullcontext

from moderation.config import Config
from moderation.job import Job
from moderation.models.panel import find_panel
from moderation.plan import Plan
from moderation.policy import left_out, read_policy
from moderation.privacy.privacy import find_privacy
from moderation.runs.digests import Digests
from moderation.runs.inputs import find_inputs
from moderation.runs.keys import run_key, scores_key
from moderation.runs.listing import check_apart
from moderation.runs.manifest import Manifest
from moderation.runs.mirror.mirror import mirrored
from moderation.runs.run import Run
from moderation.runs.standing import standing
from moderation.runs.until import Until
from moderation.scoring import score

log = logging.getLogger(__name__)


def moderate(config: Config, force: bool = False, until: Until = Until.PUBLISH) -> Manifest:
    """Scores the comments of the config's input and publishes them below its output, if the gate lets them pass.

    Shards that the output's score store has are not scored again. Where the very result stands there already, nothing
    is done unless with `force`. `until` an earlier stage, nothing is published. Returns the manifest of the run. Raises
    `UsageError` for the caller's mistakes, with nothing published, and `GateRefused` where validation refused.
    """
    privacy = find_privacy(config.privacy, config.output)
    digests = Digests(config.output.resolve())
    files = find_inputs(config.input, config.columns, digests)
    check_apart([file.path for file in files], [file.root for file in files], config.output.resolve())
    panel = find_panel(config.models)
    policy = read_policy(config.policy, panel)
    if rules := left_out(config.policy, panel):
        log.warning("note: the default policy goes without some rules, as the models lack what they name: %s", rules)
    return carry_out(Plan(config, files, panel, policy, digests, scores_key(config, panel), privacy), force, until)


def carry_out(plan: Plan, force: bool, until: Until = Until.PUBLISH) -> Manifest:
    """Does what is planned, unless its result stands there already; a copy elsewhere follows."""
    with mirrored(plan.config.output, plan.config.publish) if until is Until.PUBLISH else nullcontext():
        return find_or_make(plan, force, until)


def find_or_make(plan: Plan, force: bool, until: Until) -> Manifest:
    """The run whose result stands there already, or else a new one."""
    from moderation.spark.errors import full_disk, input_errors
    from moderation.spark.session import session

    key = run_key(plan.config, plan.scores_key, plan.policy, plan.files, plan.privacy)
    output = plan.config.output.resolve()
    if not force and (before := standing(output, key, plan.scope)):
        log.info("nothing to do: run %s published this very result; --force runs all the same", before.run_id)
        return before
    with Run(plan.config) as run, session(plan.config.spark) as spark, input_errors():
        with full_disk(output):
            plan.digests.write()
            run.describe(run_key=key)
            job = Job(plan, run, spark)
            run.stage("read", job.read)
            run.stage("score", score, job)
            if until is Until.SCORE:
                run.manifest.status = "scored"
                return run.manifest
            labelled = run.stage("decide", job.decide)
            outcome = run.stage("validate", job.validate, labelled)
        if until is Until.VALIDATE:
            run.stage("set_aside", job.set_aside, outcome)
        else:
            run.stage("publish", job.publish, outcome)
        return run.manifest
