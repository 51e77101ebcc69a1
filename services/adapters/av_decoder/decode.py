"""Encoded bytes in, samples out. Container and codec are chosen here, never by what the bytes suggest."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from av.audio.frame import AudioFrame

from services.adapters.av_decoder import mp4, sizes, webm
from services.adapters.av_decoder.channels import Mix
from services.adapters.av_decoder.flaws import Flaws
from services.adapters.av_decoder.joints import edges
from services.adapters.av_decoder.level import Loudness, louder
from services.adapters.av_decoder.mixing import Give, Mixer, shape_of
from services.adapters.av_decoder.places import Entered, InSound, Places, all_places
from services.adapters.av_decoder.planning import Found, FoundBehind, Held, Plan, loudest_before
from services.adapters.av_decoder.protocol import RATE
from services.adapters.av_decoder.reading import Reading
from services.adapters.av_decoder.source import Source, cut
from services.adapters.av_decoder.timeline import Timeline
from services.errors import AudioTooLong, AudioUnreadable
from services.interviews.transcript import Flaw
from services.recordings.formats import Container, container_of

MENDERS = {Container.WEBM: webm.mended, Container.MP4: mp4.mended}
SAMPLE_BYTES = 2
ONE_CHANNEL = "one_channel"


def decode(data: Source, most_seconds: float, give: Give, afresh: Callable[[], None]) -> tuple[Flaw, ...]:
    """Hand over the first audio track as blocks of 16-bit mono at 16 kHz; returns its flaws.

    After `afresh` all that was handed over is to be forgotten: it comes again, and better.
    AudioTooLong as soon as the cap is passed, AudioUnreadable where there is no sound.
    """
    return tuple(_explored(data, most_seconds, give, afresh)[1].flaws.found)


@dataclass(frozen=True, slots=True)
class Handing:
    """How a recording is handed over: what is told before the first sample, and which sample that is.

    What is `held` of it need not be decoded again. Of several channels one may be wanted alone: the left is 0.
    Where it is entered, what was found `before` goes on to count.
    """

    give: Give
    tell: Callable[[Found], None]
    skip: int = 0
    held_samples: int = 0
    channel: int | None = None
    entered: Entered | None = None
    before: bytes | None = None


def hand_over(data: Source, most_seconds: float, to: Handing, known: Found | None = None) -> None:
    """Tell what there is to know of a recording, then hand it over as `decode` does, at its level.

    It is gone through twice and more, unless it is short or all is known. AudioTooLong and AudioUnreadable come first.
    """
    if to.entered is not None:
        most_seconds -= to.entered.samples / RATE
    found, blocks = (known, None) if known else _found(data, most_seconds, to)
    if found.first > to.skip:
        raise AudioUnreadable
    give = _behind(to.skip - found.first, to.give)
    to.tell(found)
    if blocks is not None:
        for block in blocks:
            give(louder(block, found.gain))
        return
    recordings = cut(data, found.edges)
    if found.is_mended:
        recordings = [_mended(_kind(data), one) for one in recordings]
    _Pass(_kind(data), recordings, most_seconds, lambda block: give(louder(block, found.gain)), found.plan).run()


def _found(data: Source, most_seconds: float, to: Handing) -> tuple[Found, list[bytes] | None]:
    """What going through it tells, and its samples where they are few."""
    loudest = loudest_before(to.before) if to.entered else 0.0
    loudness, held = Loudness(loudest), Held(to.held_samples * SAMPLE_BYTES)

    def take(block: bytes) -> None:
        loudness.take(block)
        held.take(block)

    def afresh() -> None:
        nonlocal loudness
        loudness = Loudness(loudest)
        held.forget()

    places, last, is_mended = _explored(data, most_seconds, take, afresh, to)
    if not held.bytes:
        raise AudioUnreadable
    plan = replace(last.plan, is_first=False, mixes=last.made)
    known = (held.bytes // SAMPLE_BYTES, tuple(last.flaws.found), places, is_mended, plan, loudness.gain)
    blocks = held.blocks if held.is_whole else None
    if to.entered is None:
        return Found(*known), blocks
    begins = to.entered.samples + round(last.late * RATE)
    return FoundBehind(*known, begins, all_places(last.places, places), loudness.loudest), blocks


def _explored(
    data: Source, most_seconds: float, give: Give, afresh: Callable[[], None], to: Handing | None = None
) -> tuple[list[tuple[int, int]], "_Pass", bool]:
    """Where its recordings lie, the last pass over them, and whether it was over mended ones."""
    kind = _kind(data)
    places = edges(kind, data)
    channel, entered = (to.channel, to.entered) if to else (None, None)
    attempt = _Pass(kind, cut(data, places), most_seconds, give, Plan(channel=channel), entered)
    if (mended := attempt.run_until_damage()) is not None:
        afresh()
        attempt = _Pass(kind, mended, most_seconds, give, Plan(channel=channel), entered)
        attempt.run()
    if attempt.is_unreadable:
        raise AudioUnreadable
    if (better := attempt.better()) is not None:
        afresh()
        attempt = _Pass(kind, attempt.recordings, most_seconds, give, better, entered)
        attempt.run()
    return places, attempt, mended is not None


def _kind(data: Source) -> Container:
    if (kind := container_of(data)) is None:
        raise AudioUnreadable
    return kind


def _mended(kind: Container, data: Source) -> Source:
    """As it can be read; of what is not all here only sizes are put right."""
    if kind in sizes.PATCHES:
        return sizes.mended(kind, data)
    mend = MENDERS.get(kind)
    return data if mend is None or not isinstance(data, bytes) else mend(data)


def _behind(skip: int, give: Give) -> Give:
    """Hands over what comes behind so many samples."""
    left = skip * SAMPLE_BYTES

    def later(block: bytes) -> None:
        nonlocal left
        rest = block[left:]
        left = max(0, left - len(block))
        if rest:
            give(rest)

    return later


class _Pass:
    """All recordings of a file once through, one after the other."""

    def __init__(
        self,
        kind: Container,
        recordings: list[Source],
        most: float,
        give: Give,
        plan: Plan,
        entered: Entered | None = None,
    ) -> None:
        self.kind = kind
        self.recordings = recordings
        self.give = give
        self.plan = plan
        self.flaws = Flaws(most)
        self.timeline = Timeline(most, self.flaws, plan.fills)
        self.wanted: dict[int, Mix] = {}
        self.made: dict[int, Mix] = {}
        self.mixer: Mixer | None = None
        self.mixers = 0
        self.mixes_since = 0.0
        self.is_doubtful = False
        self.unread = 0
        self.entered = entered
        self.places: list[list[InSound]] = []
        self.late = 0.0

    def run(self) -> None:
        for number, data in enumerate(self.recordings):
            if number:
                self.flaws.add("joined", self.timeline.position)
            self._read(data)
        self._finish()

    def run_until_damage(self) -> list[Source] | None:
        """The recordings mended, where something is wrong with them that can be. A damaged one may claim any length."""
        try:
            self.run()
        except AudioTooLong:
            self.is_doubtful = self.kind is Container.MP4
            if (mended := self.mended()) is None:
                raise
            return mended
        return self.mended()

    @property
    def is_unreadable(self) -> bool:
        return self.unread == len(self.recordings)

    def mended(self) -> list[Source] | None:
        """The recordings with what is damaged blanked, where there is anything to mend."""
        if not (self.is_doubtful or self.flaws.found):
            return None
        mended = [_mended(self.kind, one) for one in self.recordings]
        return None if mended == self.recordings else mended

    def better(self) -> Plan | None:
        """Another plan, if this pass has found a reason."""
        if not self.wanted and not self.timeline.is_over:
            return None
        return replace(self.plan, is_first=False, fills=not self.timeline.is_over, mixes=self.wanted)

    def _read(self, data: Source) -> None:
        self.timeline.begin()
        places = None if self.entered is None else Places(self.kind, data)
        entered = self.entered if data is self.recordings[0] else None
        self.places.append(places.found if places else [])
        try:
            with Reading(self.kind, data, self.timeline, entered, places) as reading:
                for silence, frame in reading.frames():
                    self._take(silence, frame)
                self.is_doubtful |= reading.is_doubtful
                self.late = self.late if entered is None else reading.late or 0.0
        except AudioUnreadable:
            self.unread += 1
            self.flaws.add("decode_errors", self.timeline.position)

    def _take(self, silence: float, frame: AudioFrame) -> None:
        if self.timeline.is_over:
            return
        if silence and self.mixer is not None:
            self.mixer.silence(silence)
        if self.mixer is None or self.mixer.shape != shape_of(frame):
            self._finish()
            mix, self.mixes_since = self.plan.mixes.get(self.mixers), self.timeline.position
            self.mixer = Mixer(frame, self.give, mix, self.plan.is_first, self.plan.channel)
        self.mixer.take(frame)

    def _finish(self) -> None:
        if self.mixer is not None:
            self.mixer.finish()
            if (mix := self.mixer.wanted) is not None:
                self.wanted[self.mixers] = mix
            if self.mixer.mix is not None:
                self.made[self.mixers] = self.mixer.mix
            if self.mixer.is_one:
                self.flaws.add(ONE_CHANNEL, self.mixes_since)
            self.mixers += 1
