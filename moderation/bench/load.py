"""Which peers there are, and which of them this machine can have."""

from collections.abc import Callable
from functools import partial

from moderation.bench.peers import EnginePeer, Peer
from moderation.bench.progress import Progress
from moderation.errors import UsageError
from moderation.models.load import ModelSource

EXTRA = "install the extra: pip install 'moderation-batch[bench]'"
ONNX, OURS = ("fp32", "int8"), ("fp32", "bf16", "int8")
Makers = dict[str, Callable[[], Peer]]


def check_extra() -> None:
    """Raises `UsageError` where Detoxify is not installed: all is measured against it."""
    from importlib.util import find_spec

    if find_spec("detoxify") is None:
        raise UsageError(f"bench compares with Detoxify, which is not here; {EXTRA}")


def makers(source: ModelSource) -> Makers:
    """How each peer is made, slow ones first."""
    found: Makers = {}
    for kind, make in (("detoxify", detoxify), ("pipeline", pipeline)):
        found |= {f"{kind}_{size}": partial(make, source, size) for size in (32, 1)}
    found |= {f"onnxruntime_{precision}": partial(onnx, source, precision) for precision in ONNX}
    for backend, precisions in (("torch", ("bf16",)), ("openvino", ("bf16", "int8"))):
        for precision in precisions:
            name = f"engine_{backend}_{precision}"
            found[name] = partial(EnginePeer, source, precision, backend, name=name)
    found |= {f"engine_{precision}": partial(EnginePeer, source, precision) for precision in OURS}
    found["engine_bf16_labels"] = partial(EnginePeer, source, "bf16", entities=False, name="engine_bf16_labels")
    return found


def detoxify(source: ModelSource, size: int) -> Peer:
    """Detoxify, imported only now."""
    from moderation.bench.lists import DetoxifyPeer

    return DetoxifyPeer(source, size)


def pipeline(source: ModelSource, size: int) -> Peer:
    """transformers' pipeline, imported only now."""
    from moderation.bench.lists import PipelinePeer

    return PipelinePeer(source, size)


def onnx(source: ModelSource, precision: str) -> Peer:
    """onnxruntime, imported only now."""
    from moderation.bench.onnx import OnnxPeer

    return OnnxPeer(source, precision)


def load_peers(found: Makers, progress: Progress) -> tuple[list[Peer], dict[str, str]]:
    """The peers that can be had, and of the others the reason why not."""
    peers: list[Peer] = []
    missing: dict[str, str] = {}
    for name, make in found.items():
        with progress.step(f"loading {name}"):
            try:
                peers.append(make())
            except (UsageError, ImportError) as error:  # a processor without bf16, a package that is not installed
                missing[name] = " ".join(str(error).split())
    return peers, missing
