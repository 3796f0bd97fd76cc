"""The review page's server starts in a process of its own, says where it is, and stops cleanly."""

import signal

import pytest

from tests.review.reviewed_run import output_with_sample
from tests.review.serving import Browser, Server, serving


@pytest.fixture
def output(tmp_path):
    return output_with_sample(tmp_path / "out")


def test_the_page_shows_the_first_text_of_the_sample(output) -> None:
    with serving(output, "--reviewer", "anna") as server:
        assert "12 texts" in server.said
        assert Browser(server).look() == {"row_id": "r0", "date": "2026-01-05"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(output, how) -> None:
    server = Server(output, "--reviewer", "anna")
    Browser(server).look()
    server.end(how)
