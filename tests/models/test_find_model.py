"""How a model is found and digested, and what is said where it is not whole."""

from pathlib import Path

import pytest
import torch
from model_edits import edit_json, refusal, set_config

import moderation
from moderation import resources
from moderation.models.load import FILES, find_model


class Malicious:
    """Pickles to a call that creates a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.target), "w")


def test_a_whole_folder_is_found_with_its_spec_and_not_loaded(tiny_model: Path) -> None:
    source = find_model(str(tiny_model))
    assert source.folder == tiny_model
    assert (source.spec.max_tokens, source.spec.overlap) == (64, 16)


def test_builtin_is_the_model_of_the_package() -> None:
    assert find_model("builtin").folder == resources.builtin_model()


def test_a_model_id_is_sixteen_hexadecimal_digits_and_the_same_anywhere(tiny_model: Path, folder: Path) -> None:
    digest = find_model(str(tiny_model)).model_id
    assert len(digest) == 16 and int(digest, 16)
    assert find_model(str(folder)).model_id == digest


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("position", [0, 0.5, 1])
def test_one_changed_byte_of_any_file_changes_the_model_id(folder: Path, name: str, position: float) -> None:
    before, content = find_model(str(folder)).model_id, bytearray((folder / name).read_bytes())
    content[int(position * (len(content) - 1))] ^= 1
    (folder / name).write_bytes(content)
    assert find_model(str(folder)).model_id != before


def test_one_space_more_in_the_config_changes_the_model_id(folder: Path) -> None:
    before = find_model(str(folder)).model_id
    with (folder / "config.json").open("a") as config:
        config.write(" ")
    assert find_model(str(folder)).model_id != before


def test_a_changed_threshold_changes_the_model_id(folder: Path) -> None:
    before = find_model(str(folder)).model_id
    edit_json(folder / "config.json", lambda config: config["moderation"]["thresholds"].update(insult=0.51))
    assert find_model(str(folder)).model_id != before


def test_a_file_that_is_not_of_the_model_does_not_change_the_model_id(folder: Path) -> None:
    before = find_model(str(folder)).model_id
    (folder / "MODEL_CARD.md").write_text("notes")
    assert find_model(str(folder)).model_id == before


def test_a_source_that_is_no_folder_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    assert f"'{missing}'" in refusal(missing)
    assert "'bultin'" in refusal("bultin")
    (tmp_path / "file").write_text("x")
    assert f"'{tmp_path / 'file'}'" in refusal(tmp_path / "file")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refusal(folder).endswith(f"lacks {name}")


def test_a_folder_in_place_of_a_file_is_a_missing_file(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").mkdir()
    assert refusal(folder).endswith("lacks tokenizer.json")


def test_a_folder_with_only_a_pickle_is_refused_and_the_pickle_is_not_run(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(Malicious(tmp_path / "owned"), folder / "pytorch_model.bin")
    assert refusal(folder).endswith("lacks model.safetensors")
    assert not (tmp_path / "owned").exists()


def test_a_pickle_named_safetensors_is_not_run(folder: Path, tmp_path: Path) -> None:
    torch.save(Malicious(tmp_path / "owned"), folder / "model.safetensors")
    assert "model.safetensors" in refusal(folder)
    assert not (tmp_path / "owned").exists()


def test_remote_code_is_not_run(folder: Path, tmp_path: Path) -> None:
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')")
    set_config(folder, auto_map={"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"})
    moderation.load(str(folder), "fp32").score(["hello"])
    assert not (tmp_path / "owned").exists()
