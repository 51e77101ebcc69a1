"""Languages: every way to write one means the same, and what is none is told what it may have meant."""

import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES
from hypothesis import given
from hypothesis import strategies as st

from services.interviews.language import COUNTRIES, LANGUAGES, LONGEST_TAG, TABLE, find, name_of, named, parse


@pytest.mark.parametrize(
    ("written", "language"),
    [
        ("en", "en"), ("EN", "en"), (" en ", "en"), ("eng", "en"), ("en-US", "en"), ("en_gb", "en"),
        ("deu", "de"), ("ger", "de"), ("de-CH-1901", "de"), ("zh-Hant-TW", "zh"), ("zh_Hans", "zh"), ("cmn", "zh"),
        ("zh-yue", "yue"), ("zh-yue-HK", "yue"), ("es-419", "es"), ("sr-Latn-RS", "sr"), ("en-x-mine", "en"),
        ("fil", "tl"), ("est", "et"), ("nb-NO", "no"), ("nno", "nn"), ("arz", "ar"), ("prs", "fa"), ("haw", "haw"),
        ("iw", "he"), ("in", "id"), ("ji", "yi"), ("jw", "jv"), ("mo", "ro"), ("sh", "sr"), ("scr", "hr"),
    ],
)  # fmt: skip
def test_codes_and_tags_of_a_language_mean_the_same(written: str, language: str) -> None:
    assert parse(written) == find(written) == language


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("jp", "'ja' (Japanese)"), ("kr", "'ko' (Korean)"), ("german", "'de' (German)"), ("englsh", "'en' (English)"),
        ("Mandarin", "'zh' (Chinese)"), ("zzz", "'deu'"), ("auto", "Left out"), ("und", "Left out"), ("", "Left out"),
        ("ga", "'pt-BR'"), ("en-US.UTF-8", "'pt-BR'"), ("x-klingon", "'pt-BR'"), ("en-", "'en' (English)"),
    ],
)  # fmt: skip
def test_what_is_no_language_is_refused_with_what_may_be_meant(written: str, hint: str) -> None:
    assert find(written) is None
    with pytest.raises(ValueError, match="speech engines know no language") as refused:
        parse(written)
    assert hint in str(refused.value)


@given(st.text(max_size=2 * LONGEST_TAG))
def test_anything_is_a_language_or_refused_in_a_sentence(written: str) -> None:
    try:
        assert parse(written) in LANGUAGES
    except ValueError as refused:
        assert len(str(refused)) < 250


def test_whisper_knows_the_same_languages() -> None:
    assert {find(code) for code in _LANGUAGE_CODES} == LANGUAGES


def test_no_code_and_no_name_stands_twice() -> None:
    halves = [line.split(": ") for line in TABLE.strip().splitlines()]
    codes = [code for codes, _ in halves for code in codes.split()]
    names = [name.lower() for _, names in halves for name in names.split(", ")]
    assert len(codes) == len(set(codes))
    assert len(names) == len(set(names))
    assert not set(COUNTRIES) & set(codes)
    assert set(COUNTRIES.values()) <= LANGUAGES


@pytest.mark.parametrize(
    ("told", "language"),
    [
        ("english", "en"), ("Haitian Creole", "ht"), ("lao", "lo"), ("myanmar", "my"), ("nynorsk", "nn"),
        ("de", "de"), ("pt-br", "pt"), ("", None), (None, None), ("klingon", None),
    ],
)  # fmt: skip
def test_engines_tell_a_language_by_its_code_or_its_name(told: str | None, language: str | None) -> None:
    assert named(told) == language


def test_every_language_has_a_name_that_means_it() -> None:
    assert all(named(name_of(language)) == language for language in LANGUAGES)
