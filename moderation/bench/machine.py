"""What the figures were measured on, without which they mean nothing."""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    *("torch", "transformers", "tokenizers", "openvino", "nncf", "onnxruntime", "detoxify", "pyspark", "pyarrow"),
    "numpy",
)
FEATURES = ("avx512_bf16", "amx_bf16", "amx_int8", "avx512_vnni")


def describe() -> dict[str, Any]:
    """CPU, cores, the instructions that matter, torch's threads, the load as the run starts, and versions."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "features": {name: bool(capabilities.get(name)) for name in FEATURES},
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "versions": {"python": platform.python_version(), **{name: installed(name) for name in PACKAGES}},
    }


def cpu_name() -> str:
    """The processor's name as Linux knows it, else as Python does."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def installed(package: str) -> str:
    """A package's version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def lines(machine: dict[str, Any]) -> list[str]:
    """The description for people, and a warning where other work would distort the figures."""
    features = [name for name, there in machine["features"].items() if there]
    found = [
        f"machine   {machine['cpu']}, {machine['cores']} cores, {', '.join(features) or 'no bf16 instructions'}",
        f"threads   {machine['threads']} (torch)",
        f"versions  {', '.join(f'{name} {number}' for name, number in machine['versions'].items())}",
    ]
    if machine["load"] > 0.5:
        load = f"load {machine['load']}"
        found.append(f"WARNING   the machine is not idle ({load}): only the ratios mean anything, and little")
    return found
