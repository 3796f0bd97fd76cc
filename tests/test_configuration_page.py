"""The page on the configuration says what the classes say: every key with its default, and examples that are read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from moderation.config import Columns, Config, GateSettings, PublishSettings, SparkSettings, load_config
from moderation.models.entry import ModelEntry
from moderation.privacy.settings import PrivacySettings
from tests.commands import ROOT

PAGE = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
SECTIONS: list[tuple[str, type[BaseModel]]] = [
    ("", Config),
    ("columns.", Columns),
    ("publish.", PublishSettings),
    ("privacy.", PrivacySettings),
    ("spark.", SparkSettings),
    ("gate.", GateSettings),
    ("models[].", ModelEntry),
]


def rows(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    """The lines of a table for the keys of a class."""
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            continue
        default = "needed" if field.is_required() else f"`{shown(field.default)}`"
        meaning = (field.description or "").replace("<", "&lt;")
        yield f"| `{prefix}{name}` | {default} | {meaning} |"


def shown(default: object) -> str:
    """A default as one writes it in YAML."""
    if isinstance(default, list):
        default = [one.model_dump() if isinstance(one, BaseModel) else one for one in default]
    plain = str(default) if isinstance(default, Path) else default
    return yaml.safe_dump(plain, default_flow_style=True).removesuffix("...\n").strip()


def test_the_tables_are_the_classes_fields_with_their_defaults_and_no_others() -> None:
    expected = [row for prefix, model in SECTIONS for row in rows(prefix, model)]
    found = [line for line in PAGE.splitlines() if re.match(r"\| `[a-z_.\[\]]+` \|", line)]
    assert found == expected


@pytest.mark.parametrize("content", re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_every_example_is_a_configuration(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.yaml").write_text(content, encoding="utf-8")
    config = load_config(tmp_path / "settings.yaml")
    assert config != load_config()
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    assert load_config(tmp_path / "again.yaml") == config


def test_every_variable_that_is_named_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    named = re.findall(r"^(MODERATION_\w+)=('?)(.*)\2$", PAGE, re.MULTILINE)
    assert len(named) > 2
    for name, _, value in named:
        monkeypatch.setenv(name, value)
    assert load_config() != Config.model_construct()
