"""What deletion receipts need from outside: who signs them, and where their chains are kept."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NewType, Protocol

from services.interviews.model import SessionId, UserId, Viewer

ChainId = NewType("ChainId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A signed receipt in its chain: the `number`-th, from 1. `token` is a compact JWS, `id` names what it is of.

    `epoch` is that of the key under which what was deleted was sealed.
    """

    chain: ChainId
    number: int
    token: str
    id: str
    sessions: tuple[SessionId, ...] = ()
    epoch: str | None = None


class Signer(Protocol):
    def sign(self, claims: Mapping[str, object]) -> str:
        """A compact JWS over the claims."""


class ReceiptLedger(Protocol):
    """The receipts of all users, one chain for each."""

    async def chain_of(self, user_id: UserId) -> ChainId:
        """The user's chain, made when it is first asked for; its name says nothing of the user."""

    async def chain_of_erasures(self) -> ChainId:
        """The chain of what was erased, which is nobody's."""

    async def find(self, id: str) -> Receipt | None: ...

    async def newest(self, chain: ChainId) -> Receipt | None: ...

    async def add(self, receipt: Receipt) -> Receipt | None:
        """Keep it, confirmed by a majority, and give what stands under its id, which may be an earlier one.

        None if the chain has a receipt of this number already.
        """

    async def of_session(self, session_id: SessionId, viewer: Viewer, after: int, limit: int) -> list[Receipt]:
        """Those behind this number, in the order of their chain; none of another user's."""

    async def of_user(self, user_id: UserId, after: int, limit: int) -> list[Receipt]:
        """Of the user's chain, those behind this number."""

    async def open_epochs(self) -> set[str]:
        """The epochs of receipts that no later one says to be unreadable."""

    async def of_epoch(self, epoch: str, limit: int) -> list[Receipt]:
        """Of these the receipts of an epoch, in the order of their chains."""

    async def close_epoch(self, ids: Collection[str]) -> None:
        """A later receipt names these."""
