from collections.abc import Iterator

import pytest

from tests.system import house


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[house.Stack]:
    """MongoDB, Valkey, worker, beat and API as real processes, with leases that a test can wait for."""
    folder = tmp_path_factory.mktemp("stack")
    with house.stack(folder, LEASE_SECONDS="4", OPENAI_TIMEOUT_SECONDS="3", SWEEP_SECONDS="1") as running:
        yield running
