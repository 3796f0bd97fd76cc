"""The configuration: where a value comes from, and one clear line for each mistake."""

import datetime
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.config import Config, load_config
from moderation.errors import UsageError
from moderation.models.entry import ModelEntry


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine's, and no file of the checkout's, reaches a test."""
    for name in [name for name in os.environ if name.upper().startswith("MODERATION_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(content: str | bytes) -> Path:
    """A YAML file in the test's folder."""
    path = Path("settings.yaml").absolute()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(content: str | bytes | None = None, **overrides: object) -> str:
    """The message for settings that must be refused, which is one line."""
    with pytest.raises(UsageError) as caught:
        load_config(None if content is None else write(content), **overrides)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    return message


def test_there_is_a_default_for_everything() -> None:
    config = load_config()
    assert (config.input, config.output, config.date) == ([], Path("moderated"), None)
    assert (config.models, config.precision, config.policy) == ([ModelEntry(source="builtin")], "auto", "default")
    assert (config.columns.id, config.columns.body, config.spark.master) == ("id", "body", "local[*]")


def test_file_over_default_environment_over_file_argument_over_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("policy: file\nprecision: fp32\n")
    assert load_config(path).policy == "file"
    monkeypatch.setenv("MODERATION_POLICY", "environment")
    assert load_config(path).policy == "environment"
    assert load_config(path, policy="argument").policy == "argument"
    assert load_config(path).precision == "fp32"


def test_sections_are_merged_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("columns: {id: name, body: text}\nspark: {conf: {a.b: c}}\n")
    monkeypatch.setenv("MODERATION_COLUMNS__BODY", "selftext")
    monkeypatch.setenv("MODERATION_SPARK__MASTER", "local[3]")
    config = load_config(path)
    assert (config.columns.id, config.columns.body, config.columns.created_utc) == ("name", "selftext", "created_utc")
    assert (config.spark.master, config.spark.conf) == ("local[3]", {"a.b": "c"})


def test_an_argument_that_is_none_is_not_given() -> None:
    assert load_config(write("policy: file"), policy=None, models=None, input=None).policy == "file"


@pytest.mark.parametrize("content", ["input: a.parquet", "input: [a.parquet]", "input:\n  - a.parquet\n"])
def test_one_input_is_a_list_of_one(content: str) -> None:
    assert load_config(write(content)).input == [Path("a.parquet")]


def test_inputs_can_be_arguments() -> None:
    assert load_config(input="a").input == load_config(input=Path("a")).input == [Path("a")]
    assert load_config(input=[Path("a"), "b"]).input == [Path("a"), Path("b")]


@pytest.mark.parametrize(("value", "paths"), [("a.parquet", ["a.parquet"]), ('["a", "b"]', ["a", "b"])])
def test_input_can_be_an_environment_variable(monkeypatch: pytest.MonkeyPatch, value: str, paths: list[str]) -> None:
    monkeypatch.setenv("MODERATION_INPUT", value)
    assert load_config().input == [Path(path) for path in paths]


@pytest.mark.parametrize(
    ("content", "sources"),
    [
        ("models: a", ["a"]),
        ("models: [a, org/name@1f]", ["a", "org/name@1f"]),
        ("models: {source: a}", ["a"]),
        ("models:\n  - source: a\n    labels: {old: new, gone: null}\n  - b\n", ["a", "b"]),
    ],
)
def test_models_are_names_or_mappings_one_or_several(content: str, sources: list[str]) -> None:
    assert [entry.source for entry in load_config(write(content)).models] == sources


@pytest.mark.parametrize(
    ("value", "sources"),
    [("a", ["a"]), ('["a", "b"]', ["a", "b"]), ('["a", {"source": "b", "labels": {"x": null}}]', ["a", "b"])],
)
def test_models_can_be_an_environment_variable(monkeypatch: pytest.MonkeyPatch, value: str, sources: list[str]) -> None:
    monkeypatch.setenv("MODERATION_MODELS", value)
    assert [entry.source for entry in load_config(write("models: file")).models] == sources
    assert load_config(models=["argument"]).models == [ModelEntry(source="argument")]


@pytest.mark.parametrize(
    "models",
    [
        ["builtin"],
        ["a", {"source": "b", "digest": "1f", "labels": {"old": "new", "gone": None}, "thresholds": {"new": 0.25}}],
        [{"source": "a", "calibration": "c.json", "taxonomy": "perspective", "entities": {"MISC": None}}],
    ],
)
def test_models_are_shown_as_short_as_they_were_written_and_read_again(models: list[object]) -> None:
    config = load_config(models=models)
    assert config.model_dump(mode="json")["models"] == models
    assert load_config(models=config.model_dump(mode="json")["models"]) == config


@pytest.mark.parametrize("day", [datetime.date(2024, 2, 29), "2024-02-29"])
def test_a_date_is_a_day(day: object) -> None:
    assert load_config(date=day).date == load_config(write("date: 2024-02-29")).date == datetime.date(2024, 2, 29)


def test_a_config_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_config().policy = "other"  # type: ignore[misc]


