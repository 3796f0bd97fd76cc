"""Tokenizer files: one tokenizer.json, whatever form the tokenizer came in."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.errors import UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WHOLE = "tokenizer.json"
PARTS = (
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
# What transformers' settings of a BERT tokenizer are called in a tokenizer.json.
NORMALIZER = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def tokenizer_files(folder: Path) -> list[str]:
    """The names of the files that a folder's tokenizer is in; raises `UsageError` where there are none."""
    found = [WHOLE] if (folder / WHOLE).is_file() else [name for name in PARTS if (folder / name).is_file()]
    if not found:
        raise UsageError(f"model {folder} lacks {WHOLE}, and has none of {', '.join(PARTS)} either")
    return found + [name for name in SETTINGS if (folder / name).is_file()]


def write_tokenizer(folder: Path, made: Path, vocabulary: int) -> None:
    """Writes the tokenizer of `folder` as a tokenizer.json into `made`, converted where it is of the older forms.

    Raises `UsageError` where that does not give a tokenizer of about `vocabulary` tokens: transformers 5 makes one of
    five tokens, to which each word is unknown, from files that it does not understand, and says nothing.
    """
    if (folder / WHOLE).is_file():
        write_json(made / WHOLE, as_configured(read_json(folder / WHOLE), folder))
        return
    converted = convert(folder)
    size = converted.get_vocab_size()
    if not vocabulary / 2 < size <= vocabulary:
        raise UsageError(
            f"model {folder}: its tokenizer comes out with {size} tokens, and the encoder has {vocabulary}: "
            f"save a {WHOLE} beside it"
        )
    converted.save(str(made / WHOLE))


def as_configured(tokenizer: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A BERT tokenizer with what tokenizer_config.json says of case, accents and ideographs: where the two files do not
    agree, that is what transformers goes by."""
    normalizer = tokenizer.get("normalizer")
    if not isinstance(normalizer, dict) or normalizer.get("type") != "BertNormalizer":
        return tokenizer
    said = read_json(folder / SETTINGS[0]) if (folder / SETTINGS[0]).is_file() else {}
    changes = {new: said[old] for old, new in NORMALIZER.items() if old in said}
    return tokenizer | {"normalizer": normalizer | changes}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; raises `UsageError` where the file holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: holds no JSON object")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes indented JSON."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def convert(folder: Path) -> "Tokenizer":
    """The Rust tokenizer that transformers makes of vocabulary files; no code of the folder's runs."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False, local_files_only=True)
        tokenizer: Tokenizer = found.backend_tokenizer
    except Exception as error:  # transformers raises whatever the file at fault brings about
        said = " ".join(str(error).split())
        raise UsageError(f"model {folder}: its tokenizer cannot be converted to {WHOLE} ({said})") from error
    return tokenizer
