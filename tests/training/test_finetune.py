"""Fine-tuning on a handful of sentences: a model folder that the rest of the project takes as it is."""

import numpy as np
import pandas as pd
import pytest
import yaml
from families import make

from moderation.errors import UsageError
from moderation.inference.moderator import Moderator
from moderation.training.make import make_model


def test_the_model_learns_texts_and_entities(trained) -> None:
    rude, kind, named = Moderator.load(str(trained)).score(["stupid idiot", "lovely tea", "Anna is old"])
    assert rude.scores["offensive"] > 0.8 > 0.2 > kind.scores["offensive"]
    assert ("offensive" in rude.labels, "offensive" in kind.labels) == (True, False)
    assert [(entity.text, entity.type) for entity in named.entities] == [("Anna", "PER")]


def test_the_folder_has_a_card_with_what_was_measured(trained) -> None:
    card = (trained / "MODEL_CARD.md").read_text()
    assert "| made | offensive | 96 |" in card
    assert "| made | PER | 40 |" in card
    assert "Known limits" in card
    assert card.index("## Functional cases") < card.index("| negated_insult ") < card.index("| nurses ")


def test_thresholds_and_calibration_are_in_the_config(trained) -> None:
    from moderation.models.load import find_model

    spec = find_model(str(trained)).spec
    assert set(spec.calibration) == {"offensive"}
    assert 0 < spec.thresholds["offensive"] < 1


def test_weights_are_stored_in_half_precision(trained) -> None:
    from safetensors.numpy import load_file

    assert {tensor.dtype for tensor in load_file(trained / "model.safetensors").values()} == {np.dtype(np.float16)}


def test_a_label_outside_the_list_is_named(recipe, data, tmp_path) -> None:
    content = yaml.safe_load(recipe.read_text())
    content["texts"][0]["labels"] = {"rudeness": "bad"}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UsageError, match="rudeness"):
        make_model(tmp_path / "r.yaml", data, tmp_path / "m", report=lambda line: None)
    assert not (tmp_path / "m").exists()


def test_functional_cases_that_are_not_there_are_named_before_the_training(recipe, data, tmp_path) -> None:
    content = yaml.safe_load(recipe.read_text()) | {"functional": "nowhere"}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UsageError, match="'nowhere' is neither"):
        make_model(tmp_path / "r.yaml", data, tmp_path / "m", report=lambda line: None)
    assert not (tmp_path / "m").exists()


def test_a_base_that_is_not_there_is_named(recipe, data, tmp_path) -> None:
    content = yaml.safe_load(recipe.read_text()) | {"base": str(tmp_path / "nowhere")}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UsageError, match="nowhere lacks"):
        make_model(tmp_path / "r.yaml", data, tmp_path / "m", report=lambda line: None)


def test_a_model_that_reads_case_learns_names_by_it(recipe, base, tmp_path) -> None:
    words = ["rose", "mark", "bill", "hope", "grace", "frank", "amber", "olive", "dean", "page"]
    sentences = [
        (["I", "saw", written, "there"], capital)
        for word in words
        for written, capital in ((word, False), (word.capitalize(), True))
    ] * 6
    frame = pd.DataFrame(
        {
            "tokens": [tokens for tokens, _ in sentences],
            "tags": [["O", "O", "B-PER" if capital else "O", "O"] for _, capital in sentences],
            "source": "made",
            "license": "none",
            "split": "train",
        }
    )
    pd.concat([frame, frame.assign(split="dev")]).to_parquet(tmp_path / "words.parquet")
    content = {
        "base": str(base),
        "case": True,
        "entity_types": ["PER"],
        "max_tokens": 32,
        "overlap": 8,
        "epochs": 12,
        "batch_tokens": 128,
        "learning_rate": 0.01,
        "tokens": [{"file": "words.parquet", "types": ["PER"]}],
    }
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    make_model(tmp_path / "r.yaml", tmp_path, tmp_path / "m", report=lambda line: None)
    capital, small = Moderator.load(str(tmp_path / "m")).score(["I saw Olive there", "I saw olive there"])
    assert [(entity.text, entity.type) for entity in capital.entities] == [("Olive", "PER")]
    assert not small.entities


def test_case_is_for_berts(tmp_path) -> None:
    folder = make(tmp_path / "b", "distilbert", "Token", ["O", "B-PER"])
    content = {
        "base": str(folder),
        "case": True,
        "max_tokens": 32,
        "overlap": 8,
        "entity_types": ["PER"],
        "tokens": [{"file": "w", "types": ["PER"]}],
    }
    pd.DataFrame({"tokens": [["Anna"]], "tags": [["B-PER"]]}).to_parquet(tmp_path / "w")
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UsageError, match="case is for a BERT"):
        make_model(tmp_path / "r.yaml", tmp_path, tmp_path / "m", report=lambda line: None)
