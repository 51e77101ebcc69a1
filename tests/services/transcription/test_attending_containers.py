"""The product's decoder and voice activity, on recordings that arrive in pieces: the sound of the whole, once."""

from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from services.adapters.av_decoder import AvDecoder
from services.adapters.silero_activity import SileroActivity
from services.errors import AudioUnreadable
from services.interviews.model import Part
from services.interviews.transcript import Span
from services.recordings.growing import Growing
from services.recordings.ports.arrivals import Plan
from services.transcription.listening import Heard, Listening, Rest
from services.transcription.ports import RATE, Recording
from services.transcription.stretches import Length
from tests import audio
from tests.at_length import long_but
from tests.fakes.arrivals import FakeArrivals, FakePieces
from tests.fakes.audio import FakeAudio
from tests.fakes.memory import Memory
from tests.services.adapters.stores import a_part
from tests.services.adapters.test_av_decoder_entering import CLUSTERS, FRAGMENTED, PAGES
from tests.services.transcription.test_going_on import Noting, talk

SHORT = Length(3.0, 5.0, 0.5)
MADE: dict[str, tuple[str, dict[str, str] | None]] = {
    "webm": ("webm", CLUSTERS),
    "live webm": ("webm", {"live": "1", **CLUSTERS}),
    "ogg": ("ogg", PAGES),
    "fragmented mp4": ("mp4", FRAGMENTED),
    "mp3": ("mp3", None),
    "adts": ("aac", None),
    "wav": ("wav", None),
    "flac": ("flac", None),
}


@pytest.fixture(scope="module")
async def decoder() -> AsyncIterator[AvDecoder]:
    decoder = AvDecoder(600.0, 100 * 1024 * 1024)
    yield decoder
    await decoder.close()


def recorded(name: str) -> bytes:
    container, options = MADE[name]
    rate = audio.ENCODERS[container][1]
    said = np.repeat(talk(), rate // audio.RATE) if rate % audio.RATE == 0 else resampled(talk(), rate)
    return audio.spoken(container, said[np.newaxis], rate, None, options)


def resampled(sound: audio.Samples, rate: int) -> audio.Samples:
    at = np.arange(0, len(sound), audio.RATE / rate)
    made: audio.Samples = np.interp(at, np.arange(len(sound)), sound).astype(np.int16)
    return made


class Sent:
    """A recording of which more and more is here, and at last all."""

    def __init__(self, data: bytes, decoder: AvDecoder) -> None:
        self.data, self.engine, self.memory = data, Noting(), Memory()
        records = FakeArrivals(self.memory)
        self.pieces = FakePieces(self.memory)
        self.records = records
        self.listening = Listening(
            audio=FakeAudio(self.memory),
            arriving=Growing(records=records, pieces=self.pieces),
            decoder=decoder,
            activity=SileroActivity(),
            engine=self.engine,
            live=SHORT,
        )
        self.heard: list[Heard] = []

    async def begin(self) -> None:
        self.arriving = await self.records.begin(a_part(), Plan("tus"))

    async def comes(self, end: int) -> None:
        at = await self.pieces.offset(self.arriving.part.id)
        await self.pieces.append(self.arriving, at, self.data[at:end])

    def part(self, size: int, listener: str | None = None) -> Part:
        checkpoint = self.heard[-1].checkpoint if self.heard else None
        return replace(self.arriving.part, bytes=size, listener=listener, checkpoint=checkpoint)

    async def listen(self, size: int) -> Rest | None:
        """What of so many bytes are stretches."""
        rest: Rest | None = None
        async for one in self.listening.attend(self.part(size, "a listener")):
            rest = one if isinstance(one, Rest) else rest
            self.heard += [one] if isinstance(one, Heard) else []
        return rest

    async def finish(self) -> None:
        id = self.arriving.part.id
        self.memory.files[id], self.memory.chunks[id] = {}, [self.data]
        self.heard += [one async for one in self.listening.listen(self.part(len(self.data)))]

    @property
    def samples(self) -> int:
        return self.heard[-1].checkpoint.samples

    def spans(self) -> list[Span]:
        return [span for one in self.heard for span in one.utterance.heard]


async def whole(data: bytes, decoder: AvDecoder) -> Sent:
    sent = Sent(data, decoder)
    await sent.begin()
    await sent.finish()
    return sent


@pytest.mark.parametrize("pieces", long_but(5, of=[5, 17]))
@pytest.mark.parametrize("name", long_but("live webm", "ogg", "fragmented mp4", of=MADE))
async def test_what_arrives_is_heard_once_and_as_it_is_in_the_whole(decoder: AvDecoder, name: str, pieces: int) -> None:
    data = recorded(name)
    at_once, sent = await whole(data, decoder), Sent(data, decoder)
    await sent.begin()
    for number in range(1, pieces + 1):
        size = len(data) * number // pieces
        await sent.comes(size)
        rest = await sent.listen(size)
        assert rest is not None and rest.missing is not None and rest.missing > 0
    assert len(sent.heard) > 2
    await sent.finish()
    assert sent.samples == pytest.approx(at_once.samples, abs=RATE // 20)
    assert _fit(sent, at_once) > 0.98
    assert not sent.heard[-1].flaws and not any(one.utterance.flaws for one in sent.heard)
    spoken, known = (sum(span.seconds for span in side.spans()) for side in (sent, at_once))
    assert spoken == pytest.approx(known, rel=0.1)


def _pcm(given: tuple[Recording, list[Span]]) -> audio.Samples:
    return np.frombuffer(given[0].pcm, np.int16)


def _fit(sent: Sent, at_once: Sent) -> float:
    """How alike it is what the engine was given, in how loud it is, hundredth by hundredth of a second.

    Silence at the end may be a stretch of its own, of which it is given none.
    """
    ours, theirs = (np.concatenate([_pcm(one) for one in side.engine.given]) for side in (sent, at_once))
    assert len(ours) == pytest.approx(len(theirs), abs=2 * RATE)
    length = min(len(ours), len(theirs)) // 160 * 160
    one, other = (np.sqrt((sound[:length].astype(float) ** 2).reshape(-1, 160).mean(1)) for sound in (ours, theirs))
    return float(np.corrcoef(one, other)[0, 1])


async def test_a_checkpoint_that_points_into_damage_is_read_around_from_the_beginning(decoder: AvDecoder) -> None:
    data = recorded("live webm")
    at_once, sent = await whole(data, decoder), Sent(data, decoder)
    await sent.begin()
    await sent.comes(len(data) // 2)
    await sent.listen(len(data) // 2)
    settled = sent.heard[-1].checkpoint
    assert settled.entry is not None and settled.entry.offset > 0
    wrong = replace(settled.entry, offset=len(data) - 3)
    sent.heard[-1] = replace(sent.heard[-1], checkpoint=replace(settled, entry=wrong))
    await sent.finish()
    assert sent.samples == pytest.approx(at_once.samples, abs=RATE // 20)
    assert _fit(sent, at_once) > 0.98


async def test_an_mp4_with_its_index_at_the_end_is_heard_when_it_is_complete(decoder: AvDecoder) -> None:
    data = audio.spoken("mp4", resampled(talk(), audio.ENCODERS["mp4"][1])[np.newaxis], audio.ENCODERS["mp4"][1])
    sent = Sent(data, decoder)
    await sent.begin()
    await sent.comes(len(data) * 9 // 10)
    with pytest.raises(AudioUnreadable):
        await sent.listen(len(data) * 9 // 10)
    await sent.finish()
    assert sent.heard[-1].is_last
