"""What the gate looks at of the rows that were put aside: where each came from and why, and none of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moderation.contracts import contract
from moderation.quality.view import is_date, listed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def quarantine_view(quarantined: DataFrame) -> DataFrame:
    """One row per row in quarantine; where a boolean is true, it has that defect.

    A place is an input file and a position in it: two rows of one place are one row that was counted twice.
    """
    reasons = tuple(contract("quarantine")["reasons"])
    rows = quarantined.selectExpr(
        "NOT coalesce(raw LIKE '{%}', false) AS raw_not_object",
        "source_file IS NULL OR NOT source_file RLIKE '^[a-z][a-z0-9+.-]*:/' AS source_unknown",
        "coalesce(row < 0, true) AS position_missing",
        "xxhash64(source_file, row) AS place",
        f"{listed('reason', reasons)} AS reason",
        "run_id IS NULL AS run_missing",
        f"NOT coalesce(date = 'unknown' OR {is_date('date')}, false) AS date_malformed",
    )
    repeated = "count(1) OVER (PARTITION BY place) > 1 AS place_repeated"
    return rows.selectExpr("* EXCEPT (place)", repeated)
