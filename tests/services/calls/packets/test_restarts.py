"""Sources that restart, fall silent, stall, or stop their clock: each sound is placed by when it came."""

import random
from typing import Any

import pytest

from services.calls.packets.opus import RATE, samples
from services.calls.packets.rtp import Oddity
from services.calls.packets.side import Side
from tests.calls.sender import Datagram, Network, Sender, rtp, sender_report, taken
from tests.calls.stream import Written, written
from tests.services.calls.packets.test_networks import told_apart

PACKETS = told_apart(31, 300)
FIRST, SECOND = PACKETS[:100], PACKETS[100:200]
NEAR = RATE // 100


def places(stream: bytes) -> dict[bytes, int]:
    return {each.packet: each.at for each in written(stream) if len(each.packet) > 2}


def assert_at(found: dict[bytes, int], packets: list[bytes], begins: float, near: int = NEAR) -> None:
    """Every one of them is there, one behind the other from there on."""
    for number, packet in enumerate(packets):
        assert abs(found[packet] - begins * RATE - 960 * number) <= near


@pytest.mark.parametrize("pause", [0.0, 0.3, 4.0, 200.0])
@pytest.mark.parametrize(
    "change",
    [
        {"ssrc": 9},
        {"ssrc": 9, "payload_type": 97},
        {"sequence": 40_000},
        {"sequence": 40_000, "timestamp": 9},
        {"sequence": 1000},
        {"sequence": 1000, "timestamp": 9},
        {"sequence": 1040, "timestamp": 50_000 + 100 * 960},
    ],
)
def test_a_source_that_restarted_is_placed_by_arrival(pause: float, change: dict[str, Any]) -> None:
    side = Side()
    again = Sender(begins=2.0 + pause, **change)
    found = places(taken([*Sender().send(FIRST), *again.send(SECOND)], side))
    assert_at(found, FIRST, 0.0)
    assert_at(found, SECOND, 2.0 + pause)
    assert side.counts.restarts == 1
    assert (side.counts.packets, side.counts.foreign, side.counts.late) == (200, 0, 0)


@pytest.mark.parametrize("after", [100, 150])
def test_what_is_sent_once_more_is_heard_once(after: int) -> None:
    """Two seconds of it in a moment, while the source goes on or has come to its end."""
    sent = list(Sender().send(PACKETS[:150]))
    again = [Datagram(after / 50, data) for _, data in sent[:100]]
    found = places(taken([*sent[:after], *again, *sent[after:]], side := Side()))
    assert_at(found, PACKETS[:150], 0.0)
    assert side.counts.seconds == pytest.approx(3.0, abs=0.02)
    assert (side.counts.packets, side.counts.doubled, side.counts.foreign) == (150, 100, 0)
    assert side.counts.restarts == 0


@pytest.mark.parametrize(("unheard", "late"), [(0, 0), (3, 3)])
def test_what_came_before_a_stall_and_again_behind_it_is_counted_as_that(unheard: int, late: int) -> None:
    """Some of it for the first time, as a bridge sends once more what it does not know to be there."""
    sent = list(Sender().send(PACKETS[:250]))
    kept = [*sent[: 90 - unheard], *sent[90:100]]
    held_up = [Datagram(max(at, 4.0), data) for at, data in sent[100:]]
    again = [Datagram(4.0, data) for _, data in sent[80:100]]
    taken([*kept, held_up[0], *again, *held_up[1:]], side := Side())
    assert (side.counts.packets, side.counts.settled) == (250 - unheard, 250 - unheard)
    assert (side.counts.doubled, side.counts.late, side.counts.lost) == (20 - late, late, late)


def test_an_old_packet_beside_the_sides_own_is_doubled() -> None:
    sent = list(Sender().send(PACKETS))
    strays = [Datagram(at + 1.5, data) for at, data in sent[::40]]
    found = places(taken(sorted([*sent, *strays]), side := Side()))
    assert_at(found, PACKETS, 0.0)
    assert (side.counts.packets, side.counts.doubled, side.counts.restarts) == (len(PACKETS), len(strays), 0)


def test_another_payload_type_is_followed_once_the_first_is_gone() -> None:
    """With numbers and timestamps that go on; what comes in the half second of doubt is counted."""
    side = Side()
    sender = Sender()
    first = list(sender.send(FIRST))
    again = Sender(begins=2.0, sequence=sender.sequence, timestamp=sender.timestamp + 96_000, payload_type=97)
    found = places(taken([*first, *again.send(SECOND)], side))
    assert_at(found, FIRST, 0.0)
    for number, packet in enumerate(SECOND[26:], 26):
        assert abs(found[packet] - 2.0 * RATE - 960 * number) <= NEAR
    assert 0 < side.counts.odd[Oddity.PAYLOAD_TYPE] <= 25
    assert side.counts.lost == 0


