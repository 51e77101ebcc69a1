"""The receipts that follow later: of erasures that are done, and of recordings whose epoch's key is destroyed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from services.operations.ports.erasures import Erasure
from services.recordings import receipt_claims
from services.recordings.ports.keyring import EpochJournal, EpochState
from services.recordings.ports.receipts import Receipt, ReceiptLedger
from services.recordings.receipts import Receipts

MOST_AT_ONCE = 500


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipting:
    receipts: Receipts
    ledger: ReceiptLedger
    epochs: EpochJournal
    now: Callable[[], datetime] = _now

    async def of_erasure(self, erasure: Erasure) -> None:
        """Issue its receipt, in the chain that all erasures share; once, however often it is asked for."""
        id, done_at = erasure_receipt(erasure), erasure.done_at or self.now()
        claims = receipt_claims.of_erasure(
            id, erasure.cause.value, erasure.session_id, erasure.found, erasure.asked_at, done_at
        )
        await self.receipts.append(await self.ledger.chain_of_erasures(), id, claims)

    async def of_destroyed_epochs(self) -> int:
        """Issue what is due for recordings that can be read nowhere any more; how many recordings that were."""
        waiting = await self.ledger.open_epochs() if self.receipts.signer else set()
        if not waiting:
            return 0
        gone = {epoch.id: epoch for epoch in await self.epochs.epochs(EpochState.DESTROYED) if epoch.id in waiting}
        number = 0
        for id, epoch in gone.items():
            since = self.now() - timedelta(seconds=epoch.gone_seconds or 0.0)
            while found := await self.ledger.of_epoch(id, MOST_AT_ONCE):
                number += await self._issue(id, since, found)
        return number

    async def _issue(self, epoch: str, since: datetime, found: list[Receipt]) -> int:
        for _, group in groupby(found, key=lambda receipt: receipt.chain):
            receipts = list(group)
            await self.receipts.of_epoch(epoch, since, receipts, self.now())
            await self.ledger.close_epoch([receipt.id for receipt in receipts])
        return len(found)


def erasure_receipt(erasure: Erasure) -> str:
    """The id of an erasure's receipt."""
    return f"erasure:{erasure.id}"
