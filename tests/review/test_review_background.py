"""What runs beside the review's server: figures that are those of `audit estimate`, a worker that comes back when it is
killed and goes when its server does, and a server that is not held up."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from moderation.audit.second import set_second_share
from moderation.audit.verdict import Verdict
from moderation.audit.verdicts import append, verdicts
from moderation.cli import app
from moderation.errors import UsageError
from moderation.review import jobs as jobs_module
from moderation.review.background import RESTARTS, Background
from moderation.review.driving_words import AHEAD, DrivingWords, texts_of
from moderation.review.live_estimates import FIRST, LiveEstimates, earlier
from moderation.review.word_store import TRIES, WordReader, WordStore, path_of
from tests.audit.reported import published, row
from tests.audit.samples import LABEL, World, world
from tests.review.beside import DAY, RUN, alive, children, key, run_with_model, said, until

SERVER = """
import sys, time
from pathlib import Path
from moderation.audit.design import SampleFolder
from moderation.review.background import Background
background = Background(Path(sys.argv[1]), sys.argv[2], SampleFolder(Path(sys.argv[3])))
background.start()
while background.process is None: time.sleep(0.01)
print(background.process.pid, flush=True)
time.sleep(600)
"""


def verdicts_of(made: World, start: int = 0, stop: int | None = None) -> list[Verdict]:
    """What a reviewer who is always right says of some rows."""
    rows = made.verdicts().iloc[start:stop].itertuples()
    return [Verdict(one.row_id, LABEL, "ann", one.verdict, one.date) for one in rows]


def printed(output: Path) -> list[dict]:
    """The estimates that the command prints."""
    found = CliRunner().invoke(app, ["audit", "estimate", "--output", str(output), "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.output)["estimates"]


@pytest.fixture
def running():
    """Makes backgrounds that are stopped at the end."""
    made: list[Background] = []

    def make(*arguments, **options) -> Background:
        made.append(Background(*arguments, **options))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_live_estimates_are_what_the_command_prints_and_follow_the_verdicts(tmp_path, running) -> None:
    made = world(tmp_path)
    background = running(tmp_path, "no-such-run", made.folder)
    first = until(background.estimates)
    assert all(one["value"] is None for one in first)
    append(made.folder, verdicts_of(made, 0, 700))
    until(lambda: background.estimates()[0]["n"])
    assert background.estimates() == printed(tmp_path)
    append(made.folder, verdicts_of(made, 700))
    before = background.estimates()
    until(lambda: background.estimates() != before)
    assert background.estimates() == printed(tmp_path)
    assert [point["entries"] for point in background.history()] == [0, 700, 750]
    assert background.words_state()[0] == "off" and "holds no runs" in background.words_state()[1]
    assert background.estimates_note() == ""


@pytest.mark.slow
def test_a_killed_worker_comes_back_with_the_figures_of_before_it_and_at_last_stays_away(tmp_path, running) -> None:
    made = world(tmp_path)
    append(made.folder, verdicts_of(made))
    background = running(tmp_path, "no-such-run", made.folder, words=False)
    found = until(background.estimates)
    until(lambda: len(background.history()) == len(earlier(750)) + 1)
    points = {point["entries"]: point["estimates"] for point in background.history()}
    killed: set[int] = set()
    for _ in range(RESTARTS + 1):
        process = until(
            lambda: background.process if background.process and background.process.pid not in killed else 0
        )
        killed.add(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        assert background.estimates() == found  # what was known stays
    assert "ended 4 times" in until(background.estimates_note, 20)
    assert {point["entries"]: point["estimates"] for point in background.history()} == points
    assert not any(alive(pid) for pid in killed)


def test_no_worker_is_left_when_the_server_is_killed_and_none_when_it_stops(tmp_path, running) -> None:
    made = world(tmp_path)
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path), "no-such-run", str(made.folder.path)], stdout=subprocess.PIPE
    )
    worker = int(server.stdout.readline())
    assert alive(worker)
    server.kill()
    server.wait()
    until(lambda: not alive(worker), 5)
    server.stdout.close()
    background = running(tmp_path, "no-such-run", made.folder)
    worker = until(lambda: background.process).pid
    began = time.monotonic()
    background.stop()
    assert not alive(worker) and time.monotonic() - began < 4
    assert worker not in children()


def test_what_is_earlier_comes_from_the_beginning_of_the_log(tmp_path) -> None:
    made, told = world(tmp_path), []
    append(made.folder, verdicts_of(made))
    live = LiveEstimates(made.folder, told.append)
    assert live.step() and not live.step()
    while live.earlier_step():
        pass
    counts = [message["entries"] for message in told]
    assert counts[0] == 750 and counts[1:] == sorted(counts[1:], reverse=True) and counts[-1] == FIRST
    other = world(tmp_path / "other")
    append(other.folder, verdicts_of(other, 0, counts[3]))
    assert json.loads(json.dumps(told[3]["estimates"])) == printed(tmp_path / "other")


def test_a_store_that_is_damaged_is_said_and_one_that_was_put_back_is_read(tmp_path) -> None:
    made, told = world(tmp_path), []
    append(made.folder, verdicts_of(made, 0, 300))
    good = made.folder.verdicts.read_bytes()
    live = LiveEstimates(made.folder, told.append)
    live.step()
    made.folder.verdicts.unlink()
    made.folder.verdicts.write_bytes(b"no database at all" * 100)
    live.due = 0.0
    live.step()
    assert "verdicts.sqlite" in told[-1]["estimates_note"]
    made.folder.verdicts.unlink()
    made.folder.verdicts.write_bytes(good)
    append(made.folder, verdicts_of(made, 300, 400))
    live.due = 0.0
    live.step()
    assert told[-1]["entries"] == 400


def test_words_come_in_the_order_of_review_and_are_there_at_the_next_start(tmp_path, tiny_model, running) -> None:
    bodies = [f"you fool number {number}" for number in range(AHEAD + 10)]
    folder = run_with_model(tmp_path, tiny_model, bodies)
    set_second_share(folder, 0)
    append(folder, [said(0, label) for label in ("insult", "threat", "identity_attack")])
    background = running(tmp_path, RUN, folder)
    until(lambda: background.words_state()[0] == "ready", 240)
    with sqlite3.connect(path_of(folder)) as store:
        made = store.execute("SELECT row_id, label FROM words WHERE words IS NOT NULL").fetchall()
    ahead = {f"r{number}" for number in range(1, AHEAD + 1)}  # the first is judged, the last ten are far off
    assert {row for row, _ in made} == ahead and len(made) == 3 * len(ahead)
    words = background.words(*key(5), "insult")
    assert [bodies[5][start:end] for start, end, _ in words] == ["you", "fool", "number", "5"]
    assert background.words(*key(45), "threat") is None  # asked for, so that it comes now
    until(lambda: background.words(*key(45), "threat"))
    assert background.words("nobody", "2026-01-01", "insult") is None
    background.stop()
    assert Background(tmp_path, RUN, folder).words(*key(5), "insult") == words


def test_rows_that_a_second_reviewer_judges_wait_until_both_did_and_what_is_undone_waits_again(
    tmp_path, tiny_model
) -> None:
    folder = run_with_model(tmp_path, tiny_model, ["one", "two", "three"])
    labels = folder.read_design().labels

    def waiting() -> list[str]:
        words = DrivingWords(tmp_path, RUN, folder, lambda message: None)
        words.note(verdicts(folder))
        return [one.letters for one in words.waiting()]

    set_second_share(folder, 1)
    append(folder, [said(0, label) for label in labels])
    assert waiting() == ["one", "two", "three"]
    append(folder, [said(0, label, "no", "ben") for label in labels])
    assert waiting() == ["two", "three"]
    append(folder, [said(0, "threat", "withdrawn", "ben")])
    assert waiting() == ["one", "two", "three"]
    set_second_share(folder, 0)
    append(folder, [said(1, label) for label in labels[:-1]])
    assert waiting() == ["two", "three"]


def test_words_are_of_labels_near_their_threshold_first(tmp_path, tiny_model) -> None:
    folder = run_with_model(tmp_path, tiny_model, ["text", "other"])
    one = texts_of(folder, folder.read_design())[0]
    assert one.near[0] == "threat" and set(one.near + one.far) == {"insult", "threat", "identity_attack"}


def test_a_run_whose_model_is_gone_has_no_words_and_says_so(tmp_path, tiny_model, running) -> None:
    import shutil

    model = shutil.copytree(tiny_model, tmp_path / "model")
    folder = run_with_model(tmp_path, model, ["you fool"])
    shutil.rmtree(model)
    background = running(tmp_path, RUN, folder)
    state, reason = until(lambda: background.words_state() if background.words_state()[0] != "computing" else None)
    assert state == "off" and str(model) in reason
    assert until(background.estimates)


@pytest.mark.slow
def test_hostile_texts_are_explained_within_bounds(tmp_path, tiny_model, running) -> None:
    bodies = ["a" * 2_000_000, "\u202e\x00 </script> 🙈" * 50, "", " ", "\ufeff" * 7000, "word " * 400_000]
    folder = run_with_model(tmp_path, tiny_model, bodies)
    background = running(tmp_path, RUN, folder)
    until(lambda: background.words_state()[0] == "ready", 240)
    for number, body in enumerate(bodies):
        found = background.words(*key(number), "threat")
        assert found is not None and len(found) <= 100
        assert all(0 <= start < end <= len(body) for start, end, _ in found)


def test_a_text_that_brought_the_worker_down_is_left_alone(tmp_path, tiny_model) -> None:
    folder = run_with_model(tmp_path, tiny_model, ["text"])
    store = WordStore(folder, "m")
    for _ in range(TRIES):
        assert store.labels(*key(0)) == set()
        store.try_(*key(0), "insult")
    assert WordStore(folder, "m").labels(*key(0)) == {"insult"}
    assert WordReader(folder).find(*key(0), "insult") == []


@pytest.mark.parametrize("content", [b"no database" * 500, b""])
def test_a_file_of_words_that_is_no_good_is_made_anew(tmp_path, tiny_model, content) -> None:
    folder = run_with_model(tmp_path, tiny_model, ["text"])
    reader = WordReader(folder)
    path_of(folder).write_bytes(content)
    assert reader.find(*key(0), "insult") is None
    store = WordStore(folder, "one")
    store.put(*key(0), "insult", [])
    assert reader.find(*key(0), "insult") == []
    WordStore(folder, "another model")
    assert reader.find(*key(0), "insult") is None


def test_a_server_answers_as_quickly_while_the_worker_computes(tmp_path, tiny_model, running) -> None:
    folder = run_with_model(tmp_path, tiny_model, [f"you fool {number} " * 100 for number in range(AHEAD)])
    background = running(tmp_path, RUN, folder)
    until(lambda: WordReader(folder).find(*key(0), "threat"), 240)
    assert background.words_state()[0] == "computing"
    times = asyncio.run(answers(background))
    assert background.words_state()[0] == "computing"  # all the while
    assert sorted(times)[int(0.5 * len(times))] < 0.02, sorted(times)[-5:]


async def answers(background: Background, requests: int = 60) -> list[float]:
    """How long a server with a background takes for small requests that ask it for all it knows."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            words = background.words(*key(AHEAD - 1), "insult")
            found = background.estimates(), background.words_state(), words, len(background.history())
            writer.write(json.dumps(found).encode() + b"\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    times = []
    for _ in range(requests):
        began = time.perf_counter()
        writer.write(b"?\n")
        await reader.readline()
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0.01)
    writer.close()
    server.close()
    return times


