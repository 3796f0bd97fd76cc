"""What the benchmark counts, compares and draws: the parts that run no model."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moderation.bench import agreement, equal, ratios, spark
from moderation.bench.load import load_peers
from moderation.bench.peak import Peak
from moderation.bench.peers import Counts, calibrated
from moderation.bench.picture import Bar, draw
from moderation.bench.progress import Progress
from moderation.bench.race import figures, race
from moderation.errors import UsageError
from moderation.inference.scored import Scored
from moderation.inference.spans import Spans
from moderation.inference.work import Work
from moderation.models.spec import Calibration, ModelSpec, Shape

SPEC = ModelSpec(labels=("rude", "threat"), max_tokens=16, overlap=4, thresholds={"rude": 0.5, "threat": 0.5})
ROWS = [[0.9, 0.1], [0.2, 0.8], [0.4, 0.4]]
FITS = np.array([True, True, False])  # the last text is longer than a window
NAMES = ("detoxify_32", "detoxify_1", "onnxruntime_int8", "engine_fp32", "engine_bf16", "engine_int8")


def speed(tokens: float, *seconds: float) -> dict[str, Any]:
    return {"tokens_per_second": tokens, "seconds": list(seconds)}


def scored(rows: list[list[float]], spans: list[tuple[int, int, int, int]] = ()) -> Scored:  # type: ignore[assignment]
    """Answers with these probabilities and these spans: text, start, end and type."""
    found = Scored.blank([None] * len(rows), 2)
    found.scores[:] = rows
    columns = np.array(spans, np.int64).reshape(-1, 4).T
    found.spans = Spans(*columns, np.ones(len(spans), np.float32))
    return found


class Sleepless:
    """A peer that does nothing but note whose turn it was."""

    def __init__(self, name: str, turns: list[str]) -> None:
        self.name, self.turns = name, turns

    def score(self, texts: list[str]) -> object:
        return self.turns.append(self.name)

    def probabilities(self, texts: list[str]) -> np.ndarray:
        return np.zeros((len(texts), 2))

    def counts(self, texts: list[str]) -> Counts:
        return Counts(0, 0, 0)


@pytest.mark.parametrize(
    ("peer", "row", "probability", "same"),
    [
        ("detoxify_32", 0, 0.9005, True),
        ("detoxify_32", 0, 0.902, False),
        ("detoxify_1", 1, 0.205, False),
        ("engine_bf16", 0, 0.8, True),  # the decision stays
        ("engine_bf16", 0, 0.499, False),  # a quarter of four decisions changes
        ("engine_int8", 0, 0.499, False),
        ("onnxruntime_int8", 0, 0.499, True),
        ("detoxify_32", 2, 0.7, True),  # it read another part of that text
        ("engine_fp32", 0, np.nan, False),
        ("detoxify_1", 0, np.nan, False),
        ("engine_bf16", 1, np.nan, False),
    ],
)
def test_answers_are_equal_within_the_tolerance(peer: str, row: int, probability: float, same: bool) -> None:
    found = {name: np.array(ROWS) for name in NAMES}
    found[peer][row, 0] = probability
    assert equal.compare(found, FITS, SPEC)["equal"] is same


def test_nothing_to_compare_is_no_agreement() -> None:
    assert equal.compare({name: np.array(ROWS) for name in NAMES}, FITS & False, SPEC)["equal"] is False


def test_unequal_answers_end_the_program_and_name_the_peer() -> None:
    found = {name: np.array(ROWS) for name in NAMES}
    found["detoxify_1"][0, 0] = 0.1
    with pytest.raises(SystemExit, match="detoxify_1"):
        equal.stop_unless_equal(equal.compare(found, FITS, SPEC))


def test_ratios_are_of_tokens_per_second_and_against_the_better_of_the_slow_ways() -> None:
    peers = {
        "detoxify_32": speed(100, 1),
        "detoxify_1": speed(300, 1),
        "pipeline_1": speed(400, 1),
        "engine_bf16": speed(2400, 1.1, 9.0, 1.0),
        "engine_int8": speed(3600, 1),
        "engine_bf16_labels": speed(2600, 1.0, 1.0, 7.0),
    }
    found = ratios.ratios(peers)
    assert (found["bf16_vs_detoxify_32"], found["int8_vs_detoxify_32"], found["bf16_vs_one_by_one"]) == (24, 36, 6)
    assert found["multitask_vs_single"] == 1.1  # of the median rounds
    assert found["fp32_vs_detoxify_32"] is None


@pytest.mark.parametrize(
    ("figure", "value", "verdict"),
    [
        ("ratios.bf16_vs_detoxify_32", 25.0, "reached"),
        ("ratios.bf16_vs_detoxify_32", 24.9, "below target"),
        ("ratios.spark_vs_engine", 1.05, "reached"),
        ("ratios.spark_vs_engine", 1.06, "below target"),
        ("ratios.spark_vs_engine", None, "not measured"),
        ("agreement.int8.changed_decisions", 0.0, "reached"),
    ],
)
def test_a_target_is_reached_or_not(figure: str, value: float | None, verdict: str) -> None:
    (target,) = (target for target in ratios.TARGETS if target.figure == figure)
    result: dict[str, Any] = {}
    inner = result
    *keys, last = figure.split(".")
    for key in keys:
        inner = inner.setdefault(key, {})
    inner[last] = value
    assert ratios.verdict(result, target) == verdict


def test_a_part_that_was_left_out_is_not_measured() -> None:
    assert {ratios.verdict({"agreement": {}}, target) for target in ratios.TARGETS} == {"not measured"}


def test_agreement_counts_probabilities_decisions_and_texts() -> None:
    found = agreement.compare(scored([[0.9, 0.1], [0.4, 0.2]]), scored([[0.88, 0.1], [0.51, 0.2]]), SPEC)
    assert found["largest_difference"] == pytest.approx(0.11, abs=1e-5)
    assert (found["changed_decisions"], found["changed_texts"]) == (0.25, 0.5)


def test_spans_agree_where_text_start_end_and_type_are_the_same() -> None:
    left = scored(ROWS, [(0, 0, 4, 1), (0, 9, 12, 2), (1, 0, 4, 1)])
    right = scored(ROWS, [(0, 0, 4, 1), (0, 9, 13, 2), (2, 0, 4, 1)])
    found = agreement.compare(left, right, SPEC)
    assert (found["equal_spans"], found["spans"]) == (0.2, 5)
    assert found["texts_with_equal_spans"] == pytest.approx(1 - 3 / len(ROWS), abs=1e-6)


def test_no_spans_at_all_are_equal_spans() -> None:
    assert agreement.compare(scored(ROWS), scored(ROWS), SPEC)["equal_spans"] == 1


def test_a_row_that_only_one_precision_scored_has_changed() -> None:
    blank = [np.nan, np.nan]
    found = agreement.compare(scored([[0.9, 0.1], blank]), scored([blank, blank]), SPEC)
    assert (found["largest_difference"], found["changed_decisions"]) == (1, 1)


def test_calibration_is_that_of_the_engine() -> None:
    spec = SPEC.model_copy(update={"calibration": {"rude": Calibration(scale=2, shift=1)}})
    rows = calibrated(np.array([[0.5, 0.3], [1.0, 0.0]]), spec)
    assert rows[0] == pytest.approx([1 / (1 + np.exp(-1)), 0.3])
    assert np.isfinite(rows).all()


def test_speed_is_that_of_the_median_round() -> None:
    found = figures(Counts(read=100, computed=150, padded=200), texts=10, seconds=[5.0, 1.0, 2.0])
    assert (found["tokens_per_second"], found["texts_per_second"], found["padding_waste"]) == (50, 5, 0.25)


def test_peers_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    monkeypatch.setattr(Peak, "measure", lambda self: turns.append("peak"))
    with Progress() as progress:
        race([Sleepless("a", turns), Sleepless("b", turns)], ["x"], 2, Peak(), progress, {"a": 1.0, "b": 1.0})
    assert turns == ["peak", "a", "b", "peak", "a", "b"]


def test_a_peer_that_cannot_be_had_is_left_out_with_the_reason() -> None:
    def broken(error: Exception) -> Any:
        raise error

    makers = {
        "here": lambda: Sleepless("here", []),
        "slow": lambda: broken(UsageError("no bf16 instructions")),
        "gone": lambda: broken(ImportError("No module named 'onnxruntime'")),
    }
    with Progress() as progress:
        peers, missing = load_peers(makers, progress)
    assert [peer.name for peer in peers] == ["here"]
    assert missing == {"slow": "no bf16 instructions", "gone": "No module named 'onnxruntime'"}


def test_the_share_of_the_peak_counts_no_padding() -> None:
    peak, done = Peak(), float(Shape().operations(10, 0))
    assert peak.share(Work(computed_tokens=10, operations=done), 1.0) is None
    peak.best["1024x1024x1024"] = 4.0 * done
    assert peak.share(Work(computed_tokens=10, padded_tokens=20, operations=done), 0.5) == 0.5


def test_the_start_of_spark_is_left_out() -> None:
    start = {"timings": {"score": 4.0}}
    whole = {"timings": {"score": 14.0}, "counts": {"rows_in": 9, "scored": 8}, "throughput": {}}
    assert spark.figures(start, whole, 8.0)["ratio"] == 1.25
    assert spark.figures(whole, whole, 8.0)["ratio"] is None


def test_a_dump_holds_the_bodies_in_their_order(tmp_path: Path) -> None:
    from pyarrow import parquet

    spark.write_dump(["b", "a", "a"], tmp_path / "dump.parquet")
    table = parquet.read_table(tmp_path / "dump.parquet").to_pydict()
    assert table["body"] == ["b", "a", "a"]
    assert len(set(table["id"])) == 3


def test_the_picture_escapes_names_and_scales_its_bars() -> None:
    bars = [Bar('a<b & "c"', 50.0, "50", ours=False), Bar("engine", 100.0, "100 (2×)", ours=True)]
    root = ElementTree.fromstring(draw(bars, "Tokens & more", "<sub>", "note"))
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {'a<b & "c"', "Tokens & more", "<sub>", "100 (2×)"} <= set(words)
    widths = [float(one.get("width", 0)) for one in root.iter() if one.get("class") in ("theirs", "ours")]
    assert widths[1] == 2 * widths[0]


def test_a_picture_of_nothing_is_whole() -> None:
    ElementTree.fromstring(draw([], "title", "", ""))


@pytest.mark.slow
def test_the_bert_base_that_is_raced_is_a_model_like_any_other(tmp_path: Path) -> None:
    from moderation.bench.bert_base import make
    from moderation.models.load import find_model

    source = make(tmp_path / "model", find_model("builtin"))
    assert source.shape.hidden == 768 and source.shape.layers == 12
    assert find_model(str(source.folder)).model_id == source.model_id
