"""The network on packed sequences, and the backend that runs it: on the CPU here, on a GPU where there is one."""

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import FEW_CHECKS, HOSTILE, WORDS
from torch.nn import functional
from transformers import BertConfig

from moderation import resources
from moderation.errors import UsageError
from moderation.inference.backend import Predictions, best_tags, out_of_memory
from moderation.inference.batches import Batch
from moderation.inference.chunk import Budget, Chunk
from moderation.inference.cuda_backend import IN_FLIGHT, CudaBackend
from moderation.inference.feed import Feed
from moderation.inference.packed import Attention, PackedBert, Sequences, attention_for, padded_attention
from moderation.inference.torch_backend import TorchBackend
from moderation.models.load import load_tokenizer
from moderation.models.multitask import MultiTaskBert
from moderation.models.spec import ModelSpec
from moderation.resources import builtin_model

SPEC = ModelSpec(
    labels=("a", "b", "c"), entity_types=("X", "Y"), max_tokens=64, overlap=16, thresholds=dict.fromkeys("abc", 0.5)
)
VOCABULARY, LONG = load_tokenizer(builtin_model()).get_vocab_size(), 64
CPU = torch.device("cpu")
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU, and torch finds none")

lengths = st.lists(st.one_of(st.just(2), st.integers(2, 20), st.integers(2, LONG)), min_size=1, max_size=12)


def make_network(spec: ModelSpec = SPEC, **sizes: object) -> MultiTaskBert:
    """A random network whose biases and norms are random, too: one that is left out must show."""
    torch.manual_seed(5)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    network = MultiTaskBert(BertConfig(vocab_size=VOCABULARY, **(small | sizes)), spec).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, mean=float(weight.ndim == 1), std=0.3)
    return network


@pytest.fixture(scope="module")
def network() -> MultiTaskBert:
    return make_network()


def make_batch(sizes: list[int], seed: int = 1) -> Batch:
    """A batch of random windows of these sizes, in this order."""
    rows = np.array(sizes)
    ids = np.random.default_rng(seed).integers(1, VOCABULARY, (len(rows), rows.max()))
    return Batch(np.where(np.arange(rows.max()) < rows[:, None], ids, 0), rows, np.arange(len(rows)))


def looped_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, sequences: Sequences) -> torch.Tensor:
    """Attention at its plainest: one sequence after the other."""
    found = []
    for first, last in zip(sequences.bounds[:-1].tolist(), sequences.bounds[1:].tolist(), strict=True):
        parts = (part[first:last].transpose(0, 1) for part in (query, key, value))
        found.append(functional.scaled_dot_product_attention(*parts).transpose(0, 1))
    return torch.cat(found)


def predict(network: MultiTaskBert, batch: Batch, entities: bool = True, device: str = "cpu") -> Predictions:
    """The packed network's answer in fp32."""
    ((_, answer),) = CudaBackend(network, "fp32", device, entities).run([batch])
    assert isinstance(answer, Predictions), answer
    return answer


