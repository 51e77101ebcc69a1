"""A quote is evidence only if the transcript says it."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.evidence import find_quote, has_words

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
