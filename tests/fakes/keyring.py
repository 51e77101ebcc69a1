"""A keyring, and what is noted of it, in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.interviews.model import PartState
from services.recordings.keys import number_of
from services.recordings.ports.keyring import THERE, Epoch, EpochId, EpochKey, EpochState, Identity, KeyringTrouble
from tests.fakes.memory import EpochRow, KeyringContent, Memory

APART_SECONDS = 120.0


class FakeKeyring:
    """The ports Keyring and KeyringWriter; `content` may be taken away and brought back."""

    where = "memory"

    def __init__(self, content: KeyringContent) -> None:
        self.content = content

    async def identity(self) -> Identity | None:
        return self._content().identity

    async def newest(self) -> EpochKey | None:
        sound = [id for id in self._content().keys if id not in self.content.doomed]
        return self.content.keys[max(sound)] if sound else None

    async def find(self, id: EpochId) -> EpochKey | None:
        return self._content().keys.get(id)

    async def is_doomed(self, id: EpochId) -> bool:
        return id in self._content().doomed or id not in self.content.keys

    async def epochs(self) -> list[EpochId]:
        return sorted(self._content().keys)

    @asynccontextmanager
    async def writing(self, *, makes: bool = False) -> AsyncIterator[bool]:
        if self._content().is_written:
            yield False
            return
        self.content.is_written = True
        try:
            yield True
        finally:
            self.content.is_written = False

    async def make(self, identity: Identity) -> None:
        if self._content().identity is not None:
            raise KeyringTrouble
        self.content.identity = identity

    async def add(self, key: EpochKey) -> None:
        self._content().keys[key.id] = key

    async def doom(self, id: EpochId) -> None:
        if id in self._content().keys:
            self.content.doomed.add(id)

    async def spare(self, id: EpochId) -> None:
        self._content().doomed.discard(id)

    async def destroy(self, id: EpochId) -> None:
        self._content().keys.pop(id, None)
        self.content.doomed.discard(id)

    def _content(self) -> KeyringContent:
        if self.content.trouble:
            raise KeyringTrouble(self.content.trouble)
        return self.content


class FakeEpochs:
    """The port EpochJournal."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def identity(self) -> Identity | None:
        return self._memory.claimed

    async def claim(self, identity: Identity) -> Identity:
        self._memory.claimed = self._memory.claimed or identity
        return self._memory.claimed

    async def replace(self, keyring: str) -> Identity:
        before = self._memory.claimed
        self._memory.claimed = Identity(keyring, before.database if before else "anew")
        return self._memory.claimed

    async def epochs(self, *states: EpochState) -> list[Epoch]:
        rows = sorted(self._memory.epochs.items())
        return [self._epoch(id, row) for id, row in rows if row.state in (states or EpochState)]

    async def newest_number(self) -> int:
        return max(map(number_of, self._memory.epochs), default=0)

    async def open(self, id: EpochId) -> None:
        self._memory.epochs.setdefault(id, EpochRow(EpochState.OPEN, self._memory.clock.now))

    async def close(self, id: EpochId) -> None:
        self._move(id, EpochState.CLOSED, EpochState.OPEN, closed_at=self._memory.clock.now)

    async def unused(self, id: EpochId) -> None:
        row = self._memory.epochs[id]
        row.unused_since = row.unused_since or self._memory.clock.now

    async def used(self, id: EpochId) -> None:
        self._memory.epochs[id].unused_since = None

    async def doom(self, id: EpochId, reason: str) -> None:
        row = self._memory.epochs.get(id)
        closed = (row and row.closed_at) or self._memory.clock.now
        self._move(id, EpochState.DOOMED, *THERE, reason=reason, closed_at=closed)

    async def spare(self, id: EpochId) -> None:
        self._move(id, EpochState.CLOSED, EpochState.DOOMED, reason=None, unused_since=None)

    async def destroyed(self, id: EpochId) -> None:
        self._move(id, EpochState.DESTROYED, EpochState.DOOMED, gone_at=self._memory.clock.now)

    async def lost(self, id: EpochId) -> None:
        self._move(id, EpochState.LOST, EpochState.OPEN, EpochState.CLOSED, gone_at=self._memory.clock.now)

    async def returned(self, id: EpochId) -> None:
        now, back = self._memory.clock.now, self._memory.epochs[id].returns + 1
        if self._memory.epochs[id].state is EpochState.LOST:
            self._move(id, EpochState.CLOSED, EpochState.LOST, gone_at=None, closed_at=now, returns=back)
        else:
            self._move(id, EpochState.DESTROYED, EpochState.DESTROYED, gone_at=now, returns=back)

    async def recordings(self, id: EpochId) -> int:
        return len([file for file in self._memory.files.values() if file.get("epoch") == id])

    async def sealed_under(self) -> set[EpochId]:
        return {EpochId(str(file["epoch"])) for file in self._memory.files.values() if file.get("epoch")}

    async def is_arriving(self, id: EpochId) -> bool:
        row = self._memory.epochs.get(id)
        if row is None or row.closed_at is None:
            return True
        arriving = self._memory.having(lambda each: each.part.state is PartState.UPLOADING)
        begun = [each.part.created_at for each in arriving if each.part.created_at]
        return any((at - row.closed_at).total_seconds() <= APART_SECONDS for at in begun)

    def _move(self, id: EpochId, to: EpochState, *states: EpochState, **what: Any) -> None:
        row = self._memory.epochs.get(id)
        if row is not None and row.state in states:
            self._memory.epochs[id] = replace(row, state=to, **what)

    def _epoch(self, id: EpochId, row: EpochRow) -> Epoch:
        return Epoch(
            id=id,
            state=row.state,
            open_seconds=self._since(row.opened_at) or 0.0,
            closed_seconds=self._since(row.closed_at),
            unused_seconds=self._since(row.unused_since),
            gone_seconds=self._since(row.gone_at),
            reason=row.reason,
            returns=row.returns,
        )

    def _since(self, moment: datetime | None) -> float | None:
        return None if moment is None else (self._memory.clock.now - moment).total_seconds()
