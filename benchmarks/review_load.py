"""How quickly the review page answers, and whether it loses a word: reviewers who judge at once, the server killed.

    python -m benchmarks.review_load --output OUT --rows 1000000 --sample 5000 --reviewers 20 --kills 3

Makes a run of made-up rows where there is none and a sample of it, starts `moderation review` on it, and prints JSON:
seconds until the first page; milliseconds from a word sent to the answer with the next text, as a browser on this
machine sees them (HTTP included), for one reviewer, for all at their pace, and for all as fast as they can; and how
many of the words that were answered are not in the store, or there more than once.
"""

import argparse
import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import random
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet

from benchmarks.audit_frame import LABELS, write_run
from moderation.audit.design import Design, SampleFolder, Stratum, audits
from moderation.audit.published import find_run, labelled_files
from moderation.audit.sample import write
from moderation.audit.verdicts import verdicts


def draw(output: Path, size: int) -> SampleFolder:
    """A sample as `audit sample` would write it, without Spark: scored rows of the first files, flagged or not."""
    manifest, found, rows = find_run(output, "latest"), [], 0
    for file in labelled_files(output, manifest):
        table = parquet.ParquetFile(file).read()
        kept = table.filter(compute.equal(table["status"], "scored")).slice(0, size - rows)
        found.append(kept.append_column("date", pa.array([file.parent.name.removeprefix("date=")] * kept.num_rows)))
        rows += kept.num_rows
        if rows >= size:
            break
    drawn = pa.concat_tables(found)
    names = np.where(drawn["flagged"].to_numpy(), "flagged", "others")
    ours = {"stratum": names, "probability": np.ones(rows), "weight": np.ones(rows)}
    ours |= {"duplicates": np.ones(rows, np.int32), "place": np.random.default_rng(1).permutation(rows)}
    for name, values in ours.items():
        drawn = drawn.append_column(name, pa.array(values))
    sizes = Counter(names.tolist())
    strata = [
        Stratum(name=name, leading="any", band="any", action="any", rows=count, drawn=count, given={})
        for name, count in sizes.items()
    ]
    thresholds = {name: limit for name, (limit, _) in LABELS.items()}
    about: dict[str, Any] = {
        "sample_id": f"{time.time_ns() // 1000:x}"[-12:],
        "run_id": manifest["run_id"],
        "seed": 1,
        "frame": "0" * 64,
    }
    design = Design(**about, thresholds=thresholds, labels=list(LABELS), strata=strata, created=now(), version="0")
    folder = SampleFolder(audits(output) / design.sample_id)
    write(folder, design, drawn)
    return folder


def now() -> str:
    """The time for a design."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


class Server:
    """`moderation review` in a process of its own."""

    def __init__(self, output: Path, sample: str, port: int = 0) -> None:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "moderation", "review", "--output", str(output), "--sample", sample]
        command += ["--no-open", "--no-words", "--port", str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline().split()[1].rstrip("/").rsplit(":", 1)[1])
        Reviewer(self.port, "first").look()
        self.seconds = time.perf_counter() - begun

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it."""
        self.process.send_signal(how)
        self.process.wait(30)


class Reviewer:
    """A browser without a screen: one connection, a cookie, the words that were answered and how long each took."""

    def __init__(self, port: int, name: str) -> None:
        self.port, self.name, self.cookie, self.csrf = port, name, "", ""
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.answered: list[tuple[str, str]] = []
        self.took: list[float] = []
        found = re.findall(r'name="csrf" value="([^"]+)"', self.ask("GET", "/signin"))
        self.ask(
            "POST", "/signin", urlencode({"csrf": found[0], "reviewer": name}), "application/x-www-form-urlencoded"
        )

    def ask(self, method: str, path: str, body: str | None = None, kind: str = "application/json") -> str:
        """One request; a broken connection is opened again until the server is back."""
        headers = {"Accept": "text/html", "Cookie": self.cookie, "X-CSRF-Token": self.csrf}
        headers |= {"Content-Type": kind} if body is not None else {}
        for _ in range(600):
            try:
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                text = answer.read().decode()
            except (OSError, http.client.HTTPException):
                self.connection.close()
                time.sleep(0.05)
                continue
            if answer.status not in (200, 303):
                raise RuntimeError(f"{path}: {answer.status} {text}")
            self.cookie = (answer.getheader("Set-Cookie") or self.cookie).partition(";")[0]
            return text
        raise RuntimeError(f"{path}: no server")

    def look(self) -> tuple[str, str] | None:
        """The row on the page."""
        text = self.ask("GET", "/review")
        self.csrf = re.findall(r'name="csrf" content="([^"]+)"', text)[0]
        return row_in(text)

    def judge(self, rows: int, every: float = 0.0) -> None:
        """Judges rows, one word at a time, a row every so many seconds; not in step with others."""
        row, word = self.look(), every / len(LABELS)
        time.sleep(random() * every)
        for _ in range(rows):
            if row is None:
                return
            for label in LABELS:
                data = {"row_id": row[0], "date": row[1], "verdicts": {label: "no"}}
                start = time.perf_counter()
                text = self.ask("POST", "/review/verdict", json.dumps(data))
                self.took.append(time.perf_counter() - start)
                self.answered.append((row[0], label))
                time.sleep(max(0.0, start + word - time.perf_counter()))
            row = row_in(json.loads(text)["item"])


