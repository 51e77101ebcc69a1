"""A receipt for each recording that is deleted: signed, and chained to the one before it.

It says what was deleted and when, and what a look afterwards found. Each names the
hash of the receipt before it in its owner's chain, so that none can be left out or
put in later. docs/proof.md says what a receipt proves, and what it does not.
"""

import asyncio
import base64
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from services.errors import StoreUnavailable
from services.interviews.model import Part, SessionId, UserId
from services.recordings import receipt_claims
from services.recordings.ports.audio import Deletion
from services.recordings.ports.receipts import ChainId, Receipt, ReceiptLedger, Signer
from services.recordings.receipt_claims import Claims

MOST_TRIES = 50
MOST_KNOWN = 10_000
KNOWN_SECONDS = 60.0
WITHOUT_END = ("erased", "unreadable", "erasure")
CONFLICTS = "conflicts"

K = TypeVar("K")
V = TypeVar("V")


def hash_of(token: str) -> str:
    """How the next receipt of a chain names this one."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


@dataclass(slots=True)
class _Chain:
    """A chain as this process knows it; others may have added to it since."""

    id: ChainId
    number: int = 0
    hash: str | None = None
    is_known: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class _Named:
    """Whose chain it is, until when that holds: who is erased has another one later."""

    chain: ChainId
    until: float


async def _nobody(_: str, __: int) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """`recipients` names whom a recording, or word of it, was given to; `software` is what deleted it.

    `count` is told of receipts without an end of a recording, which is counted as it is settled, and of conflicts.
    """

    ledger: ReceiptLedger
    signer: Signer | None
    software: str
    recipients: Callable[[Part], Awaitable[tuple[str, ...]]]
    count: Callable[[str, int], Awaitable[None]] = _nobody
    clock: Callable[[], float] = time.monotonic
    _names: OrderedDict[UserId, _Named] = field(default_factory=OrderedDict, init=False)
    _chains: OrderedDict[ChainId, _Chain] = field(default_factory=OrderedDict, init=False)

    async def issue(self, part: Part, deletion: Deletion, *, ended_as: str | None = None) -> str | None:
        """The receipt of this recording: the one there is, or the next of its owner's chain; None without a signer."""
        if self.signer is None:
            return None
        recipients = {"recipients": list(await self.recipients(part))}
        claims = receipt_claims.of_deletion(part, deletion, ended_as or part.state.value) | recipients
        chain = await self._of(part.user_id)
        return await self.append(chain, part.id, claims, (part.session_id,), deletion.epoch or part.epoch)

    async def of_epoch(self, epoch: str, since: datetime, receipts: Sequence[Receipt], now: datetime) -> str | None:
        """That these, which are of one chain, can be read nowhere any more since then."""
        # Named by both ends: one that was cut short and is made again of more says so in a receipt of its own.
        first, last = receipts[0], receipts[-1]
        id = f"unreadable:{first.id}:{last.id}"
        sessions = tuple(dict.fromkeys(session for receipt in receipts for session in receipt.sessions))
        claims = receipt_claims.of_epoch(id, epoch, since, receipts, now)
        return await self.append(first.chain, id, claims, sessions)

    async def append(
        self,
        chain: ChainId,
        id: str,
        claims: Claims,
        sessions: tuple[SessionId, ...] = (),
        epoch: str | None = None,
    ) -> str | None:
        """The receipt that stands under this id: an earlier one, or these claims as the next of the chain."""
        if self.signer is None:
            return None
        known = self._known(chain)
        async with known.turn:
            for lost in range(MOST_TRIES):
                if not known.is_known:
                    await self._learn(known)
                token = self.signer.sign(claims | self._place(known))
                made = Receipt(chain=chain, number=known.number + 1, token=token, id=id, sessions=sessions, epoch=epoch)
                stands = await self.ledger.add(made)
                known.is_known = stands == made
                if stands == made:
                    known.number, known.hash = made.number, hash_of(token)
                if stands is not None:
                    await self._counted(claims, int(stands == made), lost)
                    return stands.token
        raise StoreUnavailable("Too many receipts are made at once. Try again.", retry_after=1)

    async def _counted(self, claims: Claims, made: int, lost: int) -> None:
        what = str(claims["ended_as"] if claims["kind"] == "deletion" else claims["kind"])
        if made and what in WITHOUT_END:
            await self.count(what, made)
        if lost:
            await self.count(CONFLICTS, lost)

    def _place(self, chain: _Chain) -> Claims:
        return {"chain": chain.id, "seq": chain.number + 1, "prev": chain.hash, "software": self.software}

    async def _of(self, user_id: UserId) -> ChainId:
        named = self._names.get(user_id)
        if named is None or self.clock() >= named.until:
            named = _Named(await self.ledger.chain_of(user_id), self.clock() + KNOWN_SECONDS)
            _remember(self._names, user_id, named)
        return named.chain

    def _known(self, id: ChainId) -> _Chain:
        if id not in self._chains:
            _remember(self._chains, id, _Chain(id))
        return self._chains[id]

    async def _learn(self, chain: _Chain) -> None:
        newest = await self.ledger.newest(chain.id)
        chain.number = newest.number if newest else 0
        chain.hash = hash_of(newest.token) if newest else None


def _remember(known: OrderedDict[K, V], key: K, value: V) -> None:
    known[key] = value
    if len(known) > MOST_KNOWN:
        known.popitem(last=False)
