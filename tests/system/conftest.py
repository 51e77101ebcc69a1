from collections.abc import Iterator

import pytest

from tests.calls.udp_ports import free_ports
from tests.system import live


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Stack]:
    """MongoDB, Valkey, worker, beat and API as real processes, with leases that a test can wait for."""
    folder = tmp_path_factory.mktemp("stack")
    no_rates = {"RATE_REQUESTS": "", "RATE_UPLOADS": "", "RATE_ADDRESS": ""}  # tests poll faster than people
    own = {"LEASE_SECONDS": "4", "OPENAI_TIMEOUT_SECONDS": "3", "SWEEP_SECONDS": "1", "WEBHOOKS_ALLOW_PRIVATE": "true"}
    own |= {"MAX_AUDIO_SECONDS": "1800"}  # hours that come as bombs need not be hours of bytes
    first, last = free_ports(40)
    own |= {"RTP_PORTS": f"{first}-{last}", "CALL_SILENCE_SECONDS": "6"}
    with live.stack(folder, **no_rates, **own) as running:
        yield running
