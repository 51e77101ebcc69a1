"""A side's stream has every sound at its time, whatever the network does to it."""

import numpy as np
import pytest

from services.calls.packets.opus import RATE
from services.calls.packets.side import Side
from tests.calls.sender import Network, Sender, taken
from tests.calls.sound import coded, decoded, displacement, murmur

SECONDS = 8
SOUND = murmur(SECONDS)


@pytest.fixture(scope="module")
def packets() -> list[bytes]:
    return coded(SOUND)


@pytest.mark.parametrize("begins", [0.0, 0.003, 7.0])
def test_a_sound_is_where_its_packets_came(packets: list[bytes], begins: float) -> None:
    side = Side()
    heard = decoded(taken(Sender(begins=begins).send(packets), side))
    truth = np.concatenate([np.zeros(int(begins * RATE), np.float32), SOUND])
    for at in (1.0, 3.0, 5.0):
        assert abs(displacement(heard, truth, begins + at)) <= 0.0015
    assert side.counts.packets == len(packets)
    assert side.counts.seconds == pytest.approx(begins + SECONDS, abs=0.0015)


@pytest.mark.parametrize("lost", [1, 3, 10, 30])
def test_what_is_lost_is_filled(packets: list[bytes], lost: int) -> None:
    side = Side()
    sent = list(Sender().send(packets))
    came = [sent[0], *Network(lost=lost).carry(sent[1:-1]), sent[-1]]
    heard = decoded(taken(came, side))
    assert len(heard) == pytest.approx(SECONDS * RATE, abs=RATE // 100)
    assert all(abs(displacement(heard, SOUND, at)) <= 0.001 for at in (1.0, 3.0, 5.0))
    assert side.counts.lost == len(sent) - len(came)
    assert side.counts.filled == pytest.approx(0.02 * side.counts.lost)


def test_without_any_packet_there_is_no_stream() -> None:
    side = Side()
    assert side.pages(10.0) == b""
    assert side.close(20.0) == b""
