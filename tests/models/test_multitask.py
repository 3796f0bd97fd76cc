"""The network itself: shapes, and padding that changes nothing."""

from pathlib import Path

import pytest
import torch

from moderation.models.load import find_model, load_multitask
from moderation.models.multitask import MultiTaskBert

IDS = torch.tensor([[101, 7592, 2088, 102], [101, 2017, 2017, 102]])


@pytest.fixture(scope="module")
def network(tiny_model: Path) -> MultiTaskBert:
    return load_multitask(find_model(str(tiny_model)))


@torch.inference_mode()
def test_one_pass_gives_a_logit_per_label_and_per_tag_of_each_token(network: MultiTaskBert) -> None:
    logits, tags = network(IDS, torch.ones_like(IDS))
    assert logits.shape == (2, 7)
    assert tags.shape == (2, 4, 9)


@torch.inference_mode()
@pytest.mark.parametrize("filler", [0, 102, 30521])
def test_padding_changes_neither_labels_nor_tags_whatever_it_holds(network: MultiTaskBert, filler: int) -> None:
    logits, tags = network(IDS, torch.ones_like(IDS))
    padded = torch.nn.functional.pad(IDS, (0, 9), value=filler)
    mask = torch.nn.functional.pad(torch.ones_like(IDS), (0, 9))
    padded_logits, padded_tags = network(padded, mask)
    torch.testing.assert_close(padded_logits, logits, atol=1e-5, rtol=0)
    torch.testing.assert_close(padded_tags[:, :4], tags, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_rows_do_not_see_each_other(network: MultiTaskBert) -> None:
    together, _ = network(IDS, torch.ones_like(IDS))
    alone, _ = network(IDS[1:], torch.ones_like(IDS[1:]))
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=0)
