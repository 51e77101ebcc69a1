"""Chains of receipts in memory."""

from collections.abc import Collection

from services.interviews.model import SessionId, UserId, Viewer
from services.recordings.ports.receipts import ChainId, Receipt
from tests.fakes.memory import Memory


class FakeReceipts:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def chain_of(self, user_id: UserId) -> ChainId:
        chains = self._memory.receipt_chains
        return chains.setdefault(user_id, ChainId(f"chain-{len(chains) + 1}"))

    async def chain_of_erasures(self) -> ChainId:
        return await self.chain_of(UserId(""))

    async def find(self, id: str) -> Receipt | None:
        return self._memory.receipts.get(id)

    async def open_epochs(self) -> set[str]:
        return {receipt.epoch for receipt in self._open() if receipt.epoch}

    async def of_epoch(self, epoch: str, limit: int) -> list[Receipt]:
        found = [receipt for receipt in self._open() if receipt.epoch == epoch]
        return sorted(found, key=lambda receipt: (receipt.chain, receipt.number))[:limit]

    async def close_epoch(self, ids: Collection[str]) -> None:
        self._memory.closed_receipts.update(ids)

    def _open(self) -> list[Receipt]:
        return [receipt for id, receipt in self._memory.receipts.items() if id not in self._memory.closed_receipts]

    async def newest(self, chain: ChainId) -> Receipt | None:
        return max(self._of(chain), key=lambda receipt: receipt.number, default=None)

    async def add(self, receipt: Receipt) -> Receipt | None:
        if (there := self._memory.receipts.get(receipt.id)) is not None:
            return there
        if any(other.number == receipt.number for other in self._of(receipt.chain)):
            return None
        self._memory.receipts[receipt.id] = receipt
        return receipt

    async def of_session(self, session_id: SessionId, viewer: Viewer, after: int, limit: int) -> list[Receipt]:
        own = None if viewer.is_admin else self._memory.receipt_chains.get(viewer.user_id, ChainId(""))
        found = [r for r in self._memory.receipts.values() if session_id in r.sessions and own in (None, r.chain)]
        return _page(found, after, limit)

    async def of_user(self, user_id: UserId, after: int, limit: int) -> list[Receipt]:
        return _page(self._of(self._memory.receipt_chains.get(user_id, ChainId(""))), after, limit)

    def _of(self, chain: ChainId) -> list[Receipt]:
        return [receipt for receipt in self._memory.receipts.values() if receipt.chain == chain]


def _page(receipts: list[Receipt], after: int, limit: int) -> list[Receipt]:
    behind = sorted((r for r in receipts if r.number > after), key=lambda receipt: receipt.number)
    return behind[:limit]
