"""Listening to a part's recording: decode it, find who speaks, have the engine write it down, and judge that.

What is spoken and has no text is read again, until all has one or another
reading gives nothing more; what has none even then is shown as a segment
without text.
"""

from dataclasses import dataclass, replace

import structlog

from services import coverage, verdicts
from services.errors import AudioMissing, StoreUnavailable
from services.interview import Part, Status
from services.ports.audio import Audio, Stored
from services.ports.speech import Activity, Decoder, Recording, Speech, SpeechEngine, VoiceActivity
from services.transcript import Span, Transcript, silence

log = structlog.get_logger(__name__)

MOST_READINGS = 4


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
        activity = await self.activity.find(recording)
        transcript = verdicts.judged(await self._transcript(part, recording, activity), activity.heard)
        return replace(transcript, warnings=recording.warnings, flaws=recording.flaws)

    async def _transcript(self, part: Part, recording: Recording, activity: Activity) -> Transcript:
        if not activity.spans:
            return silence(recording.duration)
        transcript = await self._read(part, recording, activity)
        log.info("engine answered", part=part.id, session=part.session_id, question=part.question_id)
        return transcript

    async def _decoded(self, part: Part) -> Recording:
        """The recording; what is said to be missing and is there after all is tried again."""
        try:
            return await self.decoder.decode(self.audio.read(part.id))
        except AudioMissing:
            if await self.audio.is_whole(part.id, Stored(part.sha256 or "", part.bytes)):
                raise StoreUnavailable("The recording could not be read.") from None
            raise

    async def _read(self, part: Part, recording: Recording, activity: Activity) -> Transcript:
        speech = Speech(recording, activity.spans, language=part.language, languages=part.languages)
        transcript = await self.engine.transcribe(speech)
        gaps = coverage.gaps(activity.heard, transcript)
        for _ in range(MOST_READINGS):
            if not gaps:
                break
            again = await self.engine.transcribe(_rest(speech, coverage.to_read(gaps, recording.duration), transcript))
            fuller = coverage.filled(transcript, gaps, again)
            if fuller.text == transcript.text:
                break
            transcript, gaps = fuller, coverage.gaps(activity.heard, fuller)
        return coverage.shown(transcript, gaps)


def _rest(speech: Speech, spans: list[Span], transcript: Transcript) -> Speech:
    """What is to be read again, in the language that was found."""
    if transcript.language is None:
        return replace(speech, spans=spans)
    return replace(speech, spans=spans, language=transcript.language, languages=())
