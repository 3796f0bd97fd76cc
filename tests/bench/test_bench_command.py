"""The benchmark as a user runs it, small. Nothing here judges speed."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from tests.commands import moderation

PEERS = {
    *("detoxify_32", "detoxify_1", "pipeline_32", "pipeline_1", "onnxruntime_fp32", "onnxruntime_int8"),
    *("engine_torch_bf16", "engine_openvino_bf16", "engine_openvino_int8"),
    *("engine_fp32", "engine_bf16", "engine_int8", "engine_bf16_labels"),
}
RATIOS = {
    *("bf16_vs_detoxify_32", "int8_vs_detoxify_32", "fp32_vs_detoxify_32", "bf16_vs_one_by_one"),
    *("share_of_bf16_peak", "share_of_bf16_peak_bert_base", "multitask_vs_single", "spark_vs_engine"),
}
SMALL = ("--texts", 60, "--rounds", 1, "--rows", 0, "--agreement", 100, "--generated", "--json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def lines(folder: Path) -> list[str]:
    """What one small run prints."""
    pytest.importorskip("detoxify")
    done = moderation("bench", *SMALL, "--picture", folder / "bench.svg", folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def result(lines: list[str]) -> dict[str, Any]:
    """The object on its last line."""
    return json.loads(lines[-1])  # type: ignore[no-any-return]


@pytest.mark.slow
def test_the_json_says_where_on_what_and_how_fast(result: dict[str, Any]) -> None:
    assert {"machine", "texts", "answers", "peers", "ratios", "padding_waste", "agreement"} <= set(result)
    assert set(result["machine"]) == {"cpu", "cores", "features", "threads", "load", "versions"}
    assert set(result["ratios"]) == RATIOS
    assert 0 <= result["padding_waste"] < 1


@pytest.mark.slow
def test_every_peer_has_its_figures_or_a_reason_why_not(result: dict[str, Any]) -> None:
    assert set(result["peers"]) | set(result["missing"]) >= PEERS
    assert not set(result["peers"]) & set(result["missing"])
    for peer in result["peers"].values():
        assert set(peer) == {"seconds", "texts_per_second", "tokens_read", "tokens_per_second", "padding_waste"}
        assert len(peer["seconds"]) == result["rounds"] == 1
        assert 0 <= peer["padding_waste"] < 1


@pytest.mark.slow
def test_what_was_not_measured_is_null_and_has_a_reason(result: dict[str, Any]) -> None:
    assert result["ratios"]["spark_vs_engine"] is None
    assert result["missing"]["spark"] == "not asked for"
    for name in ("bf16_vs_detoxify_32", "multitask_vs_single"):
        assert (result["ratios"][name] is None) == ("engine_bf16" in result["missing"])


@pytest.mark.slow
def test_the_peers_agree(result: dict[str, Any]) -> None:
    answers = result["answers"]
    assert answers["equal"] is True
    assert answers["texts"] > 50
    for name in ("detoxify_32", "pipeline_1", "onnxruntime_fp32"):
        if name in result["peers"]:
            assert answers["peers"][name]["largest_difference"] <= 1e-3


@pytest.mark.slow
def test_the_precisions_are_compared_on_as_many_texts_as_were_asked_for(result: dict[str, Any]) -> None:
    agreement = result["agreement"]
    assert agreement["texts"] == 100
    for precision in ("bf16", "int8"):
        if f"engine_{precision}" in result["peers"]:
            found = agreement[precision]
            assert found["p999_difference"] <= found["largest_difference"]
            assert 0 <= found["changed_decisions"] <= found["changed_texts"] <= 1
            assert 0 <= found["equal_spans"] <= 1


@pytest.mark.slow
def test_the_engine_reads_long_texts_whole_and_the_others_cut_them(result: dict[str, Any]) -> None:
    read = {name: peer["tokens_read"] for name, peer in result["peers"].items()}
    ours = {tokens for name, tokens in read.items() if name.startswith("engine")}
    theirs = {tokens for name, tokens in read.items() if not name.startswith("engine")}
    assert len(ours) == len(theirs) == 1
    assert min(ours) > max(theirs)


@pytest.mark.slow
def test_the_table_has_every_peer_and_every_target_with_its_verdict(lines: list[str], result: dict[str, Any]) -> None:
    shown = {line.split()[0]: line for line in lines[:-1] if line.strip()}
    assert set(result["peers"]) <= set(shown)
    for name in RATIOS - {"fp32_vs_detoxify_32"}:
        assert shown[name].endswith(("reached", "below target", "not measured"))


@pytest.mark.slow
def test_the_picture_has_a_bar_for_every_peer(folder: Path, result: dict[str, Any]) -> None:
    words = [element.text for element in ElementTree.parse(folder / "bench.svg").iter() if element.text]
    assert set(result["peers"]) <= set(words)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "nowhere.parquet"], "nowhere.parquet"),
        (["--picture", "nowhere/bench.svg"], "nowhere/bench.svg"),
        (["--data", "broken.parquet"], "body column"),
        (["--data", "broken.parquet", "--generated"], "not both"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    pytest.importorskip("detoxify")
    (tmp_path / "broken.parquet").write_text("no Parquet")
    done = moderation("bench", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert said in line


def test_a_missing_extra_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    from moderation.bench.load import check_extra
    from moderation.errors import UsageError

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'moderation-batch\[bench\]'"):
        check_extra()
