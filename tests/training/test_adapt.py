"""Domain adaptation: masks as they should be, words learnt, an encoder folder that fine-tuning takes."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from moderation.errors import UsageError
from moderation.models.base import load_base
from moderation.models.load import load_tokenizer
from moderation.resources import builtin_model
from moderation.training.make import adapt_base, make_model
from moderation.training.masking import Masks, word_beginnings
from moderation.training.recipe import Adaptation

WORDS = ["weather", "fool", "train", "recipe", "friend", "stupid", "lovely", "tea"]


@pytest.fixture(scope="module")
def masks() -> Masks:
    return Masks(load_tokenizer(builtin_model()), 0.15)


def test_fifteen_in_a_hundred_words_are_chosen_and_eight_in_ten_of_those_masked(masks) -> None:
    ids = np.arange(2000, 22_000)
    ids = ids[masks.begins[ids]]
    seen, chosen = masks.draw(ids, np.random.default_rng(1))
    assert chosen.mean() == pytest.approx(0.15, abs=0.01)
    assert (seen[chosen] == masks.mask).mean() == pytest.approx(0.8, abs=0.03)
    assert (seen[chosen] == ids[chosen]).mean() == pytest.approx(0.1, abs=0.03)
    assert (seen[~chosen] == ids[~chosen]).all()


def test_all_tokens_of_a_word_are_chosen_together(masks) -> None:
    ids = np.array(load_tokenizer(builtin_model()).encode("Zwolleheim unfathomably", add_special_tokens=False).ids)
    word = np.cumsum(masks.begins[ids])
    assert len(ids) > 3 and word.max() == 2
    for seed in range(20):
        _, chosen = masks.draw(ids, np.random.default_rng(seed))
        assert chosen.any()
        assert all(len(set(chosen[word == number])) == 1 for number in (1, 2))


def test_words_begin_where_the_vocabulary_says() -> None:
    assert word_beginnings({"a": 0, "##b": 1}, 2).tolist() == [True, False]
    assert word_beginnings({"<s>": 0, "Ġa": 1, "b": 2}, 3).tolist() == [True, True, False]
    assert word_beginnings({"a": 0, "b": 1}, 2).tolist() == [True, True]


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    path = tmp_path_factory.mktemp("dump") / "dump.parquet"
    random = np.random.default_rng(3)
    texts = [" ".join([word, word, word, *random.choice(WORDS, 2)]) for word in WORDS for _ in range(60)]
    pd.DataFrame({"body": [None, "[deleted]", " ", *texts]}).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def adapted(base, dump, tmp_path_factory):
    output = tmp_path_factory.mktemp("adapted") / "encoder"
    plan = Adaptation(file=str(dump), epochs=4, batch_tokens=512, learning_rate=0.01, head_learning_rate=0.01)
    adapt_base(str(base), plan, output, lambda line: None)
    return output


def test_words_of_the_dump_are_guessed_better_after_than_before(adapted) -> None:
    about = json.loads((adapted / "training.json").read_text())
    assert about["loss_before"] > 8  # the head is new: about as good as guessing among 30,000 words
    assert about["loss_after"] < 5
    assert about["head"] is False


def test_the_adapted_encoder_is_a_base_and_its_head_is_found_again(adapted, base) -> None:
    before, after = (load_base(str(folder)).weights() for folder in (base, adapted))
    assert {name for name in before if not name.startswith("pooler.")} <= set(after)
    name = "embeddings.word_embeddings.weight"
    assert not torch.equal(before[name], after[name])
    assert "cls.predictions.transform.dense.weight" in after
    config = json.loads((adapted / "config.json").read_text())
    assert config["hidden_dropout_prob"] == json.loads((base / "config.json").read_text())["hidden_dropout_prob"]


def test_the_same_seed_adapts_to_the_same_weights(base, dump, tmp_path) -> None:
    plan = Adaptation(file=str(dump), steps=3, max_rows=40)
    found = []
    for name in ("one", "two"):
        adapt_base(str(base), plan, tmp_path / name, lambda line: None)
        found.append(load_file(tmp_path / name / "model.safetensors"))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("case", [False, True])
def test_a_recipe_adapts_first(recipe, data, dump, tmp_path, case) -> None:
    content = yaml.safe_load(recipe.read_text())
    content |= {"case": case, "epochs": 1, "adapt": {"file": str(dump), "steps": 2}, "entity_types": [], "tokens": []}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    lines: list[str] = []
    make_model(tmp_path / "r.yaml", data, tmp_path / "m", lines.append)
    assert [line for line in lines if "after 2 updates" in line]
    assert json.loads((tmp_path / "m/training.json").read_text())["adapted"]["updates"] == 2
    assert json.loads((tmp_path / "m/config.json").read_text())["moderation"]["case"] == case


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"words": ["a"]}, "no column body"),
        ({"body": ["[deleted]", None, "only one"]}, "holds 1 texts worth reading"),
        ({"body": [1, 2]}, "which is no text"),
    ],
)
def test_a_dump_without_text_is_named(base, tmp_path, frame, said) -> None:
    pd.DataFrame(frame).to_parquet(tmp_path / "d.parquet")
    with pytest.raises(UsageError, match=said):
        adapt_base(str(base), Adaptation(file=str(tmp_path / "d.parquet")), tmp_path / "out", lambda line: None)
    assert not list(tmp_path.glob("*out*"))
