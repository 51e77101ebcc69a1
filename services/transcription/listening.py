"""Listening to a part's recording: decode it, find who speaks, have the engine write it down, stretch by stretch."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog

from services.errors import AudioMissing, AudioUnreadable, StoreUnavailable
from services.interviews.language import Language
from services.interviews.model import Checkpoint, Entry, Part, PartId, Status
from services.interviews.transcript import Flaw, Span, Transcript, Utterance, moved, silence
from services.recordings.growing import Growing
from services.recordings.ports.audio import Audio, Stored
from services.transcription import coverage
from services.transcription.ports import (
    RATE,
    Decoder,
    Place,
    Recording,
    Sound,
    Source,
    Speech,
    SpeechEngine,
    VoiceActivity,
)
from services.transcription.prompting import words_before
from services.transcription.reading import Reading
from services.transcription.stretches import LIVE, LONG, Length, Stretch, Stretches
from services.transcription.tails import Tail, Unread
from services.transcription.together import together, whole

log = structlog.get_logger(__name__)

BEGINNING = Entry(offset=0, samples=0)
MOST_BEFORE = 60.0
LEAST_SPOKEN = 1.0
# Of what is read once more, each second or two.
MOST_TAIL = 24.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said in a stretch, and how far that is; with its last, the flaws that are not told yet."""

    utterance: Utterance
    checkpoint: Checkpoint
    is_last: bool
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Rest:
    """Of what still arrives: `seconds` of sound are here, and so many more are `missing` for another stretch.

    None are where it cannot be entered behind what is settled: the rest is listened to once it is complete.
    """

    seconds: float
    missing: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Of what still arrives the bytes are read from `arriving`.

    An engine that does better for knowing the words before is told them: `settled` finds those of the checkpoint.
    """

    audio: Audio
    decoder: Decoder
    activity: VoiceActivity
    engine: SpeechEngine
    arriving: Growing | None = None
    settled: Callable[[PartId, int], Awaitable[Utterance | None]] | None = None
    length: Length = LONG
    live: Length = LIVE

    async def listen(self, part: Part) -> AsyncGenerator[Heard]:
        """What is said in the recording, stretch by stretch, behind what is settled of it.

        Two channels are listened to one after the other, the left first. Where nobody speaks in a stretch no engine is
        asked. The language that the first one with words is found to be in is that of the others of its channel.
        """
        await self.audio.mark(part.id, Status.PROCESSING.value)
        begun = part.checkpoint or Checkpoint()
        try:
            for channel in range(begun.channel, part.channels):
                async with aclosing(self._channel(part, begun)) as stretches:
                    async for heard in stretches:
                        if isinstance(heard, Heard):
                            heard = heard if channel + 1 == part.channels else _followed(heard)
                            begun = heard.checkpoint
                            yield heard
        except AudioMissing:
            if await self.audio.is_whole(part.id, Stored(part.sha256 or "", part.bytes)):
                raise StoreUnavailable("The recording could not be read.") from None
            raise

    def attend(self, part: Part) -> AsyncGenerator[Heard | Rest]:
        """The same of a recording that still arrives, as far as it is here: none is the last, the rest is told."""
        return self._channel(part, part.checkpoint or Checkpoint(), arrives=True)

    async def _channel(self, part: Part, begun: Checkpoint, *, arrives: bool = False) -> AsyncGenerator[Heard | Rest]:
        """The same of one channel, or of all of them mixed."""
        about = log.bind(part=part.id, session=part.session_id, question=part.question_id)
        async with self._sound(part, begun, arrives) as (sound, place):
            cut = Stretches(
                sound=sound,
                activity=self.activity,
                number=begun.stretches,
                place=place,
                voice=begun.voice,
                length=self.live if arrives else self.length,
                arrives=arrives,
            )
            language, behind, before = begun.language, place, await self._before(part, begun)
            async with aclosing(cut.all()) as stretches:
                async for stretch in stretches:
                    heard = await self._heard(part, stretch, language, begun.channel, about, before)
                    language, behind, before = heard.checkpoint.language, stretch.behind, heard.utterance
                    yield heard
            if arrives:
                yield Rest(sound.samples / RATE, cut.missing(behind.samples) if _is_near(behind) else None)

    async def tail(self, part: Part, before: Tail | None = None) -> Tail | None:
        """A first reading of what is here behind what is settled, and of what was read `before` what may have changed.

        None where nobody speaks in it, or it is too long.
        """
        begun = part.checkpoint or Checkpoint()
        async with self._sound(part, begun, arrives=True) as (sound, place):
            if not 0 < sound.samples - place.samples <= MOST_TAIL * RATE:
                return None
            following, pcm = self.activity.follow(begun.voice), bytearray()
            async for block in sound.blocks():
                pcm += block
                await following.take(block)
            activity = await following.close(bytes(pcm))
        if not activity.spans:
            return None
        number, start = begun.stretches, begun.samples / RATE
        unread = Unread.of(number, start, bytes(pcm), activity, before and before.goes_on(number))
        if not unread.spans:
            return unread.read(silence(unread.recording.duration))
        language, languages = _spoken(part, begun.language)
        speech = Speech(unread.recording, unread.spans, language=language, languages=languages)
        return unread.read(await self.engine.transcribe(speech))

    @asynccontextmanager
    async def _sound(self, part: Part, begun: Checkpoint, arrives: bool) -> AsyncIterator[tuple[Sound, Place]]:
        """The recording from the entry on, or from its beginning, where there is none or damage lies behind it."""
        read = self.arriving.read if arrives and self.arriving else self.audio.read
        source = Source(part.bytes, partial(read, part.id))
        entry = begun.entry or (BEGINNING if arrives else None)
        plan = begun.plan if entry is None else entry.told
        place = Place(begun.samples, plan, begun.channel if part.channels > 1 else None, entry)
        async with AsyncExitStack() as stack:
            try:
                sound = await stack.enter_async_context(self.decoder.listen(source, place))
            except AudioUnreadable:
                if entry is None or not entry.offset:
                    raise
                log.warning("not to be read from its checkpoint", part=part.id)
                place = replace(place, plan=b"", entry=BEGINNING)
                sound = await stack.enter_async_context(self.decoder.listen(source, place))
            yield sound, place

    async def listen_through(self, part: Part) -> Transcript:
        """All that is said in it, of which nothing is settled on the way."""
        heard = [one async for one in self.listen(part)]
        return whole([one.utterance for one in heard], part.channels, heard[-1].flaws)

    async def _before(self, part: Part, begun: Checkpoint) -> Utterance | None:
        """What was said in the stretch before the checkpoint, in the same channel, where an engine is to know it."""
        if self.settled is None or not begun.samples:
            return None
        return await self.settled(part.id, begun.stretches - 1)

    async def _heard(
        self,
        part: Part,
        stretch: Stretch,
        language: Language | None,
        channel: int,
        about: Any,
        before: Utterance | None,
    ) -> Heard:
        transcript = await self._written(self._speech(part, stretch, language, before), stretch.activity.heard, about)
        if stretch.start:
            transcript = moved(transcript, stretch.start)
        heard = tuple(Span(span.start + stretch.start, span.end + stretch.start) for span in stretch.activity.heard)
        plan, entry = stretch.behind.plan, stretch.behind.entry
        checkpoint = Checkpoint(
            stretches=stretch.number + 1,
            samples=stretch.behind.samples,
            seconds=stretch.behind.samples / RATE,
            plan=plan if entry is None else b"",
            voice=stretch.voice,
            language=language or (transcript.language if _is_told(heard) else None),
            channel=channel,
            entry=None if entry is None else replace(entry, told=plan),
        )
        said = Utterance(
            number=stretch.number, start=stretch.start, transcript=transcript, heard=heard, channel=channel
        )
        if stretch.is_last:
            return Heard(said, checkpoint, True, stretch.recording.flaws)
        return Heard(replace(said, flaws=stretch.recording.flaws), checkpoint, False)

    def _speech(self, part: Part, stretch: Stretch, language: Language | None, before: Utterance | None) -> Speech:
        """What was said while it arrived goes first."""
        language, languages = _spoken(part, language)
        return Speech(
            stretch.recording,
            stretch.activity.spans,
            language=language,
            prompt=self._prompt(stretch, before, language, languages),
            languages=languages,
            is_first=stretch.behind.entry is not None,
        )

    def _prompt(
        self, stretch: Stretch, before: Utterance | None, language: Language | None, languages: tuple[Language, ...]
    ) -> str | None:
        """A language that is to be found out is found without one: a prompt is in a language of its own."""
        heard = stretch.activity.heard
        if self.settled is None or languages or not heard:
            return None
        return words_before(before, stretch.start + heard[0].start, language)

    async def hear(
        self, recording: Recording, language: Language | None, languages: tuple[Language, ...], about: Any = log
    ) -> Transcript:
        """What is said in a short recording; that the engine has answered is told to the log `about` it."""
        activity = await self.activity.find(recording)
        speech = Speech(recording, activity.spans, language=language, languages=languages)
        transcript = await self._written(speech, activity.heard, about)
        said = Utterance(number=0, start=0.0, transcript=transcript, heard=tuple(activity.heard))
        return together([said], recording.flaws)

    async def _written(self, speech: Speech, heard: list[Span], about: Any) -> Transcript:
        recording, transcript = speech.recording, silence(speech.recording.duration)
        if speech.spans:
            transcript = await Reading(self.engine).read(speech, heard)
            about.info("engine answered")
        return coverage.without_cut_word(transcript) if "truncated" in recording.warnings else transcript


def _spoken(part: Part, found: Language | None) -> tuple[Language | None, tuple[Language, ...]]:
    """What is spoken, and what else it may be; what was found of the recording before holds for the rest."""
    return (found, ()) if found else (part.language, part.languages)


def _followed(heard: Heard) -> Heard:
    """The same where another channel follows, which begins at its own beginning."""
    if not heard.is_last:
        return heard
    checkpoint = Checkpoint(stretches=heard.checkpoint.stretches, channel=heard.checkpoint.channel + 1)
    return replace(heard, is_last=False, checkpoint=checkpoint)


def _is_near(place: Place) -> bool:
    """Whether what is behind it is decoded without much before it."""
    return place.entry is None or place.samples - place.entry.samples <= MOST_BEFORE * RATE


def _is_told(heard: tuple[Span, ...]) -> bool:
    """Whether so much is spoken that the language is known by it."""
    return sum(span.seconds for span in heard) >= LEAST_SPOKEN
