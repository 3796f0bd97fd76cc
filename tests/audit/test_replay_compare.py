"""Two versions of a published row, compared field by field."""

import math

from moderation.audit.replay_compare import differences, tolerance_of, within
from moderation.audit.replay_sources import How

ROW = {
    "id": "a",
    "body": "you fool in Paris",
    "score": 0.25,
    "scores": {"insult": 0.5, "threat": math.nan},
    "labels": ["insult"],
    "entities": [{"start": 12, "end": 17, "type": "LOC", "text": "Paris", "score": 0.75}],
    "evidence": None,
}


def fields(**changes: object) -> list[str]:
    return [found.field for found in differences(ROW, ROW | changes)]


def test_equal_rows_have_no_difference_and_no_number_is_one() -> None:
    assert fields() == []


def test_the_innermost_fields_are_named() -> None:
    assert fields(scores={"insult": 0.5000001, "threat": math.nan}) == ["scores.insult"]
    assert fields(entities=[ROW["entities"][0] | {"end": 16, "text": "Pari"}]) == [
        "entities[0].end",
        "entities[0].text",
    ]
    assert fields(evidence={"start": 0, "end": 4}, labels=[]) == ["labels", "evidence"]
    assert [found.field for found in differences(ROW, {**ROW, "more": 1})] == ["more"]


def test_entities_of_another_number_are_told_by_type_and_place_alone() -> None:
    (found,) = differences(ROW, ROW | {"entities": []})
    assert (found.published, found.replayed) == (["LOC 12-17"], [])


def test_only_what_models_compute_is_allowed_a_tolerance() -> None:
    near = {"scores": {"insult": 0.505, "threat": math.nan}}
    assert within(differences(ROW, ROW | near), tolerance_of("bf16", "fp32"))
    assert not within(differences(ROW, ROW | near), tolerance_of("fp32", "fp32"))
    for change in ({"score": 0.250001}, {"labels": []}, {"scores": {"insult": math.nan, "threat": math.nan}}):
        assert not within(differences(ROW, ROW | change), 0.05)
    assert within(differences(ROW, ROW | {"entities": [ROW["entities"][0] | {"score": 0.76}]}), 0.02)


def test_words_are_shown_only_where_asked_for() -> None:
    for change in ({"body": "you saint"}, {"entities": [ROW["entities"][0] | {"text": "Berlin"}]}):
        (found,) = differences(ROW, ROW | change)
        hidden = str(found.shown(with_text=False))
        assert "Paris" not in hidden and "saint" not in hidden and "Berlin" not in hidden and "SHA-256" in hidden
        assert any(word in str(found.shown(with_text=True)) for word in ("saint", "Berlin"))


def test_the_native_encoder_promises_the_same_bits_only_with_the_same_instructions() -> None:
    task = {"backend": "native", "precision": "bf16", "place": "cpu"}
    before, here = How.of(task | {"instructions": "amx"}), How.of(task | {"instructions": "avx512"})
    assert before.same(How.of(task | {"instructions": "amx"}))
    assert not before.same(here)
    assert here.words == "native bf16 on cpu with avx512"
    assert How.of(task | {"backend": "openvino"}).words == "openvino bf16 on cpu"
