"""Which flows of a capture are a call's sides."""

import pytest

from scripts.calls.captures import NoCall, sides_of
from services.calls.packets.captured import Captured, Flow
from tests.calls.sender import Sender
from tests.calls.stream import written

ONE, OTHER = Flow("10.0.0.1", 4000, "10.0.0.2", 5000), Flow("10.0.0.3", 4000, "10.0.0.2", 6000)


def captured() -> list[Captured]:
    flows = [(OTHER, Sender(begins=2.0, ssrc=7)), (ONE, Sender(begins=1.0))]
    packets = [bytes([0xF8]) + bytes(60)] * 100
    return sorted(Captured(each.arrived, flow, each.data) for flow, sender in flows for each in sender.send(packets))


def test_the_first_to_begin_is_the_left_one_unless_it_is_named() -> None:
    found = sides_of(captured())
    assert (found.left, found.right) == (ONE, OTHER)
    assert sum(len(each.packet) > 2 for each in written(found.left_sound)) == 100
    assert sides_of(captured(), str(OTHER), str(ONE)).left == OTHER
    alone = sides_of(captured(), str(OTHER))
    assert (alone.left, alone.right, alone.right_sound) == (OTHER, None, b"")


def test_the_right_one_is_not_named_alone() -> None:
    with pytest.raises(NoCall, match="--left"):
        sides_of(captured(), None, str(ONE))


@pytest.mark.parametrize("later", [86_400.0, 20 * 365 * 86_400.0])
def test_a_clock_that_is_set_meanwhile_is_told_and_not_filled_with_silence(later: float) -> None:
    moved = [each._replace(at=each.at + later) if number > 80 else each for number, each in enumerate(captured())]
    with pytest.raises(NoCall, match="clock was set"):
        sides_of(moved)


def test_a_clock_that_is_set_back_loses_nothing() -> None:
    moved = [each._replace(at=each.at - 3600) if number > 80 else each for number, each in enumerate(captured())]
    found = sides_of(moved)
    assert sum(len(each.packet) > 2 for each in written(found.left_sound)) == 100
