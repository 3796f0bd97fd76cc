"""The engine's benchmark compares answers before it compares speeds. Nothing here judges speed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moderation.models.spec import ModelSpec

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SPEC = ModelSpec(labels=("rude", "threat"), max_tokens=16, overlap=4, thresholds={"rude": 0.5, "threat": 0.5})
PEERS = ("detoxify_32", "detoxify_1", "engine_fp32", "engine_bf16")
ROWS, TOKENS = [[0.9, 0.1], [0.2, 0.8], [0.4, 0.4]], [3, 14, 40]  # the last text is longer than a window


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    """What one small run prints on its last line."""
    pytest.importorskip("detoxify")
    command = [sys.executable, "-m", "benchmarks.engine", "--generated", "--texts", "64", "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_the_json_says_where_on_what_and_how_fast(result: dict[str, Any]) -> None:
    assert set(result) == {"machine", "texts", "answers", "rounds", "peers", "ratios"}
    assert set(result["machine"]) == {"cpu", "cores", "features", "threads", "load", "versions"}
    assert set(result["peers"]) == set(PEERS)
    assert set(result["ratios"]) == {"bf16_vs_detoxify_32", "fp32_vs_detoxify_32", "bf16_vs_one_by_one"}


def test_every_peer_has_its_figures(result: dict[str, Any]) -> None:
    for peer in result["peers"].values():
        assert set(peer) == {"seconds", "texts_per_second", "tokens_read", "tokens_per_second", "padding_waste"}
        assert len(peer["seconds"]) == result["rounds"] == 1
        assert 0 < peer["padding_waste"] < 1


def test_the_peers_agree(result: dict[str, Any]) -> None:
    answers = result["answers"]
    assert answers["equal"] is True
    assert answers["texts_compared"] > 50
    assert answers["fp32_largest_difference"] <= 1e-3
    assert answers["bf16_changed_decisions"] <= 0.02


def test_the_engine_reads_long_texts_whole_and_detoxify_cuts_them(result: dict[str, Any]) -> None:
    read = {name: peer["tokens_read"] for name, peer in result["peers"].items()}
    assert read["engine_fp32"] == read["engine_bf16"] > read["detoxify_32"] == read["detoxify_1"]


def test_made_up_texts_have_the_lengths_of_reddit_comments(result: dict[str, Any]) -> None:
    texts = result["texts"]
    assert (texts["source"], texts["count"]) == ("generated", 64)
    assert 35 <= texts["mean"] <= 45
    assert 20 <= texts["median"] <= 24
    assert 70 <= texts["p90"] <= 100


@pytest.mark.parametrize(
    ("peer", "row", "probability", "equal"),
    [
        ("detoxify_32", 0, 0.9005, True),
        ("detoxify_32", 0, 0.902, False),
        ("detoxify_1", 1, 0.205, False),
        ("engine_fp32", 0, 0.902, False),
        ("engine_bf16", 0, 0.898, True),  # the decision stays
        ("engine_bf16", 0, 0.499, False),  # a quarter of four decisions changes
        ("detoxify_32", 2, 0.7, True),  # it read another part of that text
        ("engine_fp32", 0, np.nan, False),
        ("detoxify_1", 0, np.nan, False),
        ("engine_bf16", 1, np.nan, False),
    ],
)
def test_answers_are_equal_within_the_tolerance(peer: str, row: int, probability: float, equal: bool) -> None:
    pytest.importorskip("detoxify")
    from benchmarks.engine import compare
    from benchmarks.peers import Answers

    answers = {name: Answers(np.array(ROWS), np.array(TOKENS), 0) for name in PEERS}
    answers[peer].probabilities[row, 0] = probability
    assert compare(answers, SPEC)["equal"] is equal


def test_nothing_to_compare_is_no_agreement() -> None:
    pytest.importorskip("detoxify")
    from benchmarks.engine import compare
    from benchmarks.peers import Answers

    answers = {name: Answers(np.array(ROWS), np.array([0, 40, 40]), 0) for name in PEERS}
    assert compare(answers, SPEC)["equal"] is False
