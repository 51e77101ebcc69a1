"""Recordings that are decoded while they arrive, window by window from an entry on: no sample twice, none left out."""

import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from services.adapters.av_decoder import AvDecoder
from services.adapters.av_decoder.decode import decode
from services.adapters.av_decoder.entering import BEFORE
from services.errors import AudioTooLong, AudioUnreadable
from services.interviews.model import Entry
from services.transcription.ports import Place, Source
from tests import audio
from tests.at_length import long_but
from tests.browser_recordings import chromium, chromium_mp4, firefox, safari
from tests.made import Made
from tests.services.adapters.test_av_decoder_entering import RECORDINGS, SECONDS, changing, made, samples

RATE = audio.RATE
STEP = 27 * RATE // 10
MOST_LAG = RATE // 100
FROM_THE_BEGINNING = Entry(offset=0, samples=0)


@pytest.fixture(scope="module")
async def decoder() -> AsyncIterator[AvDecoder]:
    decoder = AvDecoder(600.0, 100 * 1024 * 1024)
    yield decoder
    await decoder.close()


def source(data: bytes) -> Source:
    async def read(start: int) -> AsyncIterator[bytes]:
        for at in range(start, len(data), 10_000):
            yield data[at : at + 10_000]

    return Source(len(data), read)


@dataclass
class Window:
    """What was handed over behind a place, and where the next one may begin."""

    samples: audio.Samples
    end: int
    entries: tuple[Entry, ...]
    plan: bytes
    flaws: list[tuple[str, float]]

    def before(self, sample: int) -> Entry:
        return [one for one in self.entries if one.samples <= sample - BEFORE * RATE or one is self.entries[0]][-1]


async def window(decoder: AvDecoder, data: bytes, place: Place) -> Window:
    async with decoder.listen(source(data), place) as sound:
        pcm = b"".join([block async for block in sound.blocks()])
        flaws = [(flaw.code, flaw.at or 0.0) for flaw in sound.flaws]
        return Window(np.frombuffer(pcm, np.int16), sound.samples, sound.entries, sound.plan, flaws)


