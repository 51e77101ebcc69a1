"""Joined, cut and holed recordings: as much is heard as can be, in its place, and what is wrong is told."""

import itertools
import re
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from services.adapters.av_decoder import source, webm
from services.adapters.av_decoder.decode import decode
from services.adapters.av_decoder.source import Distant, Source
from services.errors import AudioTooLong, AudioUnreadable
from services.interviews.transcript import Flaw
from services.recordings.formats import container_of
from tests import audio, browser_recordings
from tests.at_length import long_but

MOST = 60.0
AT_THE_END = ("mp4", "mov", "3gp", "caf")  # what says where the sound lies stands behind it
SIZED = ("wav", "aiff", "au", "w64", "flac", "mp3")  # the head says how much there is
NO_TIMES = ("aac", "amr", "mp2", *SIZED)
UNMARKED = ("aac", "mp2")  # frames and nothing else: joined files are like one

Heard = tuple[audio.Samples, tuple[Flaw, ...]]


def heard(data: Source, most: float = MOST) -> Heard:
    blocks: list[bytes] = []
    flaws = decode(data, most, blocks.append, blocks.clear)
    return np.frombuffer(b"".join(blocks), np.int16), flaws


def distant(data: bytes) -> Distant:
    """A recording of which few bytes are here."""
    return Distant(lambda start, most: data[start : start + most], 0, len(data))


def seconds(sound: audio.Samples) -> float:
    return len(sound) / audio.RATE


def hertz(sound: audio.Samples) -> int:
    """The loudest pitch of the second in the middle."""
    middle = len(sound) // 2
    return int(np.abs(np.fft.rfft(sound[middle - 8_000 : middle + 8_000].astype(float))).argmax())


def of(hertz: float, container: str, length: float) -> bytes:
    """A tone of this pitch."""
    rate = audio.ENCODERS[container][1]
    return audio.spoken(container, audio.tone(length, rate, hertz)[np.newaxis], rate)


def codes(flaws: Iterable[Flaw]) -> list[str]:
    return [flaw.code for flaw in flaws]


def is_gap(flaws: tuple[Flaw, ...], at: float, length: float | None) -> bool:
    (flaw,) = flaws
    near = pytest.approx(length, abs=0.02) if length else None
    return flaw.code == "gap" and flaw.at == pytest.approx(at, abs=0.02) and flaw.seconds == near


def of_no_length(kind: str, data: bytes) -> bytes:
    """As a recorder writes it that cannot go back to its head."""
    whole = bytearray(data)
    for at in (4, data.find(b"data") + 4) if kind == "wav" else (8,):
        whole[at : at + 4] = b"\xff" * 4
    return bytes(whole)


@pytest.mark.parametrize("length", [0.05, 3.0, 3.01])
@pytest.mark.parametrize("kind", ["wav", "au"])
def test_a_recording_that_does_not_know_its_length_is_whole(kind: str, length: float) -> None:
    sound, flaws = heard(of_no_length(kind, of(300, kind, length)))
    assert seconds(sound) == pytest.approx(length, abs=0.01)
    assert flaws == ()


@pytest.mark.parametrize("length", [0, 1, 2, 16_000, 31_999])
def test_wav_that_says_it_is_shorter_than_it_is_is_whole(length: int) -> None:
    """As of a recorder that writes its head with the first slice."""
    whole = bytearray(audio.wav(audio.tone(2.0)))
    whole[4:8], whole[40:44] = (length + 36).to_bytes(4, "little"), length.to_bytes(4, "little")
    sound, flaws = heard(bytes(whole))
    assert (seconds(sound), flaws) == (2.0, ())
    again, _ = heard(bytes(whole + whole))
    assert seconds(again) == 4.0


@pytest.mark.parametrize("before", [0, source.PIECE - 12 - 8 - 8 - 16 - 6])
@pytest.mark.parametrize("length", [0, 1, 2, 16_000, 31_999])
def test_wav_of_which_few_bytes_are_here_is_whole_too(length: int, before: int) -> None:
    """Also where what is to be mended lies in two pieces."""
    said = bytearray(audio.wav(audio.tone(2.0)))
    said[40:44] = length.to_bytes(4, "little")
    padding = b"LIST" + before.to_bytes(4, "little") + bytes(before) if before else b""
    whole = bytes(said[:12] + padding + said[12:])
    sound, flaws = heard(distant(whole))
    assert (seconds(sound), flaws) == (2.0, ())


