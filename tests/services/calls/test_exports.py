"""WebVTT and SubRip as ffmpeg reads them, and RTTM by its own fields."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import av
import pytest
from hypothesis import given

from services.calls.exports.cues import MOST_CHARACTERS, MOST_SECONDS, UNREAD, cues
from services.calls.exports.rttm import rttm
from services.calls.exports.srt import JOINER, srt
from services.calls.exports.times import clock
from services.calls.exports.webvtt import webvtt
from services.calls.turns import Turn, turns
from services.interviews.transcript import Segment, Transcript
from tests.services.calls.conversations import evenly, said, sides
from tests.services.calls.test_turns import ANSWER, QUESTION

RTTM = re.compile(r"SPEAKER (\S+) ([12]) (\d+\.\d{3}) (\d+\.\d{3}) <NA> <NA> (left|right) <NA> <NA>")
TIMES = re.compile(r"(\d{2,}):(\d\d):(\d\d)\.(\d{3}) --> (\d{2,}):(\d\d):(\d\d)\.(\d{3})")
HOSTILE = "a<b & c>d --> e </v><v right>no & {\\b1}bold{\\b0} <i>x</i> &amp; \\N"


@dataclass(frozen=True)
class Shown:
    """A cue as a player has it: in milliseconds, and its text as it would be shown."""

    start: int
    end: int
    text: str


def shown(form: str, data: str) -> list[Shown]:
    found = []
    with cast(Any, av.open(io.BytesIO(data.encode()), format=form)) as container:
        for packet in container.demux(container.streams[0]):
            if packet.size:
                start, seconds = int(packet.pts or 0), int(packet.duration or 0)
                (text,) = [line.ass.decode().split(",", 8)[8] for line in container.streams[0].decode(packet)]
                found.append(Shown(start, start + seconds, text))
    return found


def hostile() -> list[Turn]:
    segment = Segment(text=HOSTILE, start=1.0, end=4.0)
    return turns(Transcript(text=HOSTILE, language=None, duration=9.0, segments=(segment,)), None)


def test_webvtt_has_a_voice_for_each_side() -> None:
    assert webvtt(turns(ANSWER, QUESTION)).startswith(
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n<v right>What is an index?</v>\n\n"
        "00:00:02.500 --> 00:00:04.000\n<v left>It finds rows.</v>\n"
    )


def test_srt_begins_with_who_speaks() -> None:
    assert srt(turns(ANSWER, QUESTION)).startswith(
        "1\n00:00:00,000 --> 00:00:02,000\nright: What is an index?\n\n2\n00:00:02,500 --> 00:00:04,000\nleft: It"
    )


def test_rttm_has_ten_fields_and_a_channel_for_each_side() -> None:
    lines = rttm(turns(ANSWER, QUESTION), "call 7").splitlines()
    assert lines[0] == "SPEAKER call_7 2 0.000 2.000 <NA> <NA> right <NA> <NA>"
    assert lines[1] == "SPEAKER call_7 1 2.500 3.500 <NA> <NA> left <NA> <NA>"
    assert all(len(line.split()) == 10 for line in lines)


def test_what_looks_like_a_tag_is_shown_as_it_was_said() -> None:
    (block,) = webvtt(hostile()).split("\n\n")[1:]
    assert block.split("\n")[1] == (
        "<v left>a&lt;b &amp; c&gt;d --&gt; e &lt;/v&gt;&lt;v right&gt;no &amp; {\\b1}bold{\\b0} "
        "&lt;i&gt;x&lt;/i&gt; &amp;amp; \\N</v>"
    )
    (cue,) = shown("srt", srt(hostile()))
    assert cue.text.replace(JOINER, "").replace("\\{", "{") == f"left: {HOSTILE}"
    assert (cue.start, cue.end) == (1000, 4000)


@pytest.mark.parametrize("text", ["< B>x", "a < i >b", "<\t/b>", "<"])
def test_a_tag_with_room_in_it_is_none_either(text: str) -> None:
    (cue,) = shown("srt", srt(turns(said(*evenly(text, 1.0, 2.0)), None)))
    assert cue.text.replace(JOINER, "") == f"left: {' '.join(text.split())}"


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "00:00:00.000"), (3599.9996, "01:00:00.000"), (359_999, "99:59:59.000")]
)
def test_hours_are_written_too(seconds: float, told: str) -> None:
    assert clock(seconds, ".") == told
    assert clock(360_000.5, ",") == "100:00:00,500"


def test_after_an_hour_players_show_it_after_an_hour() -> None:
    found = turns(said(*evenly("late it is", 3600.0, 3601.5)), None)
    for form, data in (("webvtt", webvtt(found)), ("srt", srt(found))):
        assert [(cue.start, cue.end) for cue in shown(form, data)] == [(3_600_000, 3_601_500)]


@pytest.mark.parametrize("side", [None, said()])
def test_an_empty_call_is_valid_in_each_form(side: Transcript | None) -> None:
    nothing = turns(side, side)
    assert webvtt(nothing) == "WEBVTT\n"
    assert shown("webvtt", webvtt(nothing)) == []
    assert srt(nothing) == rttm(nothing, "call") == ""


def test_what_could_not_be_read_is_told_as_such() -> None:
    unread = Transcript(text="", language=None, duration=9.0, segments=(Segment(text="", start=1.0, end=2.0),))
    assert [cue.text for cue in cues(turns(unread, None))] == [UNREAD]


def test_a_long_turn_is_cut_between_words() -> None:
    long = said(*evenly("one two three four five six seven eight nine ten " * 12, 0.0, 60.0))
    found = cues(turns(long, None))
    assert " ".join(cue.text for cue in found) == long.text.strip()
    assert all(cue.end - cue.start <= MOST_SECONDS for cue in found)
    assert all(len(cue.text) <= MOST_CHARACTERS for cue in found)
    assert [cue.start for cue in found] == sorted(cue.start for cue in found)


def visible(text: str) -> str:
    """Letters and figures alone: what a format's own marks do not touch."""
    return "".join(letter for letter in text if letter.isalnum())