def test_jobs_say_what_went_wrong_and_the_same_question_is_one_job(tmp_path, running) -> None:
    background = running(tmp_path, "none", None)
    id = background.ask("replay", run="latest", row_id="x", date=DAY)
    assert background.ask("replay", run="latest", row_id="x", date=DAY) == id
    job = until(lambda: background.job(id) if background.job(id)["state"] == "failed" else None, 60)
    assert "holds no runs" in job["line"] and job["result"] is None and job["kind"] == "replay"
    assert background.ask("replay", run="latest", row_id="x", date=DAY) != id
    assert background.job("77") is None
    with pytest.raises(UsageError, match="job 'rm'"):
        background.ask("rm")


def test_a_job_that_is_killed_has_an_end_and_so_has_a_queue_that_is_full(tmp_path, running, monkeypatch) -> None:
    monkeypatch.setattr(jobs_module, "MOST_WAITING", 2)
    background = running(tmp_path, "none", None)
    id = background.ask("report", run="latest")
    process = until(lambda: background.jobs.process)
    os.kill(process.pid, signal.SIGKILL)
    background.ask("report", run="other")
    with pytest.raises(UsageError, match="2 jobs wait"):
        background.ask("report", run="third")
    job = until(lambda: background.job(id) if background.job(id)["state"] == "failed" else None)
    assert "killed by SIGKILL" in job["line"]
    background.stop()
    assert not alive(process.pid)


def test_a_job_writes_the_report_of_a_run(tmp_path, running) -> None:
    published(tmp_path, [row(number, "you fool", number / 10, 0.1) for number in range(10)], RUN)
    background = running(tmp_path, RUN, None)
    id = background.ask("report", run=RUN)
    job = until(lambda: background.job(id) if background.job(id)["state"] in ("done", "failed") else None, 240)
    assert job["state"] == "done", job
    assert "<html" in Path(job["result"]["path"]).read_text(encoding="utf-8")
