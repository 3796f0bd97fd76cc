"""The native encoder answers as torch does, and to the last bit the same whatever stands beside a text."""

import resource
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from families import SIZE, make
from hypothesis import given
from hypothesis import strategies as st
from inference_helpers import FEW_CHECKS, HOSTILE, WORDS, bodies, given_up, spans
from safetensors.torch import load_file, save_file

from moderation.audit.replay import Wish
from moderation.audit.replay_sources import How, how_here
from moderation.config import Config
from moderation.errors import UsageError
from moderation.inference import devices
from moderation.inference.backend import Predictions, best_tags
from moderation.inference.batches import Batch
from moderation.inference.devices import Device, load_backend, running
from moderation.inference.engine import Engine
from moderation.inference.moderator import Moderator, Result
from moderation.inference.native import library
from moderation.inference.native.backend import NativeBackend, filled
from moderation.inference.native.build import MACHINES
from moderation.inference.native.networks import unsupported
from moderation.models.base import load_base
from moderation.models.load import ModelSource, find_model
from moderation.models.networks import load_network
from moderation.models.panel import find_panel
from moderation.models.spec import ModelSpec
from moderation.training.finetune import save
from tests.conftest import make_tiny_model

NATIVE = Device("cpu", "native", 2)
LONG = [" ".join(WORDS * count) for count in (3, 7, 12, 40)] + ["😀 東京 don't xqzwvk 1d10t! " * 60]
TEXTS = [*HOSTILE, *LONG, *(" ".join(WORDS[: 1 + count % 11] * (1 + count % 9)) for count in range(40))]
NAMES = {"Sequence": ["calm", "rude", "vile"], "Token": ["O", "B-PER", "I-PER", "S-LOC"]}
WIDE = {"hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 96}


@pytest.fixture(scope="module", autouse=True, params=MACHINES)
def machine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The library for each kind of processor, where it runs here."""
    found, why = library.opened_for(request.param)
    if found is None:
        pytest.skip(f"no native encoder for {request.param} here: {why}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "opened", lambda: (found, request.param, ""))
        yield request.param


@pytest.fixture(scope="module")
def source(native_model: Path, machine: str) -> ModelSource:
    assert library.machine() == machine
    return find_model(str(native_model))


@pytest.fixture(scope="module", params=[1, 3])
def backend(source: ModelSource, request: pytest.FixtureRequest) -> NativeBackend:
    """With so many threads."""
    found = load_backend(source, "auto", Device("cpu", "auto", request.param))
    assert isinstance(found, NativeBackend) and found.name == "native bf16 on cpu"
    return found


@pytest.fixture(scope="module")
def moderator(source: ModelSource) -> Moderator:
    return Moderator(Engine(source, "bf16", NATIVE, remember=False))


def batches(count: int, seed: int = 0, longest: int = 65) -> list[Batch]:
    """Batches of random tokens in random shapes; what stands in the padding is nobody's business."""
    random, found = np.random.default_rng(seed), []
    for number in range(count):
        lengths = random.integers(1, longest, random.integers(1, 25))
        ids = random.integers(1000, 30000, (len(lengths), lengths.max() + number % 3))
        found.append(Batch(ids, lengths, np.arange(len(lengths)), number))
    return found


def exact(source: ModelSource, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Label and tag logits of the network itself, in fp32, each row by itself."""
    network, rows = load_network(source), []
    with torch.inference_mode():
        for ids, length in zip(batch.ids, batch.lengths, strict=True):
            row = torch.from_numpy(ids[None, :length])
            rows.append([found[0].numpy() for found in network(row, torch.ones_like(row))])
    labels, tags = zip(*rows, strict=True)
    return np.stack(labels), np.concatenate(tags)


def answer(backend: NativeBackend, batch: Batch) -> Predictions:
    ((_, found),) = backend.run([batch])
    assert isinstance(found, Predictions)
    return found


def inside(batch: Batch) -> np.ndarray:
    return np.arange(batch.ids.shape[1]) < batch.lengths[:, None]


def bits(batch: Batch, found: Predictions) -> list[tuple[bytes, bytes, bytes]]:
    """Each row's answer, but for its padding."""
    assert found.tags is not None and found.confidence is not None
    return [
        (found.logits[row].tobytes(), found.tags[row, :length].tobytes(), found.confidence[row, :length].tobytes())
        for row, length in enumerate(batch.lengths)
    ]


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_logits_tags_and_confidence_are_the_networks_but_for_rounding(source: ModelSource, precision: str) -> None:
    rough = 4 if precision == "int8" else 1
    backend = load_backend(source, precision, NATIVE)
    for batch in batches(12):
        found = answer(backend, batch)
        labels, tag_logits = exact(source, batch)
        tags, confidence = best_tags(tag_logits)
        assert found.tags is not None and found.confidence is not None
        np.testing.assert_allclose(found.logits, labels, atol=0.06 * rough)
        np.testing.assert_allclose(found.confidence[inside(batch)], confidence, atol=0.12 * rough)
        assert (found.tags[inside(batch)] == tags).mean() > 1 - 0.03 * rough


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 31, 32, 33, 63, 64])
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_lengths_around_the_sizes_of_tiles_are_right(
    source: ModelSource, backend: NativeBackend, length: int, rows: int
) -> None:
    ids = np.random.default_rng(length).integers(1000, 30000, (rows, length))
    batch = Batch(ids, np.full(rows, length), np.arange(rows))
    np.testing.assert_allclose(answer(backend, batch).logits, exact(source, batch)[0], atol=0.06)


