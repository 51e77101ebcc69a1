"""What a stranger sends is counted by its reason, is never fatal, takes no memory, and hides nobody."""

import itertools
import random
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.packets.opus import RATE
from services.calls.packets.rtp import Oddity
from services.calls.packets.side import Side
from tests.calls.searching import searched
from tests.calls.sender import Datagram, Sender, rtp, sender_report, taken
from tests.calls.stream import written
from tests.services.calls.packets.test_networks import told_apart

MEMORY_BYTES = 1_500_000
WAITING_BYTES = 256 * 1024


rubbish = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=100).map(lambda rest: b"\x80" + rest),
    st.binary(max_size=100).map(lambda rest: b"\x80\xc8" + rest),
    st.builds(
        rtp,
        st.binary(max_size=50),
        st.integers(0, 65_535),
        st.integers(0, 2**32 - 1),
        ssrc=st.sampled_from([0x5EED, 1, 2]),
        payload_type=st.sampled_from([0, 13, 96, 111]),
        padding=st.sampled_from([0, 1, 9]),
    ),
    st.builds(sender_report, st.floats(0, 1e6), st.integers(0, 2**32 - 1)),
)


@searched
@given(
    sent=st.lists(st.tuples(st.floats(0.0, 30.0), rubbish), max_size=120),
    payload_type=st.none() | st.integers(0, 127),
    in_order=st.booleans(),
)
def test_nothing_is_fatal(sent: list[tuple[float, bytes]], payload_type: int | None, in_order: bool) -> None:
    side, stream = Side(payload_type=payload_type), b""
    for arrived, data in sorted(sent) if in_order else sent:
        side.take(data, arrived)
        stream += side.pages(arrived)
    stream += side.close(40.0)
    if stream:
        assert sum(1 for _ in written(stream)) > 0
    assert side.counts.seconds <= 40.0 + 0.12 * len(sent)


@searched
@given(sent=st.lists(st.tuples(st.floats(0.0, 2.0), rubbish), min_size=20, max_size=60))
def test_a_side_is_whole_beside_rubbish_of_others(sent: list[tuple[float, bytes]]) -> None:
    packets = told_apart(31, 100)
    own = list(Sender(ssrc=7, payload_type=100).send(packets))
    others = [Datagram(0.001 + arrived, data) for arrived, data in sent]
    side = Side(payload_type=100)
    found = [each.packet for each in written(taken(sorted(own + others), side))]
    assert found == packets
    assert side.counts.packets == 100


def flood(kind: str, count: int) -> list[bytes]:
    chance, number = random.Random(4), itertools.count()
    make: dict[str, Callable[[], bytes]] = {
        "bytes": lambda: chance.randbytes(chance.randrange(0, 300)),
        "sources": lambda: rtp(b"\xf8" + bytes(40), 1, 1, ssrc=chance.getrandbits(32)),
        "places": lambda: rtp(b"\xf8" + bytes(40), chance.getrandbits(16), chance.getrandbits(32)),
        "steps": lambda: rtp(b"\xf8" + bytes(40), next(number) * 2999, next(number) * 100_000_000),
        "holes": lambda: rtp(b"\xfb\x06" + bytes(6 * 100), next(number) * 2, 0),
        "reports": lambda: sender_report(chance.random() * 1e6, chance.getrandbits(32)),
        "long": lambda: rtp(b"\xe3\x30" + bytes(48 * 1275), next(number), 0),
    }
    return [make[kind]() for _ in range(count)]


