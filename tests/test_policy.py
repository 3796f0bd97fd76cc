"""The policy file: what it may say, and what it is called."""

from pathlib import Path

import pytest

from moderation import resources
from moderation.errors import UsageError
from moderation.models.spec import ModelSpec
from moderation.policy import Policy, describe, left_out, read_policy

LABELS = ("offensive", "toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")
SPEC = ModelSpec(labels=LABELS, entity_types=("PER", "LOC"), thresholds=dict.fromkeys(LABELS, 0.5))
RULE = """
rules:
  - name: rude
    when: {when}
    action: review
    severity: low
"""
POLICY = """
thresholds: {insult: 0.7}
flagged: {action: review, severity: low}
rules:
  - {name: one, when: "array_contains(labels, 'insult')", action: limit, severity: high}
  - {name: two, when: "exists(entities, e -> e.type = 'PER')", action: review, severity: medium}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def read(path: Path, content: str) -> Policy:
    path.write_text(content, encoding="utf-8")
    return read_policy(str(path), SPEC)


def refusal(path: Path, content: str) -> str:
    """The message for a policy that must be refused: one line that names the file."""
    with pytest.raises(UsageError) as caught:
        read(path, content)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def condition(path: Path, when: str) -> str:
    """The message for a rule whose condition must be refused; it names the rule."""
    message = refusal(path, RULE.format(when=when))
    assert "rule 'rude'" in message
    return message


def test_the_default_policy_fits_the_builtin_labels() -> None:
    policy = read_policy("default", SPEC)
    assert policy.rules and policy.flagged.action == "review"
    assert policy == read_policy(str(resources.schemas() / "policies" / "default.yaml"), SPEC)


def test_the_default_policy_leaves_out_what_other_models_do_not_know_and_says_so() -> None:
    other = ModelSpec(labels=("insult",), entity_types=("LOC",), thresholds={"insult": 0.5})
    names = {rule.name for rule in read_policy("default", SPEC).rules}
    assert {rule.name for rule in read_policy("default", other).rules} == {"insult"} < names
    missing = left_out("default", other)
    assert "insult_beside_a_person (entity type PER)" in missing and "threat (label threat)" in missing
    assert all(name in missing for name in names - {"insult"}) and "insult (" not in missing
    assert left_out("default", SPEC) == ""


def test_a_policy_that_somebody_wrote_is_not_adapted(path: Path) -> None:
    message = condition(path, "array_contains(labels, 'anger')")
    assert "an entry of 'models' can rename them with 'labels'" in message
    assert left_out(str(path), SPEC) == ""
    assert "rename them with 'entities'" in condition(path, "exists(entities, e -> e.type = 'PERSON')")


def test_a_rule_on_entities_of_models_that_have_none_is_named(path: Path) -> None:
    path.write_text(RULE.format(when="exists(entities, e -> e.type = 'PER')"), encoding="utf-8")
    with pytest.raises(UsageError, match="unknown entity type 'PER'; the models have no entity types"):
        read_policy(str(path), ModelSpec(labels=("rude",), thresholds={"rude": 0.5}))


def test_the_manifest_says_what_the_policy_is(path: Path) -> None:
    said = describe(read(path, POLICY), str(path), SPEC)
    assert (said["source"], said["left_out"], said["thresholds"]) == (str(path), "", {"insult": 0.7})
    assert said["policy_id"] == read(path, POLICY).policy_id and len(said["rules"]) == 2


def test_an_empty_policy_is_the_thresholds_of_the_model(path: Path) -> None:
    assert read(path, "").thresholds_for(SPEC) == SPEC.thresholds


def test_a_threshold_of_the_policy_stands_over_the_model(path: Path) -> None:
    found = read(path, "thresholds: {insult: 0.9, threat: 0, obscene: 1}").thresholds_for(SPEC)
    assert found == SPEC.thresholds | {"insult": 0.9, "threat": 0.0, "obscene": 1.0}
    assert tuple(found) == LABELS


@pytest.mark.parametrize("limit", ["1.5", "-0.1", ".nan", ".inf", "high", "", "[0.5]"])
def test_a_threshold_that_is_no_probability_is_named(path: Path, limit: str) -> None:
    assert "thresholds.insult" in refusal(path, f"thresholds: {{insult: {limit}}}")


def test_a_threshold_for_an_unknown_label_is_named_beside_the_known_ones(path: Path) -> None:
    message = refusal(path, "thresholds: {anger: 0.5}")
    assert "'anger'" in message and "identity_attack" in message


@pytest.mark.parametrize("name", ['"two\\nlines"', "1", "~"])
def test_an_odd_label_is_named_in_one_line(path: Path, name: str) -> None:
    assert "thresholds" in refusal(path, f"thresholds: {{{name}: 0.5}}")


@pytest.mark.parametrize(
    "when",
    [
        "array_contains(labels, 'anger')",
        "array_contains(labels,'anger')",
        "ARRAY_CONTAINS( labels , 'anger' )",
        "array_contains (labels, 'anger')",
        'array_contains(labels, "anger")',
        "array_contains(labels, 'insult') OR NOT array_contains(labels, 'anger')",
    ],
)
def test_an_unknown_label_in_a_condition_is_named(path: Path, when: str) -> None:
    assert "'anger'" in condition(path, when)


@pytest.mark.parametrize(
    "when",
    [
        "exists(entities, e -> e.type = 'PERSON')",
        "exists(entities, e -> e.type='PERSON')",
        "exists(entities, e -> e.TYPE == 'PERSON')",
        'exists(entities, e -> e.type = "PERSON")',
        "exists(entities, e -> e.type IN ('LOC', 'PERSON'))",
        "exists(entities, e -> e.type <> 'PERSON')",
    ],
)
def test_an_unknown_entity_type_in_a_condition_is_named(path: Path, when: str) -> None:
    message = condition(path, when)
    assert "'PERSON'" in message and "PER, LOC" in message


@pytest.mark.parametrize(
    "when",
    [
        "reflect('java.lang.System', 'exit', 1) = 'x'",
        "java_method('java.lang.Runtime', 'getRuntime') = 'x'",
        "try_reflect('java.lang.System', 'exit') = 'x'",
        "REFLECT ('java.lang.System', 'exit', 1) = 'x'",
        "`reflect`('java.lang.System', 'exit', 1) = 'x'",
        "system.builtin.reflect('java.lang.System', 'exit', 1) = 'x'",
        "true OR Java_Method('a', 'b') = 'x'",
        "exists(SELECT 1)",
    ],
)
def test_a_function_that_reaches_out_of_spark_is_refused(path: Path, when: str) -> None:
    assert "is not allowed" in condition(path, f'"{when}"')


@pytest.mark.parametrize("when", ["subreddit = 'reflections'", "body LIKE '%selected%'", "scores.insult > 0.9"])
def test_words_that_only_contain_a_forbidden_one_are_allowed(path: Path, when: str) -> None:
    assert read(path, RULE.format(when=when)).rules[0].when == when


def test_a_rule_name_that_stands_twice_is_named(path: Path) -> None:
    assert "rule 'one' stands twice" in refusal(path, POLICY.replace("two", "one"))


@pytest.mark.parametrize("name", ["Rude", "1st", "two words", "", "a-b", '"a\\n"', "naïve"])
def test_a_rule_name_is_a_plain_word(path: Path, name: str) -> None:
    assert "rules.0.name" in refusal(path, POLICY.replace("name: one", f"name: {name}"))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("action: limit", "action: ban", "rules.0.action"),
        ("severity: high", "severity: worst", "rules.0.severity"),
        (", severity: high", "", "rules.0.severity"),
        ("severity: high", "severity: high, colour: red", "rules.0.colour"),
        ("rules:", "rule:", "rule"),
        ("action: review, severity: low", "action: review", "flagged.severity"),
        ("thresholds: {insult: 0.7}", "thresholds: [insult]", "thresholds"),
    ],
)
def test_a_wrong_or_missing_or_unknown_key_is_named(path: Path, old: str, new: str, key: str) -> None:
    assert key in refusal(path, POLICY.replace(old, new, 1))


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="defualt: no such file"):
        read_policy("defualt", SPEC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.7", "0.71"),
        ("insult: 0.7", "threat: 0.7"),
        ("{action: review, severity: low}", "{action: review, severity: medium}"),
        ("name: one", "name: uno"),
        ("e.type = 'PER'", "e.type = 'LOC'"),
        ("action: limit", "action: remove"),
        ("severity: high", "severity: critical"),
        ("thresholds: {insult: 0.7}", ""),
    ],
)
def test_any_change_of_what_the_policy_says_changes_its_id(path: Path, old: str, new: str) -> None:
    before = read(path, POLICY).policy_id
    assert old in POLICY and read(path, POLICY.replace(old, new, 1)).policy_id != before


def test_comments_whitespace_and_spelled_out_defaults_do_not_change_the_id(path: Path) -> None:
    before = read(path, POLICY).policy_id
    assert len(before) == 16 and int(before, 16)
    assert read(path, f"# why\n\n{POLICY.replace(': ', ':   ')}\n# end\n").policy_id == before
    assert read(path, POLICY.replace("flagged: {action: review, severity: low}", "")).policy_id == before
