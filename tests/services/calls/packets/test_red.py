"""Redundant audio: what browsers send where a bridge lets them is heard like the Opus in it."""

from collections.abc import Iterator

import pytest

from services.calls.packets.rtp import Oddity
from services.calls.packets.side import Side
from tests.calls.sender import Datagram, Sender, rtp, taken
from tests.calls.stream import written
from tests.services.calls.packets.test_networks import told_apart

PACKETS = told_apart(15, 100)
RED = 63


def red(packets: list[bytes], older: int, *, kind: int = 111, as_type: int = RED) -> Iterator[Datagram]:
    """Each packet with so many of those before it."""
    for number, packet in enumerate(packets):
        before = packets[max(0, number - older) : number]
        heads = [(0x80 | kind) << 24 | 960 * (len(before) - place) << 10 | len(one) for place, one in enumerate(before)]
        payload = b"".join(head.to_bytes(4) for head in heads) + bytes([kind]) + b"".join(before) + packet
        yield Datagram(number / 50, rtp(payload, 1000 + number, 50_000 + 960 * number, payload_type=as_type))


@pytest.mark.parametrize("payload_type", [None, 111])
@pytest.mark.parametrize("older", [0, 1, 2])
def test_the_newest_sound_of_each_packet_is_heard(older: int, payload_type: int | None) -> None:
    plain = written(taken(Sender().send(PACKETS), Side(payload_type=payload_type)))
    side = Side(payload_type=payload_type)
    assert written(taken(red(PACKETS, older), side)) == plain
    assert (side.counts.packets, side.counts.lost, dict(side.counts.odd)) == (len(PACKETS), 0, {})


def test_by_another_type_it_is_heard_where_the_sides_is_told() -> None:
    side = Side(payload_type=111)
    taken(red(PACKETS, 1, as_type=121), side)
    assert side.counts.packets == len(PACKETS)


def test_it_may_begin_and_end_in_the_midst_of_plain_opus() -> None:
    side = Side()
    mixed = [*list(Sender().send(PACKETS))[:30], *list(red(PACKETS, 2))[30:60], *list(Sender().send(PACKETS))[60:]]
    found = [each.packet for each in written(taken(mixed, side)) if len(each.packet) > 2]
    assert found == PACKETS
    assert side.counts.lost == 0


def test_of_other_sounds_nothing_is_taken() -> None:
    side = Side(payload_type=111)
    taken(red(PACKETS, 1, kind=0), side)
    assert (side.counts.packets, side.counts.odd[Oddity.PAYLOAD_TYPE]) == (0, len(PACKETS))


@pytest.mark.parametrize("payload", [b"", b"\xef", b"\xef\x0f\x00", b"\xef\x0f\x00\xff\x6f", b"\x6f", b"\xef" * 90])
@pytest.mark.parametrize("payload_type", [None, 111])
def test_what_is_cut_off_is_none(payload: bytes, payload_type: int | None) -> None:
    side = Side(payload_type=payload_type)
    side.take(rtp(payload, 1, 1, payload_type=RED), 0.0)
    assert side.counts.odd.total() == 1
    assert side.close(1.0) == b""
