"""What the gate looks at: one row per comment that says what is wrong with it, and none of its text.

Everything Great Expectations sees ends up in results and Data Docs sooner or later, so the view holds only
booleans, numbers and words from closed lists. Ids and bodies are read here, in Spark, and go no further.
The checks are SQL text: that needs no import of pyspark, and reads like what it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STATUSES = ("scored", "skipped", "failed")
UNLISTED = "(unlisted)"  # stands in the view for any word that is not in its closed list, null included


@dataclass(frozen=True)
class Vocabulary:
    """The closed lists: what the models can say of a text, and what the policy can do about it."""

    labels: tuple[str, ...]
    entity_types: tuple[str, ...]
    actions: tuple[str, ...]
    severities: tuple[str, ...]


def column_types(frame: DataFrame, names: Iterable[str]) -> dict[str, str]:
    """Name → Spark type, 'missing', or 'ambiguous' where several columns differ in case only, as Spark ignores it.

    GX's own type check compares the outer class on Spark, so an array of anything would do for `labels`.
    """
    types = {}
    for name in names:
        same = [column for column in frame.schema.fields if column.name.lower() == name.lower()]
        exact = [column.dataType.simpleString() for column in same if column.name == name]
        types[name] = "ambiguous" if len(same) > 1 else "".join(exact) or "missing"
    return types


def gate_view(labelled: DataFrame, defects: DataFrame | None, vocabulary: Vocabulary) -> DataFrame:
    """One row per comment with derived, text-free columns; where a boolean is true, the row has that defect.

    `defects` are the ids that should not be there, as `ids.defective` finds them; None where there are none.
    """
    rows = row_view(labelled, vocabulary)
    checks = [name for name in rows.columns if name != "id"]
    if defects is None:
        return rows.selectExpr("false AS id_repeated", "false AS id_published_elsewhere", *checks)
    return rows.join(defects, "id", "left").selectExpr(
        "coalesce(repeated, false) AS id_repeated", "coalesce(elsewhere, false) AS id_published_elsewhere", *checks
    )


def row_view(labelled: DataFrame, vocabulary: Vocabulary) -> DataFrame:
    """The id, and all that can be said of a row by itself. The text ends here: no join or window carries it on."""
    checks = _checks(labelled.select("scores.*").columns, vocabulary)
    return labelled.selectExpr("id", *(f"{sql} AS {name}" for name, sql in checks.items()))


def _checks(score_names: Iterable[str], vocabulary: Vocabulary) -> dict[str, str]:
    """Column of the view → SQL over the labelled frame. A null answer must never pass, hence every coalesce."""
    scores = [f"cast(scores.{_name(name)} AS double)" for name in score_names]
    several = ", ".join([*scores, scores[0]])  # least and greatest want two at least, and skip nulls
    no_number = " OR ".join(f"{score} IS NULL OR isnan({score})" for score in scores)
    scored = "status <=> 'scored'"
    return {
        "id_missing": "id IS NULL OR trim(id) = ''",
        "body_missing": "body IS NULL",
        "body_not_text": "NOT coalesce(is_valid_utf8(body), true)",
        "date_malformed": f"NOT coalesce(date = 'unknown' OR {is_date('date')}, false)",
        "status": listed("status", STATUSES),
        "status_reason_missing": f"NOT ({scored}) AND coalesce(trim(status_reason) = '', true)",
        "score_min": f"least({several})",  # null where nothing was scored
        "score_max": f"greatest({several})",  # NaN counts as the largest value
        "scores_missing": f"{scored} AND ({no_number})",
        "scores_unexpected": f"NOT ({scored}) AND scores IS NOT NULL",
        "labels_unknown": _any("labels", "label", f"NOT label IN ({_words(vocabulary.labels)})"),
        "decision_incomplete": f"flagged IS NULL OR rules IS NULL OR {scored} AND (labels IS NULL OR entities IS NULL)",
        "flagged_without_cause": f"coalesce(flagged <> ({_filled('labels')} OR {_filled('rules')}), true)",
        "action": listed("action", vocabulary.actions),
        "severity": listed("severity", vocabulary.severities),
        "entity_types_unknown": _any("entities", "span", f"NOT span.type IN ({_words(vocabulary.entity_types)})"),
        "spans_outside": _any("entities", "span", f"{_outside('span')} OR {_says_otherwise('span')}"),
        "spans_overlapping": _overlapping("entities"),
        "evidence_outside": f"evidence IS NOT NULL AND coalesce({_outside('evidence')}, true)",
        "digest_missing": f"NOT coalesce(text_sha256 RLIKE '^[0-9a-f]{{64}}$', NOT ({scored}))",
        "provenance_missing": f"run_id IS NULL OR policy_id IS NULL OR {scored} AND model_id IS NULL",
    }


def is_date(column: str) -> str:
    """SQL: whether the text is a day. The cast alone would take '2026-1-1', the pattern alone '2026-13-45'."""
    return f"({column} RLIKE '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$' AND try_cast({column} AS date) IS NOT NULL)"


def _outside(span: str) -> str:
    """Spark's length and substr count code points, as the contract's offsets do."""
    return f"({span}.start < 0 OR {span}.end <= {span}.start OR {span}.end > length(body))"


def _says_otherwise(span: str) -> str:
    return f"substr(body, {span}.start + 1, {span}.end - {span}.start) <> {span}.text"


def _overlapping(spans: str) -> str:
    """Sorted by start, some span begins before its predecessor ends (zip_with compares the last one with null)."""
    ordered = f"sort_array(transform({spans}, span -> struct(span.start AS start, span.end AS end)))"
    pairs = f"zip_with(slice({ordered}, 2, size({spans})), {ordered}, (b, a) -> coalesce(b.start < a.end, false))"
    return f"coalesce(size({spans}) > 1 AND exists({pairs}, overlaps -> overlaps), false)"


def _any(array: str, item: str, defect: str) -> str:
    """Some item has the defect. An item that cannot be judged has it; an array that is null has no items."""
    return f"coalesce(exists({array}, {item} -> coalesce({defect}, true)), false)"


def _filled(array: str) -> str:
    return f"(coalesce(size({array}), 0) > 0)"


def listed(column: str, words: Iterable[str]) -> str:
    """SQL: the column where its word is in the list, else `UNLISTED`."""
    return f"CASE WHEN {column} IN ({_words(words)}) THEN {column} ELSE '{UNLISTED}' END"


def _words(words: Iterable[str]) -> str:
    """Words as SQL literals; an empty list becomes a null, which nothing equals."""
    escaped = (word.replace("\\", "\\\\").replace("'", "\\'") for word in words)
    return ", ".join(f"'{word}'" for word in escaped) or "NULL"


def _name(field: str) -> str:
    return "`" + field.replace("`", "``") + "`"
