"""What is kept of a side, and was not counted, because who took it in died before he could say that it is kept.

A bridge that was told how far the side is kept sends it again: it is known by its bytes, and by its place in the order.
"""

from collections.abc import Sequence

from services.calls.packets import opus
from services.calls.packets.rtp import RtpPacket

MOST_FILLER_BYTES = 2
LEAST_TELLING_BYTES = 8
NUMBERS = 1 << 16
# Who sends again does so first; later the same numbers come round again, and are of new sounds.
MOST_LOOKED_AT = 3000


class Resent:
    """The packets of pages that were kept behind the last that was counted, whose sequence number is `after`."""

    def __init__(self, kept: Sequence[bytes], after: int | None) -> None:
        sounds = [packet for packet in kept if len(packet) > MOST_FILLER_BYTES]
        self.packets = len(sounds)
        self.filled = sum(opus.samples(packet) for packet in kept if len(packet) <= MOST_FILLER_BYTES) / opus.RATE
        self._after, self._until, self._ssrc = after, 0, -1
        self._payloads = {packet for packet in sounds if len(packet) >= LEAST_TELLING_BYTES}
        shortest = min((opus.samples(packet) for packet in sounds), default=1)
        # What was lost has its number too, and stands there as filled.
        self._most = sum(map(opus.samples, kept)) // max(1, shortest) if sounds else 0
        self._left = self.packets + MOST_LOOKED_AT

    def has(self, packet: RtpPacket) -> bool:
        """Whether it is kept already."""
        if not self._most or not self._left:
            return False
        self._left -= 1
        is_known = packet.payload in self._payloads
        if self._after is None and is_known:
            self._after = packet.sequence - 1
        if self._after is None:
            return False
        ahead = (packet.sequence - self._after) % NUMBERS
        if not 0 < ahead <= self._most:
            return False
        if is_known:
            self._until, self._ssrc = max(self._until, ahead), packet.ssrc
        return is_known or (ahead <= self._until and packet.ssrc == self._ssrc)
