"""What strangers may send to the decoder, and what it costs."""

import asyncio
import os
import struct
import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from services.adapters.av_decoder import AvDecoder
from services.errors import AudioTooLong, AudioUnreadable, Problem
from services.transcription.ports import Recording
from tests import audio

MOST_SECONDS, MOST_BYTES = 60.0, 30 * 1024 * 1024


@pytest.fixture(scope="module")
async def decoder() -> AsyncIterator[AvDecoder]:
    decoder = AvDecoder(MOST_SECONDS, MOST_BYTES)
    yield decoder
    await decoder.close()


async def decode(decoder: AvDecoder, data: bytes) -> Recording:
    return await decoder.decode(audio.arriving(data))


ONE_CHANNEL = ("amr", "3gp")
MONO = [(container, "mono") for container in audio.ENCODERS]
STEREO = [(container, "stereo") for container in audio.ENCODERS if container not in ONE_CHANNEL]
SPOKEN = Path(__file__).parents[3] / "scripts/demo/answer-1.webm"
RECORDINGS = Path(__file__).parents[2] / "recordings"


@pytest.mark.parametrize(("container", "layout"), MONO + STEREO)
async def test_every_container_becomes_mono_at_16_khz(decoder: AvDecoder, container: str, layout: str) -> None:
    recording = await decode(decoder, audio.encoded(container, 2.0, layout))
    assert recording.duration == pytest.approx(2.0, abs=0.1)
    assert recording.duration == len(recording.pcm) / 32_000
    assert recording.warnings == ()
    assert _loudest_hertz(recording) == 220
    sound = np.frombuffer(recording.pcm, np.int16)[8_000:24_000].astype(float)
    assert 5_000 < np.abs(sound).max() < 9_000


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("wav", "g722"),
        ("wav", "pcm_mulaw"),
        ("wav", "pcm_alaw"),
        ("wav", "adpcm_ms"),
        ("wav", "adpcm_ima_wav"),
        ("wav", "libmp3lame"),
        ("mp2", "mp2"),
        ("mp4", "libopus"),
        ("mp4", "alac"),
        ("3gp", "libopencore_amrnb"),
        ("3gp", "aac"),
        ("mov", "pcm_s16le"),
        ("caf", "pcm_s16be"),
        ("caf", "pcm_f32le"),
        ("aiff", "pcm_s24be"),
        ("aiff", "pcm_s16le"),
        ("au", "pcm_mulaw"),
        ("au", "pcm_f32be"),
        ("mka", "pcm_f32le"),
        ("mka", "aac"),
        ("wma", "wmav1"),
    ],
)
async def test_every_codec_of_a_container_is_read(decoder: AvDecoder, container: str, codec: str) -> None:
    recording = await decode(decoder, audio.encoded(container, 2.0, codec=codec))
    assert recording.duration == pytest.approx(2.0, abs=0.1)
    assert recording.warnings == ()
    assert _loudest_hertz(recording) == 220


@pytest.mark.parametrize("name", ["speex.spx", "vorbis.ogg", "gsm.wav", "ima4.caf", "opus.caf"])
async def test_what_other_recorders_make_says_the_same(decoder: AvDecoder, name: str) -> None:
    recording = await decode(decoder, (RECORDINGS / name).read_bytes())
    assert recording.duration == pytest.approx(2.0, abs=0.1)
    assert recording.warnings == ()
    spoken = (await decode(decoder, SPOKEN.read_bytes())).pcm[: len(recording.pcm)]
    assert _likeness(recording.pcm, spoken) > 0.5


def _loudest_hertz(recording: Recording) -> int:
    sound = np.frombuffer(recording.pcm, np.int16).astype(float)[8_000:24_000]
    return int(np.abs(np.fft.rfft(sound)).argmax())


def _likeness(one: bytes, other: bytes) -> float:
    """The correlation of two sounds, where they fit best."""
    both = min(len(one), len(other)) // 2
    first, second = (np.frombuffer(pcm, np.int16)[:both].astype(float) for pcm in (one, other))
    fits = np.fft.irfft(np.fft.rfft(first, 2 * both) * np.fft.rfft(second, 2 * both).conj())
    return float(fits.max() / np.sqrt((first**2).sum() * (second**2).sum()))


async def test_samples_at_16_khz_pass_unchanged(decoder: AvDecoder) -> None:
    sound = audio.noise(1.7)
    assert (await decode(decoder, audio.wav(sound))).pcm == sound.tobytes()


async def test_a_recording_without_a_length_is_measured(decoder: AvDecoder) -> None:
    recording = await decode(decoder, audio.webm_of([number * 0.12 for number in range(100)]))
    assert recording.duration == pytest.approx(12.0, abs=0.1)
    assert recording.warnings == ()


async def test_a_lost_piece_is_told(decoder: AvDecoder) -> None:
    times = [number * 0.12 for number in range(100) if not 30 <= number < 60]
    recording = await decode(decoder, audio.webm_of(times))
    assert recording.duration == pytest.approx(12.0, abs=0.1)
    assert recording.warnings == ("gap",)


async def test_joined_pieces_are_told(decoder: AvDecoder) -> None:
    times = [number * 0.12 for number in range(20)]
    recording = await decode(decoder, audio.webm_of(times + times))
    assert recording.duration == pytest.approx(4.8, abs=0.1)
    assert recording.warnings == ("joined",)


