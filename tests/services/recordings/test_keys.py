"""The keys that a process has: only those of its own database, and no longer than it must."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from services.errors import AudioKeyGone, KeyringUnavailable
from services.recordings.keys import KEPT_SECONDS, LEAST_GRACE_SECONDS, Keys
from services.recordings.ports.keyring import EpochId, EpochKey, Identity
from tests.fakes.keyring import FakeEpochs, FakeKeyring
from tests.fakes.memory import KeyringContent, Memory
from tests.virtual_time import HurriedLoop

OWN = Identity("keyring", "database")
FIRST, SECOND = EpochKey(EpochId("00000001-0000000a"), b"1" * 32), EpochKey(EpochId("00000002-00000000"), b"2" * 32)


@contextmanager
def refused(said: str) -> Iterator[None]:
    """Clients hear that it cannot be used, operators why."""
    with pytest.raises(KeyringUnavailable) as refusal:
        yield
    assert str(refusal.value) == KeyringUnavailable.sentence
    assert said in str(refusal.value.__cause__)


class Scene:
    def __init__(self) -> None:
        self.memory = Memory(claimed=OWN)
        self.content = KeyringContent(identity=OWN, keys={FIRST.id: FIRST})
        self.now = 0.0
        self.keys = Keys(keyring=FakeKeyring(self.content), journal=FakeEpochs(self.memory), clock=lambda: self.now)


async def test_the_newest_key_is_asked_for_anew_after_a_while() -> None:
    scene = Scene()
    assert (await scene.keys.newest()).key == FIRST
    scene.content.keys[SECOND.id] = SECOND
    assert (await scene.keys.newest()).key == FIRST
    scene.now = KEPT_SECONDS
    assert (await scene.keys.newest()).key == SECOND


async def test_many_who_ask_at_once_read_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, asked = Scene(), list[str]()

    async def newest(self: FakeKeyring) -> EpochKey | None:
        asked.append("newest")
        await asyncio.sleep(0)
        return FIRST

    monkeypatch.setattr(FakeKeyring, "newest", newest)
    found = await asyncio.gather(*(scene.keys.newest() for _ in range(20)))
    assert {loaded.key for loaded in found} == {FIRST}
    assert asked == ["newest"]


@pytest.mark.parametrize(
    ("claimed", "there", "said"),
    [
        (None, None, "There is no keyring"),
        (OWN, None, "There is no keyring"),
        (None, OWN, "another database's"),
        (OWN, Identity("keyring", "another"), "another database's"),
        (OWN, Identity("another", "database"), "another database's"),
    ],
)
async def test_only_its_own_keyring_is_used(claimed: Identity | None, there: Identity | None, said: str) -> None:
    scene = Scene()
    await scene.keys.journal.open(FIRST.id)
    scene.memory.claimed, scene.content.identity = claimed, there
    for ask in (scene.keys.newest, lambda: scene.keys.find(FIRST.id)):
        with refused(said):
            await ask()


async def test_one_that_is_about_to_be_made_is_not_called_lost() -> None:
    scene = Scene()
    scene.content.identity = None
    with refused("No keyring was made"):
        await scene.keys.newest()


async def test_an_empty_keyring_has_no_key_yet() -> None:
    scene = Scene()
    scene.content.keys.clear()
    with refused("no key yet"):
        await scene.keys.newest()


async def test_a_key_is_gone_only_where_a_newer_one_is_there() -> None:
    scene = Scene()
    with refused("yet"):
        await scene.keys.find(SECOND.id)
    scene.content.keys = {SECOND.id: SECOND}
    with pytest.raises(AudioKeyGone):
        await scene.keys.find(FIRST.id)


async def test_a_keyring_that_cannot_be_read_is_no_keyring_without_keys() -> None:
    scene = Scene()
    scene.content.trouble = "It is away."
    with refused("away"):
        await scene.keys.find(FIRST.id)


async def test_a_key_may_be_destroyed_only_long_after_it_was_read() -> None:
    scene = Scene()
    loaded = await scene.keys.newest()
    scene.content.doomed.add(FIRST.id)
    scene.now = LEAST_GRACE_SECONDS - 1
    assert not await scene.keys.is_doomed(loaded)
    scene.now = LEAST_GRACE_SECONDS
    assert await scene.keys.is_doomed(loaded)
    scene.content.doomed.clear()
    assert not await scene.keys.is_doomed(loaded)
    scene.content.keys.clear()
    assert await scene.keys.is_doomed(loaded)


@pytest.mark.parametrize("ahead", [0.0, 0.001], ids=["one clock", "timers that go off early"])
def test_an_idle_process_forgets(ahead: float) -> None:
    async def act() -> tuple[Any, Any]:
        loop, scene = asyncio.get_running_loop(), Scene()
        begun = loop.time()
        scene.keys.clock = lambda: loop.time() - ahead * (loop.time() > begun)
        await scene.keys.newest()
        await scene.keys.find(FIRST.id)
        await asyncio.sleep(KEPT_SECONDS + 1)
        return scene.keys._newest, scene.keys._known

    assert HurriedLoop.runs(act()) == (None, {})
