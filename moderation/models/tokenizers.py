"""Tokenizer files: one tokenizer.json, whatever form the tokenizer came in."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

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
SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def tokenizer_files(folder: Path) -> list[str]:
    """The names of the files that a folder's tokenizer is in; raises `UsageError` where there are none."""
    if (folder / WHOLE).is_file():
        return [WHOLE]
    found = [name for name in PARTS if (folder / name).is_file()]
    if not found:
        raise UsageError(f"model {folder} lacks {WHOLE}, and has none of {', '.join(PARTS)} either")
    return found + [name for name in SETTINGS if (folder / name).is_file()]


def write_tokenizer(folder: Path, made: Path, vocabulary: int) -> None:
    """Writes the tokenizer of `folder` as a tokenizer.json into `made`, converted where it is of the older forms.

    Raises `UsageError` where that does not give a tokenizer of about `vocabulary` tokens: transformers 5 makes one of
    five tokens, to which each word is unknown, from files that it does not understand, and says nothing.
    """
    if (folder / WHOLE).is_file():
        shutil.copyfile(folder / WHOLE, made / WHOLE)
        return
    converted = convert(folder)
    size = converted.get_vocab_size()
    if not vocabulary / 2 < size <= vocabulary:
        raise UsageError(
            f"model {folder}: its tokenizer comes out with {size} tokens, and the encoder has {vocabulary}: "
            f"save a {WHOLE} beside it"
        )
    converted.save(str(made / WHOLE))


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
