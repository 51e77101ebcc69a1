"""One direction of one call: RTP and RTCP as they come in, Ogg pages as they are settled out.

A side's stream begins when its call does, and has every sound at its time: both sides of a call stay in step. Nothing
that comes is believed to be right, and nothing is fatal; what does not belong is counted by its reason.
"""

from math import inf
from typing import Self

from services.calls.packets import opus
from services.calls.packets.counts import Counts
from services.calls.packets.ogg import END, OggWriter, last_page, packets_behind
from services.calls.packets.opus import LEADING_TOC, RATE
from services.calls.packets.placing import Placing
from services.calls.packets.red import unwrapped
from services.calls.packets.reordering import Fate, Held
from services.calls.packets.resent import Resent
from services.calls.packets.rtcp import sender_reports
from services.calls.packets.rtp import Odd, Oddity, RtpPacket, is_rtcp, parse
from services.calls.packets.settling import Settling
from services.calls.packets.sounds import may_be_sound, oddity_of
from services.calls.packets.source import Source, came_at_once, looks_encrypted, sounding

BUFFER_SECONDS = 0.2
LEAST_FIRST, LEAST_OTHER = 2, 3
OTHER_SECONDS = 0.5
CANDIDATE_SECONDS = 3.0
DOUBTED_SECONDS = 1.0
OVERLAP_SECONDS = 0.1
PAUSE_SECONDS = 1.0
IDLE_SECONDS = 10.0
PAGE_SECONDS = 1.0
# Seconds are told to the millisecond, and no packet is as short as that.
ROUNDING = RATE // 1000