@pytest.mark.parametrize("timestamp", [0, 2**31, 2**32 - 48_000, 50_000 + 20 * RATE])
def test_timestamps_that_jump_alone_are_not_believed(timestamp: int) -> None:
    side = Side()
    again = Sender(begins=2.0, sequence=1100, timestamp=timestamp)
    found = places(taken([*Sender().send(FIRST), *again.send(SECOND)], side))
    assert_at(found, FIRST, 0.0)
    assert_at(found, SECOND, 2.0)
    assert side.counts.lost == 0


@pytest.mark.parametrize("pause", [0.4, 1.5, 8.0, 90.0])
def test_what_was_not_sent_is_filled(pause: float) -> None:
    """With numbers that go on and timestamps that tell the pause, as a sender with DTX has them."""
    side = Side()
    found = places(taken(Sender().send([*FIRST, *[b""] * round(pause * 50), *SECOND]), side))
    assert_at(found, FIRST, 0.0)
    assert_at(found, SECOND, 2.0 + pause)
    assert (side.counts.lost, side.counts.restarts) == (0, 0)
    assert side.counts.filled == pytest.approx(pause, abs=0.01)


@pytest.mark.parametrize("pause", [2.0, 60.0])
def test_a_clock_that_stands_still_while_nothing_is_sent_is_put_right(pause: float) -> None:
    side = Side()
    again = Sender(begins=2.0 + pause, sequence=1100, timestamp=50_000 + 100 * 960)
    found = places(taken([*Sender().send(FIRST), *again.send(SECOND)], side))
    assert_at(found, FIRST, 0.0)
    assert_at(found, SECOND, 2.0 + pause)


@pytest.mark.parametrize("stalled", [0.5, 3.0, 8.0])
def test_what_a_stall_held_up_is_where_it_was_spoken(stalled: float) -> None:
    side = Side()
    sent = list(Sender().send(PACKETS))
    until = 2.0 + stalled
    came = [Datagram(until if 2.0 <= at < until else at, data) for at, data in sent]
    found = places(taken(came, side))
    assert_at(found, PACKETS, 0.0)
    assert side.counts.late == 0


def test_what_comes_after_its_place_was_filled_is_counted() -> None:
    """After ten seconds of nothing a side goes on without its source."""
    side = Side()
    sent = list(Sender().send([*FIRST, *told_apart(30, 1600), *SECOND]))
    came = [*sent[:100], *(Datagram(max(at, 16.0), data) for at, data in sent[100:])]
    found = places(taken(came, side))
    assert_at(found, FIRST, 0.0)
    assert_at(found, SECOND, 18.0)
    assert side.counts.late > 0


def test_another_source_beside_the_sides_own_is_foreign() -> None:
    side = Side()
    both = sorted([*Sender().send(FIRST), *Sender(ssrc=9, begins=0.5).send(SECOND)])
    found = places(taken(both, side))
    assert_at(found, FIRST, 0.0)
    assert not set(found) & set(SECOND[:50])
    assert side.counts.foreign >= 50


@pytest.mark.parametrize("strangers", [{"ssrc": 9}, {"sequence": 30_000}])
def test_what_comes_twice_of_another_source_is_counted_as_often(strangers: dict[str, Any]) -> None:
    side = Side()
    others = list(Sender(begins=0.5, **strangers).send(SECOND))
    taken(sorted([*Sender().send(FIRST), *others[:40], *others[:40]]), side)
    assert (side.counts.packets, side.counts.doubled, side.counts.foreign) == (100, 0, 80)


def test_a_stray_packet_takes_no_side_over() -> None:
    """While the source pauses, a packet of another comes, alone."""
    side = Side()
    sent = [*Sender().send([*FIRST, *[b""] * 25, *SECOND]), Datagram(2.2, rtp(b"\xf8" + bytes(30), 5, 5, ssrc=9))]
    found = places(taken(sorted(sent), side))
    assert_at(found, SECOND, 2.5)
    assert (side.counts.restarts, side.counts.foreign) == (0, 1)


