"""The page of outcomes is what the cases say."""

from tests.hostile import broken_files, odd_files, places
from tests.hostile.page import PAGE, page


def test_the_page_is_written_from_the_cases() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.hostile.page"


def test_there_are_more_than_thirty_broken_files_and_no_case_twice() -> None:
    cases = [*broken_files.FOUND, *broken_files.READ, *odd_files.FOUND, *odd_files.READ, *places.FOUND, *places.LISTED]
    assert len(cases) == len({case.name for case in cases})
    assert sum(case.code != 0 for case in cases) > 30
