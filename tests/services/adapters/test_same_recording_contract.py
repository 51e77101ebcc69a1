"""The same recording of the same answer waits or is in work once, in memory and on MongoDB."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.indexes import INDEXES
from services.interviews.model import Part, PartState, QuestionId, SessionId
from services.interviews.transcript import silence
from tests.services.adapters.stores import ANN, BOB, Q1, Q2, S1, Store, a_part


async def arrived(store: Store, take: int = 1, sha256: str = "$same", **of: object) -> tuple[Part, Part]:
    part = a_part(take=take, **of)  # type: ignore[arg-type]
    await store.uploads.begin(part)
    accepted = await store.uploads.accept(part.id, sha256, 7, 60.0)
    assert accepted is not None
    return part, accepted


async def queued_at_once(store: Store, take: int = 1, sha256: str = "$same") -> tuple[Part, Part | None]:
    part = replace(
        a_part(take=take), sha256=sha256, bytes=7, estimated_seconds=60.0, created_at=datetime(2025, 1, 1, tzinfo=UTC)
    )
    return part, await store.uploads.queue(part)


async def test_a_recording_that_is_queued_at_once_is_like_any_other(store: Store) -> None:
    _, other = await arrived(store, sha256="other")
    at_once, part = await queued_at_once(store, take=2)
    assert part is not None and part == await store.records.get(at_once.id)
    assert replace(part, id=other.id, take=1, sha256="other", rev=other.rev, created_at=other.created_at) == other
    assert await store.uploads.queue(part) is None, "its id is taken"
    claimed = await store.claims.claim(part.id, "w")
    assert claimed is not None and claimed.state is PartState.PROCESSING


async def test_the_same_recording_queued_at_once_goes_on_as_the_newer_take(store: Store) -> None:
    first, _ = await queued_at_once(store)
    second, same = await queued_at_once(store, take=3)
    assert same is not None and (same.id, same.take) == (first.id, 3)
    assert await store.records.get(second.id) is None
    third, same = await arrived(store, take=4)
    assert (same.id, same.take) == (first.id, 4)
    assert await store.uploads.abort(third.id)


async def test_where_nothing_is_queued_yet_an_abort_says_that_nothing_will_be(store: Store) -> None:
    part = replace(a_part(), sha256="$x", created_at=datetime(2025, 1, 1, tzinfo=UTC))
    aborted = await store.uploads.abort(part.id)
    assert aborted is not None and (aborted.id, aborted.state) == (part.id, PartState.ABORTED)
    assert await store.uploads.queue(part) is None
    assert await store.records.get(part.id) == aborted
    assert await store.uploads.abort(part.id) is None
    assert await store.closings.settle(part.id, aborted.rev, None)


async def test_the_same_recording_again_is_the_part_in_work_with_the_newer_take(store: Store) -> None:
    first, queued = await arrived(store)
    second, same = await arrived(store, take=3)
    assert same.id == first.id != second.id
    assert (same.take, same.state, same.fence) == (3, PartState.QUEUED, queued.fence)
    assert same.rev > queued.rev
    untouched = await store.records.get(second.id)
    assert untouched is not None and (untouched.state, untouched.sha256) == (PartState.UPLOADING, None)
    assert (await arrived(store, take=2))[1].take == 3, "an older take takes nothing back"


async def test_a_part_in_work_is_the_same_part_and_its_claim_holds(store: Store) -> None:
    first, _ = await arrived(store)
    claimed = await store.claims.claim(first.id, "w")
    assert claimed is not None
    _, same = await arrived(store, take=2)
    assert (same.id, same.state) == (first.id, PartState.PROCESSING)
    done = await store.claims.complete(first.id, claimed.fence, silence(1.0))
    assert done is not None and done.take == 2


@pytest.mark.parametrize(
    "of",
    [{"sha256": "other"}, {"question_id": Q2}, {"session_id": SessionId("s2")}],
    ids=["sound", "question", "session"],
)
async def test_another_recording_answer_or_session_is_another_part(store: Store, of: dict[str, QuestionId]) -> None:
    first, _ = await arrived(store)
    second, accepted = await arrived(store, take=2, **of)
    assert accepted.id == second.id != first.id


async def test_what_has_ended_is_recorded_anew(store: Store) -> None:
    await arrived(store)
    assert await store.uploads.supersede(S1, Q1, 2)
    second, accepted = await arrived(store, take=2)
    assert accepted.id == second.id
    claimed = await store.claims.claim(second.id, "w")
    assert claimed is not None
    await store.claims.complete(second.id, claimed.fence, silence(1.0))
    third, accepted = await arrived(store, take=3)
    assert accepted.id == third.id


async def test_of_many_that_arrive_at_once_one_is_queued(store: Store) -> None:
    pairs = await asyncio.gather(*[arrived(store, take=n) for n in range(1, 21)])
    assert len({accepted.id for _, accepted in pairs}) == 1
    (queued,) = {accepted.id for _, accepted in pairs}
    now = await store.records.get(queued)
    assert now is not None and (now.state, now.take) == (PartState.QUEUED, 20)


async def test_what_of_a_user_waits_or_is_in_work_is_added_up(store: Store) -> None:
    assert await store.backlog.queued_seconds(ANN.user_id) == 0
    waiting, _ = await arrived(store)
    await arrived(store, take=2, sha256="other")
    await store.uploads.begin(a_part(take=3))
    assert await store.backlog.queued_seconds(ANN.user_id) == 120.0
    assert await store.backlog.queued_seconds(BOB.user_id) == 0
    claimed = await store.claims.claim(waiting.id, "w")
    assert claimed is not None
    assert await store.backlog.queued_seconds(ANN.user_id) == 120.0
    await store.claims.complete(waiting.id, claimed.fence, silence(1.0))
    assert await store.backlog.queued_seconds(ANN.user_id) == 60.0


async def test_answers_under_keys_are_forgotten_after_a_day(database: AsyncDatabase[dict[str, object]]) -> None:
    (index,) = [each for each in INDEXES["replays"] if each.document["name"] == "created_at"]
    there = await database["replays"].index_information()
    assert there[str(index.document["name"])]["expireAfterSeconds"] == 86_400
    assert there[str(index.document["name"])]["key"] == [("created_at", 1)]
