"""Real servers of the review page in processes of their own, and browsers without a screen that talk to them."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ENDS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 0, signal.SIGINT: 0}


class Server:
    """`moderation review` in a process of its own; `address` is where it said that it listens."""

    def __init__(self, output: Path, *options: str, port: int = 0, before: Sequence[str] = ()) -> None:
        command = [
            *before,
            sys.executable,
            "-m",
            "moderation",
            "review",
            "--output",
            str(output),
            "--no-open",
            "--no-words",
        ]
        self.process = subprocess.Popen(
            [*command, "--no-open", "--no-words", "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        self.said = self.read_until(r"http://\S+")
        self.address = re.findall(r"http://\S+", self.said)[0].split("?")[0].rstrip("/")
        self.port = int(self.address.rsplit(":", 1)[1])

    def read_until(self, pattern: str, wait: float = 30.0) -> str:
        """What the server printed, up to the line with a pattern."""
        out, text, end = self.process.stdout, "", time.monotonic() + wait
        assert out
        while not re.search(pattern + r".*\n", text):
            ready, _, _ = select.select([out], [], [], max(0.0, end - time.monotonic()))
            part = os.read(out.fileno(), 65536).decode() if ready else ""
            if not part:
                raise AssertionError(f"the server ended or said nothing: {text}")
            text += part
        return text

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process and says so where it did not end as it should."""
        self.process.send_signal(how)
        assert self.process.wait(20) == ENDS[how]
        assert self.process.stdout
        self.process.stdout.close()


@contextmanager
def serving(output: Path, *options: str, port: int = 0, before: Sequence[str] = ()) -> Iterator[Server]:
    """A server that is stopped at the end, where it was not killed before."""
    server = Server(output, *options, port=port, before=before)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()


class Browser:
    """A reviewer at a server: keeps the cookie and sends what the page's script would send."""

    def __init__(self, server: Server, reviewer: str | None = None) -> None:
        self.client = httpx.Client(base_url=server.address, headers={"Accept": "text/html"}, timeout=30)
        self.csrf = ""
        if reviewer:
            self.sign_in(reviewer)

    def sign_in(self, reviewer: str) -> None:
        """Signs in by the form."""
        form = {"csrf": hidden(self.client.get("/signin").text), "reviewer": reviewer}
        answer = self.client.post("/signin", data=form)
        assert answer.status_code == 303, answer.text

    def look(self, address: str = "/review") -> dict[str, str] | None:
        """The row that the page shows, None where there is none; as a reload."""
        answer = self.client.get(address)
        assert answer.status_code == 200, answer.text
        self.csrf = re.findall(r'name="csrf" content="([^"]+)"', answer.text)[0]
        return row_in(answer.text)

    def post(self, address: str, data: dict[str, Any], **headers: str) -> httpx.Response:
        """Sends JSON as the script does."""
        headers = {"X-CSRF-Token": self.csrf, "Accept": "application/json"} | headers
        return self.client.post(address, json=data, headers=headers)

    def say(self, row: dict[str, str], **words: str) -> dict[str, Any]:
        """Judges a row and returns the answer."""
        answer = self.post("/review/verdict", row | {"verdicts": words})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def hidden(page: str) -> str:
    """The CSRF token of a form."""
    return re.findall(r'name="csrf" value="([^"]+)"', page)[0]


def row_in(html: str) -> dict[str, str] | None:
    """The key of the row that some HTML shows."""
    found = re.findall(r'data-row="([^"]*)" data-date="([^"]*)"', html)
    return {"row_id": found[0][0], "date": found[0][1]} if found else None
