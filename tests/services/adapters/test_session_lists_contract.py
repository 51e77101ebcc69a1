"""The promises of SessionLists, held by the fake and by MongoDB alike."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.interviews.listing import Listing, Place, Progress, Span
from services.interviews.model import Checkpoint, PartState, Session, SessionId, answer_of
from services.interviews.spoken import Spoken
from tests.services.adapters.stores import ANN, BOB, Q1, S1, Store, a_part, a_session, store_in_memory, store_on_mongo


@pytest.fixture(params=["in memory", "on MongoDB"])
def store(request: pytest.FixtureRequest, database: AsyncDatabase[dict[str, object]]) -> Store:
    return store_in_memory() if request.param == "in memory" else store_on_mongo(database)


async def made(store: Store, *ids: str) -> list[Session]:
    return [await store.sessions.create(a_session(SessionId(id))) for id in ids]


async def test_pages_hold_each_of_ones_own_sessions_once_newest_first(store: Store) -> None:
    await made(store, *(f"s{number}" for number in range(7)))
    other = Session(id=SessionId("other"), user_id=BOB.user_id, questions=a_session().questions)
    await store.sessions.create(other)
    seen, before = [], None
    while page := await store.session_lists.page(ANN.user_id, Span(), before, 3):
        seen += page
        before = Place(page[-1].created_at, page[-1].id)
    assert {one.id for one in seen} == {f"s{number}" for number in range(7)} and len(seen) == 7
    assert seen == sorted(seen, key=lambda one: (one.created_at, one.id), reverse=True)
    assert (seen[0].title, seen[0].questions, seen[0].answers) == ("$first", 2, {})


async def test_a_span_holds_what_was_made_in_it(store: Store) -> None:
    (session,) = await made(store, "s1")
    at = session.created_at
    assert at is not None

    async def found(span: Span) -> list[str]:
        return [one.id for one in await store.session_lists.page(ANN.user_id, span, None, 10)]

    moment = timedelta(milliseconds=1)
    assert await found(Span(since=at, until=at + moment)) == ["s1"]
    assert await found(Span(since=at + moment)) == await found(Span(until=at)) == []


async def test_progress_is_told_and_looked_for_within_the_page(store: Store) -> None:
    await made(store, "s0", S1)
    part = await store.queued()
    await store.sessions.show(S1, answer_of(part))
    listing = Listing(store.session_lists)
    page = await listing.page(ANN.user_id, Span(), Progress.PENDING, None, 10)
    assert [(one.id, one.progress, one.answers) for one in page.sessions] == [(S1, Progress.PENDING, {Q1: "queued"})]
    assert page.ended is None
    assert a_part().session_id == S1
    none = await listing.page(ANN.user_id, Span(), Progress.COMPLETE, None, 1)
    assert none.sessions == () and none.ended is not None


async def test_what_is_being_recorded_is_pending(store: Store) -> None:
    await made(store, S1)
    part = replace(a_part(), rev=1, checkpoint=Checkpoint(stretches=1, seconds=16.0))
    await store.sessions.tell(part, [Spoken(index=0, start=0.0, end=16.0, text="$so")])
    (listed,) = await store.session_lists.page(ANN.user_id, Span(), None, 10)
    assert (listed.progress, listed.answers) == (Progress.PENDING, {Q1: "processing"})
    await store.sessions.unsay(replace(part, state=PartState.ABORTED))
    (listed,) = await store.session_lists.page(ANN.user_id, Span(), None, 10)
    assert (listed.progress, listed.answers) == (Progress.EMPTY, {})
