"""The whole of it: a real run, a real sample, half a review in a browser beside the model; and the pictures of docs/.

`make test-browser PICTURES=1` writes the pictures there.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from moderation.audit.design import SampleFolder, find_sample
from moderation.audit.verdicts import verdicts
from moderation.sample import write_sample
from tests.commands import moderation
from tests.review.browsing import PHONE, Reader, reader, serious, too_wide
from tests.review.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]
DOCS = Path(__file__).parents[2] / "docs"
ROWS, SIZE, MOST_BYTES = 900, 120, 240_000
COARSE = re.compile(r"f[u*]+ck|sh[i*]t|b[i*]tch|kill|dick|whore|cunt|prick|ass\b|hunt|find you", re.IGNORECASE)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleFolder:
    """A sample of a published run of the sample dump, with the built-in model."""
    place = tmp_path_factory.mktemp("real")
    write_sample(place / "comments", rows=ROWS)
    options = ["--output", place / "out"]
    for command in (
        ["run", "--input", place / "comments", *options],
        ["audit", "sample", *options, "--size", SIZE, "--label", "offensive", "--label", "insult"],
    ):
        done = moderation(*command, MODERATION_SPARK__CONF='{"spark.driver.memory": "1g"}')
        assert done.returncode == 0, done.stderr[-2000:]
    return find_sample(place / "out", "latest")


def test_half_a_review_beside_the_model(chromium, sample, tmp_path) -> None:
    rows = {row["id"]: row for row in pq.read_table(sample.sample, partitioning=None).to_pylist()}
    place = DOCS if os.environ.get("PICTURES") else tmp_path
    with serving(sample.path.parents[1], "--reviewer", "anna", "--words") as server:
        anna = reader(chromium, server.address).open()
        judged = 0
        for awaited in (".estimates .number", "svg.shrinking"):  # a picture needs estimates of two moments
            judged += judge_until(anna, rows, awaited, SIZE - judged - 5)
        assert re.search(r"precision\s+\d", anna.page.locator("#live").inner_text())
        anna.page.set_viewport_size(WIDE)
        look_at(anna, telling(rows), place / "review.png")
        phone = reader(chromium, server.address, viewport=PHONE)
        look_at(phone, telling(rows), place / "review-phone.png")
        night = reader(chromium, server.address, viewport=NARROW, color_scheme="dark")
        look_at(night, telling(rows), place / "review-dark.png", "r")
        assert anna.said == night.said == phone.said == []
        assert anna.outside() == night.outside() == phone.outside() == []
    assert len(verdicts(sample)) == 2 * judged
    assert sum((place / name).stat().st_size for name in PICTURES) < MOST_BYTES


WIDE, NARROW = {"width": 1280, "height": 700}, {"width": 720, "height": 640}
PICTURES = ("review.png", "review-dark.png", "review-phone.png")


def judge_until(at: Reader, rows: dict[str, Any], awaited: str, most: int) -> int:
    """Judges ten rows after the other until something is shown beside them; returns how many. Figures are told once
    every stratum of some size has a verdict, which is sooner or later in the sample's random order."""
    for judged in range(1, most + 1):
        judge(at, rows[at.row])
        if judged % 10 == 0:
            with suppress(AssertionError):
                at.until(f"document.querySelector('#live {awaited}') !== null", 10)
                return judged
    raise AssertionError(f"no {awaited} after {most} rows")


def judge(at: Reader, row: dict[str, Any]) -> None:
    """Words of a made-up reviewer, who mostly says what the flags say."""
    for label in ("offensive", "insult"):
        sure = label in row["labels"]
        at.press("1" if label == "offensive" else "2", "y" if sure != (row["place"] % 5 == 0) else "n")


def telling(rows: dict[str, Any]) -> dict[str, Any]:
    """A row to look at: an insult beside a name, in words that may stand in a document. A flag of `insult` is not asked
    for: rows that are short, clean and flagged so are a handful, and other weights may leave none."""
    fit = [row for row in rows.values() if "offensive" in row["labels"] and "identity_attack" not in row["labels"]]
    fit = [row for row in fit if row["entities"] and 70 < len(row["body"]) < 300]
    return min((row for row in fit if not COARSE.search(row["body"])), key=lambda row: row["place"])


def look_at(at: Reader, row: dict[str, Any], picture: Path, *keys: str) -> None:
    """Shows a row with its driving words and takes a picture."""
    at.open(f"/review?row_id={row['id']}&date={row['date']}")
    at.until("document.querySelector('#item .text').dataset.words === 'ready'", 60)
    at.press(" ", *keys)
    assert at.row == row["id"] and at.page.locator("#item mark").count() > 0
    assert serious(at.page) == [] and not too_wide(at.page)
    at.page.wait_for_timeout(200)
    at.page.screenshot(path=str(picture))
