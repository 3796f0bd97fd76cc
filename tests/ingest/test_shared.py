"""Real dumps, where they are at hand: every line of them is accounted for. None of their rows is in the project."""

from pathlib import Path

import pytest

from tests.ingest.ingested import quarantine, rows, take


@pytest.mark.parametrize(("name", "count", "days"), [("RC_2006-01.zst", 3666, 21), ("RC_mixed_years.zst", 1027, 7)])
def test_every_line_of_a_real_dump_is_a_row(
    name: str, count: int, days: int, shared_data: Path, tmp_path: Path
) -> None:
    if not (shared_data / name).is_file():
        pytest.skip(f"{name} is not here")
    ((_, record),) = take(shared_data / name, output=tmp_path / "out")
    assert (record.lines, record.rows, record.quarantined, record.blank) == (count, count, 0, 0)
    assert (record.dates, record.odd_values) == (days, {})
    found = rows(tmp_path / "out")
    assert len({row["id"] for row in found}) == len(found) == count
    assert all(row["date"] == str(row["created_utc"].date()) for row in found)
    assert not quarantine(tmp_path / "out")