async def test_a_change_of_shape_in_the_middle_is_followed(decoder: AvDecoder) -> None:
    both = audio.encoded("mp3", 1.0, "mono") + audio.encoded("mp3", 1.0, "stereo")
    assert (await decode(decoder, both)).duration == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("length", [0, 1, 0xFFFFFFFF])
async def test_a_wav_that_lies_about_its_length_is_measured(decoder: AvDecoder, length: int) -> None:
    whole = bytearray(audio.wav(audio.tone(2.0)))
    whole[40:44] = struct.pack("<I", length)
    try:
        assert (await decode(decoder, bytes(whole))).duration <= 2.0
    except AudioUnreadable:
        assert length < 2


def _zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.wav", audio.wav(audio.tone(1.0)))
    return file.getvalue()


SECRET = Path(__file__).resolve()
TRICKS = {
    "empty": b"",
    "text": b"hello, I am an audio file" * 100,
    "html": b"<!DOCTYPE html><html><body><audio src='a.wav'></body></html>",
    "ffconcat": f"ffconcat version 1.0\nfile '{SECRET}'\n".encode(),
    "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{SECRET}\n#EXT-X-ENDLIST\n".encode(),
    "sdp": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n",
    "mpd": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>file:///</BaseURL></MPD>',
    "data": b"data:audio/wav;base64,UklGRg==",
    "zip": _zip(),
    "random": np.random.default_rng(3).bytes(50_000),
    "null": bytes(50_000),
}
HEADS = {
    "webm": b"\x1a\x45\xdf\xa3",
    "ogg": b"OggS",
    "flac": b"fLaC",
    "wav": b"RIFF\xff\xff\xff\xffWAVE",
    "mp4": b"\x00\x00\x00\x18ftypisom",
    "id3": b"ID3\x04\x00\x00\x00\x00\x00\x00",
    "mp3": b"\xff\xfb\x90\x00",
}


@pytest.mark.parametrize("trick", TRICKS)
async def test_what_is_not_audio_is_refused(decoder: AvDecoder, trick: str) -> None:
    with pytest.raises(AudioUnreadable):
        await decode(decoder, TRICKS[trick])


@pytest.mark.parametrize("head", HEADS)
async def test_a_good_head_on_a_bad_body_is_refused(decoder: AvDecoder, head: str) -> None:
    for name, body in TRICKS.items():
        if (head, name) == ("wav", "zip"):
            continue  # the archive holds a WAV file as it is, and two of them in a row are joined recordings
        with pytest.raises(Problem):
            await decode(decoder, HEADS[head] + body)


@pytest.mark.parametrize("container", ["webm", "ogg", "wav", "mp4", "flac"])
async def test_a_header_alone_is_refused(decoder: AvDecoder, container: str) -> None:
    with pytest.raises(AudioUnreadable):
        await decode(decoder, audio.encoded(container, 2.0)[:44])


async def test_a_chunk_without_its_header_is_refused(decoder: AvDecoder) -> None:
    whole = audio.encoded("webm", 3.0)
    with pytest.raises(AudioUnreadable):
        await decode(decoder, whole[whole.index(audio.CLUSTER) :])


async def test_a_picture_is_refused(decoder: AvDecoder) -> None:
    with pytest.raises(AudioUnreadable):
        await decode(decoder, audio.video_only())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
async def test_samples_that_are_no_numbers_are_refused(decoder: AvDecoder, value: float) -> None:
    with pytest.raises(AudioUnreadable):
        await decode(decoder, audio.float_wav([0.1] * 40_000 + [value] + [0.1] * 9_000))


async def test_float_samples_are_read(decoder: AvDecoder) -> None:
    assert (await decode(decoder, audio.float_wav([0.5] * 16_000))).duration == 1.0


@pytest.mark.parametrize("rate", [1, 100, 4_000_000_000])
async def test_an_absurd_rate_is_refused(decoder: AvDecoder, rate: int) -> None:
    whole = bytearray(audio.wav(audio.tone(1.0)))
    whole[24:28] = struct.pack("<I", rate)
    with pytest.raises((AudioUnreadable, AudioTooLong)):
        await decode(decoder, bytes(whole))


async def test_too_many_seconds_are_refused(decoder: AvDecoder) -> None:
    assert (await decode(decoder, audio.wav(audio.silence(MOST_SECONDS)))).duration == MOST_SECONDS
    with pytest.raises(AudioTooLong):
        await decode(decoder, audio.wav(audio.silence(MOST_SECONDS + 2)))


@pytest.mark.long
async def test_days_of_silence_in_a_small_file_cost_little() -> None:
    decoder = AvDecoder(1800.0, MOST_BYTES)
    before = os.times()
    try:
        with pytest.raises(AudioTooLong):
            await decode(decoder, audio.hours_of_silence(91))
    finally:
        await decoder.close()
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < 10


async def test_too_many_bytes_are_refused_as_they_arrive() -> None:
    decoder = AvDecoder(MOST_SECONDS, 100_000)
    with pytest.raises(AudioUnreadable, match="larger"):
        await decode(decoder, audio.wav(audio.silence(5.0)))
    await decoder.close()


async def test_recordings_are_decoded_at_the_same_time(decoder: AvDecoder) -> None:
    sounds = [audio.noise(0.5 + number / 10) for number in range(12)]
    recordings = await asyncio.gather(*(decode(decoder, audio.wav(sound)) for sound in sounds))
    assert [recording.pcm for recording in recordings] == [sound.tobytes() for sound in sounds]
