"""Senders as people have them, against the UDP door: ffmpeg, and GStreamer. Debian has both as packages."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from services.calls.calls import Wanted
from services.calls.packets.opus import RATE
from services.interviews.model import CallSide
from tests.app.test_rtp import World, world
from tests.audio import wav
from tests.calls.sound import Samples, decoded, murmur

__all__ = ["world"]

LEFT = CallSide.LEFT
SECONDS = 4.0
FFMPEG = [
    "ffmpeg",
    "-v",
    "error",
    "-re",
    "-i",
    "{file}",
    "-c:a",
    "libopus",
    "-application",
    "voip",
    "-b:a",
    "64k",
    "-f",
    "rtp",
]
GSTREAMER = [
    "gst-launch-1.0", "-q", "filesrc", "location={file}", "!", "wavparse", "!", "audioconvert", "!", "audioresample",
    "!", "opusenc", "audio-type=voice", "bitrate=64000", "!", "rtpopuspay", "!", "udpsink", "sync=true",
]  # fmt: skip


def needs(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}: apt-get install {package}")


async def send(command: list[str], sound: Samples, folder: Path) -> None:
    """Have a sender send this sound as fast as it is spoken."""
    file = folder / "sound.wav"
    file.write_bytes(wav(np.round(sound * 32_000).astype("<i2"), rate=RATE))
    filled = [word.replace("{file}", str(file)) for word in command]
    sending = await asyncio.create_subprocess_exec(*filled, stdout=asyncio.subprocess.DEVNULL)
    assert await asyncio.wait_for(sending.wait(), 60) == 0


def likeness(heard: Samples, truth: Samples) -> float:
    """How alike they are where they are most alike, from 0 to 1."""
    length = 1 << 19
    together = np.fft.irfft(np.fft.rfft(heard, length) * np.conj(np.fft.rfft(truth, length)), length)
    return float(together.max() / (np.linalg.norm(heard) * np.linalg.norm(truth)))


@pytest.mark.parametrize("sender", ["ffmpeg", "gstreamer"])
async def test_what_a_sender_of_the_field_sends_is_kept_whole(world: World, tmp_path: Path, sender: str) -> None:
    call, lines = await world.call({LEFT: Wanted()})
    host, port = lines[LEFT].host, lines[LEFT].port
    if sender == "ffmpeg":
        needs("ffmpeg", "ffmpeg")
        command = [*FFMPEG, f"rtp://{host}:{port}"]
    else:
        needs("gst-launch-1.0", "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good")
        command = [*GSTREAMER, f"host={host}", f"port={port}"]
    sound = murmur(SECONDS)
    await send(command, sound, tmp_path)
    await world.until(call, LEFT, round(SECONDS * 50) - 75)
    over = await world.over(call)
    tally = over.sides[LEFT].line.tally
    assert abs(tally.packets + tally.skipped - SECONDS * 50) <= 3
    assert (tally.lost, tally.foreign, tally.doubled) == (0, 0, 0)
    stored = decoded(await world.stored(over, LEFT))
    assert abs(len(stored) - len(sound)) <= 0.3 * RATE
    assert likeness(stored, sound) > 0.5  # of two different sounds it is below 0.1
