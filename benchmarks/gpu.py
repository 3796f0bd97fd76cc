"""How fast one GPU scores comments: the engine in bf16 beside Detoxify's loop and transformers' pipeline.

Run `python benchmarks/gpu.py` from a checkout on a machine with a CUDA GPU. It needs torch, transformers, tokenizers,
safetensors, numpy and pydantic; neither this project nor pyspark or pyarrow need be installed, and no network.

Models of two sizes are made with random weights, and texts with the lengths of Reddit comments. First the answers are
compared: every probability of the engine (bf16) within 0.02 of Detoxify's loop (fp32, the same weights), or the
benchmark exits with 1. Then the peers take turns, and each is judged by its median round:

  detoxify_32   Detoxify's predict on lists of 32 texts: fp32, padded to the longest, cut at the window, to Python lists
  pipeline_32   transformers' text-classification pipeline with batch_size 32, fp32, cut at the window
  engine        Engine.score in bf16: tokenising, windows, batches without padding, labels and entity spans
  model_N       the engine's backend alone, on batches of N padded tokens that were made beforehand
  compiled_N    the same with its layers compiled by torch (with --compiled)

tokens/s counts the tokens of the texts that a peer reads: no padding, no special tokens, nothing that was cut off, and
a token that two windows share once. The last line of --json is one object with all figures.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from moderation.inference.backend import Backend
    from moderation.inference.batches import Batch
    from moderation.inference.engine import Engine
    from moderation.models.load import ModelSource

SIZES: dict[str, dict[str, Any]] = {
    "bert_base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "minilm_l6": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
}
WINDOW = {
    "max_tokens": 512,
    "overlap": 64,
    "calibration": {},
}  # as Detoxify's models have it, which know no calibration
SPECIALS = 2  # [CLS] and [SEP]
LIST = 32  # texts that Detoxify and the pipeline take at once
TOLERANCE = 0.02  # largest difference of a probability
BUDGETS = (16384, 32768, 65536, 131072)
Peers = dict[str, tuple[int, Callable[[], object]]]  # the tokens that a peer reads, and what is timed


def main() -> None:
    """Measures all sizes; exits with 2 where it cannot, with 1 where answers differ."""
    arguments = parse()
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.path.insert(0, str(Path(__file__).parents[1]))
    try:
        import torch
        import transformers

        from moderation.bench import lists, texts  # noqa: F401  (lists: what it needs is to be missed now)
    except ModuleNotFoundError as error:
        stop(f"these figures need the package {error.name}", 2)
    if not torch.cuda.is_available():
        stop(f"these figures need a CUDA GPU, and torch {torch.__version__} finds none", 2)
    transformers.logging.set_verbosity_error()
    versions = {module.__name__: module.__version__ for module in (torch, transformers)}
    machine = {"gpu": torch.cuda.get_device_name(arguments.device), **versions}
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    bodies = list(dict.fromkeys(texts.generate(arguments.texts)))  # an equal text would cost the engine nothing
    models = {name: measure(name, bodies, arguments) for name in arguments.models}
    if arguments.json:
        print(json.dumps({"machine": machine, "models": models}))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=100_000, help="texts for the engine (default 100000)")
    parser.add_argument("--few", type=int, default=4000, help="how many of them its slow peers get (default 4000)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each peer runs (default 3)")
    parser.add_argument(
        "--models", nargs="+", choices=SIZES, default=list(SIZES), help="sizes to measure (default all)"
    )
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS, help=f"for model_N (default {BUDGETS})")
    parser.add_argument("--compiled", action="store_true", help="torch.compile too: takes minutes and a C compiler")
    parser.add_argument("--device", default="cuda:0", help="the GPU (default cuda:0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    if min(arguments.texts, arguments.few, arguments.rounds, *arguments.budgets) < 1:
        parser.error("--texts, --few, --rounds and --budgets must be at least 1")
    return arguments


def stop(reason: str, code: int) -> NoReturn:
    """Ends the program with one line that says why."""
    print(f"benchmarks/gpu.py: {reason}", file=sys.stderr)
    sys.exit(code)


def measure(name: str, texts: list[str], arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures of one size of model."""
    from moderation.inference.devices import Device
    from moderation.inference.engine import Engine

    with tempfile.TemporaryDirectory() as folder:
        source = make_model(Path(folder), SIZES[name])
        engine = Engine(source, "bf16", Device(arguments.device), remember=False)
        detoxify, pipeline = detoxify_loop(source, arguments.device), pipeline_loop(source, arguments.device)
        few, read = texts[: arguments.few], engine.score(texts).tokens  # warms the engine up, too
        cut = int(read[: len(few)].clip(max=source.spec.max_tokens - SPECIALS).sum())
        difference = compare(engine, few, detoxify(few))
        if not difference <= TOLERANCE:
            stop(f"{name}: answers differ by {difference:.4f}, so speeds are not compared", 1)
        peers: Peers = {
            f"detoxify_{LIST}": (cut, lambda: detoxify(few)),
            f"pipeline_{LIST}": (cut, lambda: pipeline(few)),
            "engine": (int(read.sum()), lambda: engine.score(texts)),
        }
        alone = models_alone(engine, source, texts, arguments)
        peers |= {peer: (int(read.sum()), run) for peer, run in alone.items()}
        for _, run in peers.values():
            run()  # warms up, and compiles
        print(f"\n{name}: {engine.members[0].backend.name}, probabilities within {difference:.1e} of fp32")
        return report(peers, race(peers, arguments.rounds)) | {"largest_difference": difference}


