"""The installed package finds its data and keeps to the layers of the design."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.commands import ROOT

ENGINE = ("text", "models", "inference")


def imports(path: Path) -> set[str]:
    """The modules that a file imports, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("package", ENGINE)
def test_the_engine_knows_no_spark(package) -> None:
    for path in (ROOT / "moderation" / package).rglob("*.py"):
        roots = {name.split(".")[0] for name in imports(path)}
        assert not roots & {"pyspark", "pyarrow", "py4j", "great_expectations"}, path
        assert not [name for name in imports(path) if name.startswith(("moderation.spark", "moderation.runs"))], path


def test_only_its_own_package_and_the_gate_import_pyspark_at_module_level() -> None:
    code = (
        "import sys, moderation, moderation.cli, moderation.config, moderation.policy, moderation.runs.run,"
        " moderation.pipeline, moderation.quality.gate\n"
        "print(sorted({'pyspark', 'torch', 'great_expectations', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_wheel_carries_contracts_and_weights(tmp_path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(build, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "from moderation import resources; from moderation.contracts import contract;"
        "from moderation.policy import read_policy; from moderation.models.load import find_model;"
        "print(contract('labelled')['title']); print(read_policy('default', find_model('builtin').spec).policy_id);"
        "from moderation.evaluation.suite import read_suite; print(read_suite('builtin').folder);"
        "print(resources.schemas())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "site",
        env={"PATH": "", "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    folders = [str(tmp_path / "site/moderation" / name) for name in ("_functional", "_schemas")]
    assert done.stdout.splitlines()[-2:] == folders
