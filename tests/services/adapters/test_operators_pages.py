"""What the operators page through stays cheap: of 2,000 sessions and 500 failures a page reads about a page."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.session_views import MOST_COUNTED, MOST_EXAMINED, MOST_TITLED
from services.interviews.model import PartState, UserId
from services.operations.ports.trends import TrendSpan
from services.operations.ports.views import FailureFilter, FailurePage, Place, SessionFilter, SessionPage, Standing
from tests.services.adapters.stores import a_part, a_session, store_on_mongo
from tests.services.adapters.test_mongo_indexes import Overheard, overheard, stages

__all__ = ["overheard"]

Document = dict[str, Any]
SESSIONS, FAILURES = 2000, 500
PAGE = 50
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AN_ANSWER = {"take": 1, "transcription_status": "failed", "transcription_error_code": "x", "gridfs_file_id": None}


class Crowd:
    """Many sessions and failures in one database, and what its queries read."""

    def __init__(self, database: AsyncDatabase[Document], listener: Overheard) -> None:
        self.database, self.listener, self.store = database, listener, store_on_mongo(database)

    async def fill(self) -> None:
        await self.store.sessions.create(a_session())
        await self.store.queued()
        await self._copy("interview_sessions", SESSIONS, a_session_of)
        await self._copy("parts", FAILURES, a_failure_of)
        self.listener.queries.clear()

    async def _copy(self, name: str, number: int, change: Callable[[int], Document]) -> None:
        """Many like the one that is there, in its place."""
        row = await self.database[name].find_one_and_delete({})
        assert row is not None
        await self.database[name].insert_many([{**row, **change(index)} for index in range(number)])

    async def sessions(self, before: Place | None = None, **wanted: Any) -> SessionPage:
        return await self.store.views.sessions(SessionFilter(**wanted), before, PAGE)

    async def failures(self, before: Place | None = None, **wanted: Any) -> FailurePage:
        return await self.store.views.failed(FailureFilter(**wanted), before, PAGE)

    async def read(self) -> tuple[int, int]:
        """The most keys and documents that one of the queries since the last call has read; none reads all."""
        keys, documents = 0, 0
        for query in self.listener.queries:
            plan = await self.database.command({"explain": query, "verbosity": "executionStats"})
            assert "COLLSCAN" not in set(stages(plan)), query
            read = plan.get("executionStats") or plan["stages"][0]["$cursor"]["executionStats"]
            keys, documents = max(keys, read["totalKeysExamined"]), max(documents, read["totalDocsExamined"])
        self.listener.queries.clear()
        return keys, documents


def a_session_of(index: int) -> Document:
    made = NOON - timedelta(seconds=index // 2)
    return {"_id": f"s{index:05d}", "user_id": f"user{index % 2}", "title": f"Round {index}", "created_at": made}


def a_failure_of(index: int) -> Document:
    return {
        "_id": str(ObjectId()),
        "session_id": f"s{index:05d}",
        "user_id": f"user{index % 5}",
        "state": PartState.FAILED.value,
        "failure": {"code": "worker_lost" if index % 10 == 0 else "engine_unavailable", "sentence": "."},
        "completed_at": NOON - timedelta(seconds=index),
        "sha256": str(index),
        "keep_audio": index % 2 == 0,
    }


@pytest.fixture
async def crowd(overheard: tuple[AsyncDatabase[Document], Overheard]) -> AsyncIterator[Crowd]:
    crowd = Crowd(*overheard)
    await crowd.fill()
    yield crowd


async def test_all_sessions_are_paged_through_and_each_page_reads_a_page(crowd: Crowd) -> None:
    found: list[str] = []
    page = await crowd.sessions()
    assert page.total is not None and (page.total.number, page.total.is_exact) == (MOST_COUNTED, False)
    while True:
        found += [seen.id for seen in page.sessions]
        if page.next is None:
            break
        page = await crowd.sessions(page.next)
    assert len(found) == len(set(found)) == SESSIONS
    assert set(found[:4]) == {"s00000", "s00001", "s00002", "s00003"}
    keys, documents = await crowd.read()
    assert keys <= MOST_COUNTED + 2, "what counts goes by keys, and so far"
    assert documents <= PAGE + 4


async def test_a_page_of_one_user_reads_a_page(crowd: Crowd) -> None:
    page = await crowd.sessions(sought="user1")
    assert page.total is not None and (page.total.number, page.total.is_exact) == (SESSIONS // 2, True)
    crowd.listener.queries.clear()
    stretch = crowd.store.views
    assert page.next is not None
    await stretch.sessions(SessionFilter(sought="user1"), page.next, PAGE)
    pages = [query for query in crowd.listener.queries if {"$limit": PAGE + 1} in query.get("pipeline", [])]
    assert len(pages) == 2
    crowd.listener.queries[:] = pages
    assert max(await crowd.read()) <= PAGE + 4


async def test_titles_that_begin_alike_are_read_up_to_a_bound(crowd: Crowd) -> None:
    page = await crowd.sessions(sought="round 1")
    assert page.total is not None
    assert (page.total.number, page.total.is_exact) == (MOST_TITLED, False)
    assert len(page.sessions) == PAGE
    assert max(await crowd.read()) <= MOST_TITLED + 1


async def test_how_sessions_stand_is_looked_at_up_to_a_bound_and_then_goes_on(crowd: Crowd) -> None:
    await crowd.database["interview_sessions"].update_one({"_id": "s01999"}, {"$set": {"answers": {"q1": AN_ANSWER}}})
    crowd.listener.queries.clear()
    found: list[str] = []
    page = await crowd.sessions(standing=Standing.FAILED)
    for _ in range(SESSIONS // MOST_EXAMINED):
        found += [seen.id for seen in page.sessions]
        if page.next is not None:
            page = await crowd.sessions(page.next, standing=Standing.FAILED)
    assert (found, page.next) == (["s01999"], None)
    assert max(await crowd.read()) <= MOST_EXAMINED + 2


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ({}, FAILURES),
        ({"code": "worker_lost"}, FAILURES // 10),
        ({"user_id": UserId("user3")}, FAILURES // 5),
        ({"can_retry": True}, None),
        ({"since": NOON - timedelta(seconds=99)}, 100),
        ({"code": "engine_unavailable", "user_id": UserId("user3")}, FAILURES // 5),
    ],
)
async def test_a_page_of_failures_reads_little_but_what_fits(
    crowd: Crowd, wanted: Document, number: int | None
) -> None:
    page = await crowd.failures(**wanted)
    assert len(page.failed) == PAGE
    assert (page.total and page.total.number) == number
    if page.next is not None:
        await crowd.failures(page.next, **wanted)
    keys, documents = await crowd.read()
    assert (documents <= max(PAGE + 4, number or 0) and documents < FAILURES) or wanted == {}
    assert keys <= max(2 * PAGE + 2, (number or 0) + 1)


async def test_minutes_are_noted_and_read_by_indexes_alone(crowd: Crowd) -> None:
    await crowd.database["parts"].update_many({}, [{"$set": {"accepted_at": {"$subtract": ["$$NOW", 7_200_000]}}}])
    lately = a_part()
    await crowd.store.uploads.begin(lately)
    await crowd.store.uploads.accept(lately.id, "5ha", 7)
    await crowd.store.passes(120)
    crowd.listener.queries.clear()
    await crowd.store.trends.note()
    keys, documents = await crowd.read()
    assert max(keys, documents) <= 3, "what came before the hour is not read"
    assert sum(each.accepted for each in await crowd.store.trends.bins(TrendSpan.HOUR)) == 1
    assert (await crowd.read())[0] <= 61