@pytest.mark.parametrize("kind", ["bytes", "sources", "places", "steps", "holes", "reports", "long"])
def test_a_flood_takes_no_memory_and_makes_no_more_than_came(kind: str) -> None:
    """Three seconds of it, between packets of a side that goes on."""
    data = flood(kind, 10_000)
    side, made = Side(), 0
    own = list(Sender(ssrc=7).send(told_apart(31, 250)))
    for arrived, packet in own[:100]:
        side.take(packet, arrived)
    tracemalloc.start()
    try:
        for index, packet in enumerate(data):
            now = 2.0 + index * 3.0 / len(data)
            side.take(packet, now)
            if index % 66 == 0:
                side.take(own[100 + index // 67].data, now)
            if index % 1000 == 999:
                made += len(side.pages(now))
        assert tracemalloc.get_traced_memory()[0] < MEMORY_BYTES
    finally:
        tracemalloc.stop()
    made += len(side.close(5.0))
    assert made <= sum(map(len, data)) + 250 * 100


def test_what_waits_takes_little_more_memory_than_it_has_bytes() -> None:
    """As while the store is away, of packets that are as short as may be and sound as long."""
    side, number = Side(), 0
    tracemalloc.start()
    try:
        while side.unsettled < WAITING_BYTES:
            side.take(rtp(b"\xfb\x06", number, number * 5760), number * 0.12)
            number += 1
        assert tracemalloc.get_traced_memory()[0] < 4 * WAITING_BYTES
    finally:
        tracemalloc.stop()
    side.leave(number * 0.12)
    assert side.counts.settled == number


@pytest.mark.parametrize(
    ("data", "oddity"),
    [
        (rtp(b"\x00" * 20, 5, 5, payload_type=13), Oddity.COMFORT_NOISE),
        (rtp(b"\x00" * 160, 5, 5, payload_type=0), Oddity.PAYLOAD_TYPE),
        (rtp(b"\x05\x8a\x03\x20", 5, 5, payload_type=101), Oddity.NOT_OPUS),
        (rtp(b"", 5, 5), Oddity.EMPTY),
        (rtp(b"\xfb\x00", 5, 5), Oddity.NOT_OPUS),
        (b"\x80\xc8\x00\x09", Oddity.RTCP),
        (b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12), Oddity.STUN),
    ],
)
def test_each_has_its_reason(data: bytes, oddity: Oddity) -> None:
    side = Side()
    side.take(data, 0.5)
    side.close(2.0)
    assert dict(side.counts.odd) == {oddity: 1}
    assert side.counts.packets == 0


def padded(size: int) -> bytes:
    """A packet of one empty frame that padding makes so long, or a little less."""
    count = (size - 3) // 255
    return bytes([0xFB, 0x41, *[255] * count, 0]) + bytes(254 * count)


@pytest.mark.parametrize("size", [61_300, 65_100, 65_495, 900_000])
def test_a_packet_longer_than_any_page_is_none(size: int) -> None:
    side, sender = Side(), Sender()
    own = [*sender.send([b"\xf8" + bytes(60)] * 100), Datagram(2.0, sender.packet(padded(size), 50_000 + 100 * 960))]
    stream = taken(own, side)
    assert side.counts.odd == {Oddity.NOT_OPUS: 1}
    assert len(written(stream)) == 100


@pytest.mark.parametrize("seed", range(8))
def test_what_is_encrypted_is_no_sound(seed: int) -> None:
    chance = random.Random(seed)
    side = Side()
    ciphered = Sender().send([bytes([0x78]) + bytes(60)] * 1500)
    stream = taken((Datagram(at, data[:12] + chance.randbytes(70)) for at, data in ciphered), side)
    assert stream == b""
    assert side.counts.odd[Oddity.ENCRYPTED] > 300
    assert side.counts.odd.total() == 1500
    assert side.counts.packets == 0


def test_a_keypad_and_comfort_noise_take_their_places_and_are_no_loss() -> None:
    """As they share the numbers of the side's packets."""
    packets = told_apart(31, 100)
    sent = list(Sender().send(packets))
    for number in (40, 41, 42):
        event = rtp(b"\x05\x8a\x03\x20", 1000 + number, 50_000 + 40 * 960, payload_type=101)
        sent[number] = sent[number]._replace(data=event)
    sent[70] = sent[70]._replace(data=rtp(b"\x40", 1070, 50_000 + 70 * 960, payload_type=13))
    side = Side()
    found = written(taken(sent, side))
    assert [each.at for each in found if each.packet == packets[43]] == [43 * 960]
    assert [each.at for each in found if each.packet == packets[71]] == [71 * 960]
    assert (side.counts.packets, side.counts.lost) == (96, 0)
    assert dict(side.counts.odd) == {Oddity.PAYLOAD_TYPE: 3, Oddity.COMFORT_NOISE: 1}


def test_the_first_opus_decides_on_the_payload_type() -> None:
    packets = told_apart(31, 50)
    events = [rtp(b"\x05\x8a\x03\x20", 7 + number, 88, ssrc=3, payload_type=101) for number in range(5)]
    side = Side()
    early = [Datagram(0.0, event) for event in events]
    found = written(taken(early + list(Sender(begins=1.0, payload_type=97).send(packets)), side))
    assert [each.packet for each in found if len(each.packet) > 2] == packets
    assert found[-1].at == RATE + 49 * 960


def test_only_the_payload_type_that_was_asked_for_is_taken() -> None:
    side = Side(payload_type=97)
    assert taken(Sender(payload_type=96).send(told_apart(31, 50)), side) == b""
    assert dict(side.counts.odd) == {Oddity.PAYLOAD_TYPE: 50}