def make_model(folder: Path, sizes: dict[str, Any]) -> "ModelSource":
    """A model folder with the built-in model's tokenizer and labels and random weights: speed does not care."""
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig

    from moderation.models.load import find_model
    from moderation.models.multitask import MultiTaskBert
    from moderation.models.spec import SECTION

    torch.manual_seed(3)
    builtin = find_model("builtin")
    own: dict[str, Any] = {"vocab_size": builtin.shape.vocabulary, "type_vocab_size": builtin.shape.types}
    config, spec = BertConfig(**own, **sizes), builtin.spec.model_copy(update=WINDOW)
    network = MultiTaskBert(config, spec)
    with torch.no_grad():
        network.label_head.weight.normal_(std=config.hidden_size**-0.5)  # so that answers differ from text to text
        network.tag_head.bias[0] = 10.0  # hardly any token is an entity, as in texts; chance would tag nearly all
    save_file({key: weight.half() for key, weight in network.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config.to_dict() | {SECTION: spec.model_dump(mode="json")}))
    shutil.copy(builtin.folder / "tokenizer.json", folder)
    return find_model(str(folder))


def detoxify_loop(source: "ModelSource", device: str) -> Callable[[list[str]], dict[str, list[float]]]:
    """Detoxify's `predict` on list after list, as detoxify 0.5 does it, with our weights and without an entity head."""
    import torch

    from moderation.bench.lists import Logits, cutting_tokenizer
    from moderation.models.load import load_multitask

    model, tokenizer = Logits(load_multitask(source)).to(device).eval(), cutting_tokenizer(source)

    @torch.no_grad()
    def predict(texts: list[str]) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {label: [] for label in source.spec.labels}
        for start in range(0, len(texts), LIST):
            inputs = tokenizer(texts[start : start + LIST], return_tensors="pt", truncation=True, padding=True)
            inputs = inputs.to(device)
            scores = torch.sigmoid(model(inputs["input_ids"], inputs["attention_mask"])[0]).cpu()
            for column, values in enumerate(found.values()):
                values += scores[:, column].tolist()
        return found

    return predict


def pipeline_loop(source: "ModelSource", device: str) -> Callable[[list[str]], object]:
    """transformers' pipeline with our weights."""
    from transformers import TextClassificationPipeline

    from moderation.bench.lists import BertForSequenceClassification, cutting_tokenizer

    model, tokenizer = BertForSequenceClassification(source), cutting_tokenizer(source)
    settings = {"device": device, "top_k": None, "function_to_apply": "sigmoid"}
    pipeline = TextClassificationPipeline(model=model, tokenizer=tokenizer, **settings)
    return lambda texts: pipeline(texts, batch_size=LIST, truncation=True)


def compare(engine: "Engine", texts: list[str], expected: dict[str, list[float]]) -> float:
    """The largest difference of a probability, over the texts that fit one window; NaN where one is none."""
    import numpy as np

    scored = engine.score(texts)
    apart = np.abs(scored.scores - np.array(list(expected.values())).T)
    return float(apart[scored.windows == 1].max())


def models_alone(
    engine: "Engine", source: "ModelSource", texts: list[str], arguments: argparse.Namespace
) -> dict[str, Callable[[], None]]:
    """The backend alone, at each budget."""
    import torch

    from moderation.inference.chunk import Budget
    from moderation.inference.cuda_backend import CudaBackend
    from moderation.inference.work import Work
    from moderation.models.load import load_multitask

    backends: dict[str, Backend] = {"model": engine.members[0].backend}
    if arguments.compiled:
        compiled = CudaBackend(load_multitask(source), "bf16", arguments.device)
        compiled.network.layer = torch.compile(compiled.network.layer)  # type: ignore[method-assign]
        backends["compiled"] = compiled
    chunks, found = [chunk for (chunk,) in engine.chunks(Work(), texts, list(range(len(texts))))], {}
    for budget in arguments.budgets:
        batches = [batch for chunk in chunks for batch in chunk.batches(Budget(budget))]
        for name, backend in backends.items():
            found[f"{name}_{budget}"] = runner(backend, batches)
    return found


def runner(backend: "Backend", batches: "Iterable[Batch]") -> Callable[[], None]:
    """Runs the batches; ends the program where one fails, as that would make a fast model."""

    def run() -> None:
        for _, answer in backend.run(batches):
            if isinstance(answer, Exception):
                stop(f"{backend.name} fails: {answer}", 1)

    return run


def race(peers: Peers, rounds: int) -> dict[str, list[float]]:
    """Seconds of every peer in every round; peers take turns, so that a slow moment of the machine meets all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, (_, run) in peers.items():
            started = time.perf_counter()
            run()
            seconds[name].append(round(time.perf_counter() - started, 4))
    return seconds


def report(peers: Peers, seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Prints the table of one size and returns its figures; `model` is the backend at its best budget."""
    speeds = {name: round(tokens / median(seconds[name])) for name, (tokens, _) in peers.items()}
    print(f"{'peer':<20}{'tokens':>12}{'seconds':>10}{'tokens/s':>14}")
    for name, (tokens, _) in peers.items():
        print(f"{name:<20}{tokens:>12,}{median(seconds[name]):>10.3f}{speeds[name]:>14,}")
    speeds["model"] = max(speed for name, speed in speeds.items() if name.startswith("model_"))
    pairs = [(ours, theirs) for ours in ("engine", "model") for theirs in (f"detoxify_{LIST}", f"pipeline_{LIST}")]
    ratios = {f"{ours}_vs_{theirs}": round(speeds[ours] / speeds[theirs], 2) for ours, theirs in pairs}
    for name, ratio in ratios.items():
        print(f"{name:<28}{ratio:>8.2f} ×")
    return {"tokens_per_second": speeds, "ratios": ratios, "seconds": seconds}


if __name__ == "__main__":
    main()
