"""A cluster that the tests share, the dump they give it, and what an undisturbed run on one machine makes of it."""

from collections.abc import Iterator

import pytest

from tests.cluster.standalone import HOSTS, Cluster, cluster_of


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two workers, each with two cores and two GPUs that are only addresses."""
    with cluster_of(tmp_path_factory.mktemp("cluster"), HOSTS) as found:
        yield found
