"""Having the engine write down what was said: what is spoken and has no text is read again.

That goes on until all has a text, or another reading gives nothing more; what has none even then is shown as a
segment without text.
"""

import asyncio
from dataclasses import dataclass, replace

from services.errors import EngineBusy, EngineRefused
from services.interviews.transcript import Span, Transcript, moved, silence
from services.transcription import coverage
from services.transcription.coverage import Gap
from services.transcription.ports import RATE, Recording, Speech, SpeechEngine
from services.transcription.prompting import is_echo

MOST_READINGS = 4
PIECES_AT_ONCE = 4
PATIENT_TRIES = 4
BUSY_SECONDS, MOST_BUSY_SECONDS = 5.0, 60.0


@dataclass(frozen=True, slots=True)
class Reading:
    engine: SpeechEngine

    async def read(self, speech: Speech, heard: list[Span]) -> Transcript:
        """Without a prompt where the engine only says that again, and where it is to say more than it did."""
        transcript = await self.engine.transcribe(speech)
        prompt, speech = speech.prompt, replace(speech, prompt=None)
        if prompt and is_echo(prompt, transcript.text):
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
