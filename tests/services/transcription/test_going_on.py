"""The product's decoder and voice activity: behind a checkpoint the same is heard as without one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from services.adapters.av_decoder import AvDecoder, fork_client
from services.adapters.silero_activity import SileroActivity
from services.interviews.model import Part
from services.interviews.transcript import Segment, Span, Transcript
from services.transcription.listening import Heard, Listening
from services.transcription.ports import Recording, Speech
from services.transcription.stretches import Length
from tests import audio
from tests.fakes.audio import FakeAudio
from tests.fakes.memory import Memory
from tests.services.adapters.stores import a_part
from tests.services.adapters.test_silero_activity import spoken

SHORT = Length(12.0, 18.0)
HOLDS_A_SECOND = "import services.adapters.av_decoder.fork_server as t; t.HELD_SAMPLES = 16_000; t.serve()"


class Noting:
    """An engine that notes what it is given, and says something for each span."""

    def __init__(self) -> None:
        self.given: list[tuple[Recording, list[Span]]] = []

    async def transcribe(self, speech: Speech) -> Transcript:
        self.given.append((speech.recording, speech.spans))
        segments = tuple(Segment(text="said", start=span.start, end=span.end) for span in speech.spans)
        text = " ".join(one.text for one in segments)
        return Transcript(text=text, language=None, duration=speech.recording.duration, segments=segments)


@pytest.fixture
async def decoder(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AvDecoder]:
    """Hands over block by block whatever is longer than a second."""
    monkeypatch.setattr(fork_client, "START", HOLDS_A_SECOND)
    decoder = AvDecoder(600.0, 100 * 1024 * 1024)
    yield decoder
    await decoder.close()


def talk() -> audio.Samples:
    words = [spoken(number) for number in range(3)]
    return np.concatenate([piece for one in words for piece in (one, audio.silence(1.5))])


RECORDINGS = {
    "webm": lambda: audio.spoken("webm", np.repeat(talk(), 3)[np.newaxis], 48_000),
    "quiet": lambda: audio.wav((talk() // 300).astype(np.int16)),
    "opposite channels": lambda: audio.spoken("wav", np.stack([talk(), -talk()]), audio.RATE, "pcm_s16le"),
}


async def listened(decoder: AvDecoder, data: bytes, part: Part) -> tuple[list[Heard], Noting]:
    memory, engine = Memory(), Noting()
    memory.files[part.id], memory.chunks[part.id] = {}, [data]
    audio = FakeAudio(memory)
    listening = Listening(audio=audio, decoder=decoder, activity=SileroActivity(), engine=engine, length=SHORT)
    return [heard async for heard in listening.listen(part)], engine


@pytest.mark.parametrize("name", RECORDINGS)
async def test_what_is_heard_behind_a_checkpoint_is_what_is_heard_without_one(decoder: AvDecoder, name: str) -> None:
    data = RECORDINGS[name]()
    part = replace(a_part(), bytes=len(data))
    whole, first = await listened(decoder, data, part)
    assert len(whole) > 3
    for number in (1, len(whole) - 1):
        begun = replace(part, checkpoint=whole[number - 1].checkpoint)
        rest, again = await listened(decoder, data, begun)
        assert rest == whole[number:]
        assert again.given == first.given[number:]


async def test_stretches_end_where_nobody_speaks(decoder: AvDecoder) -> None:
    data = audio.wav(talk())
    whole, engine = await listened(decoder, data, replace(a_part(), bytes=len(data)))
    assert b"".join(recording.pcm for recording, _ in engine.given) == talk().tobytes()
    for heard, following in pairwise(whole):
        end = following.utterance.start
        assert heard.utterance.heard[-1].end <= end + 0.05
        assert following.utterance.heard[0].start > end
