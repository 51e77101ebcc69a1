"""Recordings in which nobody says what a transcript would claim: the right verdict, and nothing of it is scored."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from services.adapters.av_decoder import AvDecoder
from services.adapters.silero_activity import SileroActivity
from services.interviews.model import Answer, Status
from services.interviews.transcript import Segment, Transcript, Verdict, Word
from services.transcription.ports import Activity, Following, Recording, Speech
from tests import audio
from tests.in_memory import ALICE, Q1, SAID, Ears, Interior
from tests.services.adapters.test_silero_activity import spoken

DEMO = Path(__file__).parents[3] / "scripts" / "demo"
LIKELY = 0.95


class RealEars(Ears):
    """The product's decoder and voice activity, and an engine that says whatever it is told, quite sure of it."""

    def __init__(self, decoder: AvDecoder) -> None:
        super().__init__()
        self._decoder, self._activity = decoder, SileroActivity()

    async def decode(self, data: AsyncIterator[bytes], *, most_seconds: float | None = None) -> Recording:
        return await self._decoder.decode(data, most_seconds=most_seconds)

    def follow(self, state: bytes = b"") -> Following:
        return self._activity.follow(state)

    async def find(self, recording: Recording) -> Activity:
        return await self._activity.find(recording)

    async def transcribe(self, speech: Speech) -> Transcript:
        self.heard += 1
        text = " ".join(segment.text for segment in self.segments)
        return Transcript(text=text, language=None, duration=speech.recording.duration, segments=self.segments)


@pytest.fixture
async def ears() -> AsyncIterator[RealEars]:
    decoder = AvDecoder(60.0, 30 * 1024 * 1024)
    yield RealEars(decoder)
    await decoder.close()


def segments(text: str, start: float, end: float, count: int = 1) -> Iterator[Segment]:
    """So many in this time, all alike."""
    step = (end - start) / count
    for at in (start + number * step for number in range(count)):
        word = Word(text=text, start=at, end=at + step, probability=LIKELY)
        yield Segment(text=text, start=at, end=at + step, words=(word,), log_probability=-0.1)


async def heard(ears: RealEars, data: bytes) -> Answer:
    house = Interior(ears=ears)
    id = await house.session()
    await house.upload(id, data=data)
    await house.work_off()
    return (await house.sessions.get(id, ALICE)).answers[Q1]


def is_shown(answer: Answer) -> bool:
    """Whether a point of the question is shown by something that was said."""
    return answer.evaluation is not None and any(each.covered for each in answer.evaluation.feedback)


@pytest.mark.parametrize(
    "sound",
    [audio.silence(8.0), audio.tone(8.0, hertz=50.0), audio.noise(8.0), audio.noise(8.0, level=8_000)],
    ids=["silence", "hum", "noise", "loud noise"],
)
async def test_sounds_are_no_speech_and_no_engine_is_asked(ears: RealEars, sound: audio.Samples) -> None:
    ears.segments = tuple(segments(SAID, 0.0, 8.0))
    answer = await heard(ears, audio.wav(sound))
    assert (answer.verdict, answer.transcript, ears.heard) == (Verdict.NO_SPEECH, "", 0)
    assert answer.evaluation is not None
    assert (answer.evaluation.score, answer.evaluation.reason) == (None, "no_speech")


async def test_a_looped_phrase_is_suspected_and_shows_nothing(ears: RealEars) -> None:
    said = spoken()[: 12 * audio.RATE]
    ears.segments = tuple(segments(" ".join([SAID] * 9), 0.0, 12.0))
    answer = await heard(ears, audio.wav(said))
    assert answer.verdict is Verdict.SUSPECTED
    assert answer.transcript is not None and SAID in answer.transcript
    assert answer.evaluation is not None
    assert (answer.evaluation.score, answer.evaluation.reason) == (None, "too_little_usable")
    assert not is_shown(answer)


async def test_words_in_the_silence_after_an_answer_are_suspected_and_show_nothing(ears: RealEars) -> None:
    sound = np.concatenate([spoken()[: 12 * audio.RATE], audio.silence(12.0)])
    ears.segments = (*segments("I would not know.", 0.0, 12.0, 6), *segments(SAID, 18.0, 22.0))
    answer = await heard(ears, audio.wav(sound))
    assert answer.verdict is Verdict.SUSPECTED
    assert answer.transcript is not None and SAID in answer.transcript
    assert not is_shown(answer)


async def test_the_same_words_in_speech_are_believed_and_count(ears: RealEars) -> None:
    ears.segments = tuple(segments(SAID, 0.0, 12.0, 3))
    answer = await heard(ears, audio.wav(spoken()[: 12 * audio.RATE]))
    assert answer.verdict is Verdict.OK
    assert is_shown(answer)


async def test_the_first_bytes_of_a_recording_are_none(ears: RealEars) -> None:
    answer = await heard(ears, (DEMO / "answer-1.webm").read_bytes()[:110])
    assert (answer.status, answer.transcript, answer.verdict, ears.heard) == (Status.FAILED, None, None, 0)
    assert answer.failure is not None and answer.failure.code == "audio_unreadable"
    assert answer.evaluation is None
