"""Long work tells how far it is, whether or not anybody sits at a terminal."""

from moderation.bench.progress import Progress


def test_without_a_terminal_each_step_is_a_plain_line_with_the_time_left(capsys) -> None:
    with Progress() as progress:
        progress.plan(180.0)
        with progress.step("loading a"):
            pass
        with progress.step("round 1 of 1: a", 150.0):
            pass
        with progress.step("round 1 of 1: b", 30.0):
            pass
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [
        "loading a ... about 3 min left",
        "round 1 of 1: a ... about 3 min left",
        "round 1 of 1: b ... about 30 s left",
    ]
    assert shown.out == ""
