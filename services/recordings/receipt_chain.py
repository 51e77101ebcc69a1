"""Whether receipts are what they claim to be: signatures, links, order, and the end of their chain."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from services.recordings.receipts import hash_of

Claims = Mapping[str, object]


class Forged(Exception):
    """A receipt that none of the known keys has signed as it is; says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """A receipt, and where it was found."""

    place: str
    token: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where."""

    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain as it was published."""

    chain: str
    number: int
    hash: str


@dataclass(slots=True)
class Findings:
    """`hashes` are those of the places that published heads name."""

    sound: int = 0
    faults: list[Fault] = field(default_factory=list)
    ends: dict[str, Head] = field(default_factory=dict)
    hashes: dict[tuple[str, int], str | None] = field(default_factory=dict)


def check(
    lines: Iterable[Line], verify: Callable[[str], Claims], *, heads: Iterable[Head] = (), whole: bool = True
) -> Findings:
    """Look at receipts in the order in which they come.

    `verify` gives the claims of a token, or raises Forged. `whole` says that chains are there from their first
    receipt on with none left out; without it, only what is next to each other is compared. A chain that ends
    before a published head has lost its tail; one that has another receipt in the place of a head, also of an older
    one, was made anew.
    """
    heads = list(heads)
    found = Findings(hashes={(head.chain, head.number): None for head in heads})
    for line in lines:
        _look(found, line, verify, whole)
    for head in heads:
        if fault := _tail(found, head, whole):
            found.faults.append(fault)
    return found


def _look(found: Findings, line: Line, verify: Callable[[str], Claims], whole: bool) -> None:
    try:
        chain, number, prev = _place_of(verify(line.token))
    except Forged as forged:
        found.faults.append(Fault(line.place, f"forged or damaged: {forged}"))
        return
    before = found.ends.get(chain)
    if what := _broken(before, number, prev, whole):
        found.faults.append(Fault(line.place, what))
    else:
        found.sound += 1
    if (chain, number) in found.hashes:
        found.hashes[chain, number] = hash_of(line.token)
    if before is None or number > before.number:
        found.ends[chain] = Head(chain, number, hash_of(line.token))


def _place_of(claims: Claims) -> tuple[str, int, object]:
    chain, number = claims.get("chain"), claims.get("seq")
    if not isinstance(chain, str) or not isinstance(number, int):
        raise Forged("it names no place in a chain")
    return chain, number, claims.get("prev")


def _broken(before: Head | None, number: int, prev: object, whole: bool) -> str | None:
    first = Head("", 0, "") if before is None else before
    if number <= first.number:
        return f"out of order: number {number} comes after number {first.number}"
    if number == first.number + 1:
        expected = first.hash or None
        return None if prev == expected else f"number {number} does not name the receipt before it"
    if whole:
        missing = number - first.number - 1
        return f"{missing} missing before number {number}"
    return None


def _tail(found: Findings, head: Head, whole: bool) -> Fault | None:
    place, end, hash = f"chain {head.chain}", found.ends.get(head.chain), found.hashes[head.chain, head.number]
    if end is None:
        return Fault(place, f"missing: its published head is number {head.number}") if whole else None
    if end.number < head.number and whole:
        return Fault(place, f"cut off: it ends with number {end.number}, and its published head is {head.number}")
    if hash is not None and hash != head.hash:
        return Fault(place, f"number {head.number} is not the receipt that was published as its head")
    return None
