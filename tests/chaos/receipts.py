"""Whether what receipts say is so: of each recording that is gone, and of none other."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.adapters.receipt_keys import ReceiptVerifier
from services.recordings.receipt_chain import Line, check
from tests.chaos.machine import Machine

ENDED = {"completed", "failed", "superseded", "aborted"}
Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """What one chain says, what is wrong with it as a chain, and which epochs' keys are destroyed."""

    claims: Sequence[Claims] = ()
    faults: Sequence[str] = ()
    destroyed: set[str] = field(default_factory=set)

    def of(self, kind: str) -> list[Claims]:
        return [claims for claims in self.claims if claims["kind"] == kind]


def chain_of(machine: Machine, user: str) -> Chain:
    """The user's chain, held against the keys that are published."""
    with machine.client() as client:
        verify = ReceiptVerifier(client.get("/.well-known/jwks.json").json()).verify
    named = machine.database["receipt_chains"].find_one({"_id": user})
    where = {"chain": named and named["chain"]}
    lines = [Line(row["_id"], row["token"]) for row in machine.database["receipts"].find(where).sort("number", 1)]
    wrong = [f"{fault.place}: {fault.what}" for fault in check(lines, verify).faults]
    destroyed = {row["_id"] for row in machine.database["epochs"].find({"state": "destroyed"}, {"_id": True})}
    return Chain([] if wrong else [verify(line.token) for line in lines], wrong, destroyed)


def untrue(chain: Chain, parts: Sequence[Mapping[str, Any]], sums: set[str]) -> Iterator[str]:
    """Receipts that are missing or too many, or say what is not so; `sums` are those of what was sent."""
    yield from chain.faults
    gone = {part["_id"]: part for part in parts if part["state"] in ENDED and not part["keep_audio"]}
    of = Counter(claims["jti"] for claims in chain.of("deletion"))
    yield from (f"{id}: gone without a receipt" for id in sorted(gone.keys() - of.keys()))
    yield from (f"{id}: a receipt of what is not gone" for id in sorted(of.keys() - gone.keys()))
    for claims in chain.of("deletion"):
        part = gone.get(claims["jti"])
        if part is not None and claims["ended_as"] != part["state"]:
            yield f"{claims['jti']}: ended as {part['state']}, and its receipt says {claims['ended_as']}"
    yield from alone(chain, sums)


def alone(chain: Chain, sums: set[str]) -> Iterator[str]:
    """What can be told by the receipts alone."""
    for claims in chain.of("deletion"):
        if claims["found_afterwards"]:
            yield f"{claims['jti']}: its receipt was made before it was gone"
        if claims["sha256"] is not None and claims["sha256"] not in sums:
            yield f"{claims['jti']}: the receipt is of other bytes"
        if claims["sha256"] is not None and claims["epoch"] is None:
            yield f"{claims['jti']}: the receipt of a sealed recording names no epoch"
    for claims in chain.of("unreadable"):
        if claims["epoch"] not in chain.destroyed:
            yield f"{claims['jti']}: said to be unreadable, and the key is not destroyed"