@pytest.mark.parametrize("behind", [b"LIST\x04\0\0\0INFO", b"id3 \x03\0\0\0abc", bytes(4)])
def test_what_stands_behind_the_sound_is_not_heard(behind: bytes) -> None:
    sound, flaws = heard(audio.wav(audio.tone(2.0)) + behind)
    assert (seconds(sound), flaws) == (2.0, ())


@pytest.mark.parametrize("container", audio.ENCODERS)
def test_joined_recordings_are_read_whole(container: str) -> None:
    sound, flaws = heard(of(300, container, 3.0) + of(500, container, 2.0) + of(700, container, 4.0))
    assert seconds(sound) == pytest.approx(9.0, abs=0.3)
    at = [0, 3, 5, 9]
    pitches = [hertz(sound[start * audio.RATE : end * audio.RATE]) for start, end in itertools.pairwise(at)]
    assert pitches == [300, 500, 700]
    joints = [flaw.at for flaw in flaws if flaw.code == "joined"]
    assert joints == ([] if container in UNMARKED else pytest.approx([3.0, 5.0], abs=0.2))
    assert codes(flaws) == ["joined"] * len(joints)


@pytest.mark.parametrize("container", [name for name in audio.ENCODERS if name not in AT_THE_END])
def test_a_cut_recording_is_heard_as_far_as_it_goes_and_told(container: str) -> None:
    whole = audio.encoded(container, 8.0)
    sound, flaws = heard(whole[: len(whole) * 6 // 10])
    assert 3.5 < seconds(sound) < 5.2
    assert codes(flaws) == ["truncated"]
    assert flaws[0].at == pytest.approx(seconds(sound), abs=0.05)
    if container in SIZED:
        assert flaws[0].seconds == pytest.approx(8.0 - seconds(sound), abs=0.1)


@pytest.mark.parametrize("container", AT_THE_END)
def test_what_cannot_be_read_without_its_end_is_unreadable(container: str) -> None:
    whole = audio.encoded(container, 8.0)
    with pytest.raises(AudioUnreadable):
        heard(whole[: len(whole) * 6 // 10])


@pytest.mark.parametrize("container", [name for name in audio.ENCODERS if name not in AT_THE_END])
def test_a_hole_is_told_and_does_not_take_the_rest_along(container: str) -> None:
    whole = audio.encoded(container, 16.0)
    start = len(whole) * 3 // 10
    sound, flaws = heard(whole[:start] + whole[start + len(whole) // 10 :])
    if container in NO_TIMES and container != "flac":
        assert seconds(sound) == pytest.approx(14.4, abs=0.4)
        assert set(codes(flaws)) & {"decode_errors", "truncated"}
    else:
        assert seconds(sound) == pytest.approx(16.0, abs=0.2)
        assert codes(flaws) == ["gap"]
        assert flaws[0].at == pytest.approx(4.8, abs=1.1)
        assert flaws[0].seconds == pytest.approx(1.6, abs=1.2)


@pytest.mark.parametrize("container", audio.ENCODERS)
def test_a_tail_of_garbage_does_no_harm(container: str) -> None:
    sound, _ = heard(audio.encoded(container, 3.0) + bytes(range(256)) * 8)
    assert seconds(sound) == pytest.approx(3.0, abs=1.4 if container == "amr" else 0.3)


@pytest.mark.parametrize("container", audio.ENCODERS)
def test_nothing_is_said_of_what_is_whole(container: str) -> None:
    for length in (0.3, 1.0, 7.7):
        assert heard(audio.encoded(container, length))[1] == ()


BROWSERS = (
    browser_recordings.chromium,
    browser_recordings.chromium_mp4,
    browser_recordings.firefox,
    browser_recordings.safari,
)


@pytest.mark.parametrize("browser", BROWSERS)
@pytest.mark.parametrize("place", long_but(0.31, 0.77, of=[0.15, 0.31, 0.5, 0.62, 0.77]))
@pytest.mark.parametrize("is_gone", [True, False])
def test_damage_in_what_a_browser_records_costs_two_seconds_at_most(
    browser: Callable[[audio.Samples, int], bytes], place: float, is_gone: bool
) -> None:
    whole = browser(audio.tone(12.0, 48_000, 440), 48_000)
    start = int(len(whole) * place)
    rubbish = b"" if is_gone else np.random.default_rng(1).bytes(3_000)
    sound, flaws = heard(whole[:start] + rubbish + whole[start + 3_000 :])
    assert seconds(sound) == pytest.approx(12.0, abs=0.1)
    assert "gap" in codes(flaws) or codes(flaws) == ["decode_errors"]
    assert sum(flaw.seconds or 0.0 for flaw in flaws) < 2.1
    quiet = sum(np.abs(sound[at : at + 800]).max() < 1_000 for at in range(0, len(sound) - 800, 800)) / 20
    assert quiet < 2.2
    for part in (sound[: int(0.7 * place * len(sound))], sound[-2 * audio.RATE :]):
        assert hertz(part) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("container", long_but("aac", of=["aac", "mp3", "amr", "wav", "flac", "ogg"]))
@pytest.mark.parametrize("damage", [bytes(8), b"\xff" * 3])
def test_damaged_bytes_cost_what_is_near_them_alone(container: str, damage: bytes) -> None:
    """Wherever they lie in a packet: the length of one may be told as eight kilobytes."""
    whole = audio.encoded(container, 4.0)
    middle = len(whole) // 2
    for at in range(middle, middle + 340, 4):
        sound, _ = heard(whole[:at] + damage + whole[at + len(damage) :])
        assert seconds(sound) == pytest.approx(4.0, abs=0.8), at - middle


FRAGMENTED = (browser_recordings.chromium_mp4, browser_recordings.safari)


def heads_of(whole: bytes) -> list[int]:
    return [found.start() - 4 for found in re.finditer(b"moof", whole)]


@pytest.mark.parametrize("browser", FRAGMENTED)
@pytest.mark.parametrize("damage", long_but(b"\xff\xff", bytes(8), of=[b"\xff\xff", bytes(2), bytes(8), b"\x55\xaa"]))
def test_damage_in_a_fragments_head_costs_that_fragment(
    browser: Callable[[audio.Samples, int], bytes], damage: bytes
) -> None:
    whole = browser(audio.tone(8.0, 48_000, 440), 48_000)
    head = heads_of(whole)[3]
    for at in range(head, head + 320, 4):
        sound, _ = heard(whole[:at] + damage + whole[at + len(damage) :])
        assert seconds(sound) == pytest.approx(8.0, abs=0.1), at - head
        quiet = sum(np.abs(sound[at : at + 800]).max() < 1_000 for at in range(0, len(sound) - 800, 800)) / 20
        assert quiet < 2.2, at - head


@pytest.mark.parametrize("browser", FRAGMENTED)
def test_what_most_fragments_say_is_believed(browser: Callable[[audio.Samples, int], bytes]) -> None:
    """As where a muxer writes something between their samples: what stands behind them is cut off all the same."""
    whole = browser(audio.tone(8.0, 48_000, 440), 48_000)
    heads = [*heads_of(whole), len(whole)]
    padded = bytearray(whole[: heads[0]])
    for start, end in itertools.pairwise(heads):
        begin = start + int.from_bytes(whole[start : start + 4])
        size = int.from_bytes(whole[begin : begin + 4])
        padded += whole[start:begin] + (size + 8).to_bytes(4) + whole[begin + 4 : begin + size] + bytes(8)
        padded += whole[begin + size : end]
    sound, _ = heard(bytes(padded[:-300]))
    assert 6.5 < seconds(sound) < 8.1
    assert np.abs(sound[: 6 * audio.RATE]).reshape(-1, 800).max(axis=1).min() > 1_000


@pytest.mark.parametrize("browser", BROWSERS)
def test_what_a_browser_records_is_joined_and_cut_like_all_else(
    browser: Callable[[audio.Samples, int], bytes],
) -> None:
    first, second = (browser(audio.tone(5.0, 48_000, pitch), 48_000) for pitch in (300, 500))
    assert heard(first)[1] == ()
    sound, flaws = heard(first + second[: len(second) // 2])
    assert codes(flaws) == ["joined", "truncated"]
    assert flaws[0].at == pytest.approx(5.0, abs=0.1)
    assert [hertz(sound[: 5 * audio.RATE]), hertz(sound[5 * audio.RATE :])] == [300, 500]


@pytest.mark.parametrize("place", range(40, 100, 10))
def test_a_time_that_is_no_number_is_none(place: int) -> None:
    """What is decoded of damaged Opus may come without the unit of its time."""
    whole = audio.spoken("mp4", audio.tone(3.0, 48_000)[np.newaxis], 48_000, "libopus", browser_recordings.FRAGMENTS)
    at = len(whole) * place // 100
    sound, flaws = heard(whole[:at] + whole[at + 500 :])
    assert seconds(sound) > 0.9
    assert flaws


def test_a_track_of_no_known_codec_is_unreadable() -> None:
    with pytest.raises(AudioUnreadable):
        heard(audio.encoded("mp4", 1.0, codec="libopus").replace(b"Opus", b"zzzz"))


def test_webm_with_a_hole_as_short_as_can_be_is_heard() -> None:
    whole = of(300, "webm", 3.0)
    first = whole.index(b"\xa3", whole.index(audio.CLUSTER))  # behind the cluster's time
    middle = len(whole) // 2
    sound, _ = heard(whole[:first] + b"\0" + whole[first:middle] + bytes(8) + whole[middle + 8 :])
    assert seconds(sound) == pytest.approx(3.0, abs=0.5)


def test_a_cluster_of_webm_without_a_time_is_not_given_the_next_ones() -> None:
    first, second = audio.CLUSTER + b"\xff\xec\x80", audio.CLUSTER + b"\xff\xe7\x81\7"
    at = len(audio.CLUSTER) + 1
    assert webm.time_of(first + second, at) is None
    assert webm.time_of(first + second, len(first) + at) == 7


def test_mp4_with_a_hole_is_heard_up_to_it() -> None:
    whole = audio.encoded("mp4", 8.0)
    middle = len(whole) // 2
    sound, flaws = heard(whole[:middle] + whole[middle + 3_000 :])
    assert 3.5 < seconds(sound) < 8.2
    assert codes(flaws)[0] == "decode_errors" and codes(flaws)[-1] == "truncated"


def test_silence_stands_for_what_is_missing() -> None:
    times = [number * 0.12 for number in range(100) if not 30 <= number < 60]
    sound, flaws = heard(audio.webm_of(times))
    assert seconds(sound) == pytest.approx(12.0, abs=0.05)
    assert is_gap(flaws, 3.6, 3.6)


@pytest.mark.parametrize("leap", [0.031, 0.048, 0.09])
def test_small_leaps_are_no_gaps(leap: float) -> None:
    times = [number * 0.12 + number // 8 * leap for number in range(80)]
    sound, flaws = heard(audio.webm_of(times))
    assert flaws == ()
    assert seconds(sound) == pytest.approx(9.6, abs=0.05)


def test_who_sends_nothing_while_it_is_quiet_has_no_gaps() -> None:
    sound, flaws = heard(audio.webm_of([number * 0.4 for number in range(20)]))
    assert flaws == ()
    assert seconds(sound) == pytest.approx(7.72, abs=0.05)


def test_silence_never_makes_a_recording_too_long() -> None:
    times = [*(number * 0.12 for number in range(50)), *(20 + number * 0.12 for number in range(100))]
    sound, flaws = heard(audio.webm_of(times), most=20.0)
    assert seconds(sound) == pytest.approx(18.0, abs=0.1)
    assert is_gap(flaws, 6.0, 14.0)


def test_a_time_that_cannot_be_is_no_silence() -> None:
    times = [*(number * 0.12 for number in range(50)), *(90_000 + number * 0.12 for number in range(50))]
    sound, flaws = heard(audio.webm_of(times))
    assert seconds(sound) == pytest.approx(12.0, abs=0.1)
    assert is_gap(flaws, 6.0, None)


def test_joined_recordings_are_too_long_together() -> None:
    with pytest.raises(AudioTooLong):
        heard(audio.encoded("ogg", 25.0) * 3)


def test_a_part_that_is_no_sound_costs_no_other() -> None:
    good = audio.encoded("webm", 3.0)
    sound, flaws = heard(good + good[:200] + good)
    assert seconds(sound) == pytest.approx(6.0, abs=0.1)
    assert codes(flaws) == ["joined", "decode_errors", "joined"]


def test_many_joints_cost_no_sound() -> None:
    """As a recorder leaves them that stops and starts again for each slice."""
    short = audio.encoded("webm", 0.1)
    assert container_of(short * 300) is not None
    sound, flaws = heard(short * 300)
    assert seconds(sound) == pytest.approx(300 * seconds(heard(short)[0]), abs=0.1)
    assert len(flaws) == 50
