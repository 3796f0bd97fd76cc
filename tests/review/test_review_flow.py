"""The whole of it, as people have it: a run of the built-in model, a sample drawn on the page, the verdicts of several
people, figures and words while they come, a decision made again, a server that dies, what is learnt of it."""

import json
import re
import shlex
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from moderation.audit.design import find_sample
from tests.commands import moderation
from tests.review.beside import alive, children, until
from tests.review.serving import Browser, Server, hidden, serving
from tests.training.conftest import tiny_base

ROWS, SIZE = 900, 260
SECONDS = 300.0  # for what is computed beside the server, where others use the processors too

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    """What `moderation demo` publishes."""
    folder = tmp_path_factory.mktemp("flow")
    done = moderation("demo", folder / "demo", "--rows", ROWS)
    assert done.returncode == 0, done.stderr
    return folder / "demo/moderated"


@pytest.fixture(scope="module")
def reviewed(output) -> Iterator[tuple[Path, Server, Browser]]:
    """A server on it whose sample was drawn on the page, and all of it judged by one reviewer."""
    with serving(output, "--words") as server:
        browser = Browser(server, "anna")
        draw(browser)
        judge(output, browser)
        yield output, server, browser


def draw(browser: Browser) -> None:
    """Draws a sample as the page of a run without one does."""
    page = browser.client.get("/review")
    form = {"csrf": hidden(page.text), "size": str(SIZE)}
    assert browser.client.post("/sample", data=form).status_code == 303
    lines = set()

    def drawn() -> bool:
        found = browser.client.get("/sample").json()
        lines.add(found["line"])
        assert found["state"] != "failed", found
        return found["state"] == "ready"

    until(drawn, SECONDS)
    assert "starting Spark" in lines
    assert browser.client.get("/review").headers["location"] == "/review"  # which is about the sample from now on


def judge(output: Path, browser: Browser) -> None:
    """Judges every row: what the run gave is right, but of every fifth row, where it is the other way round."""
    sample = pq.read_table(find_sample(output).sample, partitioning=None).to_pylist()
    given = {str(row["id"]): row["labels"] for row in sample}
    labels = find_sample(output).read_design().labels
    row, half = browser.look(), len(sample) // 2
    while row:
        if progress(browser)["done"] == half:  # so that there is a figure before the last one
            until(lambda: any(one["value"] is not None for one in progress(browser)["estimates"] or []), SECONDS)
        wrong = sum(map(ord, row["row_id"])) % 5 == 0
        words = {name: "yes" if (name in given[row["row_id"]]) != wrong else "no" for name in labels}
        browser.say(row, **words)
        row = browser.look()
    found = progress(browser)
    assert found["done"] == found["total"]


def progress(browser: Browser) -> dict[str, Any]:
    """What the page is told."""
    return dict(browser.client.get("/review/progress").json())


def printed(output: Path) -> list[dict[str, Any]]:
    """What the command prints of the whole run."""
    done = moderation("audit", "estimate", "--output", output, "--json")
    assert done.returncode == 0, done.stderr
    return [one for one in json.loads(done.stdout)["estimates"] if one["slice"] is None]


def test_the_live_estimates_are_those_of_the_command_and_their_picture_is_drawn(reviewed) -> None:
    output, _, browser = reviewed
    wanted = printed(output)
    assert any(one["value"] is not None for one in wanted)
    until(lambda: progress(browser)["estimates"] == wanted, SECONDS)
    assert '<svg class="shrinking"' in progress(browser)["html"]


def test_the_words_that_drove_a_score_are_marked(reviewed) -> None:
    output, server, _ = reviewed
    other = Browser(server, "ben")  # who has not judged the rows that are meant for two
    row = other.look()
    address = f"/review/item?row_id={row['row_id']}&date={row['date']}"
    item = until(
        lambda: found if 'data-words="ready"' in (found := other.client.get(address).json()["item"]) else "", SECONDS
    )
    body = next(
        one["body"]
        for one in pq.read_table(find_sample(output).sample, partitioning=None).to_pylist()
        if str(one["id"]) == row["row_id"]
    )
    marked = re.findall(r'<mark class="w[1-4][^"]*">([^<]*)</mark>', item)
    assert marked and all(word in body for word in marked if "&" not in word)


def test_the_server_answers_quickly_while_the_worker_explains_texts(reviewed) -> None:
    _, server, _ = reviewed
    other = Browser(server, "cleo")
    row = other.look()
    times = []
    for _ in range(60):
        other.client.get(f"/review/item?row_id={row['row_id']}&date={row['date']}")
        began = time.perf_counter()
        other.client.get("/review/progress")
        times.append(time.perf_counter() - began)
    print(f"progress: median {sorted(times)[30]:.4f} s, p95 {sorted(times)[57]:.4f} s")
    assert sorted(times)[30] < 0.05


def test_a_decision_made_again_is_equal(reviewed) -> None:
    output, _, browser = reviewed
    row = pq.read_table(find_sample(output).sample, columns=["id", "date"], partitioning=None).to_pylist()[0]
    browser.look(f"/review?row_id={row['id']}&date={row['date']}")
    form = {"csrf": browser.csrf, "row_id": row["id"], "date": row["date"]}
    answer = browser.client.post("/rows/replay", data=form)
    assert answer.status_code == 303, answer.text
    (id,) = re.findall(r"job=(\d+)", answer.headers["location"])

    def ended() -> dict[str, Any] | None:
        job = browser.client.get(f"/jobs/{id}").json()
        return job if job["state"] in ("done", "failed") else None

    job = until(ended, SECONDS)
    assert job["state"] == "done", job
    assert job["result"]["verdict"] == "equal", job["result"]
    assert "equal: all" in browser.client.get(answer.headers["location"]).text


def test_what_was_judged_teaches_a_model(reviewed, tmp_path) -> None:
    output, _, _ = reviewed
    done = moderation(
        "audit", "verdicts", "export", "--output", output, "--for-training", "--to", tmp_path / "reviewed.parquet"
    )
    assert done.returncode == 0, done.stderr
    command = shlex.split(re.findall(r"learn from them: (.*)", done.stdout)[0])
    assert command[0] == "moderation"
    tiny = ["--base", tiny_base(tmp_path / "base"), "--epochs", "1", "--max-tokens", "32", "--threads", "1"]
    done = moderation(*command[1:], *tiny, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = moderation("score", "--model", "my-model", "what a fool", folder=tmp_path)
    assert set(json.loads(done.stdout)["scores"]) == set(command[command.index("--labels") + 1].split(","))


def test_a_server_that_is_killed_leaves_no_process_and_the_next_knows_all_of_it(reviewed) -> None:
    output, server, browser = reviewed
    before = until(lambda: progress(browser)["estimates"], SECONDS)
    for run in ("latest", "no-such-run"):  # one that runs, and one that waits
        browser.client.post(f"/runs/{run}/report", data={"csrf": browser.csrf})
    mine = until(lambda: children(server.process.pid))
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    until(lambda: not any(map(alive, mine)), 10)
    with serving(output, "--words") as again:
        other = Browser(again, "anna")
        assert other.look() is None  # all is judged
        until(lambda: progress(other)["estimates"] == before, SECONDS)
        until(lambda: '<svg class="shrinking"' in progress(other)["html"], SECONDS)
