"""Every query on the way of a recording goes by an index."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import CodecOptions
from bson.codec_options import DatetimeConversion
from pymongo import AsyncMongoClient, monitoring
from pymongo.asynchronous.database import AsyncDatabase

from services.access.ports import Hold, Keyed
from services.adapters.mongo.indexes import INDEXES, OUTDATED, ensure_indexes, missing_indexes
from services.adapters.mongo.records import MOST_COUNTED
from services.interviews.listing import Span
from services.interviews.model import Evaluation, Failure, PartId, Question, QuestionId, SessionId
from services.interviews.transcript import silence
from services.operations.ports.audit_log import Outcome
from services.operations.ports.erasures import Cause, Waits
from services.operations.ports.retained import RecordKind
from services.operations.ports.trends import TrendSpan
from services.operations.ports.views import FailureFilter, Place, SessionFilter, Standing
from services.recordings.ports.audio import Deletion
from services.recordings.ports.keyring import EpochId, EpochState, Identity
from services.recordings.ports.workers import WorkerSign
from services.webhooks.ports import DeliveryState
from services.webhooks.redelivery import Arrived, Later, Reply
from tests.services.adapters.stores import ANN, Q1, S1, Store, a_part, a_session, store_on_mongo
from tests.services.adapters.test_audio_contract import METADATA, pieces
from tests.services.adapters.test_operations_contract import a_deed
from tests.services.adapters.test_sessions_contract import completed
from tests.services.adapters.test_webhooks_contract import a_notice, a_webhook

Document = dict[str, Any]
# A plan may name the last moment that there is, which is none of Python's.
ANY_TIME: CodecOptions[Document] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)
A_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
TROUBLE = Failure("worker_lost", "They stopped.")
QUERIES = {"find", "update", "delete", "findAndModify", "aggregate", "distinct", "count"}
NOT_EXPLAINED = {"lsid", "txnNumber", "$clusterTime", "$db", "$readPreference", "readConcern", "writeConcern"}


class Overheard(monitoring.CommandListener):
    """Keeps the queries that a client sends."""

    def __init__(self) -> None:
        self.queries: list[Document] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in QUERIES:
            kept = {name: value for name, value in event.command.items() if name not in NOT_EXPLAINED}
            self.queries.append(kept)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture
async def overheard(
    database: AsyncDatabase[Document], mongodb_url: str
) -> AsyncIterator[tuple[AsyncDatabase[Document], Overheard]]:
    """The database of the test, through a client that is overheard."""
    listener = Overheard()
    async with AsyncMongoClient[Document](mongodb_url, tz_aware=True, event_listeners=[listener]) as client:
        yield client[database.name], listener


async def whole_way(store: Store) -> None:
    """Everything that the store asks of the database."""
    await store.sessions.create(a_session())
    await store.sessions.get(S1, ANN)
    await store.session_lists.page(ANN.user_id, Span(), Place(A_MOMENT, S1), 10)
    await store.sessions.next_take(S1, Q1, ANN)
    await store.sessions.show(S1, completed())
    await store.sessions.show(S1, completed())
    await store.sessions.score(S1, Q1, 1, Evaluation(score=1.0, scorer="x"))
    await store.sessions.record_analysis(S1, 2, {})
    await store.workers.seen(WorkerSign("a", "local", 2))
    await uploads(store)
    claimed = await store.claimed()
    await store.claims.beat(claimed.id, claimed.fence)
    await store.claims.release(claimed.id, claimed.fence)
    await store.records.get(claimed.id)
    await store.records.newest_takes(S1)
    await store.backlog.ahead(S1)
    await store.backlog.ahead(None)
    await store.backlog.pace()
    await store.uploads.supersede(S1, Q1, 9)
    done = await store.claimed()
    await store.claims.complete(done.id, done.fence, silence(1.0))
    await store.records.transcript(done.id)
    claim = await store.closings.claim_scoring(done.id, 1)
    assert claim is not None
    await store.closings.score_again(done.id, claim, 0)
    await store.closings.scored(done.id)
    await store.closings.rescore(done.id)
    await store.closings.scored(done.id)
    await store.counters.swept("sweep", {"rung": 1})
    await store.gauges.read()
    await store.closings.settle(done.id, done.rev + 1, Deletion(1, 1, 0))
    await sweep(store)
    await store.upkeep.forget_sums()
    await store.workers.gone("a")
    await store.events.after(S1, 0, ANN)
    await store.events.cursors([S1])
    await store.tickets.redeem((await store.tickets.issue(S1, ANN)).secret, S1)
    await keys(store)
    await epochs(store)
    await webhooks(store)
    await operators(store)
    await erasures(store)
    await retention(store)


async def retention(store: Store) -> None:
    """What is asked where records are kept for a time, and where a session is held."""
    await store.sessions.create(a_session(SessionId("held")))
    await store.holds.place(SessionId("held"))
    await store.holds.refresh()
    for kind in RecordKind:
        await store.retained.count(kind, 1.0, 10)
        await store.retained.remove(kind, 1.0, 10) if kind is not RecordKind.SESSIONS else None
    await store.sessions.create(a_session(SessionId("old")))
    await store.queued(session=SessionId("old"))
    await store.retained.remove(RecordKind.EVENTS, 0.0, 10)
    await store.counters.removed("audit", "a rule", 1)
    await store.holds.lift(SessionId("held"))


async def erasures(store: Store) -> None:
    """What is asked to erase a session, and all of a user."""
    await store.sessions.create(replace(a_session(SessionId("gone")), title="A title"))
    await store.endpoints.create(a_webhook())
    asked = await store.journal.begin_session(SessionId("gone"), Cause.OWNER)
    whole = await store.journal.begin_user(ANN.user_id, Cause.OWNER)
    assert asked is not None and await store.journal.fence(SessionId("gone"))
    await store.sessions.is_erased(SessionId("gone"))
    part = await store.queued(session=SessionId("gone"))
    await store.audio.stored(part.id)
    assert await store.records.of_session(SessionId("gone")) == [part.id]
    assert await store.records.forget(part.id)
    for erasure in (asked, whole):
        assert erasure.subject is not None
        await store.leftovers.found(erasure.subject)
        await store.leftovers.erase(erasure.subject)
        await store.journal.found(erasure.id, {"parts": 1})
        await store.journal.wait(erasure.id, Waits.HOLD, 0.0)
    await store.journal.due(10)
    await store.journal.sessions_of(ANN.user_id, A_MOMENT, 10)
    await store.journal.under_way(whole.id)
    await store.journal.waiting()
    await store.journal.page(whole)
    assert [user async for user in store.journal.users()]
    await store.journal.reopen(asked, None)
    await store.journal.remember(asked)
    assert await store.journal.finish(asked.id)
    await store.journal.told(asked.id, 0.0)
    await store.journal.close(asked.id)
    await store.journal.withdraw(whole.id)


async def uploads(store: Store) -> None:
    """What is asked while a recording arrives and lies there, and where it is given up."""
    part, given_up = a_part(), a_part()
    await store.uploads.begin(part)
    assert await store.uploads.touch([part.id, given_up.id]) == {given_up.id}
    stored = await store.audio.store(part.id, pieces(b"x" * 300_000), METADATA)
    assert await store.uploads.abort(part.id)
    queued = await store.queued()
    assert await store.audio.is_whole(part.id, stored)
    assert await store.uploads.withdraw(queued.id)
    assert [piece async for piece in store.audio.read(part.id)]
    await store.audio.mark(part.id, "processing")
    assert [ids async for ids in store.audio.orphaned_files()] and not [
        ids async for ids in store.audio.orphaned_chunks() if ids
    ]
    await store.audio.delete(part.id)


async def operators(store: Store) -> None:
    """What is asked for the operators, and what they do."""
    await store.sessions.create(a_session(SessionId("s2")))
    for wanted in (SessionFilter(), SessionFilter(sought="$fir"), SessionFilter(standing=Standing.FAILED)):
        await store.views.sessions(wanted, None, 10)
    await store.trends.note()
    await store.trends.bins(TrendSpan.DAY)
    await store.views.stuck(60, 10)
    await store.views.count_stuck(60, 10)
    await store.views.recent()
    await store.views.stored()
    waits = await store.queued(30)
    assert await store.interventions.newest(S1, Q1) == waits
    assert await store.interventions.fail(waits.id, TROUBLE)
    assert await store.interventions.retry(waits.id)
    assert await store.interventions.fail(waits.id, TROUBLE)
    (failed, *_) = (await store.views.failed(FailureFilter(), None, 10)).failed
    assert failed.part.completed_at is not None
    place = Place(failed.part.completed_at, failed.part.id)
    for filter in (FailureFilter(code=TROUBLE.code), FailureFilter(user_id=ANN.user_id), FailureFilter(can_retry=True)):
        await store.views.failed(filter, place, 10)
    await store.audit_log.end(await store.audit_log.begin(a_deed()), Outcome.DONE, {})
    (entry,) = await store.audit_log.page(None, 10)
    await store.audit_log.page(Place(entry.at, entry.id), 10)


async def webhooks(store: Store) -> None:
    """What is asked about webhooks, and to send what is due to them."""
    made = await store.endpoints.create(a_webhook())
    await store.endpoints.get(made.id, ANN)
    await store.endpoints.find(made.id)
    await store.endpoints.of_user(ANN.user_id)
    await store.endpoints.rotate(made.id, ANN, "new", 1.0)
    await store.endpoints.listening(ANN.user_id, "answer.completed", made.created_at)
    await store.endpoints.failed(made.id, is_gone=False, patience=1.0)
    await store.endpoints.worked(made.id)
    delivery = await store.ledger.record(made.id, a_notice())
    claimed = await store.ledger.claim([], 1.0)
    assert claimed is not None and await store.ledger.note(claimed.id, claimed.fence, Later(1.0), Reply(status=500))
    await store.ledger.replay(made.id, delivery.id)
    await store.ledger.hurry(made.id)
    await store.ledger.page(made.id, DeliveryState.DEAD, delivery.id, 10)
    await store.ledger.forget(made.id)
    await store.endpoints.delete(made.id, ANN)


async def keys(store: Store) -> None:
    """What is asked about idempotency keys, and before an upload is let in."""
    request = Keyed(user_id=ANN.user_id, key="k", path="POST /x")
    hold = await store.idempotency_keys.hold(request, "made")
    assert isinstance(hold, Hold)
    await store.idempotency_keys.beat(hold)
    await store.idempotency_keys.rename(hold, "other")
    await store.idempotency_keys.release(hold)
    assert isinstance(await store.idempotency_keys.hold(request, "made"), Hold)
    await store.backlog.queued_seconds(ANN.user_id)
    first, second = a_part(take=20), a_part(take=21)
    for part in (first, second):
        await store.uploads.begin(part)
        assert await store.uploads.accept(part.id, "same", 1)


async def epochs(store: Store) -> None:
    """What is asked of the epochs, and to be noted of them."""
    one, two = EpochId("00000001-00000000"), EpochId("00000002-00000000")
    await store.epochs.claim(Identity("keyring", "database"))
    await store.epochs.identity()
    for id in (one, two):
        await store.epochs.open(id)
        await store.epochs.close(id)
    await store.epochs.newest_number()
    await store.epochs.is_arriving(one)
    await store.epochs.recordings(one)
    await store.epochs.used(one)
    await store.epochs.unused(one)
    await store.epochs.lost(two)
    await store.epochs.returned(two)
    await store.epochs.doom(one, "over")
    await store.epochs.spare(one)
    await store.epochs.doom(one, "over")
    await store.epochs.destroyed(one)
    assert [epoch.id for epoch in await store.epochs.epochs(EpochState.DESTROYED)] == [one]
    await store.epochs.replace("another")


async def sweep(store: Store) -> None:
    await store.upkeep.is_needed(1.0)
    await store.upkeep.due(10)
    await store.upkeep.due(1)
    await store.upkeep.reclaim()
    await store.upkeep.bury(TROUBLE)
    await store.upkeep.abandon()
    await store.upkeep.unsettled()
    await store.upkeep.put_off(PartId("none"), 60)
    await store.upkeep.unscored()
    await store.upkeep.expire(1.0)
    await store.upkeep.survey(1.0)
    await store.upkeep.owned([a_part().id])


def stages(plan: Any) -> Iterator[str]:
    """The names of all stages that win; what a planner rejected is not looked at."""
    if isinstance(plan, dict):
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        for name, value in plan.items():
            if name not in ("rejectedPlans", "command"):
                yield from stages(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value)


async def test_no_query_reads_a_whole_collection(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    await whole_way(store_on_mongo(database))
    queries = [query for query in listener.queries if not is_a_tests_own(query)]
    assert len(queries) > 50
    for query in queries:
        plan = await database.command({"explain": query, "verbosity": "queryPlanner"}, codec_options=ANY_TIME)
        found = set(stages(plan))
        assert found and "COLLSCAN" not in found, query


def is_a_tests_own(query: Document) -> bool:
    return [update["q"] for update in query.get("updates", [])] == [{}]


async def test_looking_for_stray_chunks_reads_no_audio(overheard: tuple[AsyncDatabase[Document], Overheard]) -> None:
    database, listener = overheard
    store = store_on_mongo(database)
    await store.audio.store(a_part().id, pieces(b"x" * 300_000), METADATA)
    assert [ids async for ids in store.audio.orphaned_chunks()] == [[]]
    (first, *_) = [query for query in listener.queries if query.get("find") == "fs.chunks"]
    plan = await database.command({"explain": first, "verbosity": "queryPlanner"})
    assert not {"FETCH", "COLLSCAN"} & set(stages(plan))


async def test_a_completed_parts_speed_is_read_from_the_index(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    await store_on_mongo(database).backlog.pace()
    (query,) = [query for query in listener.queries if query.get("sort") == {"completed_at": -1}]
    plan = await database.command({"explain": query, "verbosity": "queryPlanner"})
    assert not {"FETCH", "COLLSCAN", "SORT"} & set(stages(plan))


async def test_a_long_queue_is_not_read_to_find_what_used_up_its_deliveries(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    store = store_on_mongo(database)
    for take in range(1, 51):
        await store.queued(take)
    listener.queries.clear()
    await store.upkeep.bury(TROUBLE)
    for query in listener.queries:
        plan = await database.command({"explain": query, "verbosity": "executionStats"})
        assert plan["executionStats"]["totalKeysExamined"] < 5


async def test_a_long_queue_is_counted_no_further_than_asked(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    store = store_on_mongo(database)
    for take in range(1, 31):
        await store.queued(take)
    listener.queries.clear()
    assert await store.upkeep.count_due(10) == 10
    plan = await database.command({"explain": listener.queries[-1], "verbosity": "executionStats"})
    assert examined(plan) <= 11


async def test_how_long_the_queue_is_stands_in_the_index(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    await store_on_mongo(database).backlog.ahead(None)
    pending, behind = [query for query in listener.queries if query.get("aggregate") == "parts"]
    for query, never in ((pending, {"FETCH", "COLLSCAN"}), (behind, {"COLLSCAN"})):
        assert {"$limit": MOST_COUNTED} in query["pipeline"]
        plan = await database.command({"explain": query, "verbosity": "queryPlanner"})
        assert not never & set(stages(plan))


def examined(plan: Any) -> int:
    """The most index keys that a stage has looked at."""
    if isinstance(plan, dict):
        own = int(plan.get("totalKeysExamined", 0))
        return max([own, *(examined(value) for value in plan.values())])
    return max([0, *map(examined, plan)]) if isinstance(plan, list) else 0


async def test_what_waits_of_a_user_is_added_up_from_the_index(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    await store_on_mongo(database).backlog.queued_seconds(ANN.user_id)
    plan = await database.command({"explain": listener.queries[-1], "verbosity": "queryPlanner"})
    assert not {"FETCH", "COLLSCAN"} & set(stages(plan))


async def test_missing_indexes_are_named_and_made(database: AsyncDatabase[Document]) -> None:
    assert await missing_indexes(database) == []
    await database["parts"].drop_index("silent")
    assert await missing_indexes(database) == ["parts.silent"]
    await ensure_indexes(database)
    await ensure_indexes(database)
    assert await missing_indexes(database) == []
    await database.drop_collection("fs.chunks")
    assert await missing_indexes(database) == ["fs.chunks.files_id_1_n_1"]
    used = {"parts", "interview_sessions", "audit", "workers", "replays", "fs.chunks", "fs.files"}
    assert used <= set(INDEXES)


async def test_a_question_id_that_looks_like_a_position_is_one_field(database: AsyncDatabase[Document]) -> None:
    store = store_on_mongo(database)
    digits = QuestionId("12")
    session = a_session()
    await store.sessions.create(type(session)(id=S1, user_id=ANN.user_id, questions=(Question(id=digits, text="?"),)))
    assert (await store.sessions.next_take(S1, digits, ANN)).number == 1
    row = await database["interview_sessions"].find_one({"_id": S1})
    assert row is not None and row["takes"] == {"12": 1}


async def test_how_things_stand_is_read_from_indexes_alone(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    store = store_on_mongo(database)
    for take in range(1, 6):
        await store.queued(take)
        done = await store.claimed(take + 10)
        await store.claims.complete(done.id, done.fence, silence(1.0))
        await store.uploads.begin(a_part(take + 20))
    listener.queries.clear()
    await store.gauges.read()
    of_parts = [query for query in listener.queries if query.get("aggregate") == "parts"]
    assert len(of_parts) >= 7
    for query in of_parts:
        plan = await database.command({"explain": query, "verbosity": "queryPlanner"})
        assert not {"FETCH", "COLLSCAN"} & set(stages(plan)), query


async def test_the_operators_lists_are_read_in_the_order_of_an_index(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    store = store_on_mongo(database)
    await store.sessions.create(a_session())
    for take in range(1, 6):
        part = await store.queued(take)
        await store.interventions.fail(part.id, TROUBLE)
        await store.audit_log.begin(a_deed(take))
    listener.queries.clear()
    page = await store.views.failed(FailureFilter(), None, 2)
    await store.views.failed(FailureFilter(), page.next, 2)
    await store.views.stuck(60, 2)
    (*_, entry) = await store.audit_log.page(None, 2)
    await store.audit_log.page(Place(entry.at, entry.id), 2)
    await store.views.sessions(SessionFilter(sought=ANN.user_id), None, 2)
    await store.views.sessions(SessionFilter(), None, 2)
    for query in listener.queries:
        plan = await database.command({"explain": query, "verbosity": "queryPlanner"})
        assert is_newest_of(query) or "SORT" not in set(stages(plan)), query


def is_newest_of(query: Document) -> bool:
    """The takes of the few sessions that are listed are sorted; there is no index for that."""
    return query.get("sort") == {"take": 1}


async def test_what_ended_lately_is_counted_without_reading_what_ended_before(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    store = store_on_mongo(database)
    for take in range(1, 31):
        claimed = await store.claimed(take)
        await store.claims.complete(claimed.id, claimed.fence, silence(1.0))
    await store.passes(7200)
    listener.queries.clear()
    await store.views.recent()
    assert len(listener.queries) == 5
    for query in listener.queries:
        plan = await database.command({"explain": query, "verbosity": "executionStats"})
        assert examined(plan) < 5, query


async def test_what_is_due_is_found_in_a_long_ledger_and_past_a_busy_webhook(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    store = store_on_mongo(database)
    made = await store.endpoints.create(a_webhook())
    for take in range(60):
        delivery = await store.ledger.record(made.id, a_notice(take))
        claimed = await store.ledger.claim([], 1.0)
        assert claimed is not None and claimed.id == delivery.id
        await store.ledger.note(delivery.id, claimed.fence, Arrived() if take % 2 else Later(3600.0))
    listener.queries.clear()
    assert await store.ledger.claim([made.id], 1.0) is None
    plan = await database.command({"explain": listener.queries[-1], "verbosity": "executionStats"})
    assert plan["executionStats"]["totalKeysExamined"] < 5
    assert plan["executionStats"]["totalDocsExamined"] == 0


async def test_what_is_in_the_way_of_one_index_is_named_and_holds_up_no_other(
    database: AsyncDatabase[dict[str, Any]],
) -> None:
    await database["parts"].drop_index("silent")
    await database["parts"].drop_index("pending")
    await database["parts"].create_index([("state", 1), ("created_at", -1)], name="pending")
    refused = await ensure_indexes(database)
    assert list(refused) == ["parts.pending"]
    assert "pending" in refused["parts.pending"]
    assert await missing_indexes(database) == ["parts.pending"], "one of its name is not it"
    await database["parts"].drop_index("pending")
    assert await ensure_indexes(database) == {}


async def test_a_users_sessions_are_listed_in_the_order_of_an_index_and_no_further_than_asked(
    overheard: tuple[AsyncDatabase[Document], Overheard],
) -> None:
    database, listener = overheard
    store = store_on_mongo(database)
    for number in range(30):
        await store.sessions.create(a_session(SessionId(f"s{number}")))
    (*_, last) = await store.session_lists.page(ANN.user_id, Span(), None, 5)
    spans = (Span(), Span(since=A_MOMENT), Span(since=A_MOMENT, until=last.created_at))
    for span in spans:
        listener.queries.clear()
        await store.session_lists.page(ANN.user_id, span, Place(last.created_at, last.id), 5)
        (query,) = listener.queries
        plan = await database.command({"explain": query, "verbosity": "executionStats"})
        assert not {"SORT", "COLLSCAN"} & set(stages(plan))
        assert examined(plan) <= 8


@pytest.mark.parametrize("name", [f"{of}.{name}" for of, names in OUTDATED.items() for name in names])
async def test_an_index_of_an_earlier_version_is_in_no_other_ones_way_and_dropped(
    name: str, database: AsyncDatabase[Document]
) -> None:
    collection, _, index = name.partition(".")
    await database[collection].create_index([("of", 1), ("before", -1)], name=index)
    assert await ensure_indexes(database) == {}
    assert index not in await database[collection].index_information()