@given(sides, sides)
def test_webvtt_is_what_a_parser_takes_with_every_cue_in_order(
    left: Transcript | None, right: Transcript | None
) -> None:
    found = turns(left, right)
    head, *blocks = webvtt(found).rstrip("\n").split("\n\n")
    assert head == "WEBVTT"
    assert len(blocks) == len(cues(found))
    last = -1
    for block, cue in zip(blocks, cues(found), strict=True):
        times, text = block.split("\n")
        match = TIMES.fullmatch(times)
        assert match is not None
        start, end = (int(h) * 3_600_000 + int(m) * 60_000 + int(s) * 1000 + int(t) for h, m, s, t in _four(match))
        assert last <= start < end
        last = start
        assert text.startswith(f"<v {cue.speaker.value}>")
        assert text.endswith("</v>")
        inside = text.removeprefix(f"<v {cue.speaker.value}>").removesuffix("</v>")
        assert not set("<>") & set(inside)


def _four(match: "re.Match[str]") -> list[tuple[str, ...]]:
    groups = match.groups()
    return [groups[:4], groups[4:]]


@given(sides, sides)
def test_players_show_every_cue_of_both_forms(left: Transcript | None, right: Transcript | None) -> None:
    found = turns(left, right)
    forms: list[tuple[str, Callable[[list[Turn]], str]]] = [("webvtt", webvtt), ("srt", srt)]
    for form, write in forms:
        if not cues(found):
            continue
        read = shown(form, write(found))
        assert len(read) == len(cues(found))
        for cue, got in zip(cues(found), read, strict=True):
            assert abs(got.start - cue.start * 1000) <= 0.51
            assert visible(got.text).endswith(visible(cue.text))


@given(sides, sides)
def test_rttm_has_a_line_of_its_fields_for_each_turn(left: Transcript | None, right: Transcript | None) -> None:
    found = turns(left, right)
    lines = rttm(found, "0123abc").splitlines()
    assert len(lines) == len(found)
    for line, turn in zip(lines, found, strict=True):
        match = RTTM.fullmatch(line)
        assert match is not None
        assert match[2] == ("1" if turn.speaker.value == "left" else "2") and match[5] == turn.speaker.value
        assert float(match[4]) > 0
