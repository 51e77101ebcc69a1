"""What a marked side tells of itself, by way of the stream that is stored of it."""

import numpy as np
import pytest

from services.adapters.av_decoder.decode import decode
from services.calls.packets.side import Side
from services.interviews.model import CallSide
from tests.calls.marked import PLACE_SECONDS, heard_in, packets_of, words_of
from tests.calls.sender import Datagram, Network, Sender, taken
from tests.calls.sound import Samples

SECONDS = 12.0


def stored(datagrams: list[Datagram]) -> Samples:
    blocks: list[bytes] = []
    decode(taken(datagrams, Side()), 60.0, blocks.append, blocks.clear)
    return (np.frombuffer(b"".join(blocks), np.int16) / 32_768).astype(np.float32)


@pytest.mark.parametrize("side", CallSide)
def test_all_of_a_side_is_heard_once_and_in_order(side: CallSide) -> None:
    sent = list(Sender().send(packets_of(side, SECONDS)))
    assert heard_in(stored(sent)) == words_of(side, SECONDS)


def test_packets_lost_here_and_there_cost_no_word() -> None:
    network = Network(lost=3.0, jitter=0.05)
    sent = network.carry(Sender().send(packets_of(CallSide.LEFT, SECONDS)))
    assert heard_in(stored(sent)) == words_of(CallSide.LEFT, SECONDS)


def test_a_hole_costs_its_words_and_no_others() -> None:
    sent = [each for each in Sender().send(packets_of(CallSide.RIGHT, SECONDS)) if not 3.0 <= each.arrived < 4.0]
    heard, all_ = heard_in(stored(sent)), words_of(CallSide.RIGHT, SECONDS)
    missing = [word for word in all_ if word not in heard]
    first = round(3.0 / PLACE_SECONDS)
    assert heard == [word for word in all_ if word not in missing]
    assert set(all_[first + 1 : first + 4]) <= set(missing) <= set(all_[first : first + 4])
