"""The section `privacy` of the configuration: its short form, where it comes from, and what is refused."""

import os
from pathlib import Path

import pytest
import yaml

from moderation.config import load_config
from moderation.errors import UsageError
from moderation.privacy.settings import KEY_VARIABLE

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("MODERATION_")]:
        monkeypatch.delenv(name)


def write(folder: Path, content: str) -> Path:
    (folder / "settings.yaml").write_text(content, encoding="utf-8")
    return folder / "settings.yaml"


@pytest.mark.parametrize(
    "content",
    [
        "privacy: [hash_author, mask_pii]",
        "privacy: hash_author, mask_pii",
        "privacy: {apply: [hash_author, mask_pii]}",
        "privacy: {apply: 'hash_author,mask_pii'}",
    ],
)
def test_the_options_alone_are_the_section(content: str, tmp_path: Path) -> None:
    assert load_config(write(tmp_path, content)).privacy.apply == ["hash_author", "mask_pii"]


@pytest.mark.parametrize(
    "value", ["hash_author,mask_pii", '["hash_author", "mask_pii"]', '{"apply": ["hash_author", "mask_pii"]}']
)
def test_a_variable_says_it_in_any_form(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_PRIVACY", value)
    assert load_config().privacy.apply == ["hash_author", "mask_pii"]


def test_no_source_undoes_what_another_has_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "privacy: [mask_pii]")
    monkeypatch.setenv("MODERATION_PRIVACY__REGIONS", "DE,GB")
    monkeypatch.setenv("MODERATION_PRIVACY__KEY_FILE", "author.key")
    found = load_config(file).privacy
    assert (found.apply, found.regions, found.key_file) == (["mask_pii"], ["DE", "GB"], Path("author.key"))
    found = load_config(file, privacy="drop_author").privacy
    assert (found.apply, found.regions) == (["drop_author"], ["DE", "GB"])
    monkeypatch.setenv("MODERATION_PRIVACY", "mask_pii")
    with pytest.raises(UsageError, match="MODERATION_PRIVACY__APPLY"):
        load_config()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("privacy: [drop_author, hash_author]", "exclude one another"),
        ("privacy: [mask]", "'drop_author', 'hash_author' or 'mask_pii'"),
        ("privacy: {apply: [mask_pii], kinds: [name]}", "'email', 'card', 'ip' or 'phone'"),
        ("privacy: {apply: [mask_pii], kinds: []}", "privacy.kinds"),
        (f"privacy: {{apply: [hash_author], key: {KEY}}}", "unknown key 'privacy.key'"),
        ("privacy: 3", "privacy"),
    ],
)
def test_a_mistake_is_one_line(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(write(tmp_path, content))
    assert said in str(caught.value) and "\n" not in str(caught.value) and KEY not in str(caught.value)


def test_the_key_is_no_setting_and_is_in_no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    config = load_config(write(tmp_path, "privacy: [hash_author]"))
    assert KEY not in yaml.safe_dump(config.model_dump(mode="json")) + repr(config)
    with pytest.raises(UsageError, match=r"settings.yaml: privacy"):  # not the environment, whose variable is another
        load_config(write(tmp_path, "privacy: [mask]"))
