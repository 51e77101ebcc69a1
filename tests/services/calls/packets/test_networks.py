"""Whatever a network does within the jitter buffer, every packet that came is in the stream once, at its time."""

from hypothesis import given
from hypothesis import strategies as st

from services.calls.packets import opus
from services.calls.packets.opus import RATE, samples
from services.calls.packets.side import Side
from tests.calls.searching import searched
from tests.calls.sender import Datagram, Network, Sender, taken
from tests.calls.stream import written

FRAMES = {2.5: 28, 5: 29, 10: 30, 20: 31, 40: 10, 60: 11}
TOLERANCE = RATE // 50


def told_apart(config: int, count: int, frames: int = 1) -> list[bytes]:
    """Packets of one kind, each with a number of its own in it."""
    head = bytes([config << 3]) if frames == 1 else bytes([config << 3 | 3, frames])
    body = [number.to_bytes(3, "big") * 7 * frames for number in range(count)]
    return [head + each for each in body]


@st.composite
def senders(draw: st.DrawFn) -> Sender:
    return Sender(
        begins=draw(st.floats(0.0, 5.0)),
        sequence=draw(st.sampled_from([0, 1, 30_000, 65_400, 65_535])),
        timestamp=draw(st.sampled_from([0, 1, 2**31 - 9_600, 2**32 - 48_000, 2**32 - 1])),
        ssrc=draw(st.integers(0, 2**32 - 1)),
        payload_type=draw(st.integers(96, 127)),
    )


networks = st.builds(
    Network,
    seed=st.integers(0, 1000),
    delay=st.floats(0.0, 0.3),
    jitter=st.sampled_from([0.0, 0.005, 0.04, 0.08]),
    lost=st.sampled_from([0.0, 1.0, 5.0, 20.0]),
    doubled=st.sampled_from([0.0, 3.0, 30.0]),
    reordered=st.sampled_from([0.0, 5.0, 30.0]),
)


@searched
@given(
    sender=senders(), network=networks, config=st.sampled_from(list(FRAMES.values())), frames=st.sampled_from([1, 2])
)
def test_every_packet_that_came_is_there_once_at_its_time(
    sender: Sender, network: Network, config: int, frames: int
) -> None:
    packets = told_apart(config, 150, frames)
    length = samples(packets[0])
    sent = list(sender.send(packets))
    came = network.carry(sent)
    distinct = {each.data for each in came}
    numbers = [number for number, each in enumerate(sent) if each.data in distinct]
    side = Side()
    stream = taken(came, side, every=0.1)
    at_of = {each.packet: each.at for each in written(stream)}
    expected = [packets[number] for number in numbers]
    found = [each.packet for each in written(stream) if len(each.packet) > 2]
    assert len(found) == len(expected) - side.counts.skipped
    assert found == [packet for packet in expected if packet in at_of]
    slack = TOLERANCE + network.jitter * RATE + (RATE // 20 if network.reordered else 0)
    for number in numbers:
        if (at := at_of.get(packets[number])) is not None:
            assert abs(at - (sender.begins + network.delay) * RATE - number * length) <= slack
    counts = side.counts
    assert counts.packets == len(distinct) - counts.skipped
    assert counts.lost == numbers[-1] - numbers[0] + 1 - len(numbers)
    assert counts.doubled == len(came) - len(distinct)
    assert (counts.late, counts.foreign, counts.restarts, dict(counts.odd)) == (0, 0, 0, {})
    assert counts.last_sequence == (sender.sequence - len(sent) + numbers[-1]) % 65_536
    assert counts.seconds == sum(samples(each.packet) for each in written(stream)) / RATE


@searched
@given(
    lengths=st.lists(st.sampled_from([*FRAMES.values(), -2, -4, -6]), min_size=5, max_size=120),
    lost=st.sampled_from([0.0, 10.0]),
    seed=st.integers(0, 50),
)
def test_frames_of_every_length_follow_each_other(lengths: list[int], lost: float, seed: int) -> None:
    """A negative one is that many frames of 20 ms in one packet."""
    packets = [
        bytes([31 << 3 | 3, -length]) + bytes([number]) * (-length * 5)
        if length < 0
        else bytes([length << 3]) + number.to_bytes(2, "big") * 9
        for number, length in enumerate(lengths)
    ]
    starts, at = {}, 0
    for packet in packets:
        starts[packet] = at
        at += samples(packet)
    sent = list(Sender().send(packets))
    came = [*sent[:3], *Network(lost=lost, seed=seed).carry(sent[3:])]
    side = Side()
    for each in written(taken(came, side)):
        if each.packet in starts:
            assert abs(each.at - starts[each.packet]) <= opus.SILK_UNIT
    assert side.counts.packets == len(came)


@searched
@given(lost=st.sets(st.integers(2, 90), max_size=80), wait=st.sampled_from([0.06, 0.2, 0.5]))
def test_no_loss_is_waited_for_longer_than_is_said(lost: set[int], wait: float) -> None:
    sent = list(Sender().send(told_apart(31, 100)))
    side = Side(buffer_seconds=wait)
    for number, (arrived, data) in enumerate(sent):
        if number not in lost:
            side.take(data, arrived)
    side.pages(sent[-1].arrived + wait)
    assert side.counts.lost == len(lost)
    assert side.counts.seconds == 2.0


def test_a_packet_within_the_buffer_takes_its_place_and_a_later_one_is_counted() -> None:
    packets = told_apart(31, 100)
    sent = list(Sender().send(packets))
    moved = {30: 0.15, 60: 0.5}
    came = sorted(Datagram(each.arrived + moved.get(number, 0.0), each.data) for number, each in enumerate(sent))
    side = Side()
    found = {each.packet: each.at for each in written(taken(came, side))}
    assert found[packets[30]] == 30 * 960
    assert packets[60] not in found
    assert found[packets[61]] == 61 * 960
    assert (side.counts.late, side.counts.lost, side.counts.doubled) == (1, 1, 0)
