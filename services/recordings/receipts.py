"""A receipt for each recording that is deleted: signed, and chained to the one before it.

It says what was deleted and when, and what a look afterwards found. Each names the
hash of the receipt before it in its owner's chain, so that none can be left out or
put in later. docs/proof.md says what a receipt proves, and what it does not.
"""

import asyncio
import base64
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.errors import StoreUnavailable
from services.interviews.model import Part, UserId
from services.recordings.ports.audio import Deletion
from services.recordings.ports.receipts import ChainId, Receipt, ReceiptLedger, Signer

MOST_TRIES = 50
MOST_KNOWN = 10_000
STORES = ("gridfs",)
NOT_REACHED = ("database log", "snapshots", "backups")


def hash_of(token: str) -> str:
    """How the next receipt of a chain names this one."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


@dataclass(slots=True)
class _Chain:
    """A user's chain as this process knows it; others may have added to it since."""

    id: ChainId
    number: int = 0
    hash: str | None = None
    is_known: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """`recipients` names whom a recording, or word of it, was given to; `software` is what deleted it."""

    ledger: ReceiptLedger
    signer: Signer | None
    software: str
    recipients: Callable[[Part], Awaitable[tuple[str, ...]]]
    _chains: OrderedDict[UserId, _Chain] = field(default_factory=OrderedDict, init=False)

    async def issue(self, part: Part, deletion: Deletion, *, ended_as: str | None = None) -> str | None:
        """The receipt of this recording: the one there is, or the next of its owner's chain; None without a signer."""
        if self.signer is None:
            return None
        chain = await self._chain(part.user_id)
        recipients = await self.recipients(part)
        async with chain.turn:
            for _ in range(MOST_TRIES):
                if not chain.is_known:
                    await self._learn(chain)
                by = {"recipients": list(recipients), "software": self.software}
                ended = {"ended_as": ended_as or part.state.value}
                claims = _place(chain) | _claims(part, deletion) | ended | by
                made = _receipt(chain, part, self.signer.sign(claims))
                stands = await self.ledger.add(made)
                chain.is_known = stands == made
                if stands == made:
                    chain.number, chain.hash = made.number, hash_of(made.token)
                if stands is not None:
                    return stands.token
        raise StoreUnavailable("Too many receipts are made at once. Try again.", retry_after=1)

    async def _chain(self, user_id: UserId) -> _Chain:
        if user_id not in self._chains:
            self._chains[user_id] = _Chain(await self.ledger.chain_of(user_id))
            if len(self._chains) > MOST_KNOWN:
                self._chains.popitem(last=False)
        return self._chains[user_id]

    async def _learn(self, chain: _Chain) -> None:
        newest = await self.ledger.newest(chain.id)
        chain.number = newest.number if newest else 0
        chain.hash = hash_of(newest.token) if newest else None


def _place(chain: _Chain) -> dict[str, object]:
    return {"chain": chain.id, "seq": chain.number + 1, "prev": chain.hash}


def _receipt(chain: _Chain, part: Part, token: str) -> Receipt:
    return Receipt(chain=chain.id, number=chain.number + 1, token=token, id=part.id, session_id=part.session_id)


def _claims(part: Part, deletion: Deletion) -> dict[str, object]:
    at = deletion.at or datetime.now(UTC)
    return {
        "jti": part.id,
        "iat": int(at.timestamp()),
        "session_id": part.session_id,
        "question_id": part.question_id,
        "take": part.take,
        "sha256": part.sha256,
        "bytes": part.bytes if part.sha256 else None,
        "stored_at": _moment(part.created_at),
        "deleted_at": _moment(at),
        "stores": list(STORES),
        "removed": {"files": deletion.files, "chunks": deletion.chunks},
        "found_afterwards": deletion.left,
        "not_reached": list(NOT_REACHED),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
