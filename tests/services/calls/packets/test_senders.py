"""ffmpeg and GStreamer send over loopback: every sound is there, in step, and their reports are understood."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from services.calls.packets.opus import RATE
from services.calls.packets.rtcp import sender_reports
from services.calls.packets.rtp import is_rtcp, parse
from services.calls.packets.side import Side
from tests.at_length import long_but
from tests.calls.programs import needs, save, sent
from tests.calls.sender import Datagram, taken
from tests.calls.sound import Samples, decoded, displacement, murmur

SECONDS = 6.0


def with_a_pause() -> Samples:
    """Speech, two seconds of nothing, and speech."""
    sound = murmur(SECONDS, seed=5)
    sound[int(2.0 * RATE) : int(4.0 * RATE)] = 0.0
    return sound


def paced(came: list[Datagram]) -> list[Datagram]:
    """The packets when their timestamps say, however busy the machine was."""
    packets = [data for _, data in came if not is_rtcp(data)]
    first = parse(packets[0]).timestamp
    return [Datagram((parse(data).timestamp - first) % 2**32 / RATE, data) for data in packets]


def heard_of(came: list[Datagram], side: Side) -> Samples:
    """What a player hears of it; and whatever was late or early on the way, all of it is there."""
    taken(came, side)
    assert (side.counts.lost, side.counts.late, side.counts.foreign, dict(side.counts.odd)) == (0, 0, 0, {})
    return decoded(taken(paced(came), Side()))


def assert_in_step(heard: Samples, sound: Samples) -> None:
    """All of it, with the same displacement throughout, but for one step."""
    begins = len(heard) - len(sound)
    padded = np.concatenate([np.zeros(max(0, begins), np.float32), sound])
    found = [displacement(heard, padded, max(0, begins) / RATE + at, seconds=1.0) for at in (0.3, 1.0, 4.2, 5.0 - 0.1)]
    assert max(found) - min(found) <= 0.0105


def ffmpeg(sound: Path, *options: str) -> list[str | Path]:
    coding = ["-c:a", "libopus", "-application", "voip", "-b:a", "32k", *options]
    return ["ffmpeg", "-v", "error", "-re", "-i", sound, *coding, "-f", "rtp", "rtp://127.0.0.1:PORT?rtcpport=PORT"]


def gstreamer(sound: Path, *options: str, pay: str = "rtpopuspay") -> list[str | Path]:
    file = f"filesrc location={sound} ! wavparse ! audioconvert ! audioresample"
    line = f"{file} ! opusenc audio-type=voice {' '.join(options)} ! {pay} ! udpsink host=127.0.0.1 port=PORT"
    return ["gst-launch-1.0", "-q", *line.split()]


@pytest.mark.parametrize(
    "options", long_but([], of=[[], ["-frame_duration", "60"], ["-ac", "2", "-application", "audio"]])
)
@needs("ffmpeg")
async def test_ffmpeg(tmp_path: Path, options: list[str]) -> None:
    sound, side = with_a_pause(), Side()
    came = await sent(*ffmpeg(save(sound, tmp_path / "sound.wav"), *options))
    await asyncio.to_thread(lambda: assert_in_step(heard_of(came, side), sound))
    assert side.counts.seconds >= SECONDS
    assert any(sender_reports(data) for _, data in came if is_rtcp(data))


@pytest.mark.parametrize(
    "options", long_but([], of=[[], ["frame-size=60"], ["frame-size=10"], ["dtx=true", "bitrate-type=vbr"]])
)
@needs("gst-launch-1.0")
async def test_gstreamer(tmp_path: Path, options: list[str]) -> None:
    """With DTX nothing is sent in a pause."""
    has_pause = "dtx=true" in options
    sound, side = with_a_pause(), Side()
    pay = "rtpopuspay dtx=true" if has_pause else "rtpopuspay"
    came = await sent(*gstreamer(save(sound, tmp_path / "sound.wav"), *options, pay=pay))
    await asyncio.to_thread(lambda: assert_in_step(heard_of(came, side), sound))
    assert side.counts.seconds >= SECONDS - 0.1
    assert has_pause == (side.counts.filled > 1.0)