@FEW_CHECKS
@given(data=st.data())
def test_a_rows_answer_has_the_same_bits_in_any_company(backend: NativeBackend, data: st.DataObject) -> None:
    (batch,) = batches(1, seed=data.draw(st.integers(0, 10**6)))
    expected = bits(batch, answer(backend, batch))
    count = len(batch.lengths)
    chosen = data.draw(st.permutations(range(count)))[: data.draw(st.integers(1, count))]
    ids, lengths = batch.ids[chosen], batch.lengths[chosen]
    other = Batch(ids[:, : lengths.max()], lengths, np.array(chosen))
    assert bits(other, answer(backend, other)) == [expected[row] for row in chosen]


def test_a_neighbour_that_is_not_finite_costs_no_other_row_its_answer(source: ModelSource, tmp_path: Path) -> None:
    shutil.copytree(source.folder, tmp_path / "model")
    weights = load_file(tmp_path / "model/model.safetensors")
    weights["encoder.embeddings.word_embeddings.weight"][7777] = float("nan")
    save_file(weights, tmp_path / "model/model.safetensors")
    spoilt = load_backend(find_model(str(tmp_path / "model")), "bf16", NATIVE)
    ids = np.random.default_rng(0).integers(1000, 7000, (3, 20))
    batch = Batch(ids, np.array([20, 20, 20]), np.arange(3))
    expected = bits(batch, answer(spoilt, batch))
    ids[1, 5] = 7777
    found = answer(spoilt, batch)
    assert np.isnan(found.logits[1]).all()
    assert [bits(batch, found)[row] for row in (0, 2)] == [expected[row] for row in (0, 2)]


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_answers_come_in_order_and_are_those_of_each_batch_alone(source: ModelSource, precision: str) -> None:
    backend, given_batches = load_backend(source, precision, NATIVE), batches(25, seed=1)
    together = list(backend.run(given_batches))
    assert [batch.chunk for batch, _ in together] == list(range(25))
    for batch, found in together:
        assert isinstance(found, Predictions) and bits(batch, found) == bits(batch, answer(backend, batch))


def test_loaded_twice_it_answers_with_the_same_bits(source: ModelSource) -> None:
    (batch,) = batches(1)
    for precision in ("bf16", "int8"):
        one, two = (answer(load_backend(source, precision, NATIVE), batch) for _ in range(2))
        assert bits(batch, one) == bits(batch, two)


