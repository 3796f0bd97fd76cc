"""Logging between tests: what a command set up for its own process is not seen by the next test."""

import logging

import pytest

from moderation.runs.run import log_to_stderr


@pytest.fixture(scope="module")
def a_command_ran_for_all_tests_of_this_file() -> None:
    """Wider fixtures come before those of each test."""
    log_to_stderr()


@pytest.mark.usefixtures("a_command_ran_for_all_tests_of_this_file")
def test_a_warning_is_captured_after_a_wider_fixture_ran_a_command(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("moderation").warning("heard")
    assert caplog.messages == ["heard"]
