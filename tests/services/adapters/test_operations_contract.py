"""What operators see, do and leave in the log, in memory and on MongoDB."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.errors import SameInWork
from services.interviews.model import Failure, Part, PartState, SessionId, Status, UserId, answer_of
from services.interviews.transcript import silence
from services.operations.ports.audit_log import Action, Deed, Entry, Outcome
from services.operations.ports.views import (
    AnswerSeen,
    FailureFilter,
    FailurePage,
    Place,
    SessionFilter,
    SessionPage,
    Standing,
    Total,
    Wait,
)
from tests.services.adapters.stores import ANN, Q1, Q2, S1, TERMS, Store, a_part, a_session, store_on_mongo
from tests.services.adapters.test_audio_contract import METADATA, pieces

TROUBLE = Failure("engine_unavailable", "It was away.")
BY_HAND = Failure("failed_by_operator", "It $hangs.")


async def failed(store: Store, take: int = 1, *, keep_audio: bool = True) -> Part:
    claimed = await store.claimed(take)
    part = await store.claims.fail(claimed.id, claimed.fence, TROUBLE, keep_audio=keep_audio)
    assert part is not None
    return part


async def test_a_failed_part_whose_audio_is_kept_begins_anew(store: Store) -> None:
    part = await failed(store)
    await store.closings.settle(part.id, part.rev, None)
    await store.passes(3600)
    queued = await store.interventions.retry(part.id)
    assert queued is not None
    assert (queued.state, queued.deliveries, queued.failure) == (PartState.QUEUED, 0, None)
    assert (queued.keep_audio, queued.completed_at, queued.retries) == (False, None, 1)
    assert (queued.rev, queued.fence > part.fence) == (part.rev + 1, True)
    assert queued.created_at == (await store.records.get(part.id) or queued).created_at
    assert await store.upkeep.count_due() == 1
    assert await store.upkeep.due(10) == [], "it counts as rung"
    assert await store.upkeep.unsettled() == []
    assert await store.upkeep.expire(0.0) == []
    assert await store.upkeep.owned([part.id]) == {part.id}
    reading = await store.gauges.read()
    assert (reading.kept, reading.unsettled.number) == (0, 0)


async def test_the_second_end_of_a_retried_part_is_counted_like_the_first(store: Store) -> None:
    part = await failed(store)
    await store.closings.settle(part.id, part.rev, None)
    await store.passes(3600)
    await store.interventions.retry(part.id)
    await store.passes(3)
    claimed = await store.claims.claim(part.id, "another")
    assert claimed is not None and claimed.deliveries == 1
    done = await store.claims.complete(part.id, claimed.fence, silence(1.0))
    assert done is not None and not done.keep_audio
    await store.closings.settle(part.id, done.rev, None)
    await store.closings.settle(part.id, done.rev, None)
    totals = (await store.gauges.read()).totals
    assert (totals.ended[PartState.COMPLETED], totals.ended[PartState.FAILED], totals.deliveries) == (1, 1, 2)
    assert totals.turnaround.sum < 60, "from the retry on, not from the upload"


async def test_who_had_it_before_a_retry_writes_nothing_any_more(store: Store) -> None:
    claimed = await store.claimed()
    assert await store.claims.fail(claimed.id, claimed.fence, TROUBLE, keep_audio=True)
    await store.interventions.retry(claimed.id)
    assert await store.claims.complete(claimed.id, claimed.fence, silence(1.0)) is None
    assert await store.claims.fail(claimed.id, claimed.fence, TROUBLE, keep_audio=False) is None
    assert await store.claims.claim(claimed.id, "another") is not None
    assert await store.claims.complete(claimed.id, claimed.fence, silence(1.0)) is None


@pytest.mark.parametrize("state", ["uploading", "aborted", "queued", "processing", "completed", "superseded", "gone"])
async def test_nothing_else_can_be_retried(store: Store, state: str) -> None:
    part = await _in_state(store, state)
    before = await store.records.get(part.id)
    assert await store.interventions.retry(part.id) is None
    assert await store.records.get(part.id) == before


async def _in_state(store: Store, state: str) -> Part:
    if state in ("uploading", "aborted"):
        part = a_part()
        await store.uploads.begin(part)
        if state == "aborted":
            await store.uploads.abort(part.id)
        return part
    if state == "gone":
        return await failed(store, keep_audio=False)
    if state in ("queued", "superseded"):
        part = await store.queued(1)
        if state == "superseded":
            await store.uploads.supersede(S1, Q1, 2)
        return part
    part = await store.claimed()
    if state == "completed":
        await store.claims.complete(part.id, part.fence, silence(1.0))
    return part


async def test_of_many_retries_at_once_one_is_done(store: Store) -> None:
    part = await failed(store)
    found = await asyncio.gather(*(store.interventions.retry(part.id) for _ in range(4)))
    assert len([each for each in found if each]) == 1


async def test_a_recording_that_is_in_work_as_another_take_is_not_retried(store: Store) -> None:
    first, second = a_part(1), a_part(2)
    await store.uploads.begin(first)
    await store.uploads.accept(first.id, "the same", 7)
    claimed = await store.claims.claim(first.id, "worker")
    assert claimed is not None
    await store.claims.fail(first.id, claimed.fence, TROUBLE, keep_audio=True)
    await store.uploads.begin(second)
    assert await store.uploads.accept(second.id, "the same", 7)
    with pytest.raises(SameInWork):
        await store.interventions.retry(first.id)
    part = await store.records.get(first.id)
    assert part is not None and (part.state, part.keep_audio) == (PartState.FAILED, True)


@pytest.mark.parametrize("state", ["queued", "processing"])
async def test_what_waits_or_is_in_work_can_be_failed(store: Store, state: str) -> None:
    part = await _in_state(store, state)
    ended = await store.interventions.fail(part.id, BY_HAND)
    assert ended is not None
    assert (ended.state, ended.failure, ended.keep_audio) == (PartState.FAILED, BY_HAND, True)
    assert ended.fence > part.fence
    assert not await store.claims.beat(part.id, part.fence)
    assert await store.claims.complete(part.id, part.fence, silence(1.0)) is None
    assert await store.upkeep.owned([part.id]) == {part.id}
    await store.passes(TERMS.settle_grace_seconds + 1)
    assert [each.id for each in await store.upkeep.unsettled()] == [part.id]


@pytest.mark.parametrize("state", ["uploading", "aborted", "completed", "superseded", "gone"])
async def test_what_has_ended_or_is_not_there_yet_cannot_be_failed(store: Store, state: str) -> None:
    part = await _in_state(store, state)
    before = await store.records.get(part.id)
    assert await store.interventions.fail(part.id, BY_HAND) is None
    assert await store.records.get(part.id) == before


async def test_the_newest_take_is_the_newest_that_was_accepted(store: Store) -> None:
    assert await store.interventions.newest(S1, Q1) is None
    await store.uploads.begin(a_part(take=1))
    assert await store.interventions.newest(S1, Q1) is None
    await failed(store, 2)
    newest = await store.queued(3)
    gone = a_part(take=4)
    await store.uploads.begin(gone)
    await store.uploads.abort(gone.id)
    await store.queued(9, question=Q2)
    await store.queued(9, session=SessionId("s2"))
    found = await store.interventions.newest(S1, Q1)
    assert found is not None and (found.id, found.take) == (newest.id, 3)


async def sought(store: Store, limit: int = 10, before: Place | None = None, **wanted: Any) -> SessionPage:
    return await store.views.sessions(SessionFilter(**wanted), before, limit)


async def test_sessions_are_found_by_id_user_and_the_beginning_of_their_title(store: Store) -> None:
    titles = {"s1": "Databases I", "s2": "databases II", "s3": "Threads", "s4": None, "Databases": "$where"}
    for id, title in titles.items():
        await store.sessions.create(replace(a_session(SessionId(id)), title=title))
        await store.passes(1)
    other = replace(a_session(SessionId("s9")), user_id=UserId("bob"), title="about databases")
    await store.sessions.create(other)

    async def found(text: str) -> list[str]:
        page = await sought(store, sought=text)
        assert (page.next, page.total) == (None, Total(len(page.sessions), is_exact=True))
        return [session.id for session in page.sessions]

    assert await found("s3") == ["s3"]
    assert await found("bob") == ["s9"]
    assert await found(ANN.user_id) == [*titles][::-1]
    assert await found("DATA") == ["s2", "s1"]
    assert await found("Databases") == ["Databases", "s2", "s1"]
    assert await found("$where") == ["Databases"]
    assert await found(".*") == await found("atabases") == await found("s") == []


async def test_a_session_is_seen_in_short(store: Store) -> None:
    await store.sessions.create(a_session())
    await store.sessions.show(S1, answer_of(await failed(store)))
    (seen,) = (await sought(store, sought=S1)).sessions
    assert (seen.id, seen.user_id, seen.title, seen.questions) == (S1, "ann", "$first", 2)
    expected = AnswerSeen(question_id=Q1, take=1, status=Status.FAILED, code=TROUBLE.code, audio_stored=True)
    assert seen.answers == (expected,)


async def several_sessions(store: Store, number: int) -> list[str]:
    """Their ids, newest first; two were made in each minute."""
    for index in range(number):
        session = replace(a_session(SessionId(f"{index:02d}")), title=f"Round {index}")
        await store.sessions.create(replace(session, user_id=UserId(f"user{index % 3}")))
        if index % 2:
            await store.passes(60)
    return [f"{index:02d}" for index in range(number)][::-1]


@pytest.mark.parametrize("text", [None, "user0", "round", "user2"])
async def test_sessions_are_paged_and_none_is_shown_twice_or_left_out(store: Store, text: str | None) -> None:
    ids = await several_sessions(store, 17)
    wanted = [id for id in ids if text is None or text == "round" or f"user{int(id) % 3}" == text]
    found: list[str] = []
    place, pages = None, 0
    while True:
        page = await sought(store, 4, place, sought=text)
        assert page.total == Total(len(wanted), is_exact=True)
        found += [seen.id for seen in page.sessions]
        place, pages = page.next, pages + 1
        if place is None:
            break
        assert len(page.sessions) == 4
    assert found == wanted
    assert pages == -(-len(wanted) // 4)


async def test_sessions_are_found_by_how_they_stand(store: Store) -> None:
    for id in ("none", "s1", "waits", "done"):
        await store.sessions.create(a_session(SessionId(id)))
        await store.passes(1)
    await store.sessions.show(S1, answer_of(await failed(store)))
    await store.sessions.show(SessionId("waits"), answer_of(await store.queued(1, SessionId("waits"))))
    for question in (Q1, Q2):
        part = replace(await store.queued(1, SessionId("done"), question), state=PartState.COMPLETED)
        await store.sessions.show(SessionId("done"), answer_of(part, silence(1.0)))

    async def found(standing: Standing) -> list[str]:
        page = await sought(store, standing=standing)
        assert (page.next, page.total) == (None, None)
        return [seen.id for seen in page.sessions]

    assert await found(Standing.FAILED) == ["s1"]
    assert await found(Standing.PENDING) == ["waits"]
    assert await found(Standing.COMPLETED) == ["done"]
    assert await found(Standing.UNANSWERED) == ["waits", "s1", "none"]


async def test_sessions_are_found_by_when_they_were_made(store: Store) -> None:
    await several_sessions(store, 6)
    page = await sought(store)
    times = [seen.created_at for seen in page.sessions]
    within = await sought(store, since=times[3], until=times[1])
    assert {seen.id for seen in within.sessions} == {s.id for s in page.sessions if times[3] <= s.created_at < times[1]}
    assert within.total == Total(len(within.sessions), is_exact=True)
    titled = await sought(store, sought="Round", since=times[3], until=times[1])
    assert titled == within
    assert (await sought(store, until=times[-1])).sessions == []


async def test_what_waits_for_too_long_is_listed_with_the_oldest_first(store: Store) -> None:
    assert await store.views.stuck(60, 10) == []
    arriving = a_part(take=30)
    await store.uploads.begin(arriving)
    waiting = [await store.queued(1)]
    await store.passes(5)
    waiting.append(await store.queued(2))
    in_work = await store.claimed(3)
    done = await store.claimed(4)
    await store.claims.complete(done.id, done.fence, silence(1.0))
    await store.passes(100)
    await store.queued(5)
    found = await store.views.stuck(60, 10)
    assert [(each.wait, each.part.id) for each in found] == [
        (Wait.UPLOADING, arriving.id),
        *((Wait.QUEUED, part.id) for part in waiting),
        (Wait.PROCESSING, in_work.id),
        (Wait.UNSETTLED, done.id),
        (Wait.UNSCORED, done.id),
    ]
    assert all(100 <= each.seconds < 130 and each.since is not None for each in found)
    assert {each.wait: each.owner for each in found}[Wait.PROCESSING] == "worker"
    assert [each.part.id for each in await store.views.stuck(60, 1) if each.wait is Wait.QUEUED] == [waiting[0].id]
    counts = {Wait.UPLOADING: 1, Wait.QUEUED: 2, Wait.PROCESSING: 1, Wait.UNSETTLED: 1, Wait.UNSCORED: 1}
    assert await store.views.count_stuck(60, 100) == counts
    assert (await store.views.count_stuck(60, 1))[Wait.QUEUED] == 1
    assert set((await store.views.count_stuck(1000, 100)).values()) == {0}


async def test_what_was_retried_waits_since_then(store: Store) -> None:
    part = await failed(store)
    await store.closings.settle(part.id, part.rev, None)
    await store.passes(1000)
    await store.interventions.retry(part.id)
    assert await store.views.stuck(60, 10) == []
    await store.passes(61)
    assert [each.part.id for each in await store.views.stuck(60, 10)] == [part.id]


async def failures(store: Store, limit: int = 10, before: Place | None = None, **wanted: Any) -> FailurePage:
    return await store.views.failed(FailureFilter(**wanted), before, limit)


async def test_failures_are_listed_newest_first_page_by_page(store: Store) -> None:
    ids = []
    for take in range(1, 6):
        ids.append((await failed(store, take)).id)
        await store.passes(1)
    first = await failures(store, 3)
    last = first.failed[-1].part
    assert last.completed_at is not None
    assert first.next == Place(last.completed_at, last.id)
    rest = await failures(store, 3, first.next)
    assert first.total == rest.total == Total(5, is_exact=True)
    assert rest.next is None
    both = [*first.failed, *rest.failed]
    assert [each.part.id for each in both] == ids[::-1]
    assert [each.is_newest for each in both] == [True, False, False, False, False]
    assert both[0].part.failure == TROUBLE
    assert (await failures(store, 3, Place(last.completed_at - timedelta(hours=1), last.id))).failed == []
    await store.queued(take=9)
    assert not any(each.is_newest for each in (await failures(store)).failed)


async def test_a_page_that_ends_with_the_last_failure_is_the_last(store: Store) -> None:
    for take in (1, 2):
        await failed(store, take)
    assert (await failures(store, 2)).next is None
    assert (await failures(store, 1)).next is not None


async def failed_by_hand(store: Store, user: str, session: str) -> Part:
    part = replace(a_part(1, SessionId(session)), user_id=UserId(user))
    await store.uploads.begin(part)
    await store.uploads.accept(part.id, f"5ha of {part.id}", 7)
    ended = await store.interventions.fail(part.id, BY_HAND)
    assert ended is not None
    return ended


async def test_failures_are_found_by_reason_user_time_and_whether_they_can_be_retried(store: Store) -> None:
    gone = await failed(store, keep_audio=False)
    await store.passes(60)
    of_bob = await failed_by_hand(store, "bob", "s2")
    await store.passes(60)
    of_eve = await failed_by_hand(store, "eve", "s3")
    await store.queued(2, SessionId("s3"))

    async def found(**wanted: Any) -> list[str]:
        page = await failures(store, **wanted)
        assert page.next is None
        if not wanted.get("can_retry"):
            assert page.total == Total(len(page.failed), is_exact=True)
        return [each.part.id for each in page.failed]

    assert await found() == [of_eve.id, of_bob.id, gone.id]
    assert await found(code=BY_HAND.code) == [of_eve.id, of_bob.id]
    assert await found(code=BY_HAND.code, user_id=UserId("bob")) == [of_bob.id]
    assert await found(user_id=UserId("eve")) == [of_eve.id]
    assert await found(code="worker_lost") == await found(user_id=UserId("nobody")) == []
    assert await found(can_retry=True) == [of_bob.id]
    assert await found(can_retry=True, user_id=UserId("eve")) == []
    (second, third) = [each.part.completed_at for each in (await failures(store)).failed[1:]]
    assert await found(since=second) == [of_eve.id, of_bob.id]
    assert await found(since=third, until=second) == [gone.id]


async def test_what_ended_lately_is_counted(store: Store) -> None:
    async def completed(take: int) -> None:
        claimed = await store.claimed(take)
        await store.claims.complete(claimed.id, claimed.fence, silence(1.0))

    assert (await store.views.recent()).completed == {1: 0, 5: 0, 60: 0}
    await completed(1)
    await failed(store, 2)
    await store.passes(3500)
    await completed(3)
    await store.passes(200)
    await completed(4)
    by_hand = await store.queued(5)
    await store.interventions.fail(by_hand.id, BY_HAND)
    recent = await store.views.recent()
    assert recent.completed == {1: 1, 5: 2, 60: 2}
    assert recent.failed_in_hour == {BY_HAND.code: 1}
    assert recent.failed_in_day == {BY_HAND.code: 1, TROUBLE.code: 1}


async def test_what_the_audio_takes_is_seen(store: Store) -> None:
    for _ in range(2):
        await store.audio.store(a_part().id, pieces(b"x" * 300_000), METADATA)
    stored = await store.views.stored()
    assert stored["files"].documents == 2
    assert stored["chunks"].documents >= 2
    assert stored["chunks"].bytes >= 600_000


def a_deed(number: int = 1, **more: Any) -> Deed:
    on = {"session_id": "s1", "question_id": "$q", "take": number}
    deed = Deed(who=UserId("root"), action=Action.RETRY, on=on, before={"state": "failed"}, request_id="r1")
    return replace(deed, **more)


async def test_a_deed_is_in_the_log_before_it_is_done_and_its_outcome_after(store: Store) -> None:
    id = await store.audit_log.begin(a_deed(reason="$because"))
    (begun,) = await store.audit_log.page(None, 10)
    assert (begun.id, begun.deed, begun.outcome, begun.after) == (id, a_deed(reason="$because"), None, None)
    await store.audit_log.end(id, Outcome.DONE, {"state": "queued"})
    (ended,) = await store.audit_log.page(None, 10)
    assert (ended.at, ended.deed) == (begun.at, begun.deed)
    assert (ended.outcome, ended.after) == (Outcome.DONE, {"state": "queued"})
    assert ended.ended_at is not None and ended.ended_at >= ended.at


async def test_the_first_outcome_stands(store: Store) -> None:
    id = await store.audit_log.begin(a_deed())
    await store.audit_log.end(id, Outcome.REFUSED, {"problem": "not_failed"})
    await store.audit_log.end(id, Outcome.DONE, {})
    (entry,) = await store.audit_log.page(None, 10)
    assert (entry.outcome, entry.after) == (Outcome.REFUSED, {"problem": "not_failed"})


async def test_the_log_is_read_newest_first_page_by_page(store: Store) -> None:
    for number in range(7):
        id = await store.audit_log.begin(a_deed(number))
        if number % 2:
            await store.audit_log.end(id, Outcome.DONE, {"number": number})
    found: list[Entry] = []
    place = None
    while page := await store.audit_log.page(place, 3):
        found += page
        place = Place(page[-1].at, page[-1].id)
    assert len({entry.id for entry in found}) == 7
    places = [(entry.at, entry.id) for entry in found]
    assert places == sorted(places, reverse=True)
    for entry in found:
        take = entry.deed.on["take"]
        assert isinstance(take, int)
        assert (entry.after or {}).get("number") == (take if take % 2 else None)


async def test_the_log_only_grows(database: AsyncDatabase[dict[str, Any]]) -> None:
    """An outcome is a document of its own, so that none is ever written twice."""

    store = store_on_mongo(database)
    id = await store.audit_log.begin(a_deed())
    before = await database["audit"].find_one({"_id": id})
    await store.audit_log.end(id, Outcome.DONE, {})
    await store.audit_log.end(id, Outcome.BROKE_OFF, {"problem": "later"})
    rows = await database["audit"].find(sort=[("created_at", 1)]).to_list()
    assert rows[0] == before
    assert [row["step"] for row in rows] == ["begun", "ended"]