def test_int8_is_the_same_whatever_the_thread_that_loads_it_ran_before(source: ModelSource, tmp_path: Path) -> None:
    shutil.copytree(source.folder, tmp_path / "model")
    weights = load_file(tmp_path / "model/model.safetensors")
    for name in weights:
        if name.endswith("attention.self.value.weight"):
            weights[name] *= 1000
    save_file(weights, tmp_path / "model/model.safetensors")
    loud = load_backend(find_model(str(tmp_path / "model")), "bf16", NATIVE)
    (batch,) = batches(1)
    found = []
    for length in (1, 17, 250):
        assert isinstance(loud, NativeBackend)
        ids = np.random.default_rng(length).integers(1000, 30000, (1, length))
        loud.encoder.run(Batch(ids, np.array([length]), np.zeros(1, int)), entities=True)
        found.append(bits(batch, answer(load_backend(source, "int8", NATIVE), batch)))
    assert found[0] == found[1] == found[2]


def test_no_batches_no_answers_and_seconds_that_grow(backend: NativeBackend) -> None:
    assert list(backend.run([])) == []
    before = backend.seconds
    answer(backend, *batches(1))
    assert backend.seconds > before


def test_who_gives_up_halfway_leaves_the_encoder_as_it_was(backend: NativeBackend) -> None:
    given_batches = batches(12)
    given_up(backend, given_batches)
    assert len(list(backend.run(given_batches))) == 12


def test_short_memory_is_an_error_of_the_batch_and_passes(tmp_path: Path) -> None:
    sizes = {"hidden_size": 32, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 131072}
    folder = make_tiny_model(tmp_path, **sizes)  # whose batch wants more than malloc has in stock
    backend = load_backend(find_model(str(folder)), "bf16", Device("cpu", "native", 1))
    answer(backend, Batch(np.full((1, 4), 2000), np.array([4]), np.zeros(1, int)))  # the thread is there from now on
    batch = Batch(np.full((64, 64), 2000), np.full(64, 64), np.arange(64))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used, before[1]))
    try:
        ((_, found),) = backend.run([batch])
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert isinstance(found, MemoryError)
    assert answer(backend, batch).logits.shape == (64, 7)


def test_without_entities_the_labels_have_the_same_bits(source: ModelSource) -> None:
    labels_only, both = (load_backend(source, "bf16", NATIVE, entities=wanted) for wanted in (False, True))
    (batch,) = batches(1)
    found = answer(labels_only, batch)
    assert found.tags is None and found.confidence is None
    assert found.logits.tobytes() == answer(both, batch).logits.tobytes()


def test_the_tokens_that_it_computes_are_those_of_whole_tiles(backend: NativeBackend) -> None:
    assert [filled(count) for count in (0, 1, 16, 17)] == [0, 16, 16, 32]
    lengths = np.array([300, 200, 100, 512, 7])  # groups of at most 320: 300, 300, 512 alone, and 7
    assert backend.computed(Batch(np.zeros((5, 512)), lengths, np.arange(5))) == 304 + 304 + 512 + 16


def same(one: Result, two: Result) -> bool:
    return (one.status, one.scores, one.evidence, spans(one)) == (two.status, two.scores, two.evidence, spans(two))


def test_hostile_and_long_texts_are_answered_as_by_torch(source: ModelSource, moderator: Moderator) -> None:
    torch_moderator = Moderator(Engine(source, "fp32", Device("cpu", "torch"), remember=False))
    for mine, yours in zip(moderator.score(TEXTS), torch_moderator.score(TEXTS), strict=True):
        assert (mine.status, mine.status_reason) == (yours.status, yours.status_reason)
        assert (mine.token_count, mine.window_count) == (yours.token_count, yours.window_count)
        for label, score in mine.scores.items():
            assert abs(score - yours.scores[label]) < 0.03, label


@FEW_CHECKS
@given(texts=st.lists(bodies, max_size=8))
def test_each_text_is_answered_exactly_as_if_it_were_alone(moderator: Moderator, texts: list[str | None]) -> None:
    for one, text in zip(moderator.score(texts), texts, strict=True):
        assert same(one, moderator.score([text])[0])


