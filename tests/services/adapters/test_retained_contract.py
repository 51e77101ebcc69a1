"""The promises of Holds and Retained, held by the fakes and by MongoDB alike."""

from dataclasses import replace
from typing import Any, cast

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.interviews.erasable import ErasureId, OfSession
from services.interviews.model import Failure, PartId, SessionId, answer_of
from services.interviews.transcript import silence
from services.operations.ports.audit_log import Outcome
from services.operations.ports.erasures import Cause
from services.operations.ports.retained import RecordKind
from services.operations.retention import DAY
from services.recordings.erasing import RecordingsErasable
from services.recordings.ports.audio import Deletion
from services.recordings.ports.records import Records
from services.webhooks.notices import of_answer
from tests.services.adapters.stores import ANN, Q1, S1, Store, a_session, store_in_memory, store_on_mongo
from tests.services.adapters.test_operations_contract import a_deed
from tests.services.adapters.test_webhooks_contract import a_webhook

FREE = SessionId("free")
LIMIT = 10


@pytest.fixture(params=["in memory", "on MongoDB"])
def store(request: pytest.FixtureRequest, database: AsyncDatabase[dict[str, object]]) -> Store:
    return store_in_memory() if request.param == "in memory" else store_on_mongo(database)


async def filled(store: Store, id: SessionId) -> None:
    """A session with a completed answer, its events, a delivery of it, and an entry in the log about it."""
    await store.sessions.create(a_session(id))
    queued = await store.queued(session=id)
    claimed = await store.claims.claim(queued.id, "worker")
    assert claimed is not None
    part = await store.claims.complete(claimed.id, claimed.fence, silence(1.0))
    assert part is not None
    await store.sessions.show(id, answer_of(part, silence(1.0)))
    await store.ledger.record(a_webhook().id, of_answer(part))
    await store.closings.settle(part.id, part.rev, Deletion(1, 1, 0))
    await store.closings.scored(part.id)
    deed = a_deed()
    on = {**deed.on, "session_id": id}
    entry = await store.audit_log.begin(type(deed)(who=deed.who, action=deed.action, on=on, before={}, request_id="r"))
    await store.audit_log.end(entry, Outcome.DONE, {})


OTHERS = [kind for kind in RecordKind if kind is not RecordKind.SESSIONS]


@pytest.mark.parametrize("kind", OTHERS)
async def test_what_is_old_enough_goes_and_what_is_held_stays(store: Store, kind: RecordKind) -> None:
    for id in (S1, FREE):
        await filled(store, id)
    assert await store.holds.place(S1)
    assert await store.retained.count(kind, DAY, LIMIT) == await store.retained.remove(kind, DAY, LIMIT) == 0
    await store.passes(DAY + 60)
    assert await store.retained.count(kind, DAY, LIMIT) == 1
    assert await store.retained.remove(kind, DAY, LIMIT) == 1
    assert await store.retained.remove(kind, DAY, LIMIT) == 0
    assert await store.holds.lift(S1)
    assert await store.retained.remove(kind, DAY, LIMIT) == 1
    assert await store.retained.count(kind, DAY, LIMIT) == 0


async def test_a_session_is_over_when_nothing_has_happened_to_it_for_so_long(store: Store) -> None:
    await filled(store, FREE)
    await store.passes(DAY)
    claimed = await store.claims.claim((await store.queued(take=2, session=FREE)).id, "worker")
    assert claimed is not None
    await store.sessions.show(FREE, answer_of(claimed))
    await store.passes(DAY / 2)
    assert await store.retained.sessions(DAY, LIMIT) == []
    await store.passes(DAY / 2 + 60)
    assert await store.retained.sessions(DAY, LIMIT) == [FREE]
    await store.holds.place(FREE)
    assert await store.retained.sessions(DAY, LIMIT) == []


