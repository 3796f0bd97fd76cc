"""Several models in one engine: each says what it says alone, and texts are tokenised once."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from failing_backend import NEIGHBOURS
from inference_helpers import HOSTILE

from moderation.inference import engine as engine_module
from moderation.inference.backend import Backend, Predictions
from moderation.inference.batches import Batch
from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.inference.moderator import Moderator, Result
from moderation.inference.work import Work
from moderation.models.panel import find_panel

TORCH = Device("cpu", "torch")
TEXTS = [*HOSTILE, *NEIGHBOURS, None, "[deleted]", "Paris and Angela Merkel " * 40]


@pytest.fixture(scope="module")
def alone(panel_models: list[str]) -> list[Moderator]:
    """Each model by itself."""
    return [Moderator(Engine(find_panel(model), "fp32", TORCH, remember=False)) for model in panel_models]


@pytest.fixture(scope="module")
def together(panel_models: list[str]) -> Moderator:
    """All of them."""
    return Moderator(Engine(find_panel(panel_models), "fp32", TORCH, remember=False))


@pytest.fixture(scope="module")
def answers(alone: list[Moderator], together: Moderator) -> list[tuple[Result, list[Result]]]:
    """What they say of each text together, and each alone."""
    each = zip(*(moderator.score(TEXTS) for moderator in alone), strict=True)
    return list(zip(together.score(TEXTS), map(list, each), strict=True))


def test_the_scores_are_those_of_each_model_alone(answers: list[tuple[Result, list[Result]]]) -> None:
    for joint, each in answers:
        assert (joint.status, joint.status_reason) == (each[0].status, each[0].status_reason)
        expected = {label: score for one in each for label, score in one.scores.items()}
        assert joint.scores == pytest.approx(expected, abs=1e-5)
        assert list(joint.scores) == (["rude", "kind", "spam"] if joint.status == "scored" else [])


def test_the_counts_are_those_of_the_first_model(answers: list[tuple[Result, list[Result]]]) -> None:
    assert all((one.token_count, one.window_count) == (e[0].token_count, e[0].window_count) for one, e in answers)
    assert any(each[1].window_count > one.window_count for one, each in answers)


def test_the_evidence_is_the_window_of_the_highest_score_over_all_models(
    answers: list[tuple[Result, list[Result]]],
) -> None:
    scored = [(joint, each) for joint, each in answers if joint.status == "scored"]
    chosen = [max(each[:2], key=lambda one: max(one.scores.values())) for _, each in scored]
    assert [joint.evidence for joint, _ in scored] == [one.evidence for one in chosen]
    assert {id(one) for one in chosen} & {id(each[0]) for _, each in scored}, "the first model wins somewhere"
    assert {id(one) for one in chosen} & {id(each[1]) for _, each in scored}, "and so does the second"


def test_the_entities_are_the_surest_of_all_models(answers: list[tuple[Result, list[Result]]]) -> None:
    overlaps = 0
    for joint, each in answers:
        offered = sorted((entity for one in each for entity in one.entities), key=lambda entity: -entity.score)
        kept: list[tuple[int, int, str]] = []
        for entity in offered:
            if all(entity.end <= start or end <= entity.start for start, end, _ in kept):
                kept.append((entity.start, entity.end, entity.type))
        assert [(entity.start, entity.end, entity.type) for entity in joint.entities] == sorted(kept)
        overlaps += len(offered) - len(kept)
    assert overlaps > 10, "the models disagree about something"


def test_a_vocabulary_that_models_share_is_tokenised_once(together: Moderator, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted_tokenising(monkeypatch)
    together.score(["you fool", "Paris"])
    assert calls == [2]
    chunks = next(together.engine.chunks(Work(), ["you fool"], [0]))
    assert chunks[0].tokens is chunks[1].tokens is chunks[2].tokens


def test_models_of_other_vocabularies_tokenise_for_themselves(
    panel_models: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [*panel_models[:2], str(without_a_word(Path(panel_models[2]), tmp_path / "other", "Paris"))]
    moderator = Moderator(Engine(find_panel(models), "fp32", TORCH, remember=False))
    calls = counted_tokenising(monkeypatch)
    full, empty = moderator.score(["you fool in Paris", "Paris"])
    assert calls == [2, 2]
    assert full.status == "scored" and full.token_count == 4
    assert (empty.status, empty.status_reason) == ("skipped", "no_readable_text"), "one of the models cannot read it"
    assert not empty.scores and not empty.entities and empty.evidence is None


def test_what_it_took_is_the_sum_over_the_models(together: Moderator, alone: list[Moderator]) -> None:
    work, each = together.engine.score(TEXTS).work, [one.engine.score(TEXTS).work for one in alone]
    assert (work.texts, work.duplicates) == (each[0].texts, each[0].duplicates)
    for name in ("windows", "computed_tokens", "padded_tokens", "operations"):
        assert getattr(work, name) == sum(getattr(one, name) for one in each)
    assert work.model_seconds > 0


def test_many_chunks_are_answered_as_one_is(
    together: Moderator, answers: list[tuple[Result, list[Result]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.inference.engine.CHUNK_CHARACTERS", 300)
    for again, (joint, _) in zip(together.score(TEXTS), answers, strict=True):
        assert (again.labels, again.evidence, again.status) == (joint.labels, joint.evidence, joint.status)
        assert again.scores == pytest.approx(joint.scores, abs=1e-5)
        assert [(e.start, e.end, e.type) for e in again.entities] == [(e.start, e.end, e.type) for e in joint.entities]


def test_equal_texts_are_remembered_once_for_all_models(panel_models: list[str]) -> None:
    moderator = Moderator(Engine(find_panel(panel_models), "fp32", TORCH))
    first = moderator.score(["you fool", "Paris"])
    again = moderator.engine.score(["Paris", "you fool", "Paris"]).work
    assert (again.duplicates, again.windows, again.model_seconds) == (3, 0, 0)
    assert moderator.score(["you fool", "Paris"]) == first


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_text_that_one_model_fails_on_is_failed_and_the_model_named(
    together: Moderator, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = together.score(NEIGHBOURS)
    refuse(monkeypatch, together, number, RuntimeError("kernel"))
    results = together.score(["a poison in Paris", *NEIGHBOURS])
    name = ("rude", "spam", "names")[number]
    assert (results[0].status, results[0].status_reason) == ("failed", f"model_error:RuntimeError:{name}")
    assert not results[0].scores and not results[0].entities and results[0].evidence is None
    for mine, expected in zip(results[1:], before, strict=True):
        assert mine.scores == pytest.approx(expected.scores, abs=1e-5) and mine.evidence == expected.evidence


def test_short_memory_of_one_model_leaves_the_others_their_batches(panel_models: list[str]) -> None:
    moderator = Moderator(Engine(find_panel(panel_models), "fp32", TORCH, token_budget=500, remember=False))
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, moderator, 1, MemoryError(), larger_than=100)
        assert {result.status for result in moderator.score(NEIGHBOURS)} == {"scored"}
    assert [member.budget.tokens >= 500 for member in moderator.engine.members] == [True, False, True]


def test_openvino_gives_the_same_answers(panel_models: list[str], answers: list[tuple[Result, list[Result]]]) -> None:
    moderator = Moderator(Engine(find_panel(panel_models), "fp32", Device("cpu", "openvino", 1), remember=False))
    for found, (joint, _) in zip(moderator.score(TEXTS), answers, strict=True):
        assert found.scores == pytest.approx(joint.scores, abs=1e-4)


def test_a_renamed_model_says_the_same_under_its_new_names(panel_models: list[str], alone: list[Moderator]) -> None:
    spam, names = panel_models[1:]
    entries = [{"source": spam, "labels": {"spam": "junk"}, "entities": {"LOC": None}}, {"source": names}]
    found = Moderator(Engine(find_panel(entries), "fp32", TORCH, remember=False)).score(TEXTS)
    for joint, own, other in zip(found, alone[1].score(TEXTS), alone[2].score(TEXTS), strict=True):
        assert joint.scores.get("junk") == pytest.approx(own.scores.get("spam"), abs=1e-5)
        offered = {(e.start, e.end, e.type) for e in [*own.entities, *other.entities]}
        assert {(e.start, e.end, e.type) for e in joint.entities} <= offered
        places = {(e.start, e.end) for e in other.entities if e.type == "LOC"}
        assert {(e.start, e.end) for e in joint.entities if e.type == "LOC"} <= places, (
            "of the first model there is none"
        )


def counted_tokenising(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each call of the tokeniser gets from now on; it tokenises as ever."""
    calls: list[int] = []
    usual = engine_module.tokenise

    def counting(tokenizer: object, texts: list[str]) -> object:
        calls.append(len(texts))
        return usual(tokenizer, texts)  # type: ignore[arg-type]

    monkeypatch.setattr(engine_module, "tokenise", counting)
    return calls


def without_a_word(model: Path, folder: Path, word: str) -> Path:
    """A copy of a model whose tokenizer drops a word."""
    shutil.copytree(model, folder)
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    replace = {"type": "Replace", "pattern": {"String": word}, "content": ""}
    content["normalizer"] = {"type": "Sequence", "normalizers": [replace, content["normalizer"]]}
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def refuse(
    monkeypatch: pytest.MonkeyPatch, moderator: Moderator, number: int, error: Exception, larger_than: int = 0
) -> None:
    """Has one model's backend refuse large batches, or those with the word 'poison'."""
    member = moderator.engine.members[number]
    poison, run = member.tokenizer.token_to_id("poison"), member.backend.run

    def refusing(batches: Iterable[Batch]) -> Iterator[tuple[Batch, Predictions | Exception]]:
        for batch in batches:
            if batch.ids.size > larger_than if larger_than else bool(np.any(batch.ids == poison)):
                yield batch, error
            else:
                yield from run([batch])

    backend: Backend = member.backend
    monkeypatch.setattr(backend, "run", refusing)