@pytest.mark.parametrize("head", NAMES)
@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta", "xlm-roberta"])
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_transformers_own_classes_are_known(tmp_path: Path, family: str, head: str, precision: str) -> None:
    sizes = WIDE if precision == "bf16" else WIDE | {"intermediate_size": 128}
    if family == "distilbert":
        sizes = dict(zip(("dim", "n_heads", "hidden_dim"), sizes.values(), strict=True))
    source = find_model(str(make(tmp_path / "model", family, head, NAMES[head], std=0.1, **sizes)))
    backend = load_backend(source, precision, Device("cpu", "auto", 1))
    assert backend.name == f"native {precision} on cpu"
    ids = np.random.default_rng(1).integers(5, SIZE, (5, 60))
    batch = Batch(ids, np.array([60, 33, 13, 5, 2]), np.arange(5))
    found, (labels, tag_logits) = answer(backend, batch), exact(source, batch)
    if head == "Sequence":
        assert np.ptp(labels, axis=0).min() > 0.1, "else the test would tell nothing"
        np.testing.assert_allclose(found.logits, labels, atol=0.1)
        assert found.tags is None
        return
    tags, confidence = best_tags(tag_logits)
    assert found.logits.shape == (5, 0) and found.tags is not None and found.confidence is not None
    np.testing.assert_allclose(found.confidence[inside(batch)], confidence, atol=0.1)
    assert (found.tags[inside(batch)] == tags).mean() > 0.9


@pytest.mark.parametrize("family", ["distilbert", "roberta"])
def test_our_heads_over_another_family_are_known(tmp_path: Path, family: str) -> None:
    names = ("dim", "n_heads", "hidden_dim") if family == "distilbert" else tuple(WIDE)
    folder = make(
        tmp_path / "base", family, "Token", NAMES["Token"], std=0.1, **dict(zip(names, WIDE.values(), strict=True))
    )
    base, labels = load_base(str(folder)), ("calm", "rude")
    spec = ModelSpec(
        labels=labels, entity_types=("PER",), max_tokens=60, overlap=16, thresholds=dict.fromkeys(labels, 0.5)
    )
    network = base.network(spec)
    for head in (network.label_head, network.tag_head):
        torch.nn.init.normal_(head.weight, std=0.5)
    save(network, base, spec, tmp_path / "model")
    source = find_model(str(tmp_path / "model"))
    backend = load_backend(source, "bf16", NATIVE)
    ids = np.random.default_rng(1).integers(5, SIZE, (5, 60))
    batch = Batch(ids, np.array([60, 33, 13, 5, 2]), np.arange(5))
    found, (logits, tag_logits) = answer(backend, batch), exact(source, batch)
    np.testing.assert_allclose(found.logits, logits, atol=0.05)
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence[inside(batch)], best_tags(tag_logits)[1], atol=0.1)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_are_read_in_any_kind_of_number(
    source: ModelSource, moderator: Moderator, tmp_path: Path, kind: torch.dtype
) -> None:
    shutil.copytree(source.folder, tmp_path / "model")
    weights = {name: tensor.to(kind) for name, tensor in load_file(source.folder / "model.safetensors").items()}
    save_file(weights, tmp_path / "model/model.safetensors")
    other = Moderator(Engine(find_model(str(tmp_path / "model")), "bf16", NATIVE, remember=False))
    for one, two in zip(moderator.score(TEXTS), other.score(TEXTS), strict=True):
        assert one.scores == pytest.approx(two.scores, abs=0.05)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda weights: weights.pop("encoder.encoder.layer.1.output.dense.bias"),
            "layer.1.output.dense.bias are missing",
        ),
        (
            lambda weights: weights.update({"tag_head.weight": torch.zeros(9, 64)}),
            r"tag_head.weight \(9, 64\) instead of",
        ),
        (lambda weights: weights.update(more=torch.zeros(2)), "more have no place"),
    ],
)
def test_weights_that_do_not_fit_are_named_as_by_torch(
    source: ModelSource, tmp_path: Path, change: object, said: str
) -> None:
    shutil.copytree(source.folder, tmp_path / "model")
    weights = load_file(source.folder / "model.safetensors")
    change(weights)  # type: ignore[operator]
    save_file(weights, tmp_path / "model/model.safetensors")
    with pytest.raises(UsageError, match=said):
        load_backend(find_model(str(tmp_path / "model")), "bf16", NATIVE)


