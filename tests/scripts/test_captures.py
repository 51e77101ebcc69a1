"""Which flows of a capture are a call's sides."""

import pytest

from scripts.calls.captures import NoCall, sides_of
from services.calls.packets.captured import Captured, Flow
from tests.calls.sender import Sender
from tests.calls.stream import written

ONE, OTHER = Flow("10.0.0.1", 4000, "10.0.0.2", 5000), Flow("10.0.0.3", 4000, "10.0.0.2", 6000)

SAID = {
    flow: [bytes([0xF8, mark, number]) + bytes(60) for number in range(100)] for mark, flow in enumerate((ONE, OTHER))
}


def captured() -> list[Captured]:
    flows = [(OTHER, Sender(begins=2.0, ssrc=7)), (ONE, Sender(begins=1.0))]
    return sorted(Captured(each.arrived, flow, each.data) for flow, sender in flows for each in sender.send(SAID[flow]))


def test_the_first_to_begin_is_the_left_one_unless_it_is_named() -> None:
    found = sides_of(captured())
    assert (found.left, found.right) == (ONE, OTHER)
    assert sum(len(each.packet) > 2 for each in written(found.left_sound)) == 100
    assert sides_of(captured(), str(OTHER), str(ONE)).left == OTHER
    alone = sides_of(captured(), str(OTHER))
    assert (alone.left, alone.right, alone.right_sound) == (OTHER, None, b"")


def relayed(sent: list[Captured], lost: int) -> list[Captured]:
    """The same behind a proxy, on whose machine both are captured; not all of the first flow came to it."""
    beyond = {ONE: Flow("10.0.0.2", 6000, "10.0.0.3", 4000), OTHER: Flow("10.0.0.2", 5000, "10.0.0.1", 4000)}
    again = [each._replace(at=each.at + 0.001, flow=beyond[each.flow]) for each in sent]
    kept = [each for number, each in enumerate(sent) if each.flow == ONE or number % lost]
    return sorted(kept + again)


@pytest.mark.parametrize("lost", [10, 3])
def test_what_a_proxy_relays_is_no_side_of_its_own(lost: int) -> None:
    found = sides_of(relayed(captured(), lost))
    assert found.right is not None
    sides = [{each.packet for each in written(sound)} for sound in (found.left_sound, found.right_sound)]
    assert SAID[ONE][50] in sides[0] and SAID[OTHER][50] in sides[1]


def test_who_says_nothing_is_no_copy_of_another() -> None:
    silent = [bytes([0xF8, 0xFF, 0xFE])] * 100
    sent = [
        Captured(each.arrived, flow, each.data)
        for flow, sender in ((ONE, Sender(timestamp=7)), (OTHER, Sender(begins=1.0, timestamp=99)))
        for each in sender.send(silent)
    ]
    assert (sides_of(sorted(sent)).left, sides_of(sorted(sent)).right) == (ONE, OTHER)


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
