"""What the model that ships with the package says of plain cases."""

import pytest

import moderation
from moderation.inference.moderator import Moderator

HARMLESS = [
    "Thank you so much, this recipe was wonderful",
    "The train to Lisbon leaves at nine, platform four.",
    "I disagree with you, but I can see why you would think so.",
    "My grandmother taught me to bake bread when I was six.",
    "Does anybody know how to open a CSV file with semicolons?",
    "Congratulations on the new job, you have earned it!",
]
OFFENSIVE = [
    "You are a pathetic idiot, go back to Paris",
    "Shut up, you stupid worthless moron",
    "fuck you and your whole family, you piece of shit",
    "What a dumb bitch, nobody likes you",
    "You disgusting asshole, I hope you die",
    "All of them are filthy vermin and should be thrown out of the country",
]


@pytest.fixture(scope="module")
def builtin() -> Moderator:
    return moderation.load("builtin")


def test_an_insult_is_flagged_as_an_insult_and_the_city_is_found(builtin: Moderator) -> None:
    [result] = builtin.score(["You are a pathetic idiot, go back to Paris"])
    assert result.flagged and {"offensive", "insult"} <= set(result.labels)
    assert result.scores["insult"] > 0.5
    assert [(entity.type, entity.text, entity.start, entity.end) for entity in result.entities] == [
        ("LOC", "Paris", 37, 42)
    ]


def test_harmless_sentences_are_not_flagged(builtin: Moderator) -> None:
    flagged = [text for text, result in zip(HARMLESS, builtin.score(HARMLESS), strict=True) if result.flagged]
    assert flagged == []


def test_offensive_sentences_are_flagged_as_offensive(builtin: Moderator) -> None:
    results = builtin.score(OFFENSIVE)
    assert [text for text, found in zip(OFFENSIVE, results, strict=True) if "offensive" not in found.labels] == []


def test_a_person_and_an_organisation_are_found(builtin: Moderator) -> None:
    [result] = builtin.score(["Yesterday Angela Merkel visited the headquarters of Microsoft."])
    assert {("PER", "Angela Merkel"), ("ORG", "Microsoft")} <= {(found.type, found.text) for found in result.entities}


def test_an_insult_deep_inside_a_long_harmless_text_is_flagged_and_shown(builtin: Moderator) -> None:
    insult = "You are a pathetic idiot and everybody hates you."
    text = " ".join([*HARMLESS * 8, insult, *HARMLESS * 8])
    [result] = builtin.score([text])
    assert "offensive" in result.labels and result.window_count > 1
    assert result.evidence is not None
    assert insult in text[slice(*result.evidence)]