def test_what_it_does_not_know_runs_elsewhere_and_by_name_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    small, albert = (
        find_model(str(tiny_model)),
        find_model(str(make(tmp_path / "a", "albert", "Token", NAMES["Token"]))),
    )
    relu = find_model(str(make(tmp_path / "r", "bert", "Token", NAMES["Token"], **WIDE, hidden_act="relu")))
    for source, why in ((small, "32 in 2 heads"), (albert, "AlbertForTokenClassification"), (relu, "GELU")):
        assert why in unsupported(source)
        assert load_backend(source, "bf16", Device("cpu", "auto", 1)).name == "openvino bf16 on cpu"
        with pytest.raises(UsageError, match=f"backend 'native' cannot run model .*{why}.*take backend auto"):
            load_backend(source, "bf16", NATIVE)


def test_more_tags_than_it_has_room_for_are_not_its_own(source: ModelSource) -> None:
    def with_tags(count: int) -> ModelSource:
        return replace(source, spec=source.spec.model_copy(update={"tags": ("O",) * count}))

    assert unsupported(with_tags(256)) == ""
    assert unsupported(with_tags(257)) == "257 tags are more than the 256 that it knows"


def test_fp32_is_another_backends(source: ModelSource) -> None:
    assert load_backend(source, "fp32", Device("cpu", "auto", 1)).name == "openvino fp32 on cpu"
    with pytest.raises(UsageError, match="backend 'native' does not run here: it does not compute in fp32"):
        load_backend(source, "fp32", NATIVE)


def test_a_run_is_told_which_backend_its_models_have(
    monkeypatch: pytest.MonkeyPatch, source: ModelSource, tiny_model: Path, machine: str
) -> None:
    monkeypatch.setattr(devices, "resolved", devices.resolved.__wrapped__)
    other = find_model(str(tiny_model))
    for models, expected in (((source,), "native"), ((other,), "openvino"), ((source, other), "auto")):
        found = running("auto", Device("cpu"), models)
        assert found["backend"] == expected
        assert found.get("instructions") == (None if expected == "openvino" else machine)
    assert running("fp32", Device("cpu"), (source,)) == {"backend": "openvino", "precision": "fp32", "place": "cpu"}


def test_models_on_two_backends_are_replayed_as_they_ran(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path, machine: str
) -> None:
    monkeypatch.setattr(devices, "resolved", devices.resolved.__wrapped__)
    sizes = {"hidden_size": 64, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 64}
    spam = make_tiny_model(tmp_path / "spam", labels=("spam",), entity_types=(), **sizes)
    config = Config(input=tmp_path, output=tmp_path / "out", models=[str(spam), str(tiny_model)])
    panel = find_panel(config.models)
    recorded = How.of(running("bf16", config.device_settings, panel.sources))
    assert (recorded.backend, recorded.instructions) == ("auto", machine)
    assert how_here(config, panel, recorded, Wish("c1")).same(recorded)


@pytest.mark.slow
def test_the_built_in_model_answers_in_bf16_and_int8_as_in_fp32() -> None:
    from moderation.bench.agreement import compare
    from moderation.sample import sample_texts

    source, texts = find_model("builtin"), sample_texts(1500, seed=1)
    full = Engine(source, "fp32", Device("cpu", "openvino"), remember=False).score(texts)
    for precision, apart, changed, equal in (("bf16", 0.01, 0.001, 0.98), ("int8", 0.05, 0.005, 0.85)):
        found = compare(full, Engine(source, precision, NATIVE, remember=False).score(texts), source.spec)
        assert found["largest_difference"] < apart
        assert found["changed_decisions"] < changed and found["texts_with_equal_spans"] > equal
