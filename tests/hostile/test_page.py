"""The page of outcomes is what the cases say."""

import re

from tests.hostile import broken_files, odd_files, places
from tests.hostile.ingested import INGESTED
from tests.hostile.page import PAGE, page


def test_the_page_is_written_from_the_cases() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.hostile.page"


def test_there_are_more_than_thirty_broken_files_and_no_case_twice() -> None:
    cases = [*broken_files.FOUND, *broken_files.READ, *odd_files.FOUND, *odd_files.READ, *places.FOUND, *places.LISTED]
    assert len(cases) == len({case.name for case in cases})
    assert sum(case.code != 0 for case in cases) > 30


def test_what_the_page_says_of_ingest_is_what_its_tests_ask_for() -> None:
    for _, outcome, _, place in INGESTED:
        file, name = place.split("::")
        content = (PAGE.parents[1] / "tests/ingest" / file).read_text(encoding="utf-8")
        assert f"def {name}(" in content
        for said in re.findall("[“`]([^”`]+)[”`]", outcome):
            assert said in content, (place, said)
