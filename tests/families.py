"""Tiny models of transformers' own classes, random, in the layout that `save_pretrained` writes, with tokenizers that
are trained here: one of each kind that BERTs have."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from moderation.sample import sample_texts

SIZE = 600
WORLD = ["東京は日本の首都です", "नमस्ते दुनिया", "مرحبا بالعالم", "İstanbul ﬁnance ½ ﷺ ẞ", "👩‍🚀 😂😂 ok", "e\u0301 Zoë"]
FAMILIES = ["bert", "distilbert", "roberta", "xlm-roberta", "albert", "deberta", "deberta-v2", "electra"]
KINDS = {"roberta": "bytes", "deberta": "bytes", "xlm-roberta": "unigram", "albert": "unigram", "deberta-v2": "unigram"}


def corpus() -> list[str]:
    """What tokenizers are trained on."""
    return [*sample_texts(300, 5), *WORLD * 5]


def wordpiece() -> Tokenizer:
    """As BERT's."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=SIZE, special_tokens=names))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def byte_level() -> Tokenizer:
    """As RoBERTa's: pairs of bytes, spaces in front of words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=SIZE, special_tokens=names, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def unigram() -> Tokenizer:
    """As XLM-R's: a language model over pieces of what stands between spaces, the special tokens among the pieces."""
    tokenizer = Tokenizer(models.Unigram())
    squeeze = normalizers.Replace(" {2,}", " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), squeeze])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    names = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=SIZE, special_tokens=names, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    ends = [("<s>", 0), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B </s>", ends)
    return tokenizer


MAKERS: dict[str, Callable[[], Tokenizer]] = {"wordpiece": wordpiece, "bytes": byte_level, "unigram": unigram}


@cache
def tokenizer_text(kind: str) -> str:
    """The content of a tokenizer.json."""
    return MAKERS[kind]().to_str()


def sizes(family: str) -> dict[str, Any]:
    """The smallest config that a family can do with."""
    if family == "distilbert":
        own: dict[str, Any] = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    else:
        own = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    if family in ("albert", "electra"):
        own["embedding_size"] = 8
    if family.startswith("deberta"):
        own |= {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}
    if family == "deberta-v2":
        own |= {"position_buckets": 8, "share_att_key": True, "norm_rel_ebd": "layer_norm", "conv_kernel_size": 3}
    unpadded = KINDS.get(family, "wordpiece") == "wordpiece"
    special = {"pad_token_id": 0} if unpadded else {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    return own | special | {"vocab_size": SIZE, "max_position_embeddings": 66}


def make(
    folder: Path, family: str, head: str, names: list[str], seed: int = 0, std: float = 0.6, **config: Any
) -> Path:
    """Writes a model of a family with a `Sequence` or `Token` head whose outputs have these names."""
    import torch
    import transformers

    from moderation.models.networks import FAMILIES as classes

    torch.manual_seed(seed)
    network_class = getattr(transformers, f"{classes[family]}For{head}Classification")
    named = {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}
    network = network_class(network_class.config_class(**sizes(family) | named | config)).eval()
    for weight in network.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=std)  # spread out, so that answers differ from text to text
    network.save_pretrained(folder)
    kind = KINDS.get(family, "wordpiece")
    (folder / "tokenizer.json").write_text(tokenizer_text(kind), encoding="utf-8")
    if kind == "wordpiece":  # without it transformers 5 takes a BERT to be without capitals
        (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}', encoding="utf-8")
    return folder
