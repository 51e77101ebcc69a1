"""Whatever happens in a call, a side's stream is whole, and each sound in it is where its packet came."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.calls.packets.ogg import MOST_PAGE_BYTES
from services.calls.packets.opus import RATE, samples
from services.calls.packets.side import IDLE_SECONDS, Side
from tests.calls.searching import searched
from tests.calls.sender import rtp
from tests.calls.stream import written

NEAR = 0.012
# A page, and what is waited for or looked at.
MOST_LOST_SECONDS = 1.0 + 0.2 + 0.5


@dataclass
class Life:
    """A sender, its network without delays, and the processes that take it in, one behind the other."""

    config: int
    now: float = 0.0
    sequence: int = 65_500
    timestamp: int = 2**32 - 50_000
    ssrc: int = 1
    side: Side = field(default_factory=Side)
    stored: bytes = b""
    came: dict[bytes, float] = field(default_factory=dict)

    def packet(self) -> bytes:
        return bytes([self.config << 3]) + len(self.came).to_bytes(3, "big") * 6

    def speak(self, count: int, lost: int = 0) -> None:
        """So many packets, of which one of each so many is lost."""
        for number in range(count):
            packet = self.packet()
            if not lost or number % lost or number < 4:
                self.side.take(rtp(packet, self.sequence, self.timestamp, ssrc=self.ssrc), self.now)
                self.came[packet] = self.now
            self.sequence += 1
            self.pause(samples(packet) / RATE)

    def pause(self, seconds: float) -> None:
        self.timestamp += round(seconds * RATE)
        self.now += seconds

    def restart(self, what: str) -> None:
        match what:
            case "source":
                self.ssrc += 1
            case "numbers":
                self.sequence += 30_000
            case "timestamps":
                self.timestamp += 1_000_000_000

    def ask(self) -> None:
        self.stored += self.side.pages(self.now)

    def die(self) -> None:
        """What is in no page is lost."""
        self.stored += self.side.pages(self.now)
        self.side = Side.resumed(self.stored[-MOST_PAGE_BYTES:])

    def end(self) -> bytes:
        return self.stored + self.side.close(self.now)


events = st.lists(
    st.one_of(
        st.tuples(st.just("speak"), st.integers(20, 120), st.sampled_from([0, 3, 10])),
        st.tuples(st.just("pause"), st.sampled_from([0.06, 0.4, 0.9, 1.1, 5.0, 30.0])),
        st.tuples(st.just("restart"), st.sampled_from(["source", "numbers", "timestamps"])),
        st.tuples(st.just("ask")),
        st.tuples(st.just("die")),
    ),
    max_size=14,
)


@searched
@given(events=events, config=st.sampled_from([1, 9, 13, 15, 30, 31]))
def test_each_sound_is_where_it_came(events: list[tuple[Any, ...]], config: int) -> None:
    life = Life(config)
    for name, *how in events:
        getattr(life, name)(*how)
    ended = life.end()
    stream = written(ended) if ended else []
    at = 0
    for each in stream:
        assert each.at == at
        at += samples(each.packet)
        if each.packet in life.came:
            assert abs(each.at / RATE - life.came[each.packet]) <= NEAR
    sounds = [each.packet for each in stream if each.packet in life.came]
    assert sounds == sorted(set(sounds), key=lambda packet: life.came[packet])
    assert at / RATE <= life.now + NEAR
    died = sum(name == "die" for name, *_ in events)
    unwritten = died * MOST_LOST_SECONDS * RATE / samples(life.packet())
    assert len(life.came) - len(sounds) <= life.side.counts.skipped + unwritten


def test_a_pause_is_not_written_before_it_may_be_a_stall() -> None:
    life = Life(31)
    life.speak(100)
    life.pause(IDLE_SECONDS)
    life.ask()
    assert life.side.counts.seconds == 2.0
