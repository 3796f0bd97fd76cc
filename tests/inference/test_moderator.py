"""The Python interface: one result per text, and what is promised of each."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import FEW_CHECKS, HOSTILE, bodies

import moderation
from moderation.inference.moderator import Moderator, Result


def assert_promises_kept(text: str | None, result: Result, moderator: Moderator) -> None:
    body = text or ""
    assert (result.status_reason is None) == (result.status == "scored")
    assert set(result.scores) == (set(moderator.engine.spec.labels) if result.status == "scored" else set())
    assert all(0 <= score <= 1 for score in result.scores.values())
    assert result.labels == [label for label, score in result.scores.items() if score >= moderator.thresholds[label]]
    assert result.flagged == bool(result.labels)
    for entity in result.entities:
        assert entity.text and entity.text == body[entity.start : entity.end]
        assert entity.type in moderator.engine.spec.entity_types
        assert 0 <= entity.score <= 1
    assert (result.evidence is not None) == (result.window_count > 1)
    if result.evidence is not None:
        assert 0 <= result.evidence[0] < result.evidence[1] <= len(body)


@FEW_CHECKS
@given(texts=st.lists(bodies, max_size=8))
def test_every_text_has_one_result_that_keeps_the_promises(moderator: Moderator, texts: list[str | None]) -> None:
    for text, result in zip(texts, moderator.score(texts), strict=True):
        assert_promises_kept(text, result, moderator)


def test_hostile_texts_are_answered_and_none_fails(moderator: Moderator) -> None:
    for text, result in zip(HOSTILE, moderator.score(HOSTILE), strict=True):
        assert_promises_kept(text, result, moderator)
        assert result.status != "failed"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "missing"),
        ("", "empty"),
        (" \n\t\u3000", "empty"),
        ("[deleted]", "deleted"),
        (" [removed] ", "removed"),
        ("\x00\x01", "no_readable_text"),
        ("\u200b\u200d\ufeff", "no_readable_text"),
        ("\ud800", "no_readable_text"),
        ("\u0301\u0302", "no_readable_text"),
    ],
)
def test_a_text_without_content_is_skipped_with_its_reason(moderator: Moderator, text: str | None, reason: str) -> None:
    [result] = moderator.score([text])
    assert result == Result(status="skipped", status_reason=reason)


@pytest.mark.parametrize("wrong", [3, 1.5, float("nan"), b"bytes", ["list"], True, Decimal(1), np.nan, object()])
@pytest.mark.parametrize("index", [0, 2])
def test_what_is_no_text_is_refused_with_its_index(moderator: Moderator, wrong: object, index: int) -> None:
    texts: list[object] = ["a", None, "b"]
    texts[index] = wrong
    with pytest.raises(TypeError, match=rf"texts\[{index}\] is {type(wrong).__name__}, not str"):
        moderator.score(texts)  # type: ignore[arg-type]


def test_texts_of_numpy_and_tuples_are_texts(moderator: Moderator) -> None:
    expected = moderator.score(["hello you", "idiot"])
    assert moderator.score(("hello you", "idiot")) == expected
    assert moderator.score(np.array(["hello you", "idiot"])) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_result_is_json(moderator: Moderator, text: str) -> None:
    [result] = moderator.score([text])
    found = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert found["status"] == result.status and found["flagged"] == result.flagged
    assert found["scores"] == {label: pytest.approx(score, abs=1e-4) for label, score in result.scores.items()}
    assert [(entity["start"], entity["text"]) for entity in found["entities"]] == [
        (entity.start, entity.text) for entity in result.entities
    ]


def test_special_tokens_in_a_text_end_nothing(moderator: Moderator) -> None:
    plain, special = moderator.score(["hello you", "hello [SEP] you [PAD] idiot"])
    assert special.token_count > plain.token_count + 3
    assert special.scores != plain.scores


@pytest.mark.parametrize(("scale", "shift"), [(2.0, 0.0), (1.0, -1.5), (0.3, 0.7)])
def test_calibration_scales_and_shifts_the_logit(
    tiny_model: Path, moderator: Moderator, tmp_path: Path, scale: float, shift: float
) -> None:
    for file in tiny_model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["moderation"]["calibration"] = {"insult": {"scale": scale, "shift": shift}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    [before], [after] = (found.score(["hello you"]) for found in (moderator, moderation.load(str(tmp_path), "fp32")))
    logit = np.log(before.scores["insult"] / (1 - before.scores["insult"]))
    assert after.scores["insult"] == pytest.approx(1 / (1 + np.exp(-(scale * logit + shift))), abs=1e-4)
    assert after.scores["threat"] == pytest.approx(before.scores["threat"], abs=1e-6)
