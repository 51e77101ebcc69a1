"""How many inserts what comes together takes, in virtual time; on a real mongod it is in test_mongo_arrivals.py."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest
from bson import ObjectId

from services.adapters.mongo import group_commit
from services.adapters.mongo.documents import Document
from services.adapters.mongo.group_commit import EVERY_SECONDS, MOST_DOCUMENTS, MOST_WOKEN, GroupCommit
from tests.virtual_time import HurriedLoop

INSERT_SECONDS = 0.002


class Inserts:
    """What inserts there were, of a store that takes a while for each; nothing is ever in the way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.at: list[float] = []
        monkeypatch.setattr(group_commit, "inserted", self._inserted)
        monkeypatch.setattr(GroupCommit, "look", Inserts._look_of)

    async def _inserted(self, _: object, documents: list[Document], *, ordered: bool) -> set[int]:
        assert not ordered
        self.sizes.append(len(documents))
        self.at.append(round(asyncio.get_running_loop().time(), 6))
        await asyncio.sleep(INSERT_SECONDS)
        return set()

    @staticmethod
    async def _look_of(_: GroupCommit, ids: list[str]) -> dict[str, Document]:
        return {id: {} for id in ids}


def group() -> GroupCommit:
    nothing = cast("Any", None)
    return GroupCommit(collection=nothing, records=nothing, shown={}, is_useless=lambda *_: False)


async def kept(group: GroupCommit) -> None:
    assert await group.keep({"_id": ObjectId(), "recording": ObjectId(), "data": b"x"}) == (True, {})


def run(work: Coroutine[Any, Any, None]) -> None:
    HurriedLoop.runs(work)


def test_those_that_come_within_a_moment_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    inserts = Inserts(monkeypatch)

    async def a_thousand_a_second() -> None:
        one, tasks = group(), []
        for _ in range(200):
            tasks.append(asyncio.create_task(kept(one)))
            await asyncio.sleep(0.001)
        await asyncio.gather(*tasks)

    run(a_thousand_a_second())
    assert sum(inserts.sizes) == 200
    assert len(inserts.sizes) <= 0.2 / EVERY_SECONDS + 3


def test_who_sends_alone_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    inserts = Inserts(monkeypatch)

    async def one_after_the_other() -> None:
        one = group()
        for _ in range(5):
            await kept(one)

    run(one_after_the_other())
    assert inserts.at == [round(number * INSERT_SECONDS, 6) for number in range(5)]


def test_full_ones_wait_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    inserts = Inserts(monkeypatch)

    async def very_many() -> None:
        one = group()
        await asyncio.gather(*(kept(one) for _ in range(3 * MOST_DOCUMENTS)))

    run(very_many())
    assert inserts.sizes == [MOST_DOCUMENTS] * 3
    assert max(inserts.at) < INSERT_SECONDS


def test_few_are_woken_in_one_turn_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    Inserts(monkeypatch)
    woken, most = 0, list[int]()

    async def one_of_many(one: GroupCommit) -> None:
        nonlocal woken
        await kept(one)
        woken += 1
        most.append(woken)
        asyncio.get_running_loop().call_soon(rest)

    def rest() -> None:
        nonlocal woken
        woken = 0

    async def many() -> None:
        one = group()
        await asyncio.gather(*(one_of_many(one) for _ in range(MOST_DOCUMENTS)))

    run(many())
    assert len(most) == MOST_DOCUMENTS and max(most) == MOST_WOKEN
