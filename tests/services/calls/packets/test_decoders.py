"""Streams are valid Ogg Opus to libopusfile, to opusinfo and to ffmpeg, however much of them is filled."""

import asyncio
import re
from pathlib import Path

import pytest

from services.calls.packets.side import Side
from tests.calls.programs import needs, run
from tests.calls.sender import Network, Sender, taken
from tests.calls.sound import coded, decoded, displacement, murmur

SOUND = murmur(6)
CODINGS = [("voip", "20"), ("voip", "60"), ("audio", "20"), ("lowdelay", "5"), ("lowdelay", "2.5"), ("audio", "120")]


def a_stream(application: str, milliseconds: str) -> bytes:
    """Begins late, loses a tenth, and pauses in the middle; and goes on behind its own pages."""
    packets = coded(SOUND, milliseconds=milliseconds, application=application)
    half = len(packets) // 2
    sender = Sender(begins=1.5)
    sent = list(sender.send([*packets[:half], *[b""] * 30, *packets[half:]]))
    came = [*sent[:2], *Network(lost=10, jitter=0.02, reordered=3).carry(sent[2:-1]), sent[-1]]
    first, second = came[: half // 2], came[half // 2 :]
    side, stored = Side(), b""
    for arrived, data in first:
        side.take(data, arrived)
    stored += side.pages(first[-1].arrived + 2.0)
    return stored + taken(second, Side.resumed(stored))


@pytest.mark.parametrize(("application", "milliseconds"), CODINGS)
@needs("opusinfo", "opusdec", "ffmpeg")
async def test_decoders_find_nothing_wrong(tmp_path: Path, application: str, milliseconds: str) -> None:
    path = tmp_path / "side.opus"
    path.write_bytes(await asyncio.to_thread(a_stream, application, milliseconds))
    told = await run("opusinfo", path)
    assert "WARNING" not in told
    assert "ERROR" not in told
    minutes, seconds = re.findall(r"Playback length: (\d+)m:([\d.]+)s", told)[0]
    assert 60 * int(minutes) + float(seconds) == pytest.approx(8.1, abs=0.15)
    assert await run("ffmpeg", "-v", "warning", "-xerror", "-i", path, "-f", "null", "-") == ""
    wav = tmp_path / "side.wav"
    told = await run("opusdec", "--force-wav", path, wav)
    assert "hole" not in told.lower()
    assert wav.stat().st_size == pytest.approx(8.1 * 48_000 * 2, rel=0.02)


@pytest.mark.parametrize(("application", "milliseconds"), CODINGS)
def test_what_follows_a_hole_is_heard_at_its_time(application: str, milliseconds: str) -> None:
    heard = decoded(a_stream(application, milliseconds))
    coder = 0.004 if application == "lowdelay" else 0.0
    assert displacement(heard[int(1.5 * 48_000) :], SOUND, 0.2, seconds=1.0) == pytest.approx(-coder, abs=0.012)
    assert displacement(heard[int(2.1 * 48_000) :], SOUND, 4.0, seconds=1.5) == pytest.approx(-coder, abs=0.012)
