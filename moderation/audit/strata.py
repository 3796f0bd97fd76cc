"""Strata: every scored row of a run belongs to exactly one, told by its leading label, band, action and slices.

The leading label of a row that was given labels is the rarest of them in the run, so that the rows of rare labels are
found again; that of any other row is the label whose threshold is nearest. The band is how far the leading label's
score is from its threshold, in logits. Rows far below every threshold are taken together, whatever leads.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as f
from pyspark.sql import types as t

from moderation.audit.allocate import FLOOR
from moderation.audit.strata_names import ABOVE, BELOW, ENTITIES, FAR, NULL, OTHER
from moderation.errors import UsageError
from moderation.spark.read import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ANY = "any"
MOST_VALUES = 12  # of a slice that have strata of their own; the rest are one
CLIP = 1e-9
LEADING, BAND, SLICE = "audit_leading", "audit_band", "audit_slice_"  # columns that no input has
PARTS = (LEADING, BAND, "action")


@dataclass(frozen=True)
class Scheme:
    """What strata are made of: labels, rarest first, with their thresholds, and the values of slices that count."""

    thresholds: dict[str, float]
    values: dict[str, tuple[str, ...]]

    @property
    def slices(self) -> tuple[str, ...]:
        """The columns of slices."""
        return tuple(self.values)


def scored(rows: "DataFrame") -> "DataFrame":
    """The rows that have scores."""
    return rows.where(f.col("status") == "scored")


def scheme(rows: "DataFrame", thresholds: dict[str, float], slices: list[str]) -> Scheme:
    """Counts what was given and which values of the slices are most frequent, in one pass and one for each slice."""
    check_slices(rows, slices)
    counts = scored(rows).agg(*[f.sum(given(label).cast("long")).alias(label) for label in thresholds]).first()
    assert counts is not None
    rarest = sorted(thresholds, key=lambda label: (counts[label] or 0, label))
    return Scheme(
        {label: thresholds[label] for label in rarest}, {name: frequent(scored(rows), name) for name in slices}
    )


def check_slices(rows: "DataFrame", slices: list[str]) -> None:
    """Refuses columns that are not there, or that no slice can be made of."""
    for name in slices:
        if name not in rows.columns:
            raise UsageError(f"slice '{name}': no such column; the run has {', '.join(sorted(rows.columns))}")
        kind = rows.schema[name].dataType
        if name != ENTITIES and isinstance(kind, t.ArrayType | t.StructType | t.MapType | t.BinaryType):
            raise UsageError(f"slice '{name}': is {kind.simpleString()}, and only single values make slices")


def frequent(rows: "DataFrame", name: str) -> tuple[str, ...]:
    """The most frequent values of a slice, ties in the order of their names."""
    counted = rows.groupBy(raw_value(name).alias("value")).count().orderBy(f.desc("count"), "value")
    return tuple(row["value"] for row in counted.limit(MOST_VALUES).collect())


def raw_value(name: str) -> "Column":
    """The value of a slice as text; of `entities` the types that a row has, as in `LOC+PER`, or `none`."""
    if name == ENTITIES:
        types = f.array_join(f.array_sort(f.array_distinct(f.transform(name, lambda entity: entity["type"]))), "+")
        return f.when(f.coalesce(f.size(name), f.lit(0)) <= 0, "none").otherwise(types)
    return f.coalesce(f.col(quoted(name)).cast("string"), f.lit(NULL))


def with_stratum(rows: "DataFrame", made: Scheme) -> "DataFrame":
    """Scored rows with the columns `stratum`, its parts (`PARTS` and `SLICE` with a number), nothing else changed."""
    rows = scored(rows).withColumn("audit_distances", f.array(*[distance(*one) for one in made.thresholds.items()]))
    rows = rows.withColumns({"audit_led": led(made), "audit_nearest": f.array_max("audit_distances")})
    rows = rows.withColumn(BAND, band(made))
    far = f.col(BAND).isin(*FAR)
    rows = rows.withColumns(
        {
            LEADING: f.when(far, ANY).otherwise(f.coalesce("audit_led", nearest(made))),
            **{f"{SLICE}{number}": slice_value(name, made) for number, name in enumerate(made.slices)},
        }
    )
    names = [f.concat(f.lit(f"{name}="), f.col(f"{SLICE}{number}")) for number, name in enumerate(made.slices)]
    joined = f.concat_ws(" ", LEADING, BAND, "action", *names)
    return rows.withColumn("stratum", joined).drop("audit_distances", "audit_led", "audit_nearest")


def distance(label: str, threshold: float) -> "Column":
    """How far a label's score is above its threshold, in logits."""
    limit = min(max(threshold, CLIP), 1 - CLIP)
    score = f.least(f.greatest(score_of(label), f.lit(CLIP)), f.lit(1 - CLIP))
    return f.log(score / (1 - score)) - f.lit(math.log(limit / (1 - limit)))


def score_of(label: str) -> "Column":
    """A label's score."""
    return f.col(f"scores.{quoted(label)}").cast("double")


def given(label: str) -> "Column":
    """Whether a row was given the label."""
    return f.coalesce(f.array_contains("labels", label), f.lit(False))


def led(made: Scheme) -> "Column":
    """The rarest of the labels that a row was given; null where it was given none."""
    return f.coalesce(*[f.when(given(label), f.lit(label)) for label in made.thresholds])


def nearest(made: Scheme) -> "Column":
    """The label whose score is nearest to its threshold, the rarest of several."""
    hits = [
        f.when(f.col("audit_distances")[number] == f.col("audit_nearest"), f.lit(label))
        for number, label in enumerate(made.thresholds)
    ]
    return f.coalesce(*hits)


def band(made: Scheme) -> "Column":
    """The band of the leading label's distance. What was decided wins over what rounding makes of a distance of 0."""
    own = f.coalesce(*[f.when(given(label), f.col("audit_distances")[n]) for n, label in enumerate(made.thresholds)])
    return f.when(f.col("audit_led").isNotNull(), banded(own, ABOVE)).otherwise(banded(f.col("audit_nearest"), BELOW))


def banded(value: "Column", bands: dict[float, str]) -> "Column":
    """The name of the first band whose upper end is above the value."""
    return f.coalesce(*[f.when(value < end, name) if end < math.inf else f.lit(name) for end, name in bands.items()])


def slice_value(name: str, made: Scheme) -> "Column":
    """The value of a slice that names the stratum: a frequent one, or `OTHER`."""
    value = raw_value(name)
    return f.when(value.isin(*made.values[name]), value).otherwise(OTHER)


def aggregates(stratified: "DataFrame", made: Scheme, labels: list[str]) -> "DataFrame":
    """A row for each stratum: its parts, `rows`, and for each label number n of `labels` `given_n`, `expected_n` and
    `both_n`, the sums of what was given, of the scores (never trusted beyond `FLOOR`), and of their product."""
    sums = []
    for number, label in enumerate(labels):
        hit = given(label).cast("double")
        chance = f.least(f.greatest(score_of(label), f.lit(FLOOR)), f.lit(1 - FLOOR))
        sums += [f.sum(hit).alias(f"given_{number}"), f.sum(chance).alias(f"expected_{number}")]
        sums.append(f.sum(hit * chance).alias(f"both_{number}"))
    slices = [f"{SLICE}{number}" for number in range(len(made.slices))]
    return stratified.groupBy("stratum", *PARTS, *slices).agg(f.count("*").alias("rows"), *sums)
