"""Tokenizers of other folders: whatever form they come in, the tokens that transformers makes."""

import json
from pathlib import Path

import numpy as np
import pytest
from families import make, tokenizer_text
from model_edits import edit_json, refusal

from moderation.inference.engine import Engine
from moderation.models.load import find_model, load_tokenizer

pytestmark = pytest.mark.usefixtures("cache")
NAMES = ["calm", "rude", "vile"]


def test_a_vocabulary_file_becomes_the_same_tokenizer(plain: Path) -> None:
    expected = load_tokenizer(find_model(str(plain)).folder)
    vocabulary = json.loads(tokenizer_text("wordpiece"))["model"]["vocab"]
    (plain / "tokenizer.json").unlink()
    (plain / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)) + "\n")
    edit_json(plain / "tokenizer_config.json", lambda content: content.update(tokenizer_class="BertTokenizer"))
    found = load_tokenizer(find_model(str(plain)).folder)
    for text in ("Anna went to Paris, ok?", "東京 Zoë 😂", "[SEP] idiot"):
        assert found.encode(text).ids == expected.encode(text).ids
    (plain / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]) + "\n")
    assert "comes out with 5 tokens, and the encoder has 600" in refusal(plain)


def test_case_is_what_transformers_goes_by(plain: Path) -> None:
    from transformers import AutoTokenizer

    for lower in (True, False):
        edit_json(plain / "tokenizer_config.json", lambda content: content.update(do_lower_case=lower))  # noqa: B023
        found = load_tokenizer(find_model(str(plain)).folder)
        theirs = AutoTokenizer.from_pretrained(plain)
        for text in ("Anna went to PARIS", "Zoë"):
            assert found.encode(text).ids == theirs(text)["input_ids"]


def test_a_folder_without_a_tokenizer_is_refused(plain: Path) -> None:
    (plain / "tokenizer.json").unlink()
    assert "lacks tokenizer.json, and has none of vocab.txt" in refusal(plain)


def test_texts_of_a_special_token_in_sentencepiece_models_are_scored(tmp_path: Path) -> None:
    source = find_model(str(make(tmp_path / "m", "xlm-roberta", "Sequence", NAMES)))
    scores = Engine(source, "fp32", None).score(["<s>", "</s> <pad>", "ok"]).scores
    assert np.isfinite(scores).all()