def row_in(html: str) -> tuple[str, str] | None:
    """The key of the row that some HTML shows."""
    found = re.findall(r'data-row="([^"]*)" data-date="([^"]*)"', html)
    return found[0] if found else None


def together(port: int, label: str, count: int, rows: int, every: float) -> list[Reviewer]:
    """Reviewers who judge at once."""
    found = [Reviewer(port, f"{label} {number}") for number in range(count)]
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda one: one.judge(rows, every), found))
    return found


def milliseconds(found: list[Reviewer]) -> dict[str, float]:
    """What the answers took."""
    took = 1000 * np.array([one for reviewer in found for one in reviewer.took])
    shares = {f"p{share}": round(float(np.percentile(took, share)), 1) for share in (50, 95, 99)}
    return shares | {"most": round(float(took.max()), 1), "answers": len(took)}


def killed(
    server: Server, folder: SampleFolder, count: int, rows: int, kills: int
) -> tuple[Server, list[Reviewer], int]:
    """Reviewers who judge as fast as they can while the server is killed and started again."""
    done = 0
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(together, server.port, "killed", count, rows, 0.0)
        for _ in range(kills):
            time.sleep(1.5)
            if not working.done():
                server.end(signal.SIGKILL)
                done += 1
                server = Server(folder.path.parents[1], folder.path.name, server.port)
        return server, working.result(), done


def lost_and_doubled(folder: SampleFolder, found: list[Reviewer]) -> dict[str, int]:
    """What became of the words that were answered."""
    stored = Counter((one.reviewer, one.row_id, one.label) for one in verdicts(folder))
    answered = Counter((one.name, *word) for one in found for word in one.answered)
    return {
        "answered": answered.total(),
        "lost": (answered - stored).total(),
        "doubled": (stored - answered).total(),
    }


def main() -> None:
    """Runs it all and prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the run")
    parser.add_argument("--sample", type=int, default=5000)
    parser.add_argument("--reviewers", type=int, default=20)
    parser.add_argument("--each", type=int, default=20, help="rows that each reviewer judges in each part")
    parser.add_argument("--pace", type=float, default=20, help="rows a minute of a reviewer")
    parser.add_argument("--kills", type=int, default=3)
    given = parser.parse_args()
    if not (given.output / "runs").exists():
        write_run(given.output, given.rows)
    folder = draw(given.output, given.sample)
    server = Server(given.output, folder.path.name)
    told: dict[str, Any] = {"seconds until the first page": round(server.seconds, 2)}
    alone = together(server.port, "alone", 1, 10 * given.each, 0.0)
    paced = together(server.port, "paced", given.reviewers, given.each, 60 / given.pace)
    rushed = together(server.port, "rushed", given.reviewers, given.each, 0.0)
    server, died, kills = killed(server, folder, given.reviewers, given.each, given.kills)
    server.end()
    paces = ("one reviewer", f"{given.reviewers} at {given.pace:g} rows a minute", "all as fast as they can")
    told |= {
        f"milliseconds, {name}": milliseconds(found) for name, found in zip(paces, (alone, paced, rushed), strict=True)
    }
    told |= {"words": lost_and_doubled(folder, [*alone, *paced, *rushed, *died]), "kills": kills}
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
