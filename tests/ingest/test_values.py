"""Values of drifting types become typed columns."""

import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from moderation.ingest.fields import MOMENT
from moderation.ingest.values import column, edits

NEW_YEAR = datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC)
SECOND = 1451606400
DAYS = [None, SECOND, str(SECOND), float(SECOND), f" {SECOND} ", "2016-01-01T00:00:00Z", "2016-01-01", ""]


def read(values, kind) -> tuple[list[object], list[int]]:
    array, odd = column(values, kind)
    assert array.type == kind
    return array.to_pylist(), odd


@pytest.mark.parametrize("value", DAYS)
def test_moments_are_read_in_every_form_alone_and_among_others(value) -> None:
    expected = NEW_YEAR if value else None
    assert read([value] * 3, MOMENT) == ([expected] * 3, [])
    assert read([value, SECOND, "2016-01-01 00:00", True], MOMENT) == ([expected, NEW_YEAR, NEW_YEAR, None], [3])


@pytest.mark.parametrize("value", ["yesterday", True, 1e300, float("nan"), 10**30, -(10**12), "nan", [1], {}, "1e999"])
def test_what_is_no_moment_is_told(value) -> None:
    assert read([None, value], MOMENT) == ([None, None], [1])


def test_fractions_of_a_second_are_kept_to_the_microsecond() -> None:
    expected = NEW_YEAR + datetime.timedelta(microseconds=250_000)
    assert read([SECOND + 0.25], MOMENT)[0] == [expected]
    assert read([SECOND + 0.25, str(SECOND + 0.25)], MOMENT)[0] == [expected, expected]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_timestamps_of_any_unit_are_the_same_moment(unit: str, zone: str | None) -> None:
    array = pa.array([NEW_YEAR, None]).cast(pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, zone or "UTC"))
    array = array if zone else array.cast(pa.timestamp(unit))
    assert read(array, MOMENT) == ([NEW_YEAR, None], [])


def test_days_and_odd_numbers_of_arrow_are_moments() -> None:
    assert read(pa.array([NEW_YEAR.date()]), MOMENT)[0] == [NEW_YEAR]
    assert read(pa.array([SECOND], pa.uint32()), MOMENT)[0] == [NEW_YEAR]
    assert read(pa.array([Decimal(SECOND)]), MOMENT)[0] == [NEW_YEAR]
    assert read(pa.array([10**15], pa.timestamp("s")), MOMENT) == ([None], [0])


@pytest.mark.parametrize(
    ("values", "expected", "odd"),
    [
        ([1, None, -3], [1, None, -3], []),
        ([1, "5", 7.0, " 9 "], [1, 5, 7, 9], []),
        ([1, 2.5], [1, None], [1]),
        ([True, {}, 10**30, "x", ""], [None] * 5, [0, 1, 2, 3]),
        (pa.array([1, 2**63], pa.uint64()), [1, None], [1]),
    ],
)
def test_whole_numbers_are_read_from_text_and_floats_too(values, expected, odd) -> None:
    assert read(values, pa.int64()) == (expected, odd)


@pytest.mark.parametrize(
    ("values", "expected", "odd"),
    [
        ([True, None, False], [True, None, False], []),
        ([1, 0, "true", "False", "", True], [True, False, True, False, None, True], []),
        ([2, [], "maybe"], [None] * 3, [0, 1, 2]),
    ],
)
def test_booleans_are_read_from_numbers_and_text_too(values, expected, odd) -> None:
    assert read(values, pa.bool_()) == (expected, odd)


@pytest.mark.parametrize(
    ("values", "expected", "odd"),
    [
        (["a", None, ""], ["a", None, ""], []),
        (["a", 12, True, 1.5, "\ud800", {}], ["a", "12", None, None, None, None], [2, 3, 4, 5]),
        (pa.array([1, None]), ["1", None], []),
        (pa.array([b"ok", b"\xff"]), ["ok", None], [1]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"], []),
        (pa.array(["a"], pa.large_string()), ["a"], []),
        (pa.nulls(2), [None, None], []),
        (pa.array([[1]]), [None], [0]),
    ],
)
def test_text_is_text_and_the_digits_of_whole_numbers(values, expected, odd) -> None:
    assert read(values, pa.string()) == (expected, odd)


def test_edits_are_a_yes_or_no_and_the_time_where_it_is_known() -> None:
    (flags, odd), when = edits([False, True, None, float(SECOND), str(SECOND), "false", 0, {}])
    assert flags.to_pylist() == [False, True, None, True, True, False, False, None]
    assert when.to_pylist() == [None, None, None, NEW_YEAR, NEW_YEAR, None, None, None]
    assert odd == [7]


def test_edits_of_one_kind_are_read_all_at_once() -> None:
    assert edits([False, False])[0][0].to_pylist() == [False, False]
    assert edits([None, None])[0][0].to_pylist() == [None, None]
    assert edits([float(SECOND), False])[1].to_pylist() == [NEW_YEAR, None]
