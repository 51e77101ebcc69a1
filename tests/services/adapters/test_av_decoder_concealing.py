"""Of Opus, what a packet says is lost is concealed: sound goes on where it was, and stays in its time."""

import numpy as np
import pytest

from services.adapters.av_decoder.decode import decode
from services.calls.packets.side import Side
from tests import audio
from tests.calls.sender import Sender, taken
from tests.calls.sound import coded

RATE, SECONDS, EVERY = audio.RATE, 4, 10
FRAME = RATE // 50


def heard(stream: bytes) -> audio.Samples:
    blocks: list[bytes] = []
    assert decode(stream, 60.0, blocks.append, blocks.clear) == ()
    return np.frombuffer(b"".join(blocks), np.int16)


def loudness(sound: audio.Samples) -> list[float]:
    frames = sound[: len(sound) // FRAME * FRAME].astype(float).reshape(-1, FRAME)
    return list(np.sqrt((frames**2).mean(axis=1)))


@pytest.mark.parametrize("application", ["voip", "audio"])
def test_a_lost_packet_is_no_silence(application: str) -> None:
    tone = (0.3 * np.sin(2 * np.pi * 220 * np.arange(SECONDS * 48_000) / 48_000)).astype(np.float32)
    sent = list(Sender().send(coded(tone, application=application)))
    whole = heard(taken(sent, Side()))
    lossy = heard(taken([each for number, each in enumerate(sent) if number % EVERY or number < 5], Side()))
    assert abs(len(lossy) - len(whole)) <= FRAME
    usual = float(np.median(loudness(whole)))
    assert min(loudness(lossy)[5:-5]) > 0.1 * usual  # where nothing is concealed it is a two-hundredth
