"""Real servers in processes of their own: killed while twenty reviewers post, two on one output, and stores that are
locked, damaged, read-only or gone. What was answered is in the store, once."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from moderation.audit.design import SampleFolder, find_sample
from moderation.audit.second import set_second_share
from moderation.audit.verdicts import verdicts
from tests.review.reviewed_run import LABELS, RUN, draw, output_with_sample, rows_of
from tests.review.serving import Browser, Server, hidden, row_in, serving

ALL = dict.fromkeys(LABELS, "no")
Words = tuple[str, str, str, str]


def sampled(output: Path, rows: int, share: float = 0.0) -> SampleFolder:
    output_with_sample(output, rows)
    folder = find_sample(output)
    set_second_share(folder, share)
    return folder


def words_in(folder: SampleFolder) -> Counter[Words]:
    return Counter((one.row_id, one.label, one.reviewer, one.verdict) for one in verdicts(folder))


class Reviewer:
    """Judges row after row and notes what was answered; after a broken connection it sends the same again."""

    def __init__(self, server: Server, name: str) -> None:
        self.browser, self.name = Browser(server, name), name
        self.answered: list[Words] = []
        self.held: list[str] = []

    def work(self, until: Callable[[], bool]) -> None:
        row = self.again(lambda: self.browser.look())
        while row and not until():
            self.held.append(row["row_id"])
            for label in LABELS:
                data = row | {"verdicts": {label: "no"}}
                answer = self.again(lambda data=data: self.sent(data))
                self.answered.append((row["row_id"], label, self.name, "no"))
            row = row_in(answer["item"])

    def sent(self, data: dict[str, Any]) -> dict[str, Any]:
        answer = self.browser.post("/review/verdict", data)
        if answer.status_code == 503:
            raise httpx.TransportError(answer.text)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def again(self, act: Callable[[], Any]) -> Any:
        end = time.monotonic() + 60
        while True:
            try:
                return act()
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)


def test_a_server_killed_while_twenty_reviewers_post_loses_and_doubles_nothing(tmp_path) -> None:
    folder = sampled(tmp_path / "out", 240)
    server = Server(tmp_path / "out")
    reviewers = [Reviewer(server, f"reviewer {number}") for number in range(20)]
    stop = threading.Event()
    with ThreadPoolExecutor(20) as pool:
        working = [pool.submit(one.work, stop.is_set) for one in reviewers]
        for _ in range(2):
            before = sum(len(one.answered) for one in reviewers)
            while sum(len(one.answered) for one in reviewers) < before + 40:
                time.sleep(0.01)
                assert not any(one.done() and one.exception() for one in working)
            server.end(signal.SIGKILL)
            answered = Counter(word for one in reviewers for word in list(one.answered))
            assert not answered - words_in(folder), "what was answered is there"
            server = Server(tmp_path / "out", port=server.port)
        stop.set()
        for one in working:
            one.result()
    server.end()
    stored = words_in(folder)
    assert stored == Counter(word for one in reviewers for word in one.answered)
    assert set(stored.values()) == {1}
    judges = Counter(row for row, label, _, _ in stored if label == LABELS[0])
    assert judges.most_common(1)[0][1] == 1, "nobody was given a row of somebody else's"


def test_two_servers_on_one_output_share_the_rows_out(tmp_path) -> None:
    folder = sampled(tmp_path / "out", 60)
    with serving(tmp_path / "out") as one, serving(tmp_path / "out") as two:
        reviewers = [Reviewer((one, two)[number % 2], f"reviewer {number}") for number in range(6)]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda reviewer: reviewer.work(lambda: False), reviewers))
        assert len(words_in(folder)) == 120 and set(words_in(folder).values()) == {1}
        held = Counter(row for reviewer in reviewers for row in set(reviewer.held))
        assert len(held) == 60 and set(held.values()) == {1}
        done = [Browser(server, "somebody").client.get("/review/progress").json() for server in (one, two)]
        assert [(found["done"], found["left"]) for found in done] == [(60, 0)] * 2


@pytest.mark.slow
def test_rows_for_two_are_judged_by_two_on_two_servers(tmp_path) -> None:
    folder = sampled(tmp_path / "out", 20, share=1)
    with serving(tmp_path / "out") as one, serving(tmp_path / "out") as two:
        reviewers = [Reviewer((one, two)[number % 2], f"reviewer {number}") for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda reviewer: reviewer.work(lambda: False), reviewers))
    judges = Counter(row for row, label, _, _ in words_in(folder) if label == LABELS[0])
    assert len(judges) == 20 and set(judges.values()) == {2}


def test_a_reload_and_a_restart_come_back_at_the_same_row_and_words(tmp_path) -> None:
    sampled(tmp_path / "out", 12)
    server = Server(tmp_path / "out")
    anna, ben = Browser(server, "anna"), Browser(server, "ben")
    first, other = anna.look(), ben.look()
    assert first and other and first != other
    assert anna.say(first, offensive="yes")["done"] is False
    server.end(signal.SIGKILL)
    with serving(tmp_path / "out", port=server.port):
        assert (anna.look(), ben.look()) == (first, other), "also who is signed in is remembered"
        answer = anna.say(first, insult="no")
        assert answer["done"] and answer["row_id"] not in (first["row_id"], other["row_id"])
        back = anna.post("/review/undo", {"undo": answer["progress"]["undo"]}).json()
        assert (back["row_id"], back["position"]) == (first["row_id"], "mine")
        assert 'data-word="yes"' in back["item"]


def test_a_lease_of_seconds_runs_out_in_a_real_server(tmp_path) -> None:
    sampled(tmp_path / "out", 3)
    with serving(tmp_path / "out", "--lease", "0.02") as server:
        anna, ben = Browser(server, "anna"), Browser(server, "ben")
        first = anna.look()
        assert first != ben.look()
        time.sleep(1.3)
        assert ben.look() == first
        late = anna.say(first or {}, **ALL)
        assert "another reviewer has this text now" in late["message"] and late["done"]


@pytest.fixture
def held(tmp_path) -> Iterator[sqlite3.Connection]:
    """The store of a sample, locked by another program."""
    folder = sampled(tmp_path / "out", 6)
    other = sqlite3.connect(folder.verdicts, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


@pytest.mark.slow
def test_a_locked_store_is_told_on_the_page_and_the_review_goes_on_when_it_is_free(tmp_path, held) -> None:
    with serving(tmp_path / "out", "--reviewer", "anna") as server:
        anna = Browser(server)
        answer = anna.client.get("/review")
        assert answer.status_code == 503 and "another process held it" in answer.text
        held.execute("COMMIT")
        row = anna.look()
        assert row and anna.say(row, **ALL)["done"]


@pytest.mark.slow
def test_a_lock_while_a_verdict_is_sent_stores_nothing_and_the_retry_once(tmp_path) -> None:
    folder = sampled(tmp_path / "out", 6)
    with serving(tmp_path / "out", "--reviewer", "anna") as server:
        anna = Browser(server)
        row = anna.look() or {}
        other = sqlite3.connect(folder.verdicts, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = anna.post("/review/verdict", row | {"verdicts": ALL})
        assert answer.status_code == 503 and "nothing was stored" in answer.json()["message"]
        other.execute("ROLLBACK")
        other.close()
        assert anna.say(row, **ALL)["done"] and len(verdicts(folder)) == 2


def test_a_store_damaged_under_the_server_is_told_and_what_was_stored_is_safe(tmp_path) -> None:
    folder = sampled(tmp_path / "out", 200)
    server = Server(tmp_path / "out", "--reviewer", "anna")
    anna = Browser(server)
    row = anna.look()
    for _ in range(100):
        row = row_in(anna.say(row or {}, **ALL)["item"])
    server.end()
    before = len(verdicts(folder))
    kept = folder.verdicts.with_name("kept.sqlite")
    shutil.copy(folder.verdicts, kept)
    content = bytearray(folder.verdicts.read_bytes())
    for start in range(8192, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    folder.verdicts.write_bytes(content)
    with serving(tmp_path / "out", "--reviewer", "anna") as server:
        assert "is damaged" in server.said, "in the terminal too"
        anna = Browser(server)
        answer = anna.client.get("/review")
        assert answer.status_code == 503 and "is damaged" in answer.text and ".recover" in answer.text
        assert folder.verdicts.read_bytes() == bytes(content), "it is left as it is"
        assert anna.client.get("/signin").status_code == 200
        shutil.move(kept, folder.verdicts)
        assert anna.look() == row and before == 200


def test_a_store_that_was_moved_away_takes_no_verdict(tmp_path) -> None:
    folder = sampled(tmp_path / "out", 6)
    with serving(tmp_path / "out", "--reviewer", "anna") as server:
        anna = Browser(server)
        row = anna.look() or {}
        anna.say(row, offensive="no")
        away = folder.path / "away.sqlite"
        folder.verdicts.rename(away)
        answer = anna.post("/review/verdict", row | {"verdicts": {"insult": "no"}})
        assert answer.status_code == 503 and "was moved away; nothing was stored" in answer.json()["message"]
        away.rename(folder.verdicts)
        assert anna.say(row, insult="no")["done"] and len(verdicts(folder)) == 2


@pytest.mark.skipif(os.getuid() == 0 and not shutil.which("setpriv"), reason="root may write everywhere")
@pytest.mark.slow
def test_a_read_only_store_is_told_on_the_page_and_stays_as_it_is(tmp_path) -> None:
    folder = sampled(tmp_path / "out", 6)
    with serving(tmp_path / "out", "--reviewer", "anna") as server:
        anna = Browser(server)
        anna.say(anna.look() or {}, **ALL)
    paths = list((tmp_path / "out").rglob("*"))
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    plain = ["setpriv", "--bounding-set", "-dac_override"] if os.getuid() == 0 else []  # root without its privilege
    try:
        with serving(tmp_path / "out", "--reviewer", "anna", before=plain) as server:
            answer = Browser(server).client.get("/review")
            assert answer.status_code == 503 and "this user may not write there" in answer.text
            assert "verdicts that were stored" in answer.text or "stored before is as it was" in answer.text
        assert len(verdicts(folder)) == 2
    finally:
        for path in paths:
            path.chmod(0o755)


@pytest.mark.skipif(not shutil.which("prlimit"), reason="prlimit stands in for a full disk (util-linux)")
def test_a_full_disk_is_told_and_takes_nothing_that_was_answered(tmp_path) -> None:
    folder = sampled(tmp_path / "out", 60)
    full = ["prlimit", f"--fsize={folder.verdicts.stat().st_size + 20_000}"]
    with serving(tmp_path / "out", "--reviewer", "anna", before=full) as server:
        anna = Browser(server)
        row, answered = anna.look(), 0
        while row:
            answer = anna.post("/review/verdict", row | {"verdicts": ALL})
            if answer.status_code != 200:
                break
            row, answered = row_in(answer.json()["item"]), answered + 1
        assert 0 < answered < 60 and answer.status_code == 503
        assert str(folder.verdicts) in answer.json()["message"] and "nothing was stored" in answer.json()["message"]
        assert len(verdicts(folder)) == 2 * answered
    with serving(tmp_path / "out", "--reviewer", "anna") as server:
        anna = Browser(server)
        assert anna.look() == row and anna.say(row or {}, **ALL)["done"]


RAW = {
    "nothing": b"",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "no host": b"GET /review HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /review HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
    "an old version": b"GET /review HTTP/1.0\r\n\r\n",
    "a whole address": b"GET http://evil.example/review HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "bytes in the path": b"GET /\xff\xfe%ff%fe%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "bytes in the query": b"GET /review?row_id=%ff&date=%00%ed%a0%80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "bytes in headers": b"GET /review HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: \xff=\xfe; review_1=\xff\r\n\r\n",
    "a header of a megabyte": b"GET /review HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 2**20 + b"\r\n\r\n",
    "an address of a megabyte": b"GET /" + b"x" * 2**20 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a length that is none": b"POST /signin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST /signin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nx",
    "broken chunks": b"POST /signin HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "half a body": b"POST /signin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf",
    "an upgrade": b"GET /review HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
}


def test_no_request_brings_the_server_down(tmp_path) -> None:
    output_with_sample(tmp_path / "out", 3)
    with serving(tmp_path / "out", "--reviewer", "anna") as server:
        for kind, content in RAW.items():
            answer = b""
            with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
                raw.sendall(content)  # it may hang up before it has read all
                raw.shutdown(socket.SHUT_WR)
                answer = raw.recv(100_000)
            assert not answer.startswith(b"HTTP/1.1 5") and b"Traceback" not in answer, kind
            assert Browser(server).look(), kind


def refused(*options: str) -> str:
    """What a server that does not start says; it ends with 2 and one line."""
    command = [sys.executable, "-m", "moderation", "review", "--no-open", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_port_in_use_is_one_line_that_names_it(tmp_path) -> None:
    output_with_sample(tmp_path / "out", 3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = refused("--output", str(tmp_path / "out"), "--port", port)
    assert f"--port {port}: is in use on 127.0.0.1" in said and "--port 0 for a free one" in said
    assert not (tmp_path / "out" / "audits" / ".review").exists(), "nothing is written before"


@pytest.mark.slow
def test_mistakes_on_the_command_line_are_one_line(tmp_path) -> None:
    output = output_with_sample(tmp_path / "out", 3)
    draw(output, rows_of(3), "ba9876543210", "20260101T000000Z-aaaaaa")
    port = ("--port", "0")
    assert "no such folder" in refused("--output", str(tmp_path / "none"), *port)
    assert "no such sample" in refused("--output", str(output), "--sample", "zz", *port)
    line = refused("--output", str(output), "--run", RUN, "--sample", "ba98", *port)
    assert f"no such sample of run {RUN}" in line
    assert "no such run" in refused("--output", str(output), "--sample", "ba98", *port)
    assert "may not be in a name" in refused("--output", str(output), "--reviewer", "<b>", *port)
    assert "16 printable ASCII letters" in refused("--output", str(output), "--token", "short", *port)
    assert "no such host" in refused("--output", str(output), "--host", "no.such.host.invalid", *port)
    (output / "audits" / "0123456789ab" / "sample.parquet").write_bytes(b"x")
    assert "cannot be read" in refused("--output", str(output), *port)


def test_without_a_sample_the_page_says_so_and_goes_on_once_there_is_one(tmp_path) -> None:
    output = output_with_sample(tmp_path / "out", 6, sample=False)
    with serving(output, "--reviewer", "anna") as server:
        assert "no sample yet" in server.said
        anna = Browser(server)
        page = anna.client.get("/review")
        assert page.status_code == 200 and "There is no sample yet" in page.text
        assert anna.client.get("/sample", headers={"Accept": "*/*"}).json()["state"] == "none"
        assert anna.client.get("/review/item?row_id=r0&date=2026-01-05").status_code == 409
        draw(output, rows_of(6))
        assert anna.client.get("/sample", headers={"Accept": "*/*"}).json()["state"] == "ready"
        assert anna.client.get("/review").status_code == 303
        row = anna.look()
        assert row and anna.say(row, **ALL)["done"]


def test_a_run_that_was_rolled_back_is_not_reviewed(tmp_path) -> None:
    output = output_with_sample(tmp_path / "out", 3)
    manifest = output / "runs" / RUN / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"published"', '"rolled_back"', 1))
    assert "rolled back" in refused("--output", str(output), "--sample", "0123", "--port", "0")


@pytest.mark.slow
def test_a_sample_is_drawn_from_the_page_and_reviewed(tmp_path) -> None:
    output = output_with_sample(tmp_path / "out", 200, sample=False)
    with serving(output, "--reviewer", "anna") as server:
        anna = Browser(server)
        csrf = hidden(anna.client.get("/review").text)
        assert anna.client.post("/sample", data={"csrf": csrf, "size": "0"}).status_code == 400
        assert anna.client.post("/sample", data={"csrf": csrf, "size": "40"}).status_code == 303
        assert "The sample is being drawn" in anna.client.get("/review").text
        end = time.monotonic() + 240
        while (found := anna.client.get("/sample", headers={"Accept": "*/*"}).json())["state"] != "ready":
            assert found["state"] in ("waiting", "running") and time.monotonic() < end, found
            time.sleep(1)
        assert anna.client.get("/review").status_code == 303
        row = anna.look()
        assert row and anna.say(row, **ALL)["done"]
    assert len(verdicts(find_sample(output))) == 2
