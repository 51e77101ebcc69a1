"""Applying a journal of erasures to a store that came back from a backup: what was forgotten is forgotten again.

The store that is restored has the journal of its own time. What was erased since the backup is known only to a
journal that was kept outside of it, so an export is applied, and the store's own journal with it.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from services.operations.erasure import Erasing
from services.operations.ports.erasures import Erasure, Erasures


@dataclass(slots=True)
class Applied:
    """How many entries were read, how many of these had something to erase, and how many erasures still wait."""

    entries: int = 0
    found: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Reapplying:
    journal: Erasures
    erasing: Erasing

    async def entries(self) -> AsyncIterator[Erasure]:
        """The whole journal, the oldest first."""
        before: Erasure | None = None
        while page := await self.journal.page(before):
            for entry in page:
                yield entry
            before = page[-1]

    async def apply(self, entries: Iterable[Erasure]) -> Applied:
        """Erase again what of these is here; what waits is left to the sweep."""
        known = list(entries)
        of_users = [entry for entry in known if entry.session_id is None]
        applied = Applied(entries=len(known))
        for entry in known:
            if entry.session_id is not None:
                applied.found += await self.journal.reopen(entry, None)
        unknown = {entry.id: entry for entry in of_users}
        async for user_id in self.journal.users():
            for entry in [entry for entry in unknown.values() if entry.owner.is_of(user_id)]:
                applied.found += await self.journal.reopen(unknown.pop(entry.id), user_id)
        for entry in unknown.values():
            await self.journal.remember(entry)
        while await self.erasing.drive_due():
            pass
        applied.waiting = await self.journal.waiting()
        return applied
