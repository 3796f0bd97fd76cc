"""The page over all runs: every run and its end, newest first, nothing but text, and nothing from elsewhere."""

import json
import re
from pathlib import Path

from manifests import Manifest, manifest

from moderation.quality.index import index_page, write_index


def write(output: Path, *manifests: Manifest) -> str:
    """An output with these manifests → its page."""
    for one in manifests:
        folder = output / "runs" / one["run_id"]
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps(one), encoding="utf-8")
    write_index(output)
    return (output / "runs" / "index.html").read_text(encoding="utf-8")


def test_every_run_is_listed_the_newest_first_with_its_end_and_its_pages(tmp_path: Path) -> None:
    refused = manifest(2, status="refused", validation={"failures": ["Every id occurs once: not so in 2 of 9 rows"]})
    failed = {"run_id": "20261122T000003Z-aaaaaa", "status": "failed", "error": "OSError", "started": "today"}
    page = write(tmp_path, manifest(1), refused, failed)
    assert re.findall(r"<td>(2026\S+?)<br>", page) == [failed["run_id"], refused["run_id"], manifest(1)["run_id"]]
    assert "Every id occurs once: not so in 2 of 9 rows" in page
    assert "OSError" in page
    for one in (refused, manifest(1)):
        assert f'href="{one["run_id"]}/manifest.json"' in page
        assert f'href="{one["run_id"]}/data_docs/index.html"' in page
    assert f'href="{failed["run_id"]}/data_docs' not in page


def test_a_curve_is_drawn_for_every_share_over_the_published_runs(tmp_path: Path) -> None:
    shares = {"label toxic": {"low": 0.01, "high": 0.03}}
    last = manifest(5, validation={"statistics": {"shares": shares}})
    page = write(tmp_path, *(manifest(n) for n in range(4)), manifest(4, factor=9.0, status="refused"), last)
    assert page.count("<polyline") == 7
    (curve,) = re.findall(r"<figure><figcaption>label toxic.*?</figure>", page, re.S)
    assert len(re.findall(r"[\d.]+,[\d.]+", re.findall(r'points="(.*?)"', curve)[0])) == 5
    assert "<rect" in curve
    assert "2.00%" in curve


def test_nothing_is_loaded_or_run_and_every_word_is_escaped(tmp_path: Path) -> None:
    odd = "<script>alert('x')</script>\"&"
    accepted = {"by": odd, "reason": odd}
    one = manifest(1, status=odd, started=odd, validation={"failures": [odd], "notes": [odd]}, accepted_shift=accepted)
    two = manifest(2)
    two["counts"]["labels"] = {odd: 7}
    page = write(tmp_path, one, two)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 7
    assert re.findall(r"https?:|<link|<img|url\(|@import| on\w+=", page) == []
    assert "default-src 'none'" in page


def test_a_manifest_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "runs" / "20261122T999999Z-aaaaaa").mkdir(parents=True)
    (tmp_path / "runs" / "20261122T999999Z-aaaaaa" / "manifest.json").write_text("{", encoding="utf-8")
    page = write(tmp_path, manifest(1))
    assert "unreadable" in page
    assert manifest(1)["run_id"] in page


def test_without_a_run_there_is_no_page(tmp_path: Path) -> None:
    write_index(tmp_path)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path, manifest(1))
    (tmp_path / "runs" / manifest(1)["run_id"] / "manifest.json").unlink()
    write_index(tmp_path)
    assert not (tmp_path / "runs" / "index.html").exists()


def test_a_long_history_is_cut_and_says_so() -> None:
    page = index_page([manifest(number) for number in range(600, 0, -1)])
    assert page.count("<tr>") == 501
    assert "100 older runs are not listed" in page
