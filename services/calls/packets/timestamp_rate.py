"""Senders whose timestamps do not count at 48 kHz, as Opus has it whatever its sound (RFC 7587 §4.1).

Some count at the rate of their sound, or that of another codec. What one packet sounds and the next one's timestamp
tell it.
"""

from collections import Counter
from fractions import Fraction

from services.calls.packets.opus import RATE
from services.calls.packets.rtp import RtpPacket

FACTORS = {Fraction(RATE, rate) for rate in (48_000, 44_100, 24_000, 16_000, 12_000, 8_000)}
PAIRS = 6  # which are there before a source is believed, and which no sender at 48 kHz makes alike by chance
WRAP = 1 << 32


class TimestampRate:
    """Of one source: by what its timestamps are to be multiplied, from the one on at which that was found."""

    def __init__(self) -> None:
        self.factor = Fraction(1)
        self._since = 0
        self._before: RtpPacket | None = None
        self._samples = 0
        self._found: Counter[Fraction] = Counter()

    def observe(self, packet: RtpPacket, samples: int) -> bool:
        """Whether it is another one from this packet on."""
        before, sounded = self._before, self._samples
        self._before, self._samples = packet, samples
        if before is None or not sounded or (packet.sequence - before.sequence) % (1 << 16) != 1:
            return False
        step = (packet.timestamp - before.timestamp) % WRAP
        self._found[Fraction(sounded, step or WRAP)] += 1
        if self._found.total() < PAIRS:
            return False
        ((factor, count),) = self._found.most_common(1)
        self._found.clear()
        if factor == self.factor or factor not in FACTORS or count < PAIRS:
            return False
        self.factor, self._since = factor, packet.timestamp
        return True

    def at_48_khz(self, timestamp: int) -> int:
        if self.factor == 1:
            return timestamp
        apart = (timestamp - self._since + WRAP // 2) % WRAP - WRAP // 2
        return (self._since + round(apart * self.factor)) % WRAP
