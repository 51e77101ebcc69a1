"""Encoded bytes in, samples out. Container and codec are chosen here, never by what the bytes suggest."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from av.audio.frame import AudioFrame

from services.adapters.av_decoder import mp4, webm
from services.adapters.av_decoder.channels import Mix
from services.adapters.av_decoder.flaws import Flaws
from services.adapters.av_decoder.joints import parts
from services.adapters.av_decoder.mixing import Give, Mixer, shape_of
from services.adapters.av_decoder.reading import Reading
from services.adapters.av_decoder.timeline import Timeline
from services.errors import AudioUnreadable
from services.interviews.transcript import Flaw
from services.recordings.formats import Container, container_of

MENDERS = {Container.WEBM: webm.mended, Container.MP4: mp4.mended}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a pass over a recording does; the first finds out what were better."""

    is_first: bool = True
    fills: bool = True
    mixes: dict[int, Mix] = field(default_factory=dict)


def decode(data: bytes, most_seconds: float, give: Give, afresh: Callable[[], None]) -> tuple[Flaw, ...]:
    """Hand over the first audio track as blocks of 16-bit mono at 16 kHz; returns its flaws.

    After `afresh` all that was handed over is to be forgotten: it comes again, and better.
    AudioTooLong as soon as the cap is passed, AudioUnreadable where there is no sound.
    """
    kind = container_of(data)
    if kind is None:
        raise AudioUnreadable
    attempt = _Pass(kind, parts(kind, data), most_seconds, give, _Plan())
    attempt.run()
    if (mended := attempt.mended()) is not None:
        afresh()
        attempt = _Pass(kind, mended, most_seconds, give, _Plan())
        attempt.run()
    if attempt.is_unreadable:
        raise AudioUnreadable
    if (better := attempt.better()) is not None:
        afresh()
        attempt = _Pass(kind, attempt.recordings, most_seconds, give, better)
        attempt.run()
    return tuple(attempt.flaws.found)


class _Pass:
    """All recordings of a file once through, one after the other."""

    def __init__(self, kind: Container, recordings: list[bytes], most: float, give: Give, plan: _Plan) -> None:
        self.kind = kind
        self.recordings = recordings
        self.give = give
        self.plan = plan
        self.flaws = Flaws(most)
        self.timeline = Timeline(most, self.flaws, plan.fills)
        self.wanted: dict[int, Mix] = {}
        self.mixer: Mixer | None = None
        self.mixers = 0
        self.is_doubtful = False
        self.unread = 0

    def run(self) -> None:
        for number, data in enumerate(self.recordings):
            if number:
                self.flaws.add("joined", self.timeline.position)
            self._read(data)
        self._finish()

    @property
    def is_unreadable(self) -> bool:
        return self.unread == len(self.recordings)

    def mended(self) -> list[bytes] | None:
        """The recordings with what is damaged blanked, where there is anything to mend."""
        mend = MENDERS.get(self.kind)
        if mend is None or not (self.is_doubtful or self.flaws.found):
            return None
        mended = [mend(recording) for recording in self.recordings]
        return None if mended == self.recordings else mended

    def better(self) -> _Plan | None:
        """Another plan, if this pass has found a reason."""
        if not self.wanted and not self.timeline.is_over:
            return None
        return replace(self.plan, is_first=False, fills=not self.timeline.is_over, mixes=self.wanted)

    def _read(self, data: bytes) -> None:
        self.timeline.begin()
        try:
            with Reading(self.kind, data, self.timeline) as reading:
                for silence, frame in reading.frames():
                    self._take(silence, frame)
                self.is_doubtful |= reading.is_doubtful
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
            self.mixer = Mixer(frame, self.give, self.plan.mixes.get(self.mixers), self.plan.is_first)
        self.mixer.take(frame)

    def _finish(self) -> None:
        if self.mixer is not None:
            self.mixer.finish()
            if (mix := self.mixer.wanted) is not None:
                self.wanted[self.mixers] = mix
            self.mixers += 1
