"""Redundant audio: what browsers send where a bridge lets them is heard like the Opus in it."""

from collections.abc import Iterator

import pytest

from services.calls.packets.red import MOST_OLDER, unwrapped
from services.calls.packets.rtp import Oddity, parse
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


@pytest.mark.parametrize("buffer_seconds", [0.0, 0.2])
@pytest.mark.parametrize(("older", "lost"), [(1, {10, 40, 42, 98}), (2, {10, 11, 50, 51}), (3, {20, 21, 22, 60})])
def test_what_got_lost_is_heard_of_the_packets_behind_it(older: int, lost: set[int], buffer_seconds: float) -> None:
    whole = written(taken(red(PACKETS, older), Side(buffer_seconds=buffer_seconds)))
    side = Side(buffer_seconds=buffer_seconds)
    came = [each for number, each in enumerate(red(PACKETS, older)) if number not in lost]
    assert written(taken(came, side)) == whole
    assert (side.counts.packets, side.counts.recovered, side.counts.lost) == (len(PACKETS), len(lost), 0)
    assert side.counts.settled == side.counts.packets


def test_what_nobody_repeats_stays_lost_and_each_is_counted_once() -> None:
    side = Side()
    lost = {30, 31, 32, 33, 70, 71, 99}
    heard = written(taken([each for number, each in enumerate(red(PACKETS, 2)) if number not in lost], side))
    assert [each.packet for each in heard if len(each.packet) > 2] == [
        packet for number, packet in enumerate(PACKETS) if number not in (30, 31, 99)
    ]
    assert (side.counts.packets, side.counts.recovered, side.counts.lost) == (97, 4, 2)


@pytest.mark.parametrize(("delay", "recovered", "doubled"), [(0.06, 0, 0), (0.6, 1, 1)])
def test_what_comes_after_all_is_heard_once(delay: float, recovered: int, doubled: int) -> None:
    datagrams = list(red(PACKETS, 1))
    datagrams[50] = datagrams[50]._replace(arrived=1.0 + delay)
    side = Side()
    found = [each.packet for each in written(taken(sorted(datagrams), side)) if len(each.packet) > 2]
    assert found == PACKETS
    counts = side.counts
    assert (counts.packets, counts.recovered, counts.doubled, counts.lost) == (len(PACKETS), recovered, doubled, 0)


def test_what_is_repeated_of_another_time_than_its_place_has_is_not_heard_twice() -> None:
    """A sender that repeats not the packet before, but the one before that."""
    datagrams = list[Datagram]()
    for number, packet in enumerate(PACKETS):
        before = PACKETS[number - 2] if number > 1 else b""
        head = (0x80 | 111) << 24 | 1920 << 10 | len(before)
        payload = head.to_bytes(4) + bytes([111]) + before + packet
        datagrams.append(Datagram(number / 50, rtp(payload, 1000 + number, 960 * number, payload_type=RED)))
    del datagrams[60]
    side = Side()
    found = [each.packet for each in written(taken(datagrams, side)) if len(each.packet) > 2]
    assert found == PACKETS[:60] + PACKETS[61:]
    assert (side.counts.recovered, side.counts.lost) == (0, 1)


def test_numbers_and_timestamps_may_begin_anew_while_something_is_recovered() -> None:
    side, lost = Side(), {20, 41}
    sent = [
        Datagram(each.arrived, rtp(each.data[12:], 65_510 + number, 2**32 - 30_000 + 960 * number, payload_type=RED))
        for number, each in enumerate(red(PACKETS, 1))
        if number not in lost
    ]
    found = [each.packet for each in written(taken(sent, side)) if len(each.packet) > 2]
    assert found == PACKETS
    assert (side.counts.recovered, side.counts.lost) == (2, 0)


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


@pytest.mark.parametrize(("older", "is_heard"), [(MOST_OLDER, True), (MOST_OLDER + 1, False)])
def test_what_repeats_more_than_any_sender_does_is_not_taken_apart(older: int, is_heard: bool) -> None:
    one = PACKETS[0]
    heads = b"".join(((0x80 | 111) << 24 | 120 * before << 10 | len(one)).to_bytes(4) for before in range(older, 0, -1))
    packet = unwrapped(parse(rtp(heads + bytes([111]) + one * (older + 1), 1, 1, payload_type=RED)), 111)
    assert (packet.payload_type, len(packet.older)) == ((111, older) if is_heard else (RED, 0))


@pytest.mark.parametrize("payload", [b"", b"\xef", b"\xef\x0f\x00", b"\xef\x0f\x00\xff\x6f", b"\x6f", b"\xef" * 90])
@pytest.mark.parametrize("payload_type", [None, 111])
def test_what_is_cut_off_is_none(payload: bytes, payload_type: int | None) -> None:
    side = Side(payload_type=payload_type)
    side.take(rtp(payload, 1, 1, payload_type=RED), 0.0)
    assert side.counts.odd.total() == 1
    assert side.close(1.0) == b""
