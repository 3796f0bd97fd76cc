"""A run to audit: a calibrated tiny model, a policy, comments of two days, and what tests change of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation.config import Config
from moderation.models.artefact import Artefact, Data, Fitted
from moderation.models.calibration import Calibration
from moderation.models.load import find_model
from moderation.pipeline import moderate
from moderation.runs.manifest import Manifest
from tests.dumps import DAY, NEXT_DAY, comment, write_dump

LONG = "Angela Merkel was never in Paris, you fool. " * 12
BODIES = ["you fool", "nice weather in Paris", "[deleted]", LONG, "Grüße an 👍 Bob aus Köln", "you fool"]
POLICY = """
thresholds: {insult: 0.4}
rules:
  - {name: long_one, when: length(body) > 100 AND score > 2, action: limit, severity: medium}
  - {name: evening, when: hour(created_utc) > 20, action: review, severity: low}
"""


def published_run(folder: Path, model: Path, **settings: object) -> Manifest:
    """Publishes a small run below `folder`; its ids are numbers, and some rows are broken."""
    calibration = folder / "calibration.json"
    calibration.write_text(calibrated(model).text(), encoding="utf-8")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    import datetime

    def at(seconds: int) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC)

    rows = [
        {
            **comment(None, body, at(day + number * 3600), author="ann", score=number, subreddit="ab"[number % 2]),
            "id": 100 + number + offset,
        }
        for day, offset in ((DAY, 0), (NEXT_DAY, 1000))
        for number, body in enumerate(BODIES * 4)
    ]
    rows.append(
        {**comment(None, None, at(DAY), author="bob", score=1, subreddit="a"), "id": 101}
    )  # broken, with an id that is taken
    dump = write_dump(folder / "comments.parquet", rows)
    models = [{"source": str(model), "calibration": str(calibration)}]
    config = {"models": models, "precision": "fp32", "policy": str(folder / "policy.yaml"), "output": folder / "out"}
    return moderate(Config(input=[dump], **(config | settings)))


def calibrated(model: Path) -> Artefact:
    """A calibration of one label, as `moderation calibrate` writes it."""
    source = find_model(str(model))
    figures = dict.fromkeys(("ece_before", "ece_after", "precision", "recall", "macro_f1"), 0.5)
    insult = Fitted(
        calibration=Calibration(scale=0.7, shift=-0.3),
        output=source.spec.outputs.index("insult"),
        threshold=0.6,
        criterion="made up",
        column="insult",
        rows=10,
        positives=5,
        base_rate=0.5,
        log_loss={"platt": 0.5},
        **figures,
    )
    return Artefact(network_id=source.network_id, data=Data(sha256="0" * 64, rows=10), labels={"insult": insult})


@contextmanager
def changed(path: Path, content: bytes | None = None, at: int | None = None) -> Iterator[None]:
    """A file with a byte changed in its middle or `at` a place, or with other content; then it is as it was, its times
    too."""
    import os

    before, times = path.read_bytes(), path.stat()
    other = bytearray(before)
    other[len(other) // 2 if at is None else at] ^= 1
    path.unlink()  # hard links of it stay as they were
    path.write_bytes(bytes(other) if content is None else content)
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@contextmanager
def gone(path: Path) -> Iterator[None]:
    """A path that is not there for a while."""
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)
