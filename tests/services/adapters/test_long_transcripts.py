"""What was said in hours is read beside the loop, where others have their turns meanwhile."""

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo import records, utterances
from tests.services.adapters.stores import store_on_mongo
from tests.services.adapters.test_parts_contract import HEARD
from tests.services.adapters.test_utterances_contract import said, settled

Database = AsyncDatabase[dict[str, Any]]


def watched(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[threading.Thread]:
    """The threads in which a function of the module runs."""
    threads: list[threading.Thread] = []
    original: Callable[[Any], Any] = getattr(module, name)

    def noted(row: Any) -> Any:
        threads.append(threading.current_thread())
        return original(row)

    monkeypatch.setattr(module, name, noted)
    return threads


@pytest.mark.parametrize("is_long", [True, False])
async def test_a_long_transcript_is_read_beside_the_loop(
    database: Database, monkeypatch: pytest.MonkeyPatch, *, is_long: bool
) -> None:
    store = store_on_mongo(database)
    claimed = await store.claimed()
    await store.claims.complete(claimed.id, claimed.fence, HEARD)
    monkeypatch.setattr(records, "LONG", len(HEARD.text) - is_long)
    threads = watched(monkeypatch, records, "transcript_of")
    assert await store.records.transcript(claimed.id) == HEARD
    assert [thread is not threading.main_thread() for thread in threads] == [is_long]


@pytest.mark.parametrize("are_many", [True, False])
async def test_many_stretches_are_read_beside_the_loop(
    database: Database, monkeypatch: pytest.MonkeyPatch, *, are_many: bool
) -> None:
    store = store_on_mongo(database)
    part = await settled(store, await store.claimed(), 0, 1)
    monkeypatch.setattr(utterances, "MANY", 2 - are_many)
    threads = watched(monkeypatch, utterances, "_utterance_of")
    assert await store.utterances.settled(part.id) == [said(0), said(1)]
    assert [thread is not threading.main_thread() for thread in threads] == [are_many] * 2
