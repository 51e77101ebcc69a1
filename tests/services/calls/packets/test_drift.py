"""Both sides of a call stay in step: by the fastest packets, and by the senders' own clocks where they tell them."""

import itertools

import pytest

from services.calls.packets.opus import RATE, samples
from services.calls.packets.side import Side
from tests.at_length import long_but
from tests.calls.sender import Datagram, Network, Sender, taken
from tests.calls.stream import written
from tests.services.calls.packets.test_networks import told_apart

MINUTES = 3
NEAR, USUALLY = 0.020, 0.008
KINDS = {"SILK": (9, 1), "hybrid": (15, 1), "CELT": (31, 1), "CELT of 5 ms": (29, 1), "SILK of 60 ms": (9, 3)}


def displacements(side: Side, packets: list[bytes], came: list[Datagram], sender: Sender, delay: float) -> list[float]:
    """By how many seconds each packet is written later than it was spoken and on its way at least."""
    at_of = {each.packet: each.at for each in written(taken(came, side, every=1.0))}
    found, sounded = [], 0
    for packet in packets:
        spoken = sender.begins + sounded / RATE / (1 + sender.fast_ppm / 1e6)
        if packet in at_of:
            found.append(at_of[packet] / RATE - spoken - delay)
        sounded += samples(packet)
    return found


def assert_near(found: list[float], *, most: float = NEAR) -> None:
    distances = sorted(map(abs, found))
    assert distances[-1] <= most
    assert distances[len(distances) // 2] <= USUALLY


@pytest.mark.parametrize(
    ("fast", "lost"), long_but((-200, 3), (100, 0), of=itertools.product([-200, -100, 0, 100, 200], [0, 3]))
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_clock_that_runs_fast_or_slow_is_followed(fast: int, lost: int, kind: str) -> None:
    config, frames = KINDS[kind]
    packets = told_apart(config, MINUTES * 60 * RATE // samples(told_apart(config, 1, frames)[0]), frames)
    sender = Sender(fast_ppm=fast)
    network = Network(delay=0.02, jitter=0.04, lost=lost, reordered=2, doubled=1)
    came = network.carry(sender.send(packets))
    side = Side()
    assert_near(displacements(side, packets, came, sender, 0.02))
    assert side.counts.skipped <= 3 * MINUTES


@pytest.mark.parametrize("reports", [None, 5.0])
def test_a_network_that_is_slow_for_a_while_is_no_clock(reports: float | None) -> None:
    """A third of a second for twenty seconds, in which a sender's clock is believed rather than the arrivals."""
    packets = told_apart(31, 120 * 50)
    sender = Sender(fast_ppm=50)
    came = [
        Datagram(at + (0.3 if 60.0 <= at < 80.0 else 0.0), data)
        for at, data in Network(jitter=0.01).carry(sender.send(packets, reports_every=reports))
    ]
    side = Side()
    found = displacements(side, packets, sorted(came), sender, 0.0)
    assert_near(found, most=0.035 if reports is None else NEAR)
    assert side.counts.reports == (0 if reports is None else 23)


@pytest.mark.parametrize("step", [-3600.0, 0.5, 86_400.0])
def test_a_senders_clock_that_is_set_moves_no_sound(step: float) -> None:
    packets = told_apart(31, 120 * 50)
    sender = Sender()
    early = [each for each in sender.send(packets, reports_every=5.0) if each.arrived < 60.0]
    later = Sender(timestamp=sender.timestamp, ssrc=sender.ssrc)
    shifted = [
        Datagram(at, data if data[1] != 200 else _set_by(data, step))
        for at, data in later.send(packets, reports_every=5.0)
        if at >= 60.0
    ]
    found = displacements(Side(), packets, early + shifted, sender, 0.0)
    assert_near(found)


def _set_by(report: bytes, step: float) -> bytes:
    ntp = int.from_bytes(report[8:16]) + int(step * (1 << 32))
    return report[:8] + ntp.to_bytes(8) + report[16:]


def test_jitter_is_told_as_the_standard_has_it() -> None:
    side = Side()
    taken(Network(jitter=0.04).carry(Sender().send(told_apart(31, 500))), side)
    assert 0.005 < side.counts.jitter < 0.03
