"""Everything that needs pyspark: the session, the scoring column, reading, deciding, writing."""

from moderation.spark.columns import moderate

__all__ = ["moderate"]
