"""The words that drove a score: they add up, stand where they stand, and are the cause where the cause is known."""

import math

import pytest
import torch
from families import FAMILIES, WORLD, make
from safetensors.torch import load_file, save_file

from moderation.audit.attribution import Attributor
from moderation.errors import UsageError
from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.models.load import find_model, load_tokenizer
from tests.conftest import make_tiny_model

INSULTS = ["idiot", "moron", "imbecile", "scumbag", "loser", "jackass", "bastard"]
FRAMES = [
    "The {} next door waters his plants every morning before work.",
    "I met a {} at the station and we talked about the weather.",
    "Yesterday the {} sent me the minutes of the meeting.",
    "Could the {} please move the blue car from the drive?",
]
TEXTS = ["You complete fool, go home!", "short", WORLD[0], WORLD[2]]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_words_of_every_family_of_networks_add_up(family, tmp_path) -> None:
    attributor = Attributor(find_model(str(make(tmp_path / family, family, "Sequence", ["calm", "rude", "vile"]))))
    with torch.no_grad():
        for name, weight in attributor.network.named_parameters():
            if weight.dim() > 1 and "embeddings" not in name:
                weight.mul_(0.1)  # as smooth as trained networks are: at random they leap between neighbouring points
    for found in attributor.attribute(TEXTS, ["rude"] * len(TEXTS)):
        assert found.words and found.miss < 0.05 * sum(abs(word.weight) for word in found.words)


def test_what_is_explained_is_the_score_that_the_engine_gives(tiny_model) -> None:
    texts = ["A quiet day.", "nothing 😀 e\u0301 here", "x" * 400, "one\u0000two\nthree", "مرحبا بالعالم"]
    scores = Engine.load(str(tiny_model), "fp32", Device("cpu")).score(texts).scores
    source = find_model(str(tiny_model))
    for label in ("insult", "threat"):
        found = Attributor(source).attribute(texts, [label] * len(texts))
        column = source.spec.labels.index(label)
        assert [1 / (1 + math.exp(-one.logit)) for one in found] == pytest.approx(scores[:, column].tolist(), abs=1e-4)
        assert all(one.complete for one in found)


def test_words_stand_in_the_text_in_code_points_and_cover_all_but_its_spaces(tiny_model) -> None:
    text = "Zoë 👩‍🚀 says: unbelievably e\u0301clair, 東京!  \n done"
    words = Attributor(find_model(str(tiny_model))).attribute([text], ["insult"])[0].words
    assert "unbelievably" in [text[word.start : word.end] for word in words]
    assert [word.start for word in words] == sorted(word.start for word in words)
    covered = {place for word in words for place in range(word.start, word.end)}
    missing = {text[place] for place in range(len(text)) if place not in covered}
    assert missing <= {" ", "\n", "\u200d"}  # the joiner is no token of this vocabulary


def test_a_long_text_is_explained_by_the_window_that_gave_its_score(tmp_path) -> None:
    model = str(make_tiny_model(tmp_path / "one", labels=("insult",), max_tokens=32))
    text = "some plain words about nothing at all and then more of it " * 12
    scored = Engine.load(model, "fp32", Device("cpu")).score([text])
    found = Attributor(find_model(model)).attribute([text], ["insult"])[0]
    low, high = (int(place) for place in scored.evidence[0])
    assert high - low < len(text)
    assert (found.words[0].start, found.words[-1].end) == (low, high)


def test_a_text_without_tokens_has_no_words_and_an_unknown_label_is_refused(tiny_model) -> None:
    attributor = Attributor(find_model(str(tiny_model)))
    assert attributor.attribute([], []) == []
    assert attributor.attribute(["", " \n"], ["insult", "threat"])[1].words == ()
    with pytest.raises(UsageError, match="no label 'rude'"):
        attributor.attribute(["text"], ["rude"])


def test_the_only_word_that_can_move_a_score_gets_the_weight(tmp_path) -> None:
    folder = network_of_one_word(tmp_path / "planted", "garden", -3.0)
    texts = ["A garden on the table", "we saw the old garden there", "nothing of the kind"]
    planted, other, nothing = Attributor(find_model(str(folder))).attribute(texts, ["insult"] * 3)
    for text, found in zip(texts, (planted, other), strict=False):
        best = found.top()[0]
        assert text[best.start : best.end] == "garden"
        assert best.weight > 0.95 * sum(abs(word.weight) for word in found.words)
    assert max(abs(word.weight) for word in nothing.words) < 0.05 * planted.top()[0].weight


def network_of_one_word(folder, word: str, bias: float):
    """A tiny model whose label answers to one word's embedding alone, as its layers pass on what they are given."""
    make_tiny_model(folder, labels=("insult",))
    weights = load_file(folder / "model.safetensors")
    half = weights["encoder.embeddings.word_embeddings.weight"].shape[1] // 2
    for name, weight in weights.items():
        if name.endswith(("attention.output.dense.weight", ".output.dense.weight", "output.dense.bias")):
            weight.zero_()
        if "position_embeddings" in name or "token_type_embeddings" in name:
            weight.zero_()
    vectors = weights["encoder.embeddings.word_embeddings.weight"]
    plus = torch.cat([torch.ones(half), -torch.ones(half)])  # of mean 0, as layer normalisation wants it
    other = torch.tensor([1.0, -1.0] * half)
    vectors[:] = other
    vectors[load_tokenizer(folder).token_to_id(word)] = plus
    weights["label_head.weight"][:] = plus / 2
    weights["label_head.bias"][:] = bias
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.mark.slow
def test_a_planted_insult_is_the_top_word_and_without_it_the_score_falls() -> None:
    source = find_model("builtin")
    engine = Engine.load("builtin", "fp32", Device("cpu"))
    column = engine.panel.labels.index("offensive")
    cases = [(frame.format(word), word, frame.format("man")) for frame in FRAMES for word in INSULTS]
    texts = [text for text, _, _ in cases]
    found = Attributor(source).attribute(texts, ["offensive"] * len(texts))
    tops = [text[one.top()[0].start : one.top()[0].end] for text, one in zip(texts, found, strict=True)]
    right = sum(top == word for top, (_, word, _) in zip(tops, cases, strict=True))
    assert right >= 0.9 * len(cases)
    assert all(one.complete for one in found)
    with_it, without = (engine.score(some).scores[:, column] for some in (texts, [plain for *_, plain in cases]))
    assert (without < with_it).all()
