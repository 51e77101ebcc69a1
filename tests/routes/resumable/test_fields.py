"""Structured header fields: what is no such value counts as not sent, whatever it is."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from routes.resumable import fields

VISIBLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF))


def headers(*values: str) -> Headers:
    return Headers(raw=[(b"field", value.encode("latin-1")) for value in values])


@pytest.mark.parametrize(
    ("text", "value"),
    [("?1", True), ("?0", False), ("?1;note=x", True), (" ?0 ", False)]
    + [(text, None) for text in ("", "1", "true", "?2", "?1, ?1", '"?1"', ":AQ==:")],
)
def test_flags(text: str, value: bool | None) -> None:
    assert fields.flag(headers(text), "Field") is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("25000000", 25_000_000), ("999999999999999", 10**15 - 1)]
    + [(text, None) for text in ("", "-1", "1.0", "1e3", "0x1", "?1", "1 2", "1, 1", "9999999999999999", '"1"')],
)
def test_numbers(text: str, value: int | None) -> None:
    assert fields.number(headers(text), "Field") == value


def test_what_is_not_sent_is_none() -> None:
    assert fields.flag(headers(), "Field") is None
    assert fields.number(headers(), "Field") is None
    assert fields.sums(headers(), "Field") == {}


def test_an_item_that_is_sent_twice_is_no_item() -> None:
    assert fields.number(headers("1", "1"), "Field") is None


def test_sums_by_their_algorithm_also_in_two_lines() -> None:
    sum = base64.b64encode(bytes(32)).decode()
    found = fields.sums(headers(f"sha-256=:{sum}:, md5=?1", "sha-512=:AA==:"), "Field")
    assert found == {"sha-256": bytes(32), "sha-512": b"\0"}
    assert fields.sums(headers(f"sha-256={sum}"), "Field") == {}


def test_what_is_longer_than_any_that_is_meant_is_not_taken_apart() -> None:
    sum = base64.b64encode(bytes(32)).decode()
    long = headers(f"sha-256=:{sum}:", f"other=({'1 ' * 30_000})")
    assert fields.sums(long, "Field") == {}


@given(st.lists(VISIBLE, max_size=3))
def test_anything_can_be_asked_for(values: list[str]) -> None:
    sent = headers(*values)
    assert fields.flag(sent, "Field") in (True, False, None)
    number = fields.number(sent, "Field")
    assert number is None or number >= 0
    assert all(isinstance(sum, bytes) for sum in fields.sums(sent, "Field").values())


def test_what_is_told() -> None:
    assert (fields.told(True), fields.told(False)) == ("?1", "?0")
    assert fields.listed({"max-size": 5, "max-age": 7}) == "max-size=5, max-age=7"
    assert fields.listed({"sha-256": b"abc"}) == "sha-256=:YWJj:"
