"""The life of epochs: a new one in time, and the end of those whose last recording has ended.

    open       the newest: recordings are sealed under it
    closed     a newer one is there, or nothing is sealed any more
    doomed     nothing needs it, and its grace is over; who seals under it even now sees that, and gives up
    destroyed  its key is gone: from now on no log, snapshot or backup can give its recordings back
    lost       its key was gone without that; its recordings cannot be read, which is told

Safe to run twice at once, and to be cut short anywhere: each step can be taken
again, and what the keyring holds is held against what is noted.
"""

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from services.recordings.keys import LEAST_GRACE_SECONDS, is_first, mismatch, number_of, numbered
from services.recordings.ports.keyring import (
    THERE,
    Epoch,
    EpochId,
    EpochJournal,
    EpochKey,
    EpochState,
    Identity,
    KeyringTrouble,
    KeyringWriter,
)
from services.recordings.sealing import new_secret

log = structlog.get_logger(__name__)

OVER, BY_HAND = "its last recording has ended", "destroyed by hand"


class StillNeeded(Exception):
    """So many recordings are stored under an epoch that is to be destroyed."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{number} recordings are sealed under it")
        self.number = number


class WrittenElsewhere(Exception):
    """Another process writes the keyring at this moment."""


class TooSoon(Exception):
    """Recordings that are being stored now may be sealed under it: it was closed too short a while ago."""


class NoSuchEpoch(Exception):
    """There is none of this name, or its key is gone already."""


@dataclass(frozen=True, slots=True)
class Tended:
    """What became of epochs."""

    opened: int = 0
    destroyed: int = 0
    lost: int = 0


@dataclass(slots=True, kw_only=True)
class Epochs:
    """Writes the keyring; `is_sealing` says whether new recordings are sealed."""

    keyring: KeyringWriter
    journal: EpochJournal
    is_sealing: bool
    most_seconds: float
    grace_seconds: float
    _told: str | None = field(default=None, init=False)

    async def tend(self) -> Tended:
        """One pass, as soon as a keyring was made; what is in its way is told once, and tried again by the next."""
        return await self._pass(makes=False)

    async def _pass(self, *, makes: bool) -> Tended:
        try:
            if not makes and await self._is_idle():
                tended = Tended()
            else:
                async with self._writing(makes=makes) as is_alone:
                    tended = await self._tend() if is_alone else Tended()
        except KeyringTrouble as trouble:
            if self._told != str(trouble):
                log.error("the keyring is not tended", reason=str(trouble))
            self._told = str(trouble)
            return Tended()
        self._told = None
        return tended

    @property
    def trouble(self) -> str | None:
        """What was in the way of the last pass; None where nothing was."""
        return self._told

    async def obstacle(self) -> str | None:
        """What would be in the way of a pass now; changes nothing."""
        try:
            return None if await self._is_idle() else await mismatch(self.keyring, self.journal)
        except KeyringTrouble as trouble:
            return str(trouble)

    async def ensure(self) -> bool:
        """Make the keyring, if none ever was, and its first key; whether there is one now that can be used."""
        if await self._has_key():
            return True
        await self._pass(makes=self.is_sealing)
        return await self._has_key()

    async def count_due(self) -> int:
        """How many keys a pass would destroy now; changes nothing."""
        closed = await self.journal.epochs(EpochState.CLOSED, EpochState.DOOMED)
        return len([epoch for epoch in closed if self._is_over(epoch) and not await self._is_needed(epoch.id)])

    async def rotate(self) -> EpochId:
        """Begin a new epoch now; WrittenElsewhere or KeyringTrouble."""
        async with self._writing(makes=True) as is_alone:
            if not is_alone:
                raise WrittenElsewhere
            return await self._begin()

    async def destroy(self, id: EpochId, even_with: int = 0, *, at_once: bool = False) -> None:
        """Destroy a key now; StillNeeded where more recordings than this need it.

        Should it be the newest, another is begun first. TooSoon where it was closed within LEAST_GRACE_SECONDS; at
        once all the same, what is being stored under it may be accepted and never read.
        """
        if await is_first(self.keyring, self.journal):
            raise NoSuchEpoch
        async with self._writing() as is_alone:
            if not is_alone:
                raise WrittenElsewhere
            there = {epoch.id: epoch for epoch in await self.journal.epochs(*THERE)}
            if id not in there:
                raise NoSuchEpoch
            if (number := await self.journal.recordings(id)) > even_with:
                raise StillNeeded(number)
            if not at_once and (there[id].closed_seconds or 0.0) < LEAST_GRACE_SECONDS:
                raise TooSoon
            if there[id].state is EpochState.OPEN and self.is_sealing:
                await self._begin()
            await self._destroy(id, BY_HAND, even_with)

    async def replace(self) -> Identity:
        """Begin a new keyring where the old one is lost for good; what was sealed under it cannot be read any more."""
        async with self.keyring.writing(makes=True) as is_alone:
            if not is_alone:
                raise WrittenElsewhere
            if await self.keyring.identity() is not None:
                raise KeyringTrouble(f"There is a keyring in {self.keyring.where}: it is not replaced.")
            for epoch in await self.journal.epochs(*THERE):
                await self._lost(epoch)
            identity = await self.journal.replace(secrets.token_hex(16))
            await self.keyring.make(identity)
            await self._begin()
            return identity

    @asynccontextmanager
    async def _writing(self, *, makes: bool = False) -> AsyncIterator[bool]:
        """Alone, on this database's own keyring, which is made the first time if `makes` says so.

        KeyringTrouble, before anything is touched, where it is another's, or one that was there is not.
        """
        await self._refuse_others()
        async with self.keyring.writing(makes=makes) as is_alone:
            if is_alone:
                await self._own()
            yield is_alone

    async def _is_idle(self) -> bool:
        """Whether there is nothing to tend: no keyring was made yet, or nothing is sealed here, and never was."""
        if await is_first(self.keyring, self.journal):
            return True
        return not self.is_sealing and await self.journal.identity() is None and not await self.journal.sealed_under()

    async def _refuse_others(self) -> None:
        if trouble := await mismatch(self.keyring, self.journal):
            raise KeyringTrouble(trouble)

    async def _tend(self) -> Tended:
        again = await self._destroy_again()
        lost = await self._reconcile()
        opened = await self._rotate()
        return Tended(opened, again + await self._destroy_unused(), lost)

    async def _has_key(self) -> bool:
        try:
            found, expected = await self.keyring.identity(), await self.journal.identity()
            return found is not None and found == expected and await self.keyring.newest() is not None
        except KeyringTrouble:
            return False

    async def _own(self) -> None:
        """Make the keyring the first time; one that was claimed is still to be made, as long as no epoch ever was."""
        if await is_first(self.keyring, self.journal):
            await self.keyring.make(await self.journal.claim(Identity(secrets.token_hex(16), secrets.token_hex(16))))
            log.info("keyring made", where=self.keyring.where)
        await self._refuse_others()

    async def _reconcile(self) -> int:
        """Note what is there and was not noted, and what was noted and is not there."""
        there = set(await self.keyring.epochs())
        noted = {epoch.id: epoch for epoch in await self.journal.epochs(*THERE, EpochState.LOST)}
        for id in sorted(there - noted.keys()):
            log.warning("epoch found that was not noted", epoch=id)
            await self.journal.open(id)
        lost = 0
        for id, epoch in noted.items():
            if epoch.state is EpochState.LOST:
                if id in there:
                    log.warning("the key of a lost epoch is back", epoch=id)
                    await self.journal.returned(id)
            elif id not in there:
                lost += await self._gone(epoch)
        return lost

    async def _gone(self, epoch: Epoch) -> int:
        if epoch.state is EpochState.DOOMED:  # the process that destroyed it could not say so
            await self.journal.destroyed(epoch.id)
            return 0
        return await self._lost(epoch)

    async def _lost(self, epoch: Epoch) -> int:
        number = await self.journal.recordings(epoch.id)
        log.error("the key of an epoch is lost", epoch=epoch.id, recordings=number, where=self.keyring.where)
        if epoch.state is EpochState.DOOMED:
            await self.journal.destroyed(epoch.id)
        else:
            await self.journal.lost(epoch.id)
        return 1

    async def _destroy_again(self) -> int:
        """Keys of destroyed epochs that came back, as from a backup of the folder."""
        destroyed = {epoch.id for epoch in await self.journal.epochs(EpochState.DESTROYED)}
        back = [id for id in await self.keyring.epochs() if id in destroyed]
        for id in back:
            await self.keyring.destroy(id)
            await self.journal.returned(id)
            log.warning("the key of a destroyed epoch came back, and was destroyed again", epoch=id)
        return len(back)

    async def _rotate(self) -> int:
        live = await self.journal.epochs(EpochState.OPEN)
        newest = max(live, key=lambda epoch: number_of(epoch.id), default=None)
        if self.is_sealing and (newest is None or newest.open_seconds >= self.most_seconds):
            await self._begin()
            return 1
        await self._close(epoch for epoch in live if epoch is not newest or not self.is_sealing)
        return 0

    async def _begin(self) -> EpochId:
        """The key first: what is noted is there."""
        numbers = [number_of(id) for id in {*await self.keyring.epochs(), *await self.journal.sealed_under()}]
        number = max([await self.journal.newest_number(), *numbers]) + 1
        id = numbered(number, secrets.token_hex(4))
        await self.keyring.add(EpochKey(id, new_secret()))
        await self.journal.open(id)
        await self._close(epoch for epoch in await self.journal.epochs(EpochState.OPEN) if epoch.id != id)
        log.info("epoch begun", epoch=id)
        return id

    async def _close(self, epochs: Iterable[Epoch]) -> None:
        for epoch in epochs:
            await self.journal.close(epoch.id)

    async def _destroy_unused(self) -> int:
        number = 0
        for epoch in await self.journal.epochs(EpochState.CLOSED, EpochState.DOOMED):
            if await self._is_needed(epoch.id):
                await self._spare(epoch.id)
                await self.journal.used(epoch.id)
                continue
            await self.journal.unused(epoch.id)
            if self._is_over(epoch):
                number += await self._destroy(epoch.id, epoch.reason or OVER)
        return number

    def _is_over(self, epoch: Epoch) -> bool:
        unused = epoch.unused_seconds
        return epoch.state is EpochState.DOOMED or (unused is not None and unused >= self.grace_seconds)

    async def _is_needed(self, id: EpochId) -> bool:
        """What arrives is asked for first: once it has arrived, it is stored."""
        return await self.journal.is_arriving(id) or await self.journal.recordings(id) > 0

    async def _destroy(self, id: EpochId, reason: str, even_with: int = 0) -> int:
        """Doom it, look once more whether it is needed, and destroy it."""
        await self.keyring.doom(id)
        await self.journal.doom(id, reason)
        if (number := await self.journal.recordings(id)) > even_with:
            await self._spare(id)
            log.warning("an epoch is needed after all", epoch=id, recordings=number)
            return 0
        await self.keyring.destroy(id)
        await self.journal.destroyed(id)
        log.info("epoch destroyed", epoch=id, reason=reason, recordings=number)
        return 1

    async def _spare(self, id: EpochId) -> None:
        await self.keyring.spare(id)
        await self.journal.spare(id)
