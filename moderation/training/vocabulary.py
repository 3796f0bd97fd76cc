"""A wider vocabulary for encoders whose own knows no emoji: 'idiot😂' would be one unknown word to them.

Symbols stand apart from the words beside them, each is a token of its own, and letters in fancy dress (full width,
mathematical) are read as the letters they are. Their vectors begin as the mean of the word pieces of their names in
Unicode ("face with tears of joy"), so that training starts from what the encoder knows already.
"""

import json
import unicodedata
from dataclasses import replace

from tokenizers import Tokenizer

from moderation.models.base import Base

# Miscellaneous symbols and dingbats, flags' letters, pictographs and faces, transport, supplements.
BLOCKS = (
    *((0x2600, 0x27BF), (0x1F1E6, 0x1F1FF), (0x1F300, 0x1F64F), (0x1F680, 0x1F6FF)),
    *((0x1F900, 0x1F9FF), (0x1FA70, 0x1FAFF)),
)
APART = r"[\p{So}\x{1F3FB}-\x{1F3FF}]"  # symbols, and the modifiers of skin colour
GLUED = r"[\x{2120}\x{2122}]"  # trade mark signs: as the letters that they stand for they would grow onto a word


def symbols() -> list[str]:
    """The emoji and other symbols that get a token each, in code point order."""
    return [
        chr(code)
        for low, high in BLOCKS
        for code in range(low, high + 1)
        if unicodedata.category(chr(code)) in ("So", "Sk")
    ]


def widen(tokenizer: Tokenizer) -> tuple[Tokenizer, list[tuple[int, list[int]]]]:
    """A BERT tokenizer that also knows symbols, and for each of its new ids those of the word pieces of its name."""
    content = json.loads(tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    added = [symbol for symbol in symbols() if symbol not in vocabulary]
    pieces = [tokenizer.encode(unicodedata.name(symbol).lower(), add_special_tokens=False).ids for symbol in added]
    ids = range(len(vocabulary), len(vocabulary) + len(added))
    vocabulary.update(zip(added, ids, strict=True))
    content["normalizer"] = sequence(
        "normalizers",
        [{"type": "Replace", "pattern": {"Regex": GLUED}, "content": " "}, {"type": "NFKC"}, content["normalizer"]],
    )
    split = {"type": "Split", "pattern": {"Regex": APART}, "behavior": "Isolated", "invert": False}
    content["pre_tokenizer"] = sequence("pretokenizers", [split, content["pre_tokenizer"]])
    wider = Tokenizer.from_str(json.dumps(content))
    wider.encode_special_tokens = tokenizer.encode_special_tokens
    return wider, list(zip(ids, pieces, strict=True))


def sequence(key: str, steps: list[dict[str, object]]) -> dict[str, object]:
    """Several normalizers or pre-tokenizers as one, in the form of tokenizer.json."""
    return {"type": "Sequence", key: steps}


def widened(base: Base) -> Base:
    """The base with a tokenizer that knows symbols, and an encoder with room for them."""
    tokenizer, added = widen(base.tokenizer)
    base.config.vocab_size += len(added)
    return replace(base, tokenizer=tokenizer, added=added)
