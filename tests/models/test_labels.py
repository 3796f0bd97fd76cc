"""Models under other names, one by one and by taxonomies."""

from pathlib import Path

import pytest
from families import make

from moderation.errors import UsageError
from moderation.inference.devices import Device
from moderation.inference.engine import Engine
from moderation.models.calibration import Calibration
from moderation.models.labels import read_taxonomy, relabel, taxonomies, under_names
from moderation.models.load import ModelSource, find_model
from moderation.models.spec import ModelSpec

PERSPECTIVE = ("TOXICITY", "SEVERE_TOXICITY", "PROFANITY", "THREAT", "INSULT", "IDENTITY_ATTACK")


@pytest.fixture
def source(tiny_model: Path) -> ModelSource:
    return find_model(str(tiny_model))


def test_a_renamed_model_is_another_model_of_the_same_network(source: ModelSource) -> None:
    found = relabel(source, {"insult": "rude", "threat": None}, {"MISC": None, "LOC": "PLACE"})
    assert "rude" in found.spec.labels and not {"insult", "threat"} & set(found.spec.labels)
    assert found.spec.entity_types == ("PER", "ORG", "PLACE")
    assert len(found.spec.outputs) == 7 and found.spec.outputs[4] is None
    assert found.network_id == source.network_id
    assert found.model_id != source.model_id
    assert relabel(source, {"insult": "nasty"}).model_id not in (found.model_id, source.model_id)


def test_names_that_do_not_change_are_no_change(source: ModelSource) -> None:
    assert relabel(source) is source
    assert relabel(source, {"insult": "insult"}, {"PER": "PER"}) is source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"anger": "x"}, {}, None), r"labels: unknown 'anger'; the model has offensive, toxicity"),
        (({}, {"GPE": None}, None), r"entities: unknown 'GPE'; the model has PER, ORG, LOC, MISC"),
        (({"insult": "bad", "threat": "bad"}, {}, None), "threat and insult would both be 'bad'"),
        (({"insult": "threat"}, {}, None), "threat and insult would both be 'threat'"),
        (({"insult": ""}, {}, None), "'insult' has an empty new name"),
        (({}, {}, "perspectives"), "taxonomy 'perspectives' is none of conll, detoxify, jigsaw, olid, perspective"),
        (({}, {}, "../labelled"), "is none of"),
    ],
)
def test_a_mistake_is_named_with_what_there_is(
    source: ModelSource, arguments: tuple[dict[str, str | None], dict[str, str | None], str | None], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        relabel(source, *arguments)
    assert "\n" not in str(caught.value)


def test_perspective_columns_come_from_our_own_names_and_nothing_else_is_left(source: ModelSource) -> None:
    found = relabel(source, taxonomy="perspective")
    assert set(found.spec.labels) == set(PERSPECTIVE)
    assert found.spec.entity_types == source.spec.entity_types, "it says nothing of entities"


def test_a_name_that_is_given_wins_over_the_taxonomy(source: ModelSource) -> None:
    found = relabel(source, {"offensive": "OFFENSIVE", "threat": None}, taxonomy="perspective")
    assert set(found.spec.labels) == {*PERSPECTIVE, "OFFENSIVE"} - {"THREAT"}


def test_jigsaw_and_detoxify_are_each_others_names(source: ModelSource) -> None:
    jigsaw = relabel(source, taxonomy="jigsaw")
    assert set(jigsaw.spec.labels) == {"toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"}
    assert set(relabel(jigsaw, taxonomy="detoxify").spec.labels) == set(source.spec.labels) - {"offensive"}


def test_a_taxonomy_that_fits_nothing_is_refused(tmp_path: Path) -> None:
    source = find_model(str(make(tmp_path / "m", "bert", "Sequence", ["calm", "angry"])))
    with pytest.raises(UsageError, match=r"none of its names is left \(calm, angry\) in olid"):
        relabel(source, taxonomy="olid")


def test_a_softmax_whose_other_class_is_dropped_keeps_its_probabilities(tmp_path: Path) -> None:
    source = find_model(str(make(tmp_path / "m", "distilbert", "Sequence", ["NOT", "OFF"])))
    texts, device = ["you are an idiot", "good day"], Device("cpu", "torch", 1)
    olid = relabel(source, taxonomy="olid")
    assert olid.spec.labels == ("OFF",) and olid.spec.outputs == (None, "OFF")
    scores = Engine(olid, "fp32", device).score(texts).scores
    assert scores.tolist() == Engine(source, "fp32", device).score(texts).scores[:, 1:].tolist()


def test_entity_types_are_found_under_their_aliases_and_merged(tmp_path: Path) -> None:
    names = ["O", "B-PERSON", "I-PERSON", "B-GPE", "I-GPE", "B-geo-loc", "I-geo-loc", "B-DATE", "I-DATE"]
    source = find_model(str(make(tmp_path / "m", "electra", "Token", names)))
    assert source.spec.entity_types == ("PERSON", "GPE", "geo-loc", "DATE")
    found = relabel(source, taxonomy="conll").spec
    assert found.entity_types == ("PER", "LOC")
    assert found.tags == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-LOC", "I-LOC", "O", "O")


def test_names_may_change_places_and_calibrations_and_thresholds_go_with_them() -> None:
    spec = ModelSpec(
        labels=("a", "b"),
        outputs=("b", None, "a"),
        thresholds={"a": 0.1, "b": 0.2},
        calibration={"a": Calibration(shift=1)},
    )
    found = under_names(spec, {"a": "b", "b": "a"}, {})
    assert (found.labels, found.outputs) == (("b", "a"), ("a", None, "b"))
    assert (found.thresholds, found.calibration) == ({"b": 0.1, "a": 0.2}, {"b": Calibration(shift=1)})


def test_an_entity_type_may_take_the_name_of_one_that_is_dropped(source: ModelSource) -> None:
    found = relabel(source, {}, {"ORG": None, "PER": "ORG"}).spec
    assert found.entity_types == ("ORG", "LOC", "MISC")
    assert found.tags[:5] == ("O", "B-ORG", "I-ORG", "O", "O")


@pytest.mark.parametrize("name", taxonomies())
def test_a_taxonomy_that_ships_has_no_name_for_two_things(name: str) -> None:
    found = read_taxonomy(name)
    assert found.about
    for names in (found.labels, found.entity_types):
        every = [alias.casefold() for new, aliases in names.items() for alias in [new, *aliases]]
        assert len(every) == len(set(every))
