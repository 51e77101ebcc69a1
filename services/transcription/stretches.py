"""A recording in stretches that end in pauses, as it comes: never more than one of them is held.

Each is listened to on its own; what is settled of one is never decoded, heard or read again.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from services.interviews.transcript import Flaw
from services.transcription.ports import RATE, START, Activity, Following, Place, Recording, Sound, VoiceActivity

SAMPLE_BYTES = 2
BYTES_A_SECOND = SAMPLE_BYTES * RATE


@dataclass(frozen=True, slots=True)
class Length:
    """A stretch is no shorter than `least`, unless the recording ends, and no longer than `most`.

    Of what still arrives so much more is to be here: the last of it may be cut in two, and is not believed.
    """

    least: float
    most: float
    more: float = 0.0


# So long that the windows of one keep every core busy, and so short that a lost one does not matter.
LONG = Length(240.0, 300.0)
# Of what still arrives: so long that words have others around them, and so short that it is soon read.
LIVE = Length(9.0, 15.0, 0.5)
# The same for engines that take as long over a few seconds as over half a minute, or count their calls.
LIVE_BY_CALL = Length(14.0, 20.0, 0.5)
# An entry is so long before what is to be heard: what a decoder makes of the first moments is not believed.
BEFORE = 0.25


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a recording, where in it that begins, and what goes on behind it has to know."""

    number: int
    start: float
    recording: Recording
    activity: Activity
    is_last: bool
    behind: Place
    voice: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretches:
    """Cuts what is decoded; from `number` on, whose first sample is that at `place`.

    What still `arrives` ends with the last of its stretches that is long enough, and what is behind waits for more.
    """

    sound: Sound
    activity: VoiceActivity
    number: int = 0
    place: Place = START
    voice: bytes = b""
    length: Length = LONG
    arrives: bool = False

    async def all(self) -> AsyncGenerator[Stretch]:
        """One by one; the next is begun once it is asked for. Together their samples are those from the place on."""
        following, pcm, number, at = self.activity.follow(self.voice), bytearray(), self.number, self.place.samples
        if self.arrives and self.missing(at) > 0:
            return
        async for block in self.sound.blocks():
            pcm += block
            await following.take(block)
            while self._is_enough(len(pcm), at):
                open = await self._until_a_pause(following, pcm)
                activity, behind = await following.close(open), self._behind(at, open)
                said = _recording(open, self._flaws(at, behind.samples))
                yield Stretch(number, at / RATE, said, activity, False, behind, following.state)
                number, at = number + 1, behind.samples
                if self.arrives and self.missing(at) > 0:
                    return
        if self.arrives:
            return
        rest = bytes(pcm)
        activity, behind = await following.close(rest), self._behind(at, rest)
        last = _recording(rest, self._flaws(at, None))
        yield Stretch(number, at / RATE, last, activity, True, behind, following.state)

    def missing(self, at: int) -> float:
        """How many seconds of sound are to come yet before there is a stretch behind this sample."""
        return self.length.most + self.length.more - (self.sound.samples - at) / RATE

    def _is_enough(self, size: int, at: int) -> bool:
        if self.arrives:
            return size >= round((self.length.most + self.length.more) * BYTES_A_SECOND)
        most = round(self.length.most * BYTES_A_SECOND)
        return size > most or (size == most and not self._is_near_the_end(at))

    def _behind(self, at: int, pcm: bytes) -> Place:
        """Where what follows begins, and where decoding may begin for that."""
        samples = at + len(pcm) // SAMPLE_BYTES
        early = (entry for entry in self.sound.entries if entry.samples <= samples - BEFORE * RATE)
        entry = max(early, key=lambda entry: entry.samples, default=self.place.entry)
        return replace(self.place, samples=samples, plan=self.sound.plan, entry=entry)

    def _flaws(self, start: int, end: int | None) -> tuple[Flaw, ...]:
        """Those of a stretch, where the recording was entered: nobody knows all. Else all of them with the last."""
        if self.place.entry is None:
            return self.sound.flaws if end is None else ()
        return tuple(flaw for flaw in self.sound.flaws if _lies(flaw, start / RATE, end and end / RATE))

    async def _until_a_pause(self, following: Following, pcm: bytearray) -> bytes:
        """What is taken away from the samples, from their beginning to a pause."""
        pause = await following.pause(bytes(pcm), self.length.least, self.length.most)
        size = max(1, round(pause * RATE)) * SAMPLE_BYTES
        with memoryview(pcm) as whole:
            open = bytes(whole[:size])
        del pcm[:size]
        return open

    def _is_near_the_end(self, at: int) -> bool:
        """Whether what is left is no longer than a stretch may be, by what was told of the whole."""
        return 0 <= self.sound.samples - at <= self.length.most * RATE


def _lies(flaw: Flaw, start: float, end: float | None) -> bool:
    if flaw.at is None:
        return end is None
    return start <= flaw.at and (end is None or flaw.at < end)


def _recording(pcm: bytes, flaws: tuple[Flaw, ...] = ()) -> Recording:
    return Recording(pcm, len(pcm) / BYTES_A_SECOND, flaws)
