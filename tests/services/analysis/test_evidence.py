"""A quote is evidence only if the transcript says it."""

import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.analysis.evidence import find_quote, quotable, usable_share
from services.interviews.text import has_words
from services.interviews.transcript import Segment, Transcript, Verdict

TRANSCRIPT = "Well, I\u2019d say “an index” speeds up reads \u2014 but it   costs\nwrites. It's not free."


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("an index speeds", None),
        ("Speeds Up READS", "speeds up reads"),
        ('"an index" speeds up', "an index” speeds up"),
        ("I'd say", "I\u2019d say"),
        ("reads - but it costs writes", "reads \u2014 but it   costs\nwrites"),
        ("“...it costs writes!”", "it   costs\nwrites"),
        ("it costs reads", None),
        ("... index ... writes", None),
        ("ndex” speeds up", None),
        ("an index” speeds u", None),
        ("index", None),
        ("I'd", None),
        ("", None),
        (" \n", None),
        ("?!", None),
    ],
)
def test_a_quote_is_found_by_its_words_and_given_in_the_transcripts_characters(quote: str, found: str | None) -> None:
    assert find_quote(quote, TRANSCRIPT) == found


def test_half_a_word_further_left_does_not_hide_the_whole_word_further_right() -> None:
    assert find_quote("is not", "This notion is not mine.") == "is not"


def test_a_short_transcript_may_be_quoted_as_a_whole() -> None:
    assert find_quote("Recursion", "recursion.") == "recursion"
    assert find_quote("anything", "") is None
    assert find_quote("", "") is None


@pytest.mark.parametrize(
    ("quote", "transcript", "found"),
    [
        ("CAFÉ CRÈME", "un cafe\u0301 cre\u0300me ici", "cafe\u0301 cre\u0300me"),
        ("un cafe", "un caf\u00e9 noir", None),
        ("grosse STRASSE", "Eine große Straße.", "große Straße"),
        ("递归函数", "我认为递归函数会调用自己。", "递归函数"),
        ("हिन्दी भाषा", "यह हिन्दी भाषा है", "हिन्दी भाषा"),
        ("zero width", "a ze\u200bro width", "ze\u200bro width"),
    ],
)
def test_other_scripts_and_compositions(quote: str, transcript: str, found: str | None) -> None:
    assert find_quote(quote, transcript) == found


@given(st.text(), st.text())
def test_what_is_returned_always_stands_in_the_transcript(quote: str, transcript: str) -> None:
    found = find_quote(quote, transcript)
    assert found is None or (found and found in transcript)


LETTERS = st.text(st.sampled_from("abcdeäßé '\u2019“-\u2014.,"), max_size=60)


@given(st.data(), LETTERS)
def test_what_is_returned_is_itself_found(data: st.DataObject, transcript: str) -> None:
    start = data.draw(st.integers(0, len(transcript)))
    found = find_quote(transcript[start : data.draw(st.integers(start, len(transcript)))], transcript)
    assert found is None or find_quote(found, transcript) is not None


@given(st.lists(st.from_regex(r"[a-zé]{1,8}", fullmatch=True), min_size=2, max_size=30), st.data())
def test_any_stretch_of_whole_words_is_found_however_it_is_set(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 2))
    end = data.draw(st.integers(start + 2, len(words)))
    quote = "  ".join(words[start:end])
    found = find_quote(f"“{quote.upper()}...”", " ".join(words))
    assert found == " ".join(words[start:end])


@given(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=2, max_size=20), st.data())
def test_one_other_word_and_it_is_no_quote(words: list[str], data: st.DataObject) -> None:
    changed = [*words]
    changed[data.draw(st.integers(0, len(words) - 1))] = "otherwise"
    assume("otherwise" not in words)
    assert find_quote(" ".join(changed), " ".join(words)) is None


@given(st.from_regex(re.compile(r"[a-z0-9 .,!?]{0,60}"), fullmatch=True))
def test_words_are_counted_as_one_would(text: str) -> None:
    count = len(re.findall(r"[a-z0-9]+", text))
    assert [has_words(text, number) for number in (count, count + 1) if number] == [True, False][count == 0 :]


def judged(*said: tuple[str, Verdict], verdict: Verdict = Verdict.SUSPECTED, between: str = " ") -> Transcript:
    """Segments of two seconds each."""
    segments = tuple(
        Segment(text=text, start=2.0 * at, end=2.0 * at + 2, verdict=one) for at, (text, one) in enumerate(said)
    )
    text = between.join(text for text, _ in said if text)
    return Transcript(text=text, language=None, duration=9.0, segments=segments, verdict=verdict)


OK, MADE_UP, UNREAD = Verdict.OK, Verdict.SUSPECTED, Verdict.INCOMPLETE


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.LOW_CONFIDENCE, None])
def test_what_is_believed_may_be_quoted_as_it_stands(verdict: Verdict | None) -> None:
    said = Transcript(text="It is so.", language=None, duration=9.0, verdict=verdict)
    assert (quotable(said), usable_share(said)) == ("It is so.", 1.0)


def test_what_is_suspected_is_left_out_and_no_quote_crosses_the_gap() -> None:
    said = judged(("An index is", OK), ("not a cake.", MADE_UP), ("a tree.", OK))
    text = quotable(said)
    assert text == "An index is\n[…]\na tree."
    assert usable_share(said) == 0.667
    assert find_quote("an index is", text) == "An index is"
    for across in ("index is a tree", "index is […] a tree", "index is [...] a tree", "not a cake"):
        assert find_quote(across, text) is None


def test_nor_does_one_cross_what_could_not_be_read() -> None:
    said = judged(("It is", OK), ("", UNREAD), ("slow.", OK), verdict=UNREAD)
    assert said.text == "It is slow."
    assert find_quote("it is slow", quotable(said)) is None


def test_what_may_be_quoted_stands_in_the_text_also_where_nothing_is_between_segments() -> None:
    said = judged(("天地玄黄", OK), ("宇宙洪荒", OK), ("謝謝", MADE_UP), between="")
    assert quotable(said) == "天地玄黄宇宙洪荒"


def test_the_same_words_said_again_are_told_apart() -> None:
    said = judged(("Stop.", OK), ("Stop.", MADE_UP), ("Stop.", OK))
    assert quotable(said) == "Stop.\n[…]\nStop."


def test_a_segment_that_is_written_otherwise_in_the_text_is_not_quoted() -> None:
    said = replace(judged(("It  is so.", OK), ("Bye.", MADE_UP)), text="It is so. Bye.")
    assert quotable(said) == ""


@pytest.mark.parametrize(("verdict", "text", "share"), [(MADE_UP, "", 0.0), (UNREAD, "Bye.", None)])
def test_without_times_all_or_nothing_is_used(verdict: Verdict, text: str, share: float | None) -> None:
    said = Transcript(text="Bye.", language=None, duration=9.0, verdict=verdict)
    assert (quotable(said), usable_share(said)) == (text, share)
