"""A cluster that the tests share, the dump they give it, and what an undisturbed run makes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.jobs import arguments, make_dump, submitted
from tests.cluster.standalone import HOSTS, Cluster, cluster_of


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two workers, each with eight cores and two GPUs that are only numbers."""
    with cluster_of(tmp_path_factory.mktemp("cluster"), HOSTS) as found:
        yield found


@pytest.fixture(scope="session")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of sixteen shards."""
    return make_dump(tmp_path_factory.mktemp("dump") / "comments.parquet")


@pytest.fixture(scope="session")
def undisturbed(cluster: Cluster, dump: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run in which nothing died."""
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    done = submitted(cluster, arguments(dump, output, tiny_model))
    assert done.returncode == 0, done.stderr[-3000:]
    return output
