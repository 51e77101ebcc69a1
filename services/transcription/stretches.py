"""A recording in stretches that end in pauses, as it comes: never more than one of them is held.

Each is listened to on its own; what is settled of one is never decoded, heard or read again.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.interviews.transcript import Flaw
from services.transcription.ports import RATE, START, Activity, Following, Place, Recording, Sound, VoiceActivity

SAMPLE_BYTES = 2
BYTES_A_SECOND = SAMPLE_BYTES * RATE


@dataclass(frozen=True, slots=True)
class Length:
    """A stretch is no shorter than `least`, unless the recording ends, and no longer than `most`."""

    least: float
    most: float


# So long that the windows of one keep every core busy, and so short that a lost one does not matter.
LONG = Length(240.0, 300.0)


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
    """Cuts what is decoded; from `number` on, whose first sample is that at `place`."""

    sound: Sound
    activity: VoiceActivity
    number: int = 0
    place: Place = START
    voice: bytes = b""
    length: Length = LONG

    async def all(self) -> AsyncIterator[Stretch]:
        """One by one; the next is begun once it is asked for. Together their samples are those from the place on."""
        following, pcm, number, at = self.activity.follow(self.voice), bytearray(), self.number, self.place.samples
        most = round(self.length.most * BYTES_A_SECOND)
        async for block in self.sound.blocks():
            pcm += block
            await following.take(block)
            while len(pcm) > most or (len(pcm) == most and not self._is_near_the_end(at)):
                open = await self._until_a_pause(following, pcm)
                activity, behind = await following.close(open), Place(at + len(open) // SAMPLE_BYTES, self.sound.plan)
                yield Stretch(number, at / RATE, _recording(open), activity, False, behind, following.state)
                number, at = number + 1, behind.samples
        rest = bytes(pcm)
        activity, behind = await following.close(rest), Place(at + len(rest) // SAMPLE_BYTES, self.sound.plan)
        last = _recording(rest, self.sound.flaws)
        yield Stretch(number, at / RATE, last, activity, True, behind, following.state)

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


def _recording(pcm: bytes, flaws: tuple[Flaw, ...] = ()) -> Recording:
    return Recording(pcm, len(pcm) / BYTES_A_SECOND, flaws)
