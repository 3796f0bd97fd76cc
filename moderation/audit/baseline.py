"""The scores of another API that a user stored: responses as ndjson, or columns of Parquet or CSV, by the row's id."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.audit.verdict import short
from moderation.audit.verdict_files import check_suffix, read_csv, read_parquet
from moderation.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

IDS = ("id", "row_id", "comment_id", "clientToken")
LINES = (".ndjson", ".jsonl")
WRAPPED = "response"  # where a line keeps the response beside the id
COLUMN = re.compile(r"(?:attributeScores\.)?(?P<name>[A-Za-z_]+)(?:\.summaryScore(?:\.value)?)?")


def read_baseline(source: Path, attributes: list[str], id_column: str | None = None) -> "pd.DataFrame":
    """The stored scores: column `id`, and a column for each of the attributes that the file has, NaN where it has none.

    Of an id that comes more than once the last row counts; `attrs['repeated']` says how many more there were. Columns
    are called as the attribute in any case, or as `attributeScores.NAME.summaryScore.value`. Raises `UsageError` that
    names the line or column, also for a value that is no probability.
    """
    import pandas as pd

    ending = check_suffix(source, (*LINES, ".parquet", ".csv"))
    rows = read_lines(source) if ending in LINES else read_parquet(source) if ending == ".parquet" else read_csv(source)
    found = pd.DataFrame(list(scored(rows, source, attributes, id_column)), columns=["id", *attributes])
    known = [name for name in attributes if found[name].notna().any()]
    if not known:
        raise UsageError(f"{source}: no score of {', '.join(attributes)} in its {len(found):,} rows")
    once = found.drop_duplicates("id", keep="last")
    once.attrs["repeated"] = len(found) - len(once)
    return once[["id", *known]].reset_index(drop=True)


def scored(
    rows: Iterator[dict[str, Any]], source: Path, attributes: list[str], id_column: str | None
) -> Iterator[tuple[str | float | None, ...]]:
    """The id and the scores of each row."""
    for number, row in enumerate(rows, 1):
        where = f"{source}, row {number}"
        name = id_column or next((name for name in IDS if row.get(name) not in (None, "")), None)
        if name is None or row.get(name) in (None, ""):
            wanted = f"'{name}'" if name else " or ".join(IDS)
            raise UsageError(f"{where}: no id in {wanted}; name its column with --id-column")
        values = response_scores(row) if "attributeScores" in (row.get(WRAPPED) or row) else column_scores(row)
        yield str(row[name]), *(probability(values.get(one), f"{where}: {one}") for one in attributes)


def response_scores(row: dict[str, Any]) -> dict[str, Any]:
    """The summary score of each attribute of a response."""
    given = (row.get(WRAPPED) or row)["attributeScores"]
    found = {}
    for name, one in given.items() if isinstance(given, dict) else ():
        summary = one.get("summaryScore") if isinstance(one, dict) else None
        found[name] = summary.get("value") if isinstance(summary, dict) else None
    return found


def column_scores(row: dict[str, Any]) -> dict[str, Any]:
    """The scores of a row of columns, by attribute."""
    found = {match["name"].upper(): row[name] for name in row if (match := COLUMN.fullmatch(str(name)))}
    return {name: value for name, value in found.items() if not isinstance(value, dict | list)}


def probability(value: Any, where: str) -> float | None:
    """A score, None where there is none; raises `UsageError` for what is no probability."""
    if value is None or value == "" or value != value:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number <= 1:
        raise UsageError(f"{where}: {short(str(value))} is no probability from 0 to 1")
    return number


def read_lines(source: Path) -> Iterator[dict[str, Any]]:
    """The objects of an ndjson file."""
    try:
        with source.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                found = json.loads(line)
                if not isinstance(found, dict) or not isinstance(found.get(WRAPPED) or {}, dict):
                    raise UsageError(f"{source}, line {number}: is no JSON object")
                yield found
    except OSError as error:
        raise UsageError(f"{source}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source}, line {number}: is no JSON ({error})") from error
