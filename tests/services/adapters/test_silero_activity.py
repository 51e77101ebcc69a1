"""Where somebody speaks, and where only something sounds."""

import json
from pathlib import Path

import numpy as np
import pytest

from services.adapters.av_decoder.decode import decode
from services.adapters.silero_activity import Following, SileroActivity
from services.interviews.transcript import Span
from tests import audio

DEMO = Path(__file__).parents[3] / "scripts" / "demo"
activity = SileroActivity()
NON_SPEECH = {
    "nothing": np.zeros(0, np.int16),
    "a moment": audio.silence(0.01),
    "silence": audio.silence(20.0),
    "quiet noise": audio.noise(20.0, level=100),
    "loud noise": audio.noise(20.0, level=8_000),
    "hum": audio.tone(20.0, hertz=50.0),
    "a tone": audio.tone(20.0, hertz=440.0),
}


def spoken(number: int = 0) -> audio.Samples:
    question = json.loads((DEMO / "interview.json").read_text(encoding="utf-8"))["questions"][number]
    blocks: list[bytes] = []
    decode((DEMO / question["audio"]).read_bytes(), 60.0, blocks.append, blocks.clear)
    return np.frombuffer(b"".join(blocks), np.int16)


@pytest.mark.parametrize("name", NON_SPEECH)
async def test_what_is_not_speech_has_no_spans(name: str) -> None:
    assert (await activity.find(audio.recording(NON_SPEECH[name]))).spans == []


async def test_speech_is_found_where_it_is() -> None:
    words = spoken()[: 5 * audio.RATE]
    sound = np.concatenate([audio.silence(4.0), words, audio.noise(6.0, level=30), words, audio.silence(3.0)])
    first, second = (await activity.find(audio.recording(sound))).spans
    assert (first.start, first.end) == pytest.approx((4.0, 9.0), abs=0.8)
    assert (second.start, second.end) == pytest.approx((15.0, 20.0), abs=0.8)


async def test_long_speech_is_cut_at_pauses() -> None:
    words = spoken()
    found = (await SileroActivity(most_seconds=30.0).find(audio.recording(np.tile(words, 5)))).spans
    assert len(found) > 2
    assert all(span.end - span.start <= 30.0 for span in found)
    assert sum(span.end - span.start for span in found) == pytest.approx(5 * len(words) / audio.RATE, abs=2.0)


async def test_speech_without_a_pause_is_cut_between_words_and_not_in_one() -> None:
    """What is left of a spoken answer without its pauses, with short dips in which nobody would hear one."""
    words = spoken()[: 4 * audio.RATE].copy()
    words[-(audio.RATE // 10) :] //= 20
    sound = np.tile(words, 12)
    dips = [number * 4.0 - 0.05 for number in range(1, 12)]
    found = (await SileroActivity(pause_seconds=1.0).find(audio.recording(sound))).spans
    assert len(found) > 2
    cuts = [span.end for span in found[:-1]]
    assert all(min(abs(cut - dip) for dip in dips) < 0.1 or _level(sound, cut) < 200 for cut in cuts)
    assert all(span.seconds <= 18.0 for span in found)


def _level(sound: audio.Samples, moment: float) -> float:
    around = sound[int((moment - 0.02) * audio.RATE) : int((moment + 0.02) * audio.RATE)].astype(np.float64)
    return float(np.sqrt(np.mean(around**2)))


def _long_speech() -> audio.Samples:
    words = spoken()
    pause = audio.silence(3.0)
    return np.concatenate([words[: 9 * audio.RATE], pause, words, pause, words[5 * audio.RATE :]])


async def _followed(following: Following, sound: audio.Samples, block: int = 9_999) -> None:
    for start in range(0, len(sound), block):
        await following.take(sound[start : start + block].tobytes())


async def test_what_comes_block_by_block_is_heard_as_it_is_at_once() -> None:
    sound = _long_speech()
    following = activity.follow()
    await _followed(following, sound)
    assert await following.close(sound.tobytes()) == await activity.find(audio.recording(sound))


async def test_in_stretches_speech_is_where_it_is_in_the_whole() -> None:
    sound = _long_speech()
    whole = await activity.find(audio.recording(sound))
    following, found, start = activity.follow(), list[Span](), 0
    await _followed(following, sound)
    for _ in range(2):
        pause = await following.pause(sound[start:].tobytes(), 5.0, 30.0)
        end = start + round(pause * audio.RATE)
        heard = (await following.close(sound[start:end].tobytes())).heard
        found += [Span(one.start + start / audio.RATE, one.end + start / audio.RATE) for one in heard]
        start = end
    heard = (await following.close(sound[start:].tobytes())).heard
    found += [Span(one.start + start / audio.RATE, one.end + start / audio.RATE) for one in heard]
    assert [one.start for one in found] == pytest.approx([one.start for one in whole.heard])
    assert [one.end for one in found] == pytest.approx([one.end for one in whole.heard], abs=0.04)


async def test_who_goes_on_with_a_state_hears_what_who_went_on_hears() -> None:
    sound = _long_speech()
    one = activity.follow()
    await _followed(one, sound)
    end = round(await one.pause(sound.tobytes(), 5.0, 20.0) * audio.RATE)
    await one.close(sound[:end].tobytes())
    other = activity.follow(one.state)
    assert other.state == one.state
    await _followed(other, sound[end:], block=16_000)
    assert await other.close(sound[end:].tobytes()) == await one.close(sound[end:].tobytes())
    assert other.state == one.state


async def test_a_stretch_ends_in_the_longest_pause() -> None:
    sound = _long_speech()
    following = activity.follow()
    await _followed(following, sound)
    assert 9.0 < await following.pause(sound.tobytes(), 5.0, 20.0) < 12.0


async def test_where_nobody_pauses_a_stretch_ends_in_time_all_the_same() -> None:
    sound = np.tile(spoken()[: 2 * audio.RATE], 20)
    following = SileroActivity(pause_seconds=5.0).follow()
    await _followed(following, sound)
    assert 20.0 <= await following.pause(sound.tobytes(), 20.0, 30.0) <= 30.0


async def test_faint_speech_counts_behind_what_was_certain_and_not_before_it() -> None:
    faint = SileroActivity(certain=1.1)
    sound = spoken()[: 5 * audio.RATE]
    assert (await faint.find(audio.recording(sound))).spans == []
    certain = activity.follow()
    await _followed(certain, sound)
    await certain.close(sound.tobytes())
    later = faint.follow(certain.state)
    await _followed(later, sound)
    assert (await later.close(sound.tobytes())).spans


@pytest.mark.parametrize("state", [b"", b"x", bytes(2_000)])
async def test_a_state_of_another_version_is_none(state: bytes) -> None:
    assert activity.follow(state).state == activity.follow().state
