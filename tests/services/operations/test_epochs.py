"""The life of epochs, in virtual time and cut short anywhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import AudioKeyGone, KeyringUnavailable
from services.interviews.model import PartId, new_part_id
from services.operations.epochs import Epochs, NoSuchEpoch, StillNeeded, Tended, TooSoon, WrittenElsewhere
from services.recordings.keys import LEAST_GRACE_SECONDS, Keys
from services.recordings.ports.keyring import EpochId, EpochState, Identity, KeyringTrouble
from tests.at_length import examples
from tests.fakes.audio import FakeAudio
from tests.fakes.keyring import FakeEpochs, FakeKeyring
from tests.fakes.memory import Memory
from tests.fakes.records import FakeUploads
from tests.services.adapters.stores import a_part

DAY, HOUR, PASS = 24 * 3600.0, 3600.0, 60.0
SOUND = b"sound" * 20


async def sound() -> AsyncIterator[bytes]:
    yield SOUND


class Scene:
    def __init__(self, memory: Memory | None = None, **changed: Any) -> None:
        self.memory = memory or Memory()
        self.keyring, self.journal = FakeKeyring(self.memory.keyring), FakeEpochs(self.memory)
        terms = {"is_sealing": True, "most_seconds": DAY, "grace_seconds": HOUR, **changed}
        self.epochs = Epochs(keyring=self.keyring, journal=self.journal, **terms)
        start = self.memory.clock.now
        self.keys = Keys(
            keyring=self.keyring,
            journal=self.journal,
            clock=lambda: (self.memory.clock.now - start).total_seconds(),
        )
        self.audio = FakeAudio(self.memory, self.keys)

    async def passes(self, seconds: float) -> None:
        """Time goes by, with a pass every minute."""
        for _ in range(int(seconds / PASS)):
            self.memory.clock.advance(PASS)
            await self.epochs.tend()

    async def record(self) -> PartId:
        id = new_part_id()
        await self.audio.store(id, sound(), {})
        return id

    async def heard(self, id: PartId) -> bytes:
        return b"".join([piece async for piece in self.audio.read(id)])

    async def states(self) -> list[EpochState]:
        return [epoch.state for epoch in await self.journal.epochs()]

    @property
    def there(self) -> list[EpochId]:
        return sorted(self.memory.keyring.keys)


async def test_who_may_makes_a_keyring_and_a_key_and_a_pass_makes_none() -> None:
    scene = Scene()
    assert (await scene.epochs.tend(), await scene.epochs.obstacle()) == (Tended(), None)
    assert (scene.memory.claimed, scene.memory.keyring.identity, await scene.states()) == (None, None, [])
    assert await scene.epochs.ensure()
    assert (await scene.states(), len(scene.there)) == ([EpochState.OPEN], 1)
    assert scene.memory.keyring.identity == scene.memory.claimed
    assert (await scene.epochs.tend()).opened == 0
    assert await scene.heard(await scene.record()) == SOUND


async def test_a_new_epoch_begins_every_day_and_an_unused_one_ends_after_its_grace() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    await scene.passes(DAY - PASS)
    assert await scene.states() == [EpochState.OPEN]
    await scene.passes(PASS)
    assert await scene.states() == [EpochState.CLOSED, EpochState.OPEN]
    await scene.passes(HOUR - PASS)
    assert len(scene.there) == 2
    await scene.passes(3 * PASS)
    assert await scene.states() == [EpochState.DESTROYED, EpochState.OPEN]
    assert len(scene.there) == 1


async def test_an_epoch_outlives_its_last_recording_by_its_grace_and_no_more() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    kept = await scene.record()
    first = scene.there[0]
    await scene.passes(3 * DAY)
    assert await scene.heard(kept) == SOUND
    await scene.audio.delete(kept)
    await scene.passes(HOUR - PASS)
    assert first in scene.there
    await scene.passes(3 * PASS)
    assert first not in scene.there


@settings(deadline=None, max_examples=examples(40))
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=8),
    st.floats(1, 30),
    st.floats(LEAST_GRACE_SECONDS / 3600, 10),
)
def test_no_key_outlives_its_bound_and_no_recording_its_key(
    recordings: list[tuple[int, int]], most_hours: float, grace_hours: float
) -> None:
    """A key goes within two passes and a grace of the later of these: its epoch's close, its last recording's end."""
    step = 0.5

    async def act() -> None:
        scene = Scene(most_seconds=most_hours * HOUR, grace_seconds=grace_hours * HOUR)
        await scene.epochs.ensure()
        live, last_end, closed = dict[PartId, tuple[EpochId, float]](), dict[EpochId, float](), dict[EpochId, float]()
        coming = sorted(recordings)
        for tick in range(int((60 + 40 + grace_hours + most_hours) / step) + 8):
            hour = tick * step
            while coming and coming[0][0] <= hour:
                _, lasts = coming.pop(0)
                id = await scene.record()
                live[id] = (EpochId(str(scene.memory.files[id]["epoch"])), hour + lasts)
            for id in [id for id, (_, end) in live.items() if end <= hour]:
                epoch, _ = live.pop(id)
                await scene.audio.delete(id)
                last_end[epoch] = hour
            scene.memory.clock.advance(step * HOUR)
            await scene.epochs.tend()
            for id in live:
                assert await scene.heard(id) == SOUND
            for old in await scene.journal.epochs(EpochState.CLOSED, EpochState.DOOMED):
                since = closed.setdefault(old.id, hour + step)
                if old.id not in {each for each, _ in live.values()}:
                    assert hour + step <= max(since, last_end.get(old.id, 0)) + grace_hours + 2 * step
        standing = await scene.journal.epochs(EpochState.OPEN, EpochState.CLOSED, EpochState.DOOMED)
        assert scene.there == [epoch.id for epoch in standing]

    asyncio.run(act())


async def test_an_upload_that_goes_on_keeps_the_epoch_in_which_it_began() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    part, uploads = a_part(), FakeUploads(scene.memory)
    await uploads.begin(part)
    first = scene.there[0]
    await scene.passes(DAY + 2 * HOUR)
    assert first in scene.there
    await uploads.abort(part.id)
    await scene.passes(HOUR + 3 * PASS)
    assert first not in scene.there


async def test_who_seals_for_longer_than_the_grace_sees_that_the_key_is_doomed() -> None:
    """Its record was given up meanwhile, so that nothing says that something arrives."""
    scene = Scene()
    await scene.epochs.ensure()

    async def slow() -> AsyncIterator[bytes]:
        yield SOUND
        await scene.passes(2 * DAY)
        yield SOUND

    with pytest.raises(KeyringUnavailable):
        await scene.audio.store(new_part_id(), slow(), {})


async def test_what_was_stored_between_the_look_and_the_doom_keeps_its_key() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    first = scene.there[0]
    await scene.passes(DAY)
    id = await scene.record()
    doom = scene.keyring.doom

    async def late(epoch: EpochId) -> None:
        scene.memory.files[id]["epoch"] = epoch
        await doom(epoch)

    scene.keyring.doom = late  # type: ignore[method-assign, assignment]
    await scene.passes(HOUR + 3 * PASS)
    assert first in scene.there
    assert not await scene.keyring.is_doomed(first)
    assert await scene.states() == [EpochState.CLOSED, EpochState.OPEN]


async def test_a_key_from_a_backup_is_destroyed_again_and_told() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    backup = dict(scene.memory.keyring.keys)
    await scene.passes(DAY + HOUR + 3 * PASS)
    scene.memory.keyring.keys |= backup
    assert (await scene.epochs.tend()).destroyed == 1
    assert not set(backup) & set(scene.there)
    [destroyed] = await scene.journal.epochs(EpochState.DESTROYED)
    assert (destroyed.returns, destroyed.gone_seconds) == (1, 0)


async def test_a_lost_key_is_told_another_is_begun_and_it_may_come_back() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    id = await scene.record()
    backup = dict(scene.memory.keyring.keys)
    scene.memory.keyring.keys.clear()
    tended = await scene.epochs.tend()
    assert (tended.lost, tended.opened) == (1, 1)
    assert await scene.states() == [EpochState.LOST, EpochState.OPEN]
    scene.memory.clock.advance(60)
    with pytest.raises(AudioKeyGone):
        await scene.heard(id)
    scene.memory.keyring.keys |= backup
    await scene.epochs.tend()
    assert await scene.heard(id) == SOUND
    await scene.audio.delete(id)
    await scene.passes(HOUR + 3 * PASS)
    assert await scene.states() == [EpochState.DESTROYED, EpochState.OPEN]


@pytest.mark.parametrize(
    "identity", [None, Identity("another", "database")], ids=["that is away", "of another database"]
)
async def test_a_keyring_is_left_alone(identity: Identity | None) -> None:
    scene = Scene()
    await scene.epochs.ensure()
    before, own = scene.there, scene.memory.keyring.identity
    scene.memory.keyring.identity = identity
    scene.memory.clock.advance(5 * DAY)
    assert (await scene.epochs.tend()) == (await Scene(scene.memory).epochs.tend())
    assert (scene.there, await scene.states()) == (before, [EpochState.OPEN])
    scene.memory.keyring.identity = own
    await scene.epochs.tend()
    assert await scene.states() == [EpochState.CLOSED, EpochState.OPEN]


async def test_where_sealed_recordings_are_stored_no_keyring_is_made_beside_theirs() -> None:
    """The database came back without its notes, and KEYRING_DIR is another folder."""
    scene = Scene()
    await scene.epochs.ensure()
    id, content = await scene.record(), scene.memory.keyring
    scene.memory.claimed, scene.memory.epochs = None, {}
    assert "no note of their keyring" in str(await scene.epochs.obstacle())
    scene.memory.keyring = type(content)()
    elsewhere = Scene(scene.memory)
    assert not await elsewhere.epochs.ensure()
    assert (await elsewhere.epochs.tend(), elsewhere.there, scene.memory.claimed) == (Tended(), [], None)
    assert "There is no keyring in memory, and recordings were sealed with one" in str(elsewhere.epochs.trouble)
    with pytest.raises(KeyringTrouble):
        await elsewhere.epochs.rotate()
    await elsewhere.epochs.replace()
    assert elsewhere.there[0] > str(scene.memory.files[id]["epoch"])
    with pytest.raises(AudioKeyGone):
        await elsewhere.heard(id)


async def test_two_databases_cannot_share_a_keyring() -> None:
    first, second = Scene(), Scene()
    await first.epochs.ensure()
    second.memory.keyring = first.memory.keyring
    sharing = Scene(second.memory)
    await sharing.epochs.tend()
    assert await sharing.states() == []
    with pytest.raises(KeyringUnavailable):
        await sharing.keys.newest()
    assert await first.heard(await first.record()) == SOUND


async def test_a_database_from_a_backup_learns_of_the_keys_that_are_there() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    backup = dict(scene.memory.epochs)
    await scene.passes(DAY)
    scene.memory.epochs = backup
    await scene.epochs.tend()
    assert await scene.states() == [EpochState.CLOSED, EpochState.OPEN]
    await scene.passes(HOUR + 3 * PASS)
    assert len(scene.there) == 1


async def test_without_sealing_nothing_is_made_and_old_keys_end() -> None:
    idle = Scene(is_sealing=False)
    await idle.epochs.ensure()
    await idle.epochs.tend()
    assert (idle.memory.keyring.identity, idle.there) == (None, [])
    scene = Scene()
    await scene.epochs.ensure()
    kept = await scene.record()
    later = Scene(scene.memory, is_sealing=False)
    await later.passes(2 * DAY)
    assert await scene.heard(kept) == SOUND
    await scene.audio.delete(kept)
    await later.passes(HOUR + 3 * PASS)
    assert (await later.states(), later.there) == ([EpochState.DESTROYED], [])


async def test_one_process_writes_at_a_time() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    async with scene.keyring.writing():
        assert (await scene.epochs.tend()).opened == 0
        for act in (scene.epochs.rotate(), scene.epochs.destroy(EpochId("1")), scene.epochs.replace()):
            with pytest.raises(WrittenElsewhere):
                await act
    assert len(scene.there) == 1


async def test_an_operator_rotates_and_destroys() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    id = await scene.record()
    first = scene.there[0]
    second = await scene.epochs.rotate()
    assert await scene.states() == [EpochState.CLOSED, EpochState.OPEN]
    with pytest.raises(StillNeeded) as needed:
        await scene.epochs.destroy(first)
    assert needed.value.number == 1
    with pytest.raises(TooSoon):
        await scene.epochs.destroy(first, even_with=1)
    with pytest.raises(TooSoon):
        await scene.epochs.destroy(second)
    assert scene.there == [first, second]
    scene.memory.clock.advance(LEAST_GRACE_SECONDS)
    await scene.epochs.destroy(first, even_with=1)
    assert first not in scene.there
    with pytest.raises(AudioKeyGone):
        await scene.heard(id)
    with pytest.raises(NoSuchEpoch):
        await scene.epochs.destroy(first)


async def test_an_operator_destroys_at_once() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    first = scene.there[0]
    await scene.epochs.destroy(first, at_once=True)
    assert first not in scene.there
    assert await scene.states() == [EpochState.DESTROYED, EpochState.OPEN]


async def test_a_keyring_that_is_lost_for_good_is_replaced() -> None:
    scene = Scene()
    await scene.epochs.ensure()
    lost = await scene.record()
    with pytest.raises(KeyringTrouble, match="not replaced"):
        await scene.epochs.replace()
    content = scene.memory.keyring
    content.identity = None
    content.keys.clear()
    await scene.epochs.replace()
    scene.memory.clock.advance(60)
    assert await scene.states() == [EpochState.LOST, EpochState.OPEN]
    assert await scene.heard(await scene.record()) == SOUND
    with pytest.raises(AudioKeyGone):
        await scene.heard(lost)


WRITES = {"make", "add", "doom", "spare", "destroy", "claim", "open", "close", "unused", "used", "destroyed", "lost"}


class Cut(Exception):
    """The process is gone."""


class Cutting:
    """A port of which one write, counted over all that share the tally, is the last that its process does."""

    def __init__(self, port: object, tally: list[str], at: int, *, is_done: bool) -> None:
        self._port, self._tally, self._at, self._is_done = port, tally, at, is_done

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        if name not in WRITES:
            return call

        async def write(*given: Any) -> Any:
            self._tally.append(name)
            if len(self._tally) != self._at:
                return await call(*given)
            if self._is_done:
                await call(*given)
            raise Cut

        return write


@pytest.mark.parametrize("is_done", [False, True])
async def test_a_pass_may_be_cut_short_at_any_write(is_done: bool) -> None:
    """Whatever was done by then, the passes after it end where they would have ended."""
    for at in range(1, 40):
        scene, tally = Scene(), list[str]()
        keyring, journal = (Cutting(port, tally, at, is_done=is_done) for port in (scene.keyring, scene.journal))
        dying = replace(scene.epochs, keyring=keyring, journal=journal)
        for seconds in (0.0, DAY, PASS, HOUR, PASS, PASS):
            scene.memory.clock.advance(seconds)
            with suppress(Cut):
                await dying.ensure()
                await dying.tend()
        await scene.passes(HOUR)
        recording = await scene.record()
        await scene.passes(DAY + HOUR + 5 * PASS)
        assert await scene.heard(recording) == SOUND
        *before, newest = await scene.journal.epochs()
        assert newest.state is EpochState.OPEN
        for epoch in before:
            is_needed = await scene.journal.recordings(epoch.id) > 0
            assert epoch.state is (EpochState.CLOSED if is_needed else EpochState.DESTROYED), at
            assert (epoch.id in scene.there) is is_needed
        if len(tally) < at:
            return
    raise AssertionError("more writes than were thought of")