async def arriving(decoder: AvDecoder, data: bytes, pieces: int) -> tuple[list[audio.Samples], list[int], list[str]]:
    """What is heard, as more and more of it is here; how many bytes each window had; and what was wrong."""
    place, heard, sizes, flaws = Place(entry=FROM_THE_BEGINNING), [], [], []
    for number in range(1, pieces + 1):
        there = data[: len(data) * number // pieces]
        is_last = number == pieces
        assert place.entry is not None
        sizes.append(len(there) - place.entry.offset)
        try:
            found = await window(decoder, there, place)
        except AudioUnreadable:
            assert not is_last
            continue
        assert found.end - place.samples == len(found.samples)
        take = len(found.samples) if is_last else max(0, (len(found.samples) - RATE // 2) // STEP * STEP)
        end = place.samples + take
        flaws += [code for code, at in found.flaws if place.samples / RATE <= at < end / RATE or is_last]
        heard.append(found.samples[:take])
        if take:
            place = Place(end, found.plan, entry=found.before(end))
    return heard, sizes, flaws


def lag(ours: audio.Samples, theirs: audio.Samples) -> int:
    length = min(len(ours), len(theirs))
    one, other = (sound[:length].astype(float) for sound in (ours, theirs))
    fits = np.fft.irfft(np.fft.rfft(one, 2 * length) * np.fft.rfft(other, 2 * length).conj())
    best = int(np.abs(fits).argmax())
    assert fits[best] / np.sqrt((one**2).sum() * (other**2).sum()) > 0.9
    return min(best, 2 * length - best)


# As browsers write them: Chrome's MP4 leaps at each fragment with nothing missing.
BROWSERS = Made(
    {made.__name__: partial(made, changing(48_000), 48_000) for made in (chromium, chromium_mp4, firefox, safari)}
)


@pytest.mark.parametrize("pieces", long_but(9, of=[4, 9, 23]))
@pytest.mark.parametrize("name", [*RECORDINGS, *BROWSERS])
async def test_what_arrives_is_heard_as_it_is_in_the_whole(decoder: AvDecoder, name: str, pieces: int) -> None:
    data = (RECORDINGS | BROWSERS)[name]
    whole = samples(data)
    heard, sizes, flaws = await arriving(decoder, data, pieces)
    assert flaws == []
    together = np.concatenate(heard)
    assert len(together) == pytest.approx(len(whole), abs=RATE // 50)
    for start in range(0, len(whole) - RATE // 2, RATE // 2):
        assert lag(together[start : start + RATE // 2], whole[start : start + RATE // 2]) <= MOST_LAG, start
    assert max(sizes[2:]) < 0.7 * len(data), "what is settled is not read again"


@pytest.mark.parametrize("length", [0, 2, 40_000, 200_000, 0xFFFFFFFF])
async def test_wav_whose_head_was_written_before_its_sound_is_heard_as_it_arrives(
    decoder: AvDecoder, length: int
) -> None:
    data = bytearray(RECORDINGS["wav"])
    at = data.find(b"data") + 4
    whole = samples(bytes(data))
    data[at : at + 4] = length.to_bytes(4, "little")
    heard, _, flaws = await arriving(decoder, bytes(data), 9)
    assert flaws == []
    together = np.concatenate(heard)
    assert len(together) == pytest.approx(len(whole), abs=RATE // 50)
    for start in range(0, len(whole) - RATE // 2, RATE // 2):
        assert lag(together[start : start + RATE // 2], whole[start : start + RATE // 2]) <= MOST_LAG, start


@pytest.mark.parametrize("size", [0, 40_000, 0xFFFFFFFF])
async def test_aiff_whose_head_was_written_before_its_sound_is_heard_as_it_arrives(
    decoder: AvDecoder, size: int
) -> None:
    whole = changing(44_100)
    data = bytearray(audio.spoken("aiff", whole[np.newaxis], 44_100))
    for at in (4, data.find(b"SSND") + 4):
        data[at : at + 4] = size.to_bytes(4, "big")
    heard, _, flaws = await arriving(decoder, bytes(data), 4)
    assert len(np.concatenate(heard)) / RATE == pytest.approx(len(whole) / 44_100, abs=0.02)
    assert flaws == []


def without_blocks(wav: bytes) -> bytes:
    at = wav.find(b"fmt ") + 20
    return wav[:at] + bytes(2) + wav[at + 2 :]


def as_rf64(wav: bytes) -> bytes:
    sound = wav.find(b"data")
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, len(wav) + 28, len(wav) - sound - 8, 0, 0)
    unknown = b"\xff" * 4
    return b"RF64" + unknown + b"WAVE" + sizes + wav[12:sound] + b"data" + unknown + wav[sound + 8 :]


@pytest.mark.parametrize("kind", [without_blocks, as_rf64])
async def test_wav_that_cannot_be_entered_is_heard_as_it_arrives(
    decoder: AvDecoder, kind: Callable[[bytes], bytes]
) -> None:
    data = kind(RECORDINGS["wav"])
    whole = samples(data)
    heard, _, _ = await arriving(decoder, data, 4)
    assert len(np.concatenate(heard)) == pytest.approx(len(whole), abs=RATE // 50)
    assert len(whole) == pytest.approx(SECONDS * RATE, abs=RATE // 50)


@pytest.mark.parametrize("clock", [b"free", b"mdhd"])
async def test_mp4_whose_track_has_no_clock_is_heard_as_it_is_in_the_whole(decoder: AvDecoder, clock: bytes) -> None:
    """ffmpeg takes another one for it, which may be far too slow."""
    data = bytearray(RECORDINGS["fragmented mp4"])
    at = data.find(b"mdhd")
    data[at : at + 4] = clock
    data[at + 16 : at + 20] = bytes(4)
    with suppress(AudioTooLong):
        found = await window(decoder, bytes(data), Place(entry=FROM_THE_BEGINNING))
        blocks: list[bytes] = []
        decode(bytes(data), 600.0, blocks.append, blocks.clear)
        assert found.end == sum(map(len, blocks)) // 2


JOINED = ("live webm", "ogg opus", "mp3", "wav", "flac", "fragmented mp4")


@pytest.mark.parametrize("name", JOINED)
async def test_what_was_joined_is_entered_behind_its_joints(decoder: AvDecoder, name: str) -> None:
    data = RECORDINGS[name] * 3
    whole = samples(data)
    heard, sizes, flaws = await arriving(decoder, data, 13)
    assert flaws == ["joined", "joined"]
    together = np.concatenate(heard)
    assert len(together) == pytest.approx(len(whole), abs=RATE // 10), "an MP3's head alone tells how its end is padded"
    for start in range(0, len(whole) - RATE // 2, RATE // 2) if name != "mp3" else ():
        assert lag(together[start : start + RATE // 2], whole[start : start + RATE // 2]) <= 2 * MOST_LAG, start
    assert max(sizes[2:]) < 0.5 * len(data)


async def test_slices_of_any_container_are_entered_where_each_begins(decoder: AvDecoder) -> None:
    data = made("mp4") * 4
    heard, sizes, flaws = await arriving(decoder, data, 12)
    assert flaws == ["joined"] * 3
    assert len(np.concatenate(heard)) == pytest.approx(len(samples(data)), abs=RATE // 20)
    assert max(sizes[4:]) < 0.75 * len(data)


async def test_what_cannot_be_entered_is_decoded_from_its_beginning(decoder: AvDecoder) -> None:
    data = audio.spoken("amr", samples(RECORDINGS["wav"])[::2][np.newaxis], 8_000)
    found = await window(decoder, data, Place(2 * RATE, entry=FROM_THE_BEGINNING))
    assert found.entries == (FROM_THE_BEGINNING,)
    assert found.end - 2 * RATE == len(found.samples)


@pytest.mark.parametrize("name", RECORDINGS)
async def test_an_entry_that_is_none_is_no_recording(decoder: AvDecoder, name: str) -> None:
    """As a checkpoint may say that damage was written over."""
    data = RECORDINGS[name]
    for entry in (Entry(offset=len(data) + 5, samples=0), Entry(offset=len(data) // 2, samples=90 * RATE)):
        with pytest.raises(AudioUnreadable):
            await window(decoder, data, Place(RATE, entry=entry))


async def test_how_loud_it_was_goes_on_to_count(decoder: AvDecoder) -> None:
    loud = samples(RECORDINGS["wav"])[: 4 * RATE]
    data = audio.wav(np.concatenate([loud, loud // 300]))
    first = await window(decoder, data[: 8 * RATE + 44], Place(entry=FROM_THE_BEGINNING))
    entry = first.before(4 * RATE)
    behind = await window(decoder, data, Place(4 * RATE, first.plan, entry=entry))
    forgotten = await window(decoder, data, Place(4 * RATE, entry=entry))
    assert np.abs(behind.samples).max() < 200
    assert np.abs(forgotten.samples).max() > 2_000


async def test_a_truncated_wav_is_told_by_who_entered_it(decoder: AvDecoder) -> None:
    data = RECORDINGS["wav"]
    first = await window(decoder, data[: len(data) // 2], Place(entry=FROM_THE_BEGINNING))
    place = Place(3 * RATE, first.plan, entry=first.before(3 * RATE))
    assert (await window(decoder, data, place)).flaws == []
    cut = await window(decoder, data[: -len(data) // 10], place)
    assert [code for code, _ in cut.flaws] == ["truncated"]
