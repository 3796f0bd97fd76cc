"""Fine-tuning starts from any family of encoders, an adapted one or an earlier model; either head may be absent."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from moderation.errors import UsageError
from moderation.inference.moderator import Moderator
from moderation.models.base import load_base
from moderation.models.load import find_model
from moderation.models.spec import ModelSpec
from moderation.training.adapt import HEADLESS
from moderation.training.make import make_model
from moderation.training.masking import Masks
from moderation.training.mlm import MaskedModel
from moderation.training.recipe import Recipe
from tests.families import FAMILIES, make

SPEC = ModelSpec(labels=("rude",), entity_types=("PER",), max_tokens=32, overlap=8, thresholds={"rude": 0.5})
SMALL = {"max_tokens": 32, "overlap": 8, "epochs": 1, "batch_tokens": 512}


@pytest.fixture(scope="module", params=FAMILIES)
def encoder(request, tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp(request.param), request.param, "Sequence", ["a", "b"])


@torch.inference_mode()
def test_every_family_gets_our_heads_and_padding_changes_nothing(encoder) -> None:
    base = load_base(str(encoder))
    network = base.network(SPEC).eval()
    ids = torch.from_numpy(base.with_specials(np.array([11, 12, 13])))[None]
    wider, mask = (torch.nn.functional.pad(values, (0, 4), value=0) for values in (ids, torch.ones_like(ids)))
    logits, tags = network(ids, torch.ones_like(ids))
    again, more = network(wider, mask)
    assert logits.shape == (1, 1) and tags.shape == (1, 5, 3)
    torch.testing.assert_close(again, logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(more[:, :5], tags, atol=1e-4, rtol=1e-4)


def test_every_family_with_a_mask_token_can_be_adapted(encoder) -> None:
    base = load_base(str(encoder))
    network = MaskedModel(base.network(HEADLESS).encoder)
    ids = base.with_specials(np.array([11, 12, 13]))
    loss, count = network.loss([(ids, np.array([-100, 11, -100, 13, -100]))], "cpu", "fp32")
    assert count == 2
    assert torch.isfinite(loss)
    if base.tokenizer.token_to_id("[MASK]") is None and base.tokenizer.token_to_id("<mask>") is None:
        with pytest.raises(UsageError, match="vocabulary has no"):
            Masks(base.tokenizer, 0.15)


@pytest.mark.parametrize("family", ["roberta", "distilbert"])
def test_a_model_over_another_family_scores_texts_and_finds_spans(family, data, tmp_path) -> None:
    folder = make(tmp_path / family, family, "Sequence", ["a", "b"])
    texts, words = {"file": "texts.parquet", "labels": {"rude": "bad"}}, {"file": "words.parquet", "types": ["PER"]}
    recipe = {"labels": ["rude"], "entity_types": ["PER"], "texts": [texts], "tokens": [words]}
    make_model(Recipe.model_validate({"base": str(folder), **recipe, **SMALL}), data, tmp_path / "m", lambda line: None)
    (scored,) = Moderator.load(str(tmp_path / "m")).score(["Anna is a fool"])
    assert scored.status == "scored"
    assert set(scored.scores) == {"rude"}


def test_an_earlier_model_is_a_base_and_sentences_alone_make_a_model(base, data, tmp_path) -> None:
    words = {"file": "words.parquet", "types": ["PER", "LOC"]}
    recipe = {"entity_types": ["PER", "LOC"], "tokens": [words], **SMALL, "epochs": 25}
    rates = {"learning_rate": 0.003, "head_learning_rate": 0.01}
    make_model(Recipe.model_validate({"base": str(base), **recipe, **rates}), data, tmp_path / "one", lambda line: None)
    (found,) = Moderator.load(str(tmp_path / "one")).score(["I saw Anna"])
    assert [(entity.text, entity.type) for entity in found.entities] == [("Anna", "PER")]
    earlier = load_base(str(tmp_path / "one")).weights()
    again = Recipe.model_validate({"base": str(tmp_path / "one"), **recipe, "epochs": 1, "learning_rate": 1e-9})
    make_model(again, data, tmp_path / "two", lambda line: None)
    later = load_base(str(tmp_path / "two")).weights()
    name = "embeddings.word_embeddings.weight"
    torch.testing.assert_close(earlier[name], later[name], atol=1e-3, rtol=1e-2)


def test_texts_alone_make_a_model_without_entities(base, data, tmp_path) -> None:
    recipe = {"labels": ["rude"], "texts": [{"file": "texts.parquet", "labels": {"rude": "bad"}}], **SMALL}
    make_model(Recipe.model_validate({"base": str(base), **recipe}), data, tmp_path / "m", lambda line: None)
    assert find_model(str(tmp_path / "m")).spec.entity_types == ()
    (found,) = Moderator.load(str(tmp_path / "m")).score(["you fool"])
    assert found.entities == []


def test_a_student_learns_from_its_teacher_what_no_row_judges(base, data, recipe, tmp_path) -> None:
    make_model(recipe, data, tmp_path / "teacher", lambda line: None)
    frame = pd.read_parquet(data / "texts.parquet").assign(bad=pd.array([None] * 192, "Int8"))
    frame.to_parquet(tmp_path / "unjudged.parquet")
    texts = [{"file": "unjudged.parquet", "labels": {"offensive": "bad"}}]
    rates = {"learning_rate": 0.003, "head_learning_rate": 0.01}
    content = {"base": str(base), "labels": ["offensive"], "texts": texts, **SMALL, **rates, "epochs": 12}
    with pytest.raises(UsageError, match="label 'offensive' has no positive"):
        make_model(Recipe.model_validate(content), tmp_path, tmp_path / "alone", lambda line: None)
    taught = Recipe.model_validate(content | {"teacher": str(tmp_path / "teacher"), "distil_weight": 1.0})
    make_model(taught, tmp_path, tmp_path / "student", lambda line: None)
    rude, kind = Moderator.load(str(tmp_path / "student")).score(["stupid idiot", "lovely tea"])
    assert rude.scores["offensive"] > kind.scores["offensive"] + 0.3


def test_a_teacher_with_other_words_or_other_labels_is_refused(base, data, recipe, tiny_model, tmp_path) -> None:
    texts = [{"file": "texts.parquet", "labels": {"spam": "bad"}}]
    content = {"base": str(base), "labels": ["spam"], "texts": texts, **SMALL, "teacher": str(tiny_model)}
    with pytest.raises(UsageError, match="has none of the labels"):
        make_model(Recipe.model_validate(content), data, tmp_path / "m", lambda line: None)
    other = make(tmp_path / "roberta", "roberta", "Sequence", ["a", "b"])
    with pytest.raises(UsageError, match="its vocabulary is not the base's"):
        make_model(Recipe.model_validate(content | {"base": str(other)}), data, tmp_path / "m", lambda line: None)
