"""A step of the build: compiles the native encoder where there is a C++ compiler; without one OpenVINO runs the models.

pip runs it for `pip install`, an editable one too, and for `pip wheel`. A wheel with the libraries is for Linux on
x86-64.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILD = "moderation/inference/native/build.py"


class NativeBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the libraries into the source tree, and takes them into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds a wheel."""
        spec = importlib.util.spec_from_file_location("native_build", Path(self.root) / BUILD)
        assert spec and spec.loader
        build = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(build)
        try:
            libraries = build.compile_libraries()
        except build.NotCompiled as error:
            print(f"moderation: no native encoder, OpenVINO will run the models: {error}", file=sys.stderr)
            return
        build_data["artifacts"].extend(str(library.relative_to(self.root)) for library in libraries)
        build_data["pure_python"], build_data["tag"] = False, "py3-none-linux_x86_64"
