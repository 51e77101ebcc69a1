"""Where on a side's timeline its packets are written: by timestamp, in step with the call's clock, without gaps.

What is missing is filled with packets that ask for concealment. A sender's clock that runs fast or slow is followed in
steps of 10 ms, where something is filled anyhow, else where it is quiet, and at the latest when it is 8 ms apart.
"""

from services.calls.packets.counts import Counts
from services.calls.packets.ogg import OggWriter
from services.calls.packets.opus import LEADING_TOC, RATE, fillers, unit
from services.calls.packets.reordering import Held
from services.calls.packets.rtp import signed
from services.calls.packets.transit import Transit

STEP = RATE // 100
SOON, NOW = RATE * 6 // 1000, RATE * 8 // 1000
MOST_OVERLAP = STEP
MOST_AHEAD = 10 * RATE
MOST_SUDDEN = RATE
FROZEN = RATE // 2
MOST_HASTE = RATE
MOST_SLEW, FIRST_SLEW = STEP, 4 * STEP
FIRST_SECONDS = 10.0
SLEW_A_SECOND = RATE / 2000
QUIET = 0.6
SIZES = 64


class Placing:
    """Writes the packets of a side's sources, one source behind the other."""

    def __init__(self, writer: OggWriter, counts: Counts, toc: int = LEADING_TOC) -> None:
        self._writer = writer
        self._counts = counts
        self._toc = toc
        self._transit = Transit()
        self._base = 0.0  # where timestamp offset 0 belongs
        self._timestamp = 0
        self._offset = 0
        self._arrived = 0.0
        self._began = 0.0
        self._slew = 0.0
        self._size = 0.0
        self._is_filled_ahead = False

    def begin(self, packets: list[Held]) -> None:
        """Go on with a source whose first packets these are, placed by their arrival."""
        first = packets[0]
        self._transit = Transit()
        self._timestamp, self._offset, self._arrived = first.timestamp, 0, first.arrived
        self._began, self._slew, self._is_filled_ahead = first.arrived, float(FIRST_SLEW), False
        for packet in packets:
            offset = signed(packet.timestamp - first.timestamp, 32)
            self._transit.observe(packet.arrived * RATE - offset, first.arrived)
        self._base = max(self._transit.fastest(), float(self._writer.written))

    def report(self, timestamp: int, clock: float) -> None:
        """What time it was by the sender's clock, in seconds, when its stream was at a timestamp."""
        self._transit.report(clock * RATE - self._offset_of(timestamp))

    def place(self, packet: Held) -> bool:
        """Write it, behind what is missing before it, unless what comes there is written. Whether it was."""
        offset = self._offset_of(packet.timestamp)
        if self._is_sudden(offset - self._offset, packet.arrived - self._arrived):
            self._counts.restarts += 1
            self.begin([packet])
            offset = 0
        else:
            self._transit.observe(packet.arrived * RATE - offset, packet.arrived)
        elapsed = max(0.0, packet.arrived - self._arrived)
        most = FIRST_SLEW if packet.arrived - self._began < FIRST_SECONDS else MOST_SLEW
        self._slew = min(self._slew + SLEW_A_SECOND * elapsed, most)
        self._timestamp, self._offset, self._arrived = packet.timestamp, offset, packet.arrived
        missing = self._missing_before(packet, offset)
        if missing is None:
            self._counts.packets -= 1
            return False
        self.fill(missing)
        self._writer.add(packet.payload, packet.samples)
        self._toc = packet.payload[0]
        self._size += (len(packet.payload) - self._size) / SIZES
        self._counts.seconds = self._writer.written / RATE
        return True

    def fill_until(self, position: float) -> None:
        """Go on without packets; what belongs there and comes yet is too late."""
        missing = int(position) - self._writer.written
        if missing >= RATE:
            self._is_filled_ahead = True
            self.fill(missing)

    def fill(self, missing: int) -> None:
        """Write so many samples of concealment, as near as what was written last allows."""
        for packet, samples in fillers(self._toc, missing):
            self._writer.add(packet, samples)
            self._counts.filled += samples / RATE
        self._counts.seconds = self._writer.written / RATE

    def _offset_of(self, timestamp: int) -> int:
        return self._offset + signed(timestamp - self._timestamp, 32)

    @staticmethod
    def _is_sudden(ahead: int, elapsed: float) -> bool:
        """Whether the timestamps jump, by more than time has passed."""
        return ahead < -MOST_SUDDEN or ahead > max(0.0, elapsed) * RATE + MOST_SUDDEN

    def _missing_before(self, packet: Held, offset: int) -> int | None:
        """How many samples are to be filled before it; None where it is left out."""
        written, step = self._writer.written, unit(self._toc)
        gap = self._base + offset - written
        if gap < -MOST_OVERLAP and self._is_filled_ahead:
            self._counts.late += 1
            self._counts.lost += 1
            return None
        self._is_filled_ahead = False
        if gap < -MOST_OVERLAP or written + gap > packet.arrived * RATE + MOST_AHEAD:
            self._base -= gap
            gap = 0.0
        missing = max(0, round(gap / step) * step)
        error = self._transit.fastest() - (written + missing - offset)
        correction = self._correction(packet, missing, step, error)
        if correction:
            self._base = float(written + missing + correction - offset)
        if missing + correction >= 0:
            return missing + correction
        self._counts.skipped += 1
        return None

    def _correction(self, packet: Held, missing: int, step: int, error: float) -> int:
        """By how much later it is to be written, to be in step with the call's clock; less than 0 is earlier."""
        if error < -MOST_HASTE or (error > 0 and not self._transit.is_settled):
            return 0
        if error > FROZEN:
            return round(error / step) * step
        if missing >= STEP and abs(error) >= step / 2:
            most = int(self._slew // step) * step
            correction = max(-missing, -most, min(most, round(error / step) * step))
        elif self._slew < STEP or abs(error) < (SOON if self._is_quiet(packet) else NOW):
            return 0
        else:
            correction = STEP if error > 0 else -min(STEP, packet.samples)
        self._slew -= abs(correction)
        return correction

    def _is_quiet(self, packet: Held) -> bool:
        return len(packet.payload) <= max(3.0, QUIET * self._size)
