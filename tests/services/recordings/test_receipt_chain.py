"""Whatever is done to a chain of receipts is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.receipt_keys import ReceiptVerifier
from services.recordings.receipt_chain import Findings, Head, Line, check
from services.recordings.receipts import hash_of
from tests.in_memory import KEYS
from tests.services.adapters.test_receipt_keys import some_keys

LENGTH = 6
VERIFY = ReceiptVerifier(KEYS.published()).verify


def chain_of(length: int, name: str = "c") -> list[str]:
    tokens: list[str] = []
    for number in range(1, length + 1):
        prev = hash_of(tokens[-1]) if tokens else None
        tokens.append(KEYS.sign({"chain": name, "seq": number, "prev": prev}))
    return tokens


def looked_at(tokens: list[str], *heads: Head, whole: bool = True) -> Findings:
    return check([Line(str(n), token) for n, token in enumerate(tokens, 1)], VERIFY, heads=heads, whole=whole)


CHAIN = chain_of(LENGTH)
HEAD = Head("c", LENGTH, hash_of(CHAIN[-1]))


def test_a_whole_chain_is_sound_up_to_its_published_head() -> None:
    found = looked_at(CHAIN, HEAD)
    assert (found.sound, found.faults, found.ends["c"]) == (LENGTH, [], HEAD)


def test_a_chain_that_was_made_anew_is_told_by_an_older_head() -> None:
    older = Head("c", 3, hash_of(CHAIN[2]))
    assert looked_at(CHAIN, older, HEAD).faults == []
    anew = CHAIN[:2]
    for number in range(3, LENGTH + 1):
        anew.append(KEYS.sign({"chain": "c", "seq": number, "prev": hash_of(anew[-1]), "other": True}))
    now = Head("c", LENGTH, hash_of(anew[-1]))
    assert looked_at(anew, now).faults == [], "by itself it is sound"
    for whole in (True, False):
        (fault,) = looked_at(anew, older, now, whole=whole).faults
        assert fault.what == "number 3 is not the receipt that was published as its head"


def test_chains_may_lie_among_each_other() -> None:
    other = chain_of(LENGTH, "d")
    mixed = [token for pair in zip(CHAIN, other, strict=True) for token in pair]
    assert looked_at(mixed).faults == []


@given(st.integers(0, LENGTH - 1), st.data())
def test_a_changed_character_is_named_with_its_line(which: int, data: st.DataObject) -> None:
    token = CHAIN[which]
    at = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.sampled_from("ABCxyz019-_.").filter(lambda c: c != token[at]))
    changed = token[:at] + char + token[at + 1 :]
    found = looked_at([*CHAIN[:which], changed, *CHAIN[which + 1 :]], HEAD)
    assert found.faults


@given(st.integers(0, LENGTH - 1))
def test_a_missing_receipt_is_named(which: int) -> None:
    found = looked_at([*CHAIN[:which], *CHAIN[which + 1 :]], HEAD)
    expected = f"1 missing before number {which + 2}" if which < LENGTH - 1 else "cut off"
    assert [fault for fault in found.faults if fault.what.startswith(expected)]


@given(st.permutations(range(LENGTH)).filter(lambda order: list(order) != list(range(LENGTH))))
def test_another_order_is_named(order: list[int]) -> None:
    assert any("out of order" in fault.what for fault in looked_at([CHAIN[n] for n in order]).faults)


@given(st.integers(1, LENGTH - 1))
def test_a_cut_tail_is_named_by_a_published_head_alone(length: int) -> None:
    assert looked_at(CHAIN[:length]).faults == []
    (fault,) = looked_at(CHAIN[:length], HEAD).faults
    assert fault.what == f"cut off: it ends with number {length}, and its published head is {LENGTH}"


def test_a_chain_that_was_written_anew_is_not_the_published_one() -> None:
    anew = [KEYS.sign({"chain": "c", "seq": 1, "prev": None, "other": True})]
    published = Head("c", 1, hash_of(CHAIN[0]))
    assert [fault.what for fault in looked_at(anew, published).faults] == [
        "number 1 is not the receipt that was published as its head"
    ]


def test_another_key_is_named() -> None:
    other = some_keys().sign({"chain": "c", "seq": 1, "prev": None})
    assert [fault.what for fault in looked_at([other]).faults] == [
        "forged or damaged: none of these keys has signed it"
    ]


def test_a_receipt_that_skips_the_one_before_is_named() -> None:
    skipping = KEYS.sign({"chain": "c", "seq": 2, "prev": "something else"})
    assert [f.what for f in looked_at([CHAIN[0], skipping]).faults] == ["number 2 does not name the receipt before it"]


def test_some_of_a_chain_are_no_fault_where_that_is_said() -> None:
    assert looked_at([CHAIN[1], CHAIN[4]], whole=False).faults == []
    assert looked_at([CHAIN[4], CHAIN[1]], whole=False).faults


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "..", "{}", "é"])
def test_what_is_no_receipt_is_named(token: str) -> None:
    assert [fault.place for fault in looked_at([token]).faults] == ["1"]
