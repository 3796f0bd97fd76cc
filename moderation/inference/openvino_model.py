"""Networks as OpenVINO models, converted once and kept on disk under the digest of what they were made from."""

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.cache import cache_folder, turn
from moderation.models.load import ModelSource
from moderation.text.case import FACTOR, TYPES

if TYPE_CHECKING:
    from moderation.inference.openvino_graph import Graph, Traced

FORM = "5"  # of the graph that is made here; a change of it makes stored models stale
NAME = "model.xml"


class Unconvertible(RuntimeError):
    """OpenVINO makes no model of a network, or one that answers otherwise than torch."""


def runtime() -> Any:
    """The `openvino` package, kept from sending usage events as it is imported.

    It does so through the module `openvino_telemetry` and falls back to doing nothing where there is none.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def read_model(core: Any, source: ModelSource, quantised: bool = False, entities: bool = True) -> Any:
    """The converted model; a stored one that is broken, say by a full disk, is made anew.

    Where none can be stored, in a read-only home say, it is converted for this process alone.
    """
    try:
        file = stored_model(source, quantised, entities)
    except OSError as error:
        logging.getLogger(__name__).warning("no place for converted models (%s): converting for this process", error)
        return convert(source, quantised, entities)
    try:
        return core.read_model(file)
    except RuntimeError:  # OpenVINO has no narrower class for a file that is cut short
        store(source, file.parent, quantised, entities, renew=True)
        return core.read_model(file)


def stored_model(source: ModelSource, quantised: bool = False, entities: bool = True) -> Path:
    """The converted model's file, made on the first call for this model; safe against others who make it too."""
    folder = cache_folder() / "openvino" / key(source, quantised, entities)
    if not (folder / NAME).is_file():
        with turn(folder):
            if not (folder / NAME).is_file():
                store(source, folder, quantised, entities)
    return folder / NAME


def key(source: ModelSource, quantised: bool, entities: bool) -> str:
    """A folder name that says what a converted model was made from and with."""
    names = ["openvino", "transformers", *(["nncf"] if quantised else [])]
    tools = [f"{name}-{version(name)}" for name in names]
    parts = [source.network_id, "int8" if quantised else "float", *([] if entities else ["labels"]), *tools, FORM]
    return "-".join(parts)


def store(source: ModelSource, folder: Path, quantised: bool, entities: bool, renew: bool = False) -> None:
    """Writes the converted model beside `folder` and moves it there whole; who comes second uses the first's.

    A folder that is to be renewed or is not whole gets its files replaced one by one: it is never gone for others.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        runtime().save_model(convert(source, quantised, entities), made / NAME, compress_to_fp16=False)
        try:
            made.rename(folder)
        except OSError:
            if renew or not (folder / NAME).is_file():
                for file in sorted(made.iterdir()):  # the weights before what reads them
                    file.replace(folder / file.name)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def convert(source: ModelSource, quantised: bool = False, entities: bool = True) -> Any:
    """The network as an OpenVINO model of dynamic shape, in fp32 or with int8 products; raises `Unconvertible`."""
    import warnings

    from moderation.inference.openvino_graph import example

    graph = graph_of(source, quantised, entities)
    with warnings.catch_warnings(), root_logger_kept():
        warnings.simplefilter("ignore")  # torch's tracer warns of every shape that it reads
        try:
            model = runtime().convert_model(graph, example_input=example())
        except Exception as error:  # the tracer raises whatever the network does on its way
            raise Unconvertible(
                f"OpenVINO converts no {source.architecture} ({' '.join(str(error).split())})"
            ) from error
    check(model, graph, source)
    if quantised:
        from moderation.inference.openvino_int8 import quantise

        model = quantise(model, graph, source)
    return model


@contextmanager
def root_logger_kept() -> Iterator[None]:
    """The process's root logger as it was: OpenVINO mutes it, and lets it speak again only where nothing went wrong."""
    root = logging.getLogger()
    level, filters, handlers = root.level, list(root.filters), list(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        root.filters[:], root.handlers[:] = filters, handlers


def graph_of(source: ModelSource, quantised: bool, entities: bool) -> "Graph | Traced":
    """What is to be converted."""
    from moderation.inference.openvino_graph import Graph, Traced
    from moderation.models.multitask import MultiTaskBert
    from moderation.models.networks import load_network

    network = load_network(source)
    if isinstance(network, MultiTaskBert):
        return Graph(network, entities, exact=not quantised).eval()
    return Traced(network, bool(source.spec.outputs), entities).eval()


def check(model: Any, graph: "Graph | Traced", source: ModelSource) -> None:
    """Has the converted model answer as torch does, in fp32, before anybody trusts it; raises `Unconvertible`.

    A converter's or a compiler's mistake is silent: OpenVINO 2026.4 has added the wrong bias to batches of many rows.
    """
    import torch

    lengths = np.array([13, 9, 13, 2, 5, 11, 3, 7, 12])
    random, size = np.random.default_rng(0), (len(lengths), int(lengths.max()))
    ids = random.integers(0, source.shape.vocabulary, size)
    if source.spec.case:
        ids += FACTOR * random.integers(0, TYPES, size)
    compiled = runtime().Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled([ids, lengths])
    with torch.inference_mode():
        expected = graph(torch.from_numpy(ids), torch.from_numpy(lengths))
    inside = np.arange(ids.shape[1]) < lengths[:, None]
    for number, output in enumerate(expected):
        mine, theirs = found[number], output.numpy()
        if theirs.ndim == 3:
            mine, theirs = mine[inside], theirs[inside]  # what a model says of padding is nobody's business
        if not np.allclose(mine, theirs, rtol=1e-3, atol=1e-3, equal_nan=True):
            raise Unconvertible(f"OpenVINO answers otherwise than torch (by {np.abs(mine - theirs).max():.3g})")