def test_the_step_that_gstreamer_begins_with_costs_no_packet() -> None:
    sent = list(Sender().send(FIRST))
    first = Datagram(0.0, rtp(FIRST[0], 1000, 50_000 + 312))
    found = places(taken([first, *sent[1:]], side := Side()))
    assert_at(found, FIRST, 0.0)
    assert side.counts.skipped == 0


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_timestamps_of_another_rate_lose_no_sound(rate: int) -> None:
    sent = [Datagram(number / 50, rtp(packet, number, number * rate // 50)) for number, packet in enumerate(PACKETS)]
    found = places(taken(sent, Side()))
    assert len(found) >= 0.97 * len(PACKETS)


@pytest.mark.parametrize("begins", [0.0, 5.0])
@pytest.mark.parametrize("rate", [8_000, 12_000, 16_000, 24_000, 44_100])
def test_sounds_are_at_their_time_at_another_rate_too(rate: int, begins: float) -> None:
    """Whatever is lost; with reports, and with numbers that wrap."""
    first, chance, sent = (1 << 32) - 40 * rate, random.Random(rate), []
    packets = [bytes([0x78, number >> 8, number & 0xFF]) + bytes(40) for number in range(50 * 90)]
    for number, packet in enumerate(packets):
        at, timestamp = begins + number / 50, first + number * rate // 50
        if number % 250 == 0:
            sent.append(Datagram(at, sender_report(at, timestamp)))
        if chance.random() > 0.05:
            sent.append(Datagram(at, rtp(packet, 65_000 + number, timestamp)))
    stream = taken(sent, side := Side())
    found = {each.packet: each.at / RATE for each in written(stream)}
    there = [number for number, packet in enumerate(packets) if packet in found]
    assert len(there) >= side.counts.packets - 4 >= 0.9 * len(packets)
    late = {number: abs(found[packets[number]] - begins - number / 50) for number in there}
    assert max(late.values()) <= 0.15  # until its rate is known
    assert max(late[number] for number in there if number >= 50) <= 0.05


def test_a_sender_that_is_faster_than_its_sound_loses_none() -> None:
    """As a file that is sent without waiting."""
    sent = [Datagram(at / 10, data) for at, data in Sender().send(PACKETS)]
    assert_at(places(taken(sent, side := Side())), PACKETS, 0.0)
    assert (side.counts.skipped, side.counts.lost) == (0, 0)


@pytest.mark.parametrize("cut", [20, 101, 150, 220])
def test_another_process_goes_on_where_one_was_killed(cut: int) -> None:
    """What was in no page yet is lost, a second at most; all else is at its time."""
    sent = Network(jitter=0.02, lost=2, seed=3).carry(Sender(begins=3.0).send(PACKETS))
    first, stored = Side(), b""
    for arrived, data in sent[:cut]:
        first.take(data, arrived)
        stored += first.pages(arrived)
    second = Side.resumed(stored)
    assert first.counts.seconds - second.counts.seconds <= 1.0
    stored += taken(sent[cut:], second)
    found = places(stored)
    known = {packet for packet in PACKETS if any(packet in each.data for each in sent)}
    assert len(known) - len(found) <= 55
    for number, packet in enumerate(PACKETS):
        if packet in found:
            assert abs(found[packet] - 3.0 * RATE - 960 * number) <= RATE // 50
    assert _is_gapless(written(stored))


def _is_gapless(stream: list[Written]) -> bool:
    at = 0
    for each in stream:
        if each.at != at:
            return False
        at += samples(each.packet)
    return True


def test_a_stream_that_has_its_end_takes_nothing_more() -> None:
    stream = taken(Sender().send(FIRST), Side())
    side = Side.resumed(stream)
    assert taken(Sender(begins=5.0).send(SECOND), side) == b""
    assert side.counts.seconds == 2.0


def test_nothing_stored_is_a_new_stream() -> None:
    assert places(taken(Sender().send(FIRST), Side.resumed(b""))) == places(taken(Sender().send(FIRST), Side()))


def test_a_closed_side_takes_nothing_more() -> None:
    side = Side()
    taken(Sender().send(FIRST), side)
    side.take(next(iter(Sender(begins=5.0).send(FIRST))).data, 5.0)
    assert (side.pages(9.0), side.close(9.0), side.counts.packets) == (b"", b"", 100)


def test_a_stream_that_begins_later_than_its_call_has_that_much_less() -> None:
    found = places(taken(Sender(begins=7.0).send(FIRST), Side(begun=5.0)))
    assert_at(found, FIRST, 2.0)


@pytest.mark.parametrize("begun", [0.0, 5.0])
def test_a_pause_is_in_the_stream_while_it_lasts(begun: float) -> None:
    """For who listens, with ten seconds for what a stall may hold up."""
    side = Side(begun=begun)
    for arrived, data in Sender(begins=begun).send(FIRST):
        side.take(data, arrived)
    assert side.pages(begun + 8.0)
    assert side.counts.seconds == 2.0
    assert side.pages(begun + 30.0)
    assert side.counts.seconds == 20.0


def test_who_listens_hears_what_was_said_last_before_a_pause() -> None:
    side, stream = Side(), b""
    for arrived, data in Sender().send(PACKETS[:120]):
        side.take(data, arrived)
    stream += side.pages(2.5)
    assert len(places(stream)) == 100
    assert len(places(stream + side.pages(3.5) + side.close(3.6))) == 120