@torch.inference_mode()
def assert_as_padded(network: MultiTaskBert, batch: Batch, answer: Predictions, tolerance: float = 1e-5) -> None:
    """An answer is what the padded network says, in every row and for every token that is no padding."""
    inside = np.arange(batch.ids.shape[1]) < batch.lengths[:, None]
    logits, tag_logits = network(torch.from_numpy(batch.ids), torch.from_numpy(inside).long())
    tags, confidence = best_tags(tag_logits.numpy())
    top = np.sort(tag_logits.numpy(), -1)
    clear = inside & (tag_logits.shape[-1] == 1 or top[..., -1] - top[..., -2:][..., 0] > 1e-3)
    assert answer.tags is not None and answer.confidence is not None
    np.testing.assert_allclose(answer.logits, logits.numpy(), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(answer.confidence[inside], confidence[inside], atol=tolerance)
    assert (answer.tags[clear] == tags[clear]).all()
    assert not answer.tags[~inside].any() and not answer.confidence[~inside].any()


@FEW_CHECKS
@given(lengths, st.integers(0, 99))
def test_packed_answers_are_the_padded_ones(network: MultiTaskBert, sizes: list[int], seed: int) -> None:
    batch = make_batch(sizes, seed)
    assert_as_padded(network, batch, predict(network, batch))


@pytest.mark.parametrize("sizes", [[2], [2, 2, 2], [LONG, 2], [2, LONG, 3], [LONG] * 3, [LONG, *[2] * 40]])
def test_the_shortest_windows_and_one_long_one_in_any_order(network: MultiTaskBert, sizes: list[int]) -> None:
    batch = make_batch(sizes)
    assert_as_padded(network, batch, predict(network, batch))


@pytest.mark.parametrize(
    "sizes",
    [
        {"num_hidden_layers": 1},
        {"num_attention_heads": 8},
        {"hidden_size": 36, "num_attention_heads": 3},
        {"hidden_act": "relu"},
        {"type_vocab_size": 1, "layer_norm_eps": 1e-3},
    ],
)
def test_any_shape_of_bert(sizes: dict[str, object]) -> None:
    network, batch = make_network(**sizes), make_batch([17, 9, 2])
    assert_as_padded(network, batch, predict(network, batch))


def test_a_network_that_knows_no_entity_types_has_one_tag() -> None:
    network, batch = make_network(SPEC.model_copy(update={"entity_types": (), "tags": ("O",)})), make_batch([7, 5])
    answer = predict(network, batch)
    assert_as_padded(network, batch, answer)
    assert answer.tags is not None and not answer.tags.any()


def test_without_entities_there_are_labels_and_no_tags(network: MultiTaskBert) -> None:
    batch = make_batch([30, 4, 2])
    answer = predict(network, batch, entities=False)
    assert answer.tags is None and answer.confidence is None
    np.testing.assert_array_equal(answer.logits, predict(network, batch).logits)


@FEW_CHECKS
@given(lengths)
def test_attention_by_padding_is_attention_within_each_sequence(sizes: list[int]) -> None:
    query, key, value = torch.randn(3, sum(sizes), 2, 8, generator=torch.Generator().manual_seed(0))
    bounds = torch.tensor([0, *np.cumsum(sizes)], dtype=torch.int32)
    sequences = Sequences.between(bounds, sum(sizes), max(sizes))
    assert sequences.owners.tolist() == [row for row, size in enumerate(sizes) for _ in range(size)]
    assert sequences.positions.tolist() == [place for size in sizes for place in range(size)]
    expected = looped_attention(query, key, value, sequences)
    torch.testing.assert_close(padded_attention(query, key, value, sequences), expected, rtol=1e-5, atol=1e-5)


def test_attention_can_be_exchanged(network: MultiTaskBert) -> None:
    backend, batch = CudaBackend(network, "fp32", "cpu"), make_batch([12, 40, 2])
    backend.network.attention = looped_attention
    ((_, answer),) = backend.run([batch])
    assert isinstance(answer, Predictions)
    assert_as_padded(network, batch, answer)


def test_the_cpu_has_attention_by_padding_alone() -> None:
    assert attention_for(CPU, torch.bfloat16, 64) is padded_attention


def test_half_precision_is_close_and_leaves_the_network_as_it_is(network: MultiTaskBert) -> None:
    batch = make_batch([40, 11, 2])
    ((_, half),) = CudaBackend(network, "bf16", "cpu").run([batch])
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    full = predict(network, batch)
    assert isinstance(half, Predictions) and half.logits.dtype == np.float32
    np.testing.assert_allclose(half.logits, full.logits, atol=0.05 * np.abs(full.logits).max())


def test_the_backend_answers_as_the_plain_one_does_in_the_order_of_the_batches(network: MultiTaskBert) -> None:
    batches = [
        make_batch([2 + (seed * 7 + row) % 50 for row in range(1 + seed)], seed) for seed in range(3 * IN_FLIGHT)
    ]
    packed, plain = (list(kind(network, "fp32", "cpu").run(batches)) for kind in (CudaBackend, TorchBackend))
    assert [batch for batch, _ in packed] == batches
    for (batch, ours), (_, theirs) in zip(packed, plain, strict=True):
        inside = np.arange(batch.ids.shape[1]) < batch.lengths[:, None]
        np.testing.assert_allclose(ours.logits, theirs.logits, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(ours.tags[inside], theirs.tags[inside])
        np.testing.assert_allclose(ours.confidence[inside], theirs.confidence[inside], atol=1e-5)


def test_batches_are_taken_ahead_of_the_answers(network: MultiTaskBert) -> None:
    taken: list[Batch] = []

    def batches() -> Iterator[Batch]:
        for seed in range(IN_FLIGHT + 3):
            taken.append(make_batch([5, 3], seed))
            yield taken[-1]

    first, _ = next(CudaBackend(network, "fp32", "cpu").run(batches()))
    assert first is taken[0] and len(taken) == IN_FLIGHT + 1


def test_a_backend_counts_the_seconds_it_was_busy(network: MultiTaskBert) -> None:
    backend = CudaBackend(network, "fp32", "cpu")
    assert list(backend.run([])) == [] and backend.seconds == 0
    list(backend.run([make_batch([9, 9])]))
    assert 0 < backend.seconds < 60


@pytest.mark.parametrize("wanted", ["fp32", "bf16"])
def test_a_precision_that_is_named_is_taken(network: MultiTaskBert, wanted: str) -> None:
    backend = CudaBackend(network, wanted, "cpu")
    assert backend.precision == wanted and wanted in backend.name


def test_int8_is_not_to_be_had(network: MultiTaskBert) -> None:
    with pytest.raises(UsageError, match="int8"):
        CudaBackend(network, "int8", "cpu")


def short_of_memory(most: int, error: type[Exception] = torch.OutOfMemoryError) -> Attention:
    """Attention on a device that has memory for `most` tokens."""

    def attention(query: torch.Tensor, *rest: object) -> torch.Tensor:
        if len(query) > most:
            raise error("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return padded_attention(query, *rest)  # type: ignore[arg-type]

    return attention


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_a_batch_beyond_the_memory_gets_the_error_and_all_others_their_answers(
    network: MultiTaskBert, error: type[Exception]
) -> None:
    backend = CudaBackend(network, "fp32", "cpu")
    batches = [make_batch([50] * 9 if number in (2, 5) else [8, 3], number) for number in range(9)]
    expected = [answer for _, answer in backend.run(batches)]
    backend.network.attention = short_of_memory(100, error)
    found = list(backend.run(batches))
    assert [batch for batch, _ in found] == batches
    for number, (_, answer) in enumerate(found):
        if number in (2, 5):
            assert type(answer) is error and out_of_memory(answer)
        else:
            np.testing.assert_array_equal(answer.logits, expected[number].logits)


def test_an_error_is_told_before_the_next_batch_is_taken(network: MultiTaskBert) -> None:
    backend, taken = CudaBackend(network, "fp32", "cpu"), 0
    backend.network.attention = short_of_memory(100)

    def batches() -> Iterator[Batch]:
        nonlocal taken
        for sizes in ([5], [50] * 9, [5], [5]):
            taken += 1
            yield make_batch(sizes)

    answers = backend.run(batches())
    assert isinstance(next(answers)[1], Predictions)
    assert isinstance(next(answers)[1], torch.OutOfMemoryError) and taken == 2


def test_an_error_holds_on_to_nothing_that_filled_the_memory(network: MultiTaskBert) -> None:
    backend = CudaBackend(network, "fp32", "cpu")
    backend.network.attention = short_of_memory(10)
    ((_, answer),) = backend.run([make_batch([50])])
    assert isinstance(answer, Exception)
    assert answer.__traceback__ is None and answer.__context__ is None


def chunk_of(texts: list[str]) -> Chunk:
    """Texts prepared for a network of BERT's vocabulary."""
    return Chunk.prepare(load_tokenizer(resources.builtin_model()), texts, np.arange(len(texts)), SPEC)


def answer_all(backend: CudaBackend | TorchBackend, chunk: Chunk, budget: Budget) -> None:
    """Runs a chunk as the engine does."""
    feed = Feed(iter([chunk]), budget, lambda _: None)
    while feed.more():
        for batch, answer in backend.run(feed):
            feed.settle(batch, answer)


def test_what_is_out_of_memory_is_halved_until_it_fits(network: MultiTaskBert) -> None:
    texts = [*filter(str.isprintable, HOSTILE), *(" ".join(WORDS * (1 + count % 12)) for count in range(30))]
    chunk, expected, budget = chunk_of(texts), chunk_of(texts), Budget(2000)
    backend = CudaBackend(network, "fp32", "cpu")
    backend.network.attention = short_of_memory(SPEC.max_tokens + 1)
    answer_all(backend, chunk, budget)
    answer_all(TorchBackend(network, "fp32"), expected, Budget(2000))
    assert chunk.pending == 0 and not chunk.errors and budget.tokens < 2000
    np.testing.assert_allclose(chunk.logits, expected.logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(chunk.confidence, expected.confidence, atol=1e-5)


def test_a_text_beyond_all_memory_fails_alone(network: MultiTaskBert) -> None:
    chunk, backend = chunk_of(["hello", "word " * 40, "you"]), CudaBackend(network, "fp32", "cpu")
    backend.network.attention = short_of_memory(20)
    answer_all(backend, chunk, Budget(2000))
    assert chunk.errors == {1: "model_error:OutOfMemoryError"}
    assert np.isfinite(chunk.logits).all(1).tolist() == [True, False, True]


@gpu
def test_fp32_on_a_gpu_is_fp32_on_the_cpu(network: MultiTaskBert) -> None:
    batch = make_batch([LONG, 31, 2, 2])
    assert_as_padded(network, batch, predict(network, batch, device="cuda:0"), tolerance=1e-4)


@gpu
@pytest.mark.parametrize("entities", [True, False])
def test_bf16_on_a_gpu_is_near_fp32(network: MultiTaskBert, entities: bool) -> None:
    batches = [make_batch([LONG, 31, 2, 2], seed) for seed in range(3 * IN_FLIGHT)]
    backend = CudaBackend(network, "auto", "cuda:0", entities)
    assert backend.precision == "bf16"
    for batch, answer in backend.run(batches):
        full = predict(network, batch)
        assert isinstance(answer, Predictions) and (answer.tags is not None) == entities
        np.testing.assert_allclose(answer.logits, full.logits, atol=0.05 * np.abs(full.logits).max())
    assert backend.seconds > 0


@gpu
def test_flash_attention_is_attention_by_padding() -> None:
    device, sizes = torch.device("cuda:0"), [LONG, 5, 2, 130]
    flash = attention_for(device, torch.bfloat16, 32)
    query, key, value = torch.randn(3, sum(sizes), 4, 32, device=device, dtype=torch.bfloat16)
    bounds = torch.tensor([0, *np.cumsum(sizes)], dtype=torch.int32, device=device)
    sequences = Sequences.between(bounds, sum(sizes), max(sizes))
    expected = padded_attention(query, key, value, sequences)
    torch.testing.assert_close(flash(query, key, value, sequences), expected, rtol=0.02, atol=0.02)


@gpu
def test_a_gpu_that_is_short_of_memory_still_answers_all(network: MultiTaskBert) -> None:
    backend, batch = CudaBackend(copy.deepcopy(network), "bf16", "cuda:0"), make_batch([LONG] * 100_000)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.5e9 / torch.cuda.get_device_properties(0).total_memory, 0)
    try:
        answers = [answer for _, answer in backend.run([batch, make_batch([5])])]
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
    assert isinstance(answers[0], torch.OutOfMemoryError) and isinstance(answers[1], Predictions)


def test_packed_bert_runs_without_a_backend(network: MultiTaskBert) -> None:
    packed = PackedBert(network, CPU, torch.float32)
    logits, tags, confidence = packed(torch.tensor([1, 2, 3, 4, 5]), torch.tensor([0, 2, 5], dtype=torch.int32), 3)
    assert logits.shape == (2, 3) and tags.dtype == torch.int16 and ((confidence > 0) & (confidence <= 1)).all()
