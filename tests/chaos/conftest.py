"""What every run of the chaos tests has in common."""

import json
import shutil
import time
from pathlib import Path

import pytest
from pyarrow import parquet

from moderation.sample import sample_table
from tests.chaos import state
from tests.chaos.campaign import CORES, Scene
from tests.chaos.victim import Victim, start

FILES, ROWS = 5, 2400  # two shards each
POLICIES = {
    "earlier": "thresholds: {offensive: 0.2, threat: 0.3}\n",
    "later": "thresholds: {offensive: 0.6}\nrules:\n"
    "  - {name: long_one, when: length(body) > 200, action: review, severity: medium}\n",
}
SPARK = {"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "2"}


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Scene:
    """A dump, and two runs of it that nobody disturbs: by an earlier policy, and by the one that all tests use."""
    folder = tmp_path_factory.mktemp("chaos")
    for name, policy in POLICIES.items():
        (folder / f"policy_{name}.yaml").write_text(policy)
        settings = {
            **{"models": str(tiny_model), "precision": "fp32", "policy": str(folder / f"policy_{name}.yaml")},
            "spark": {"master": f"local[{CORES},4]", "conf": SPARK},  # four attempts of a task
        }
        (folder / f"{name}.yaml").write_text(json.dumps(settings))  # JSON is YAML
    dump = write_dumps(folder / "dump")
    earlier, later = folder / "undisturbed_earlier", folder / "undisturbed_later"
    undisturbed(earlier, folder / "earlier.yaml", dump)
    seconds = undisturbed(later, folder / "later.yaml", dump)
    before, after = state.visible(earlier), state.visible(later)
    assert state.differences(before, after)  # or readers could not tell them apart
    shutil.rmtree(later / "runs")
    shards = len(state.stored_shards(later))
    return Scene(folder, dump, FILES * ROWS, folder / "later.yaml", earlier, before, after, shards, seconds)


def write_dumps(folder: Path) -> Path:
    """Made-up comments of four days and of none, broken ones among them, in several files."""
    folder.mkdir()
    table = sample_table(FILES * ROWS, seed=11).drop_columns(["kind"])
    for number in range(FILES):
        parquet.write_table(table.slice(number * ROWS, ROWS), folder / f"comments-{number}.parquet")
    return folder


def undisturbed(output: Path, config: Path, dump: Path) -> dict[str, float]:
    """A run to its end; returns how long its phases were."""
    victim: Victim = start(output, config, dump, output.with_suffix(".log"))
    victim.reaches("reading")
    starting = time.monotonic() - victim.started
    victim.reaches("ending")
    ended = time.monotonic()
    assert victim.end() == 0, victim.log.read_text(errors="replace")[-3000:]
    lines = {line["stage"]: line["seconds"] for line in victim.lines()}
    found = dict(zip(("reading", "scoring", "deciding", "validating", "publishing"), lines.values(), strict=True))
    seconds = {"starting": starting, **found, "ending": time.monotonic() - ended}
    print("undisturbed, seconds:", json.dumps({name: round(value, 2) for name, value in seconds.items()}), flush=True)
    return seconds