class Side:
    """What came of it so far. Times are seconds on the call's one clock, which is 0 when the call begins.

    A sound's place is that of its packet's arrival, as fast as packets come. `begun` is where on the clock the stream
    begins. Without a payload type the first Opus decides on it.
    """

    def __init__(
        self, *, buffer_seconds: float = BUFFER_SECONDS, payload_type: int | None = None, begun: float = 0.0
    ) -> None:
        self.counts = Counts()
        self._buffer_seconds = buffer_seconds
        self._payload_type = payload_type
        self._begun = begun
        self._writer = OggWriter()
        self._placing = Placing(self._writer, self.counts)
        self._settling = Settling(self._writer, self.counts)
        self._source: Source | None = None
        self._candidate: Source | None = None
        self._resent: Resent | None = None
        self._is_doubted = False
        self._is_closed = False

    @classmethod
    def resumed(
        cls,
        tail: bytes,
        *,
        buffer_seconds: float = BUFFER_SECONDS,
        payload_type: int | None = None,
        begun: float = 0.0,
        counted: float = inf,
        last_sequence: int | None = None,
    ) -> Self:
        """Go on behind a stream's last bytes (`MOST_PAGE_BYTES` are enough), or begin where there are none.

        What of them lies behind so many `counted` seconds, whose last packet is told, is counted in the end, and may
        be sent again. A stream that has its end stays as it is. ValueError where they do not end with a whole page.
        """
        side = cls(buffer_seconds=buffer_seconds, payload_type=payload_type, begun=begun)
        if tail:
            page = last_page(tail)
            side._is_closed = page.is_end
            side._writer = OggWriter.behind(page)
            side.counts.seconds = side.counts.settled_seconds = side._writer.written / RATE
            if counted < side.counts.seconds:
                side._count_kept(packets_behind(tail, round(counted * RATE) + ROUNDING), last_sequence)
            toc = page.packet[0] if page.granule and page.packet else LEADING_TOC
            side._placing = Placing(side._writer, side.counts, toc)
            side._settling = Settling(side._writer, side.counts)
        return side

    def _count_kept(self, packets: list[bytes], last_sequence: int | None) -> None:
        self._resent = Resent(packets, last_sequence)
        self.counts.packets += self._resent.packets
        self.counts.settled += self._resent.packets
        self.counts.filled += self._resent.filled

    @property
    def is_closed(self) -> bool:
        """Whether its stream has its end."""
        return self._is_closed

    @property
    def unsettled(self) -> int:
        """Bytes of its stream that were not given out yet."""
        return self._writer.size

    def take(self, data: bytes, arrived: float) -> None:
        """Take in a datagram, whatever it is."""
        if self._is_closed:
            return
        if is_rtcp(data):
            self._report(data)
            return
        arrived = max(0.0, arrived - self._begun)
        self._judge(arrived)
        try:
            packet = unwrapped(parse(data), self._payload_type)
        except Odd as odd:
            self.counts.odd[odd.oddity] += 1
        else:
            if self._resent is not None and self._resent.has(packet):
                self.counts.doubled += 1
            else:
                self._route(packet, arrived)

    def pages(self, now: float) -> bytes:
        """The whole pages that are settled by now."""
        if self._is_closed:
            return b""
        now = max(0.0, now - self._begun)
        self._judge(now)
        self._write(now)
        silent = 0.0 if self._source is None else now - self._source.last_arrived
        if silent > IDLE_SECONDS:
            self._placing.fill_until((now - IDLE_SECONDS) * RATE)
        if silent > PAGE_SECONDS:
            self._writer.flush()
        return self._settling.give_out()

    def leave(self, now: float) -> bytes:
        """All that has come, in whole pages, for whoever goes on behind them; nothing is waited for any more."""
        if self._is_closed:
            return b""
        self._judge(max(0.0, now - self._begun), is_last=True)
        self._write(inf)
        self._writer.flush()
        return self._settling.give_out()

    def close(self, now: float) -> bytes:
        """The rest, with the page that ends the stream; nothing at all where nothing ever came."""
        if self._is_closed:
            return b""
        self._judge(max(0.0, now - self._begun), is_last=True)
        self._write(inf)
        self._is_closed = True
        if self._writer.written:
            if not self._writer.waiting:
                self._placing.fill(opus.SILK_UNIT)
            self._writer.flush(END)
        return self._settling.give_out()

    def _route(self, packet: RtpPacket, arrived: float) -> None:
        source, candidate = self._source, self._candidate
        samples = opus.samples(packet.payload)
        if candidate is not None and self._is_of_candidate(candidate, packet):
            if candidate.is_full:
                self.counts.foreign += 1
            else:
                self._keep(candidate, packet, samples, arrived)
        elif source is not None and source.is_of(packet) and not self._begins_anew(source, packet, samples, arrived):
            self._keep(source, packet, samples, arrived)
            self._write(arrived)
        elif not may_be_sound(packet, self._payload_type):
            self.counts.odd[oddity_of(packet, self._payload_type)] += 1
        elif candidate is None or (candidate.is_alone and arrived - candidate.began > self._buffer_seconds):
            self._dismiss()
            counts_again = source is not None and source.has_passed(packet)
            self._candidate = Source(packet, arrived, self._buffer_seconds, counts_again=counts_again)
            self._candidate.take(packet, samples, arrived)
        else:
            self.counts.foreign += 1

    def _is_of_candidate(self, candidate: Source, packet: RtpPacket) -> bool:
        """Of one that counts again those are that its source is past, and the others are the source's."""
        source = self._source
        is_own = source is not None and candidate.counts_again and not source.has_passed(packet)
        return not is_own and candidate.is_of(packet)

    def _begins_anew(self, source: Source, packet: RtpPacket, samples: int, arrived: float) -> bool:
        """Whether a packet with the next number, or one that was there, is to be looked at as another source's."""
        if source.had_long_ago(packet, samples):
            return self._candidate is None and may_be_sound(packet, self._payload_type)
        if source.has_left(packet, arrived, OTHER_SECONDS):
            return may_be_sound(packet, self._payload_type)
        return source.skips_time(packet, arrived, PAUSE_SECONDS)

    def _keep(self, source: Source, packet: RtpPacket, samples: int, arrived: float) -> None:
        """Take it into its order; what is no sound takes its place there all the same."""
        if not samples or packet.payload_type != source.payload_type:
            self.counts.odd[oddity_of(packet, source.payload_type)] += 1
            samples = 0
        fate = source.take(packet, samples, arrived)
        if source is self._source:
            self._count(source, fate, bool(samples))

    def _count(self, source: Source, fate: Fate, is_sound: bool) -> None:
        counts = self.counts
        counts.packets += is_sound and fate is Fate.KEPT
        counts.late += is_sound and fate is Fate.LATE
        counts.doubled += is_sound and fate is Fate.DOUBLED
        counts.last_sequence, counts.jitter = source.sequence, source.jitter
        counts.last_arrived = source.last_arrived + self._begun

    def _write(self, now: float) -> None:
        source = self._source
        if source is None:
            return
        before = source.lost
        for packet in source.due(now):
            if packet.samples:
                self.counts.packets += packet.is_repeated
                is_placed = self._placing.place(packet)
                self.counts.recovered += packet.is_repeated and is_placed
                self._settling.note(packet.sequence, int(is_placed))
        self.counts.lost += source.lost - before

    def _report(self, data: bytes) -> None:
        try:
            reports = sender_reports(data)
        except Odd as odd:
            self.counts.odd[odd.oddity] += 1
            return
        for report in reports:
            if self._source is not None and report.ssrc == self._source.ssrc:
                self.counts.reports += 1
                self._placing.report(self._source.at_48_khz(report.timestamp), report.clock)

    def _judge(self, now: float, *, is_last: bool = False) -> None:
        """Whether what came of another source is the side's sound from here on."""
        candidate, source = self._candidate, self._source
        if candidate is None:
            return
        age, goes_on = now - candidate.began, source is None or candidate.follows(source)
        if not (is_last or age >= self._wait(goes_on) or (goes_on and candidate.is_full)):
            return
        held = sounding(candidate.held)
        if looks_encrypted(candidate.held):
            self._is_doubted = True
            self._dismiss(Oddity.ENCRYPTED)
        elif candidate.comes_again or (source and source.last_arrived > candidate.began + OVERLAP_SECONDS):
            self._dismiss()
        elif len(held) >= self._least(candidate, is_last):
            self._accept(candidate, held, now)
        elif age > CANDIDATE_SECONDS or is_last or candidate.is_full:
            self._dismiss()

    def _wait(self, goes_on: bool) -> float:
        """How long a source is looked at before it is believed."""
        if self._is_doubted:
            return DOUBTED_SECONDS
        return self._buffer_seconds if goes_on else max(self._buffer_seconds, OTHER_SECONDS)

    def _least(self, candidate: Source, is_last: bool) -> int:
        """How many packets it takes to be believed."""
        if self._source is None:
            return 1 if is_last else LEAST_FIRST
        return 1 if candidate.follows(self._source) else LEAST_OTHER

    def _accept(self, candidate: Source, held: list[Held], now: float) -> None:
        source, self._candidate, self._is_doubted = self._source, None, False
        self.counts.doubled += candidate.doubled
        if source is not None and candidate.follows(source) and came_at_once(held):
            for packet in candidate.held:
                self._count(source, source.go_on(packet), bool(packet.samples))
            candidate = source
        else:
            self.counts.packets += len(held)
            self._write(inf)
            self.counts.restarts += source is not None
            self._source = candidate
            self._placing.begin(held)
        self._count(candidate, Fate.KEPT, is_sound=False)
        self._write(now)

    def _dismiss(self, oddity: Oddity | None = None) -> None:
        if self._candidate is None:
            return
        dismissed = len(sounding(self._candidate.held)) + self._candidate.doubled
        if oddity is not None:
            self.counts.odd[oddity] += dismissed
        elif self._candidate.counts_again:
            self.counts.doubled += dismissed
        else:
            self.counts.foreign += dismissed
        self._candidate = None
