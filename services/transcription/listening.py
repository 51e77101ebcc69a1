"""Listening to a part's recording: decode it, find who speaks, have the engine write it down, and judge that.

What is spoken and has no text is read again, until all has one or another
reading gives nothing more; what has none even then is shown as a segment
without text.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import structlog

from services.errors import AudioMissing, EngineBusy, EngineRefused, StoreUnavailable
from services.interviews.language import Language
from services.interviews.model import Part, Status
from services.interviews.transcript import Span, Transcript, moved, silence
from services.recordings.ports.audio import Audio, Stored
from services.transcription import coverage, verdicts
from services.transcription.coverage import Gap
from services.transcription.ports import RATE, Decoder, Recording, Speech, SpeechEngine, VoiceActivity

log = structlog.get_logger(__name__)

MOST_READINGS = 4
PIECES_AT_ONCE = 4
PATIENT_TRIES = 4
BUSY_SECONDS, MOST_BUSY_SECONDS = 5.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    audio: Audio
    decoder: Decoder
    activity: VoiceActivity
    engine: SpeechEngine

    async def listen(self, part: Part) -> Transcript:
        """What is said in the recording; empty where nobody speaks, and then no engine is asked."""
        await self.audio.mark(part.id, Status.PROCESSING.value)
        recording = await self._decoded(part)
        about = log.bind(part=part.id, session=part.session_id, question=part.question_id)
        return await self.hear(recording, part.language, part.languages, about)

    async def hear(
        self, recording: Recording, language: Language | None, languages: tuple[Language, ...], about: Any = log
    ) -> Transcript:
        """What is said in it; that the engine has answered is told to the log `about` it."""
        activity = await self.activity.find(recording)
        transcript = silence(recording.duration)
        if activity.spans:
            speech = Speech(recording, activity.spans, language=language, languages=languages)
            transcript = await self._read(speech, activity.heard)
            about.info("engine answered")
        if "truncated" in recording.warnings:
            transcript = coverage.without_cut_word(transcript)
        transcript = verdicts.judged(transcript, activity.heard)
        return replace(transcript, warnings=recording.warnings, flaws=recording.flaws)

    async def _decoded(self, part: Part) -> Recording:
        """The recording; what is said to be missing and is there after all is tried again."""
        try:
            return await self.decoder.decode(self.audio.read(part.id))
        except AudioMissing:
            if await self.audio.is_whole(part.id, Stored(part.sha256 or "", part.bytes)):
                raise StoreUnavailable("The recording could not be read.") from None
            raise

    async def _read(self, speech: Speech, heard: list[Span]) -> Transcript:
        transcript = await self.engine.transcribe(speech)
        if not transcript.segments and (not transcript.text or coverage.is_thin(transcript.text, heard)):
            transcript = await self._piecewise(speech, transcript)
        if not transcript.text:
            return coverage.shown(transcript, coverage.gaps(heard, transcript))
        return await self._filled(speech, transcript, heard)

    async def _filled(self, speech: Speech, transcript: Transcript, heard: list[Span]) -> Transcript:
        """The transcript with what its gaps say, as long as there is more to be had."""
        gaps = coverage.gaps(heard, transcript)
        for _ in range(MOST_READINGS):
            fuller = await self._fuller(speech, transcript, gaps)
            if fuller is None:
                break
            transcript, gaps = fuller, coverage.gaps(heard, fuller)
        return coverage.shown(transcript, gaps)

    async def _fuller(self, speech: Speech, transcript: Transcript, gaps: list[Gap]) -> Transcript | None:
        """The transcript with more of what stands in its gaps; None where another reading gives nothing more."""
        for lot in coverage.apart(gaps):
            again = await self._pieces(speech, coverage.to_read(lot, speech.recording.duration), transcript)
            fuller = coverage.filled(transcript, lot, [one for piece in again for one in piece.segments])
            if fuller.text != transcript.text:
                return fuller
        return None

    async def _piecewise(self, speech: Speech, transcript: Transcript) -> Transcript:
        """What the engine makes of the speech bit by bit, if that is more; with times where it tells them."""
        pieces = await self._pieces(speech, coverage.bits(speech.spans), transcript)
        said = [piece for piece in pieces if piece.text]
        text = " ".join(piece.text for piece in said)
        if transcript.text and len(text) <= len(transcript.text):
            return transcript
        is_timed = all(piece.segments for piece in said)
        segments = tuple(one for piece in pieces for one in piece.segments) if is_timed else ()
        language = transcript.language or next((piece.language for piece in said if piece.language), None)
        return replace(transcript, text=text, language=language, segments=segments, no_speech=not text)

    async def _pieces(self, speech: Speech, spans: list[Span], transcript: Transcript) -> list[Transcript]:
        """What is said in each span, in the language that was found, with times of the whole recording.

        One that the engine refuses, or has no room for time and again, says nothing: the first reading is there all
        the same, and is not paid for once more.
        """
        if transcript.language:
            speech = replace(speech, language=transcript.language, languages=())
        room = asyncio.Semaphore(PIECES_AT_ONCE)

        async def read(span: Span) -> Transcript:
            async with room:
                return moved(await self._piece(_of(speech, span)), span.start)

        reading = [asyncio.create_task(read(span)) for span in spans]
        try:
            return await asyncio.gather(*reading)
        finally:
            for one in reading:
                one.cancel()

    async def _piece(self, speech: Speech) -> Transcript:
        for _ in range(PATIENT_TRIES):
            try:
                return await self.engine.transcribe(speech)
            except EngineBusy as busy:
                await asyncio.sleep(min(busy.retry_after or BUSY_SECONDS, MOST_BUSY_SECONDS))
            except EngineRefused:
                break
        return silence(speech.recording.duration)


def _of(speech: Speech, span: Span) -> Speech:
    """A span of it as a recording of its own."""
    first, last = (2 * int(moment * RATE) for moment in (span.start, span.end))
    pcm = speech.recording.pcm[first:last]
    cut = Recording(pcm, len(pcm) / (2 * RATE))
    return replace(speech, recording=cut, spans=[Span(0.0, cut.duration)])
