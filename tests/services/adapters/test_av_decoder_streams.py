"""Recordings that are handed over block by block: the same samples as all at once, from any of them on."""

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import psutil
import pytest

from services.adapters.av_decoder import AvDecoder, fork_client, protocol, source
from services.adapters.av_decoder.joints import OGG_PAGE
from services.errors import AudioMissing, AudioTooLong, AudioUnreadable
from services.transcription.ports import START, Place, Recording, Source
from tests import audio
from tests.at_length import long_but
from tests.made import Made

MOST_BYTES = 200 * 1024 * 1024
RATE = audio.RATE
SECONDS = 6.0
LITTLE = (
    "import services.adapters.av_decoder.fork_server as t; from services.adapters.av_decoder import protocol;"
    "t.HELD_SAMPLES = 16_000; protocol.HELD_BYTES = {}; t.serve()"
)


@pytest.fixture(scope="module")
async def decoder() -> AsyncIterator[AvDecoder]:
    decoder = AvDecoder(3600.0, MOST_BYTES)
    yield decoder
    await decoder.close()


@pytest.fixture(scope="module")
async def wholes(decoder: AvDecoder) -> dict[str, Recording]:
    """What is heard in each at once."""
    return {name: await decoder.decode(audio.arriving(data)) for name, data in CASES.items()}


@pytest.fixture
async def streaming(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AvDecoder]:
    """Its processes hold no more than a second of sound."""
    monkeypatch.setattr(fork_client, "START", LITTLE.format(protocol.HELD_BYTES))
    streaming = AvDecoder(3600.0, MOST_BYTES, slots=1)
    yield streaming
    await streaming.close()


@pytest.fixture
async def asking(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AvDecoder]:
    """And next to nothing of a recording: they ask for what they need."""
    monkeypatch.setattr(fork_client, "START", LITTLE.format(1_000))
    monkeypatch.setattr(protocol, "HELD_BYTES", 1_000)
    asking = AvDecoder(3600.0, MOST_BYTES)
    yield asking
    await asking.close()


def stored(data: bytes, reads: list[int] | None = None) -> Source:
    def read(start: int) -> AsyncIterator[bytes]:
        if reads is not None:
            reads.append(start)
        return audio.arriving(data[start:])

    return Source(len(data), read)


async def streamed(decoder: AvDecoder, data: Source, place: Place = START) -> tuple[Recording, bytes]:
    async with decoder.listen(data, place) as sound:
        pcm = b"".join([block async for block in sound.blocks()])
        assert sound.samples * 2 == len(pcm) + 2 * place.samples
        return Recording(pcm, len(pcm) / 2 / RATE, sound.flaws), sound.plan


def tone(container: str, seconds: float = SECONDS) -> bytes:
    rate = audio.ENCODERS[container][1]
    return audio.spoken(container, audio.tone(seconds, rate)[np.newaxis], rate)


def _with_a_hole(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:half] + bytes(400) + data[half + 400 :]


def _opposite() -> bytes:
    return audio.spoken("wav", np.stack([audio.tone(SECONDS, 44_100), -audio.tone(SECONDS, 44_100)]), 44_100)


def _of_a_short_head() -> bytes:
    whole = bytearray(tone("wav"))
    at = whole.index(b"data") + 4
    whole[at : at + 4] = (40_000).to_bytes(4, "little")
    return bytes(whole)


