"""What the benchmark of live listening feeds: a recording in seconds, each of which can be heard once it is there."""

from benchmarks.live import LAST_BYTE_GOALS, Ended, _results
from benchmarks.talks import Talk, spoken
from services.adapters.av_decoder.decode import decode


def seconds_of(data: bytes) -> float:
    blocks: list[bytes] = []
    decode(data, 600.0, blocks.append, blocks.clear)
    return len(b"".join(blocks)) / 32_000


def test_a_talk_comes_second_by_second() -> None:
    talk = spoken(0.2, 3, None)
    whole = seconds_of(talk.data)
    assert 12 <= whole < 40
    assert abs(len(talk.pieces) - whole) <= 1.5
    assert seconds_of(b"".join(talk.pieces[:5])) > 4.0
    assert 0.4 <= talk.after_sound <= 1.6
    assert talk.text == spoken(0.2, 3, None).text


def test_what_is_found_says_how_much_later_and_how_much_more() -> None:
    talk = Talk([b""], "one two three four", 10.0, 1.0)
    rounds = [(talk, Ended(0.2, "one two three four", 2.0), Ended(3.0, "one two three", 1.6))]
    byte, sound, processor, words = _results("a minute", "tiny.en", rounds)
    assert (byte.ratio, byte.goal, byte.is_met, sound.ratio) == (0.2, LAST_BYTE_GOALS["tiny.en"], True, 1.2)
    assert (processor.ratio, words.ratio) == (1.25, -25.0)
