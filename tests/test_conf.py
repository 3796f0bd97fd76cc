"""The ready settings in `conf/`: ours are accepted, Spark's fit together. tests/cluster runs the job with them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from moderation.config import load_config
from tests.commands import ROOT

CONF = ROOT / "conf"


def spark_settings(name: str) -> dict[str, str]:
    """A file's settings, as spark-submit reads them."""
    lines = (CONF / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    assert len({name for name, _ in pairs}) == len(pairs)
    return {name: value.strip() for name, value in pairs}


def test_our_settings_for_a_cluster_are_accepted_and_leave_spark_to_spark_submit() -> None:
    config = load_config(CONF / "moderation-cluster.yaml")
    assert config.device == "cuda"
    assert config.spark.conf == {}
    assert all(path.is_absolute() for path in (*config.input, config.output))


@pytest.mark.parametrize("name", ["spark-gpu.conf", "spark-cpu.conf"])
def test_every_setting_has_a_reason_and_none_is_the_masters(name) -> None:
    settings = spark_settings(name)
    assert not {"spark.master", "spark.submit.deployMode"} & set(settings)
    assert settings["spark.speculation"] == "false"
    text = (CONF / name).read_text(encoding="utf-8")
    assert text.count("\n#") > 5


def test_cores_and_gpus_of_an_executor_are_for_the_same_number_of_tasks() -> None:
    found = spark_settings("spark-gpu.conf")
    by_cores = int(found["spark.executor.cores"]) / int(found["spark.task.cpus"])
    by_gpus = int(found["spark.executor.resource.gpu.amount"]) / float(found["spark.task.resource.gpu.amount"])
    assert by_cores == by_gpus == 2


@pytest.mark.parametrize(("numbers", "addresses"), [("0", ["0"]), ("0\n1\n10", ["0", "1", "10"])])
def test_the_discovery_script_tells_spark_what_nvidia_smi_lists(numbers, addresses, tmp_path: Path) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\n[ \"$*\" = '--query-gpu=index --format=csv,noheader' ] && printf '{numbers}\\n'\n")
    command.chmod(0o755)
    done = discovered(f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"name": "gpu", "addresses": addresses}


def test_the_discovery_script_fails_where_there_is_no_driver() -> None:
    done = discovered("/nonexistent")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "nvidia-smi does not answer" in done.stderr


def discovered(path: str) -> "subprocess.CompletedProcess[str]":
    """What the discovery script does with this PATH."""
    return subprocess.run(
        ["/bin/sh", str(CONF / "gpus.sh")], env={"PATH": path}, capture_output=True, text=True, timeout=20, check=False
    )