CASES = Made(
    {
        "short": lambda: audio.encoded("webm", 0.5),
        "webm": lambda: tone("webm"),
        "ogg": lambda: tone("ogg"),
        "mp4": lambda: tone("mp4"),
        "mp3": lambda: tone("mp3"),
        "flac": lambda: tone("flac"),
        "adts": lambda: tone("aac"),
        "quiet": lambda: audio.wav((audio.tone(SECONDS) // 1_000).astype(np.int16)),
        "opposite channels": _opposite,
        "joined": lambda: tone("ogg", 3.0) * 2,
        "joined mp3": lambda: tone("mp3", 3.0) * 2,
        "cut": lambda: tone("flac")[:-5_000],
        "hole": lambda: _with_a_hole(tone("webm")),
        "short head": _of_a_short_head,
    }
)
MENDED = ("hole",)


@pytest.mark.parametrize("name", long_but("short", "webm", "mp4", "hole", of=CASES))
async def test_block_by_block_it_is_what_it_is_at_once(
    wholes: dict[str, Recording], streaming: AvDecoder, name: str
) -> None:
    whole = wholes[name]
    heard, plan = await streamed(streaming, stored(CASES[name]))
    assert heard == whole
    middle = Place(len(whole.pcm) // 4 + 7, plan)
    rest, again = await streamed(streaming, stored(CASES[name]), middle)
    assert (rest.pcm, rest.flaws, again) == (whole.pcm[2 * middle.samples :], whole.flaws, plan)
    rest, _ = await streamed(streaming, stored(CASES[name]), Place(middle.samples))
    assert rest.pcm == whole.pcm[2 * middle.samples :]


@pytest.mark.parametrize(
    "name", long_but("webm", "mp4", "joined", "short head", of=[name for name in CASES if name not in MENDED])
)
async def test_what_a_process_does_not_hold_is_asked_for(
    wholes: dict[str, Recording], asking: AvDecoder, name: str
) -> None:
    reads: list[int] = []
    heard, _ = await streamed(asking, stored(CASES[name], reads))
    assert heard == wholes[name]
    assert 0 < len(reads) < 10


async def test_what_cannot_be_read_is_missing_and_no_verdict_on_the_recording(asking: AvDecoder) -> None:
    data = CASES["opposite channels"]
    cut = Source(len(data), lambda start: audio.arriving(data[start : len(data) // 2]))
    with pytest.raises(AudioMissing):
        await streamed(asking, cut)


async def test_what_is_wrong_is_told_before_the_first_sample(decoder: AvDecoder) -> None:
    with pytest.raises(AudioUnreadable):
        async with decoder.listen(stored(b"no sound")):
            raise AssertionError
    short = AvDecoder(60.0, MOST_BYTES)
    with pytest.raises(AudioTooLong):
        async with short.listen(stored(audio.encoded("ogg", 70.0))):
            raise AssertionError
    large = AvDecoder(60.0, 10_000)
    with pytest.raises(AudioUnreadable, match="larger"):
        async with large.listen(stored(audio.encoded("wav", 1.0))):
            raise AssertionError
    await short.close()


async def test_while_nobody_takes_its_samples_another_is_decoded(streaming: AvDecoder) -> None:
    """There is room for one at a time."""
    long = audio.wav(audio.tone(60.0))
    async with streaming.listen(stored(long)) as sound, asyncio.timeout(60):
        blocks = sound.blocks()
        first = await anext(blocks)
        assert (await streaming.decode(audio.arriving(CASES["short"]))).duration == pytest.approx(0.5)
        assert len(first) + len(b"".join([block async for block in blocks])) == 2 * sound.samples


async def test_its_process_waits_for_who_takes_no_samples_and_ends_with_him(streaming: AvDecoder) -> None:
    async with streaming.listen(stored(audio.wav(audio.tone(60.0)))) as sound:
        await anext(sound.blocks())
        assert streaming.nursery.running is not None
        (child,) = psutil.Process(streaming.nursery.running[0].pid).children()
        await until(lambda: child.status() == psutil.STATUS_SLEEPING)
    await until(lambda: not psutil.pid_exists(child.pid))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("piece", [7, 64, 1_000])
def test_what_is_looked_for_is_found_also_where_pieces_meet(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(source, "PIECE", piece)
    data = b"".join(b"." * number + b"OggS\0\x02" for number in range(40))
    distant = source.Distant(lambda start, size: data[start : start + size], 0, len(data))
    found = [at for at, _ in source.matches(OGG_PAGE, distant)]
    assert found == [at for at, _ in source.matches(OGG_PAGE, data)]
    assert distant[3:200] == data[3:200]
    assert distant.part(10, 300)[5:] == data[15:300]


@pytest.mark.parametrize("piece", [7, 1_000])
def test_a_distant_file_is_read_like_one_that_is_here(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(source, "PIECE", piece)
    data = bytes(range(200))
    here, there = (source.as_file(one) for one in (data, source.Distant(lambda at, n: data[at : at + n], 0, 200)))
    for offset, whence, size in ((0, 0, 10), (-30, 2, 50), (90, 0, 0), (0, 0, 3), (40, 1, 30), (0, 2, 5)):
        assert here.seek(offset, whence) == there.seek(offset, whence)
        assert here.read(size) == there.read(size)
        assert here.tell() == there.tell()