async def test_events_go_one_by_one_and_who_asks_for_those_gets_a_snapshot(store: Store) -> None:
    await filled(store, FREE)
    await store.passes(DAY)
    claimed = await store.claims.claim((await store.queued(take=2, session=FREE)).id, "worker")
    assert claimed is not None
    await store.sessions.show(FREE, answer_of(claimed))
    assert await store.retained.remove(RecordKind.EVENTS, DAY / 2, LIMIT) == 1
    news = await store.events.after(FREE, 0, ANN)
    assert news.events is None
    later = await store.events.after(FREE, 1, ANN)
    assert [event.number for event in later.events or ()] == [2]
    await store.passes(DAY)
    assert await store.retained.remove(RecordKind.EVENTS, DAY / 2, LIMIT) == 1
    assert await store.retained.remove(RecordKind.EVENTS, DAY / 2, LIMIT) == 0


async def test_records_stay_while_something_is_to_be_done_with_them_or_audio_is_kept(store: Store) -> None:
    await store.sessions.create(a_session())
    claimed = await store.claimed()
    failed = await store.claims.fail(claimed.id, claimed.fence, Failure("x", "X."), keep_audio=True)
    assert failed is not None
    await store.passes(10 * DAY)
    assert await store.retained.count(RecordKind.RECORDINGS, DAY, LIMIT) == 0
    await store.closings.settle(failed.id, failed.rev, None)
    assert await store.retained.count(RecordKind.RECORDINGS, DAY, LIMIT) == 0
    (expired,) = await store.upkeep.expire(1.0)
    assert await store.retained.count(RecordKind.RECORDINGS, DAY, LIMIT) == 0
    await store.closings.settle(expired.id, expired.rev, Deletion(1, 1, 0))
    assert await store.retained.remove(RecordKind.RECORDINGS, DAY, LIMIT) == 1


async def test_the_audio_of_what_is_held_does_not_expire_though_it_failed_during_the_hold(store: Store) -> None:
    await store.sessions.create(a_session())
    assert await store.holds.place(S1)
    assert await store.holds.place(S1)
    claimed = await store.claimed()
    await store.claims.fail(claimed.id, claimed.fence, Failure("x", "X."), keep_audio=True)
    assert await store.holds.refresh() == 1
    await store.passes(10 * DAY)
    assert await store.upkeep.expire(1.0) == []
    assert (await store.upkeep.survey(1.0)).expired == 0
    assert await store.holds.lift(S1)
    assert not await store.holds.lift(S1)
    assert await store.holds.refresh() == 0
    assert [part.id for part in await store.upkeep.expire(1.0)] == [claimed.id]


async def test_what_is_not_there_is_not_held_and_what_is_held_is_not_fenced_off(store: Store) -> None:
    assert not await store.holds.place(SessionId("none"))
    await store.sessions.create(a_session())
    await store.holds.place(S1)
    assert await store.journal.begin_session(S1, Cause.OWNER)
    assert not await store.journal.fence(S1)
    assert (await store.sessions.get(S1, ANN)).question(Q1) is not None
    await store.holds.lift(S1)
    assert await store.journal.fence(S1)


async def test_who_erases_what_another_has_erased_just_now_makes_nothing_anew(store: Store) -> None:
    await store.sessions.create(a_session())
    part = await store.queued()
    recordings = RecordingsErasable(uploads=store.uploads, records=store.records, audio=store.audio, issue=nothing)
    seen = await store.records.of_session(S1)
    assert seen == [part.id] and await store.records.forget(part.id)
    late = replace(recordings, records=cast(Records, Late(store.records, seen)))
    assert await late.erase(OfSession(erasure=ErasureId("s-s1"), session_id=S1)) == 0
    assert await store.records.get(part.id) is None
    assert await store.uploads.stop(part.id) is None


async def nothing(*_: object, **__: object) -> None:
    pass


class Late:
    """Records as they were seen a moment ago, once."""

    def __init__(self, records: Records, seen: list[PartId]) -> None:
        self._records, self._seen = records, seen

    async def of_session(self, id: SessionId) -> list[PartId]:
        seen, self._seen = self._seen, []
        return seen or await self._records.of_session(id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)
