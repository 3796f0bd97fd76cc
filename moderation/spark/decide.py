"""Scores and a policy to labels, action and severity: Spark SQL only, no model."""

from typing import TYPE_CHECKING

from pyspark.sql import functions as f

from moderation.contracts import column_names
from moderation.errors import UsageError
from moderation.models.spec import LabelSet
from moderation.policy import ACTIONS, SEVERITIES, Policy, Rule
from moderation.spark.errors import first_line
from moderation.spark.layout import INTERNAL
from moderation.spark.read import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def decide(scored: "DataFrame", policy: Policy, known: LabelSet, run_id: str) -> "DataFrame":
    """Labels, rules, flagged, action and severity for scored comments, in the order of the labelled contract.

    Raises `UsageError` that names the rule whose condition Spark does not understand.
    """
    labelled = scored.withColumn("labels", labels_at(policy.thresholds_for(known)))
    check_conditions(labelled, policy)
    fired = f.array(*[f.when(condition(rule), f.lit(rule.name)) for rule in policy.rules]).cast("array<string>")
    labelled = labelled.withColumn("rules", f.filter(fired, lambda name: name.isNotNull()))
    labelled = labelled.withColumns(
        {
            "flagged": (f.size("labels") > 0) | (f.size("rules") > 0),
            "policy_id": f.lit(policy.policy_id),
            "run_id": f.lit(run_id),
        }
    )
    labelled = labelled.withColumns({"action": verdict(policy, "action"), "severity": verdict(policy, "severity")})
    ours = column_names("labelled")
    theirs = [name for name in scored.columns if name not in ours and name not in INTERNAL]
    return labelled.select(*[f.col(quoted(name)) for name in theirs], *ours, "input_key")


def labels_at(thresholds: dict[str, float]) -> "Column":
    """The labels whose score reaches its threshold; none where there are no scores."""
    hits = [f.when(f.col(f"scores.`{label}`") >= f.lit(limit), f.lit(label)) for label, limit in thresholds.items()]
    return f.filter(f.array(*hits), lambda name: name.isNotNull())


def condition(rule: Rule) -> "Column":
    """A rule's condition; null, as with missing scores, is no."""
    return f.coalesce(f.expr(f"({rule.when})"), f.lit(False))


def verdict(policy: Policy, field: str) -> "Column":
    """Action or severity of the most severe rule that fired, of `flagged` where only labels did, else `none`."""
    worst_first = sorted(
        policy.rules, key=lambda rule: (SEVERITIES.index(rule.severity), ACTIONS.index(rule.action)), reverse=True
    )
    found = f.when(f.lit(False), f.lit("none"))
    for rule in worst_first:
        found = found.when(f.array_contains("rules", rule.name), f.lit(getattr(rule, field)))
    return found.when(f.col("flagged"), f.lit(getattr(policy.flagged, field))).otherwise(f.lit("none"))


def check_conditions(labelled: "DataFrame", policy: Policy) -> None:
    """Has Spark parse and resolve every condition before any work is done."""
    from pyspark.errors import PySparkException

    for rule in policy.rules:
        try:
            kind = labelled.select(f.expr(f"({rule.when})").alias("it")).schema["it"].dataType.simpleString()
        except PySparkException as error:
            raise UsageError(
                f"policy rule '{rule.name}': {rule.when!r} is no condition: {first_line(str(error))}"
            ) from error
        if kind != "boolean":
            raise UsageError(f"policy rule '{rule.name}': {rule.when!r} gives {kind}, not true or false")