@pytest.mark.parametrize("content", ["", "# only a comment\n", "---\n", "{}"])
def test_an_empty_file_says_nothing(content: str) -> None:
    assert load_config(write(content)) == load_config()


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("modle: x", "modle"),
        ("model: builtin", "model"),
        ("models: [{sorce: builtin}]", "models.0.sorce"),
        ("columns: {boddy: x}", "columns.boddy"),
        ("spark: {memory: 4g}", "spark.memory"),
        ("_file: x", "_file"),
        ("1: x", "1"),
        ("~: x", ""),
        ("2024-01-01: x", "2024"),
    ],
)
def test_an_unknown_key_in_the_file_is_named(content: str, key: str) -> None:
    message = refusal(content)
    assert "settings.yaml" in message and key in message


@pytest.mark.parametrize(
    "name", ["MODERATION_MODLE", "MODERATION_", "MODERATION_COLUMNS__BODDY", "moderation_modle", "MODERATION_MODELS__X"]
)
def test_an_unknown_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    monkeypatch.setenv("MODERATED", "not ours")
    assert name.removeprefix("MODERATION_").split("__")[-1].lower() in refusal().lower()


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("MODERATION_PRECISION", "fp16", "precision"),
        ("MODERATION_DATE", "2024-13-01", "date"),
        ("MODERATION_COLUMNS", "body", "columns"),
        ("MODERATION_COLUMNS", "[1]", "columns"),
        ("MODERATION_COLUMNS__BODY__X", "a", "columns.body"),
        ("MODERATION_SPARK__CONF", "a=b", "spark"),
    ],
)
def test_a_wrong_value_in_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, key: str
) -> None:
    monkeypatch.setenv(name, value)
    message = refusal()
    assert key in message.lower() and "_file" not in message


def test_a_mistake_is_not_blamed_on_a_file_that_does_not_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "settings.yaml" not in refusal("policy: file", precision="fp16")
    monkeypatch.setenv("MODERATION_PRECISION", "fp16")
    assert "settings.yaml" not in refusal("policy: file")


def test_an_unknown_argument_is_named() -> None:
    assert "'modle'" in refusal(modle="x")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("precision: fp16", ["precision", "'fp16'", "'bf16'"]),
        ("device: gpu", ["device", "'gpu'", "cuda:<number>"]),
        ("threads: 0", ["threads", "0"]),
        ("price_per_hour: -1", ["price_per_hour", "-1"]),
        ("date: yesterday", ["date", "'yesterday'"]),
        ("policy: 3", ["policy", "string", "3"]),
        ("policy: [a]", ["policy", "string"]),
        ("models: 3", ["models", "list", "3"]),
        ("models:", ["models", "list", "None"]),
        ("models: []", ["models", "models is empty"]),
        ("models: [a, 3]", ["models.1", "a name", "'source'", "3"]),
        ("models: [[a]]", ["models.0", "a name"]),
        ("models: ['']", ["models.0.source", "1 character"]),
        ("models: {labels: {a: b}}", ["models.0.source", "required"]),
        ("models: {source: a, labels: [b]}", ["models.0.labels", "dictionary"]),
        ("models: {source: a, labels: {b: 3}}", ["models.0.labels.b", "3"]),
        ("models: {source: a, thresholds: {b: 1.5}}", ["models.0.thresholds.b", "1.5"]),
        ("input: 3", ["input", "list", "3"]),
        ("input: [a, 3]", ["input.1", "3"]),
        ("columns: body", ["columns", "'body'"]),
        ("columns:", ["columns", "None"]),
        ("columns: {body: 3}", ["columns.body", "3"]),
        ("spark: {conf: {a: 1}}", ["spark.conf.a", "1"]),
        ("output: {}", ["output"]),
    ],
)
def test_a_wrong_value_is_named_with_its_key_its_file_and_the_rule(content: str, parts: list[str]) -> None:
    message = refusal(content)
    assert all(part in message for part in ["settings.yaml", *parts]), message


@pytest.mark.parametrize("content", ["[1, 2]", "just text", "3", "true", "- a", "[]", "false", "0", "''"])
def test_a_file_that_is_no_mapping_is_refused(content: str) -> None:
    assert "settings.yaml" in refusal(content)


@pytest.mark.parametrize(
    "content",
    [
        "a: [",
        "a:\n\t- b",
        "a: b: c",
        "a: \x00",
        b"\xff\xfe\x00",
        "a: *nowhere",
        "policy: !!python/object/apply:os.system [touch owned]",
        "date: 2024-02-30",
        "models: " + "9" * 5000,
        "[" * 3000,
        '"two\\nlines": 1',
        "input: &a [*a]",
    ],
)
def test_a_broken_file_is_one_line(content: str | bytes) -> None:
    assert "settings.yaml" in refusal(content)
    assert not Path("owned").exists()


def test_a_missing_file_and_a_folder_are_named() -> None:
    for path in (Path("nowhere.yaml"), Path.cwd()):
        with pytest.raises(UsageError, match=str(path)):
            load_config(path)


@settings(max_examples=100, derandomize=True)
@given(content=st.one_of(st.binary(max_size=60), st.text("{}[]:,-#&*!|>'\"%@` \n\tab1~", max_size=40)))
def test_any_file_is_read_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    path = tmp_path_factory.mktemp("any") / "settings.yaml"
    path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    try:
        assert isinstance(load_config(path), Config)
    except UsageError as error:
        assert "\n" not in str(error) and "settings.yaml" in str(error)
