import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace

import pytest

from services.errors import QuestionNotFound, SessionNotFound, StoreUnavailable, TakeSuperseded, UploadTruncated
from services.interviews.model import Answer, Part, PartId, PartState, QuestionId, SessionId, Status
from services.recordings.formats import Container
from services.recordings.ports.audio import Incoming, Stored
from tests.in_memory import ADMIN, ALICE, BOB, Q1, Q2, SMALL, Interior, incoming
from tests.processes import seen_by
from tests.virtual_time import HurriedLoop


async def test_a_recording_is_kept_queued_shown_and_rung_for() -> None:
    house = Interior()
    id = await house.session()
    part = await house.intake.receive(id, Q1, ALICE, incoming(b"abc", b"def"))
    assert part.state is PartState.QUEUED
    assert part.sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert part.bytes == 6
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.QUEUED
    assert house.doorbell.to_transcribe == [part.id]


async def test_the_file_says_whose_it_is() -> None:
    house = Interior()
    id = await house.session()
    part = await house.intake.receive(id, Q1, ADMIN, incoming(b"abc"))
    metadata = house.memory.files[part.id]
    assert (metadata["session_id"], metadata["question_id"], metadata["status"]) == (id, Q1, "queued")
    assert metadata["user_id"] == "alice"


async def test_a_lost_ring_loses_no_answer() -> None:
    house = Interior()
    id = await house.session()
    house.doorbell.broken = True
    part = await house.upload(id)
    house.doorbell.broken = False
    house.memory.clock.advance(60)
    await house.sweep.run(24)
    assert house.doorbell.to_transcribe == [part.id]


@pytest.mark.parametrize("then", [UploadTruncated(), StoreUnavailable(), RuntimeError("x"), asyncio.CancelledError()])
async def test_an_upload_that_breaks_off_leaves_nothing(then: BaseException) -> None:
    house = Interior()
    id = await house.session()
    with pytest.raises(type(then)):
        await house.intake.receive(id, Q1, ALICE, incoming(b"abc", then=then))
    assert not house.memory.files
    assert not house.memory.chunks
    assert [row.part.state for row in house.memory.rows.values()] == [PartState.ABORTED]
    assert Q1 not in (await house.sessions.get(id, ALICE)).answers


async def test_refused_before_the_body_is_read() -> None:
    house = Interior()
    id = await house.session()
    with pytest.raises(SessionNotFound):
        await house.intake.admit(id, Q1, BOB)
    with pytest.raises(SessionNotFound):
        await house.intake.admit(SessionId("nowhere"), Q1, ALICE)
    with pytest.raises(QuestionNotFound):
        await house.intake.admit(id, QuestionId("q9"), ALICE)
    await house.intake.admit(id, Q2, ADMIN)


async def test_recording_again_ends_the_older_take_and_its_audio_goes() -> None:
    house = Interior()
    id = await house.session()
    first = await house.upload(id, data=b"first")
    second = await house.upload(id, data=b"second")
    assert second.take == 2
    assert house.part(first.id).state is PartState.SUPERSEDED
    assert list(house.memory.files) == [second.id]


async def test_an_older_take_that_arrives_late_is_not_kept() -> None:
    house = Interior()
    id = await house.session()
    slow = asyncio.Event()

    class SlowAudio(type(house.audio)):  # type: ignore[misc]
        async def store(self, id: PartId, data: object, metadata: Mapping[str, object]) -> Stored:
            stored = await super().store(id, data, metadata)
            await slow.wait()
            return stored  # type: ignore[no-any-return]

    fast, house.audio = house.audio, SlowAudio(house.memory)
    late = asyncio.create_task(house.intake.receive(id, Q1, ALICE, incoming(b"late")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    house.audio = fast
    newest = await house.upload(id, data=b"newest")
    slow.set()
    with pytest.raises(TakeSuperseded):
        await late
    assert list(house.memory.files) == [newest.id]
    assert (await house.sessions.get(id, ALICE)).answers[Q1].part_id == newest.id


async def test_a_worker_that_is_faster_than_the_upload_does_not_make_it_look_old() -> None:
    house = Interior()
    id = await house.session()

    class Eager(type(house.sessions)):  # type: ignore[misc]
        async def show(self, session_id: SessionId, answer: Answer) -> bool:
            if answer.status is Status.QUEUED:
                claimed = await house.claims.claim(answer.part_id, "w")
                assert isinstance(claimed, Part)
                await super().show(session_id, replace(answer, rev=claimed.rev))
            return await super().show(session_id, answer)  # type: ignore[no-any-return]

    house.sessions = Eager(house.memory)
    part = await house.upload(id)
    assert house.part(part.id).state is PartState.PROCESSING


async def test_the_same_recording_again_goes_on_as_the_newest_take_and_is_stored_once() -> None:
    house = Interior()
    id = await house.session()
    first = await house.upload(id, data=b"same")
    again = await house.upload(id, data=b"same")
    assert (again.id, again.take) == (first.id, 2)
    assert list(house.memory.files) == [first.id]
    assert (await house.sessions.get(id, ALICE)).answers[Q1].take == 2
    await house.work_off()
    assert house.ears.heard == 1
    assert not house.memory.chunks
    assert (await house.upload(id, data=b"same")).id != first.id, "what has ended is recorded anew"


async def test_the_same_recording_after_another_one_counts_as_the_newest() -> None:
    house = Interior()
    id = await house.session()
    first = await house.upload(id, data=b"first")
    kept, house.uploads.supersede = house.uploads.supersede, _ends_nothing  # type: ignore[method-assign,assignment]
    other = await house.upload(id, data=b"other")
    house.uploads.supersede = kept  # type: ignore[method-assign]
    assert (await house.sessions.get(id, ALICE)).answers[Q1].part_id == other.id
    again = await house.upload(id, data=b"first")
    assert (again.id, again.take) == (first.id, 3)
    assert (await house.sessions.get(id, ALICE)).answers[Q1].part_id == first.id
    assert house.part(other.id).state is PartState.SUPERSEDED
    await house.work_off()
    assert list(house.memory.files) == []
    assert (await house.sessions.get(id, ALICE)).answers[Q1].status is Status.COMPLETED


async def _ends_nothing(*_: object) -> list[Part]:
    return []


@pytest.mark.parametrize("slow_take", [1, 2])
async def test_two_of_the_same_that_overlap_are_both_accepted_whichever_is_shown_first(slow_take: int) -> None:
    house = Interior()
    id = await house.session()
    go_on = asyncio.Event()

    class Slow(type(house.sessions)):  # type: ignore[misc]
        async def show(self, session_id: SessionId, answer: Answer) -> bool:
            if answer.take == slow_take:
                await go_on.wait()
            return await super().show(session_id, answer)  # type: ignore[no-any-return]

    house.sessions = Slow(house.memory)
    slow = [asyncio.create_task(house.upload(id, data=b"same")) for _ in range(slow_take)][-1]
    while len(house.memory.rows) < slow_take:
        await asyncio.sleep(0)
    fast = await house.upload(id, data=b"same")
    go_on.set()
    assert (await slow).id == fast.id
    assert (await house.sessions.get(id, ALICE)).answers[Q1].take == fast.take
    assert house.part(fast.id).state is PartState.QUEUED


async def test_a_worker_goes_on_with_what_was_sent_again_after_it_took_it() -> None:
    house = Interior()
    id = await house.session()
    first = await house.upload(id, data=b"same")

    class SentAgain(type(house.claims)):  # type: ignore[misc]
        async def claim(self, id: PartId, owner: str) -> Part | None:
            claimed = await super().claim(id, owner)
            assert (await house.upload(first.session_id, data=b"same")).id == first.id
            return claimed  # type: ignore[no-any-return]

    house.claims = SentAgain(house.memory)
    await house.worker().run(first.id)
    shown = (await house.sessions.get(id, ALICE)).answers[Q1]
    assert (shown.status, shown.take) == (Status.COMPLETED, 2)
    assert house.part(first.id).deliveries == 1


async def test_an_accepted_upload_is_recovered_and_any_other_is_shut_out() -> None:
    house = Interior()
    id = await house.session()
    part = await house.upload(id)
    house.doorbell.to_transcribe.clear()
    recovered = await house.intake.recover(part.id)
    assert recovered == part
    assert house.doorbell.to_transcribe == [part.id]
    arriving = replace(part, id=PartId("f" * 24), take=9, state=PartState.UPLOADING)
    await house.uploads.begin(arriving)
    assert await house.intake.recover(arriving.id) is None
    assert await house.uploads.accept(arriving.id, "x", 1) is None
    assert await house.intake.recover(PartId("0" * 24)) is None
    assert house.memory.rows[arriving.id].settled


async def test_an_election_before_the_record_is_kept_refuses_the_upload() -> None:
    house = Interior()
    id = await house.session()
    numbered = await house.intake.number(id, Q1, ALICE)
    house.memory.elections += 1
    with pytest.raises(StoreUnavailable):
        await house.intake.take_in(numbered, incoming(b"abc"))
    assert not house.memory.files
    assert not house.memory.chunks
    assert (await house.upload(id)).take == 2


@pytest.mark.parametrize("lost", ["nothing", "chunks", "files"])
async def test_an_election_while_it_arrives_is_survived_by_what_is_whole_and_the_rest_is_taken_back(lost: str) -> None:
    house = Interior()
    id = await house.session()
    older = await house.upload(id, data=b"older")

    class Elected(type(house.audio)):  # type: ignore[misc]
        async def store(self, id: PartId, data: object, metadata: Mapping[str, object]) -> Stored:
            stored = await super().store(id, data, metadata)
            house.memory.elections += 1
            if lost != "nothing":
                del getattr(house.memory, lost)[id]
            return stored  # type: ignore[no-any-return]

    kept, house.audio = house.audio, Elected(house.memory)
    receiving = house.intake.receive(id, Q1, ALICE, incoming(b"newer"))
    if lost == "nothing":
        newer = await receiving
        assert list(house.memory.files) == [newer.id]
        return
    with pytest.raises(StoreUnavailable):
        await receiving
    house.audio = kept
    assert (await house.sessions.get(id, ALICE)).answers[Q1].part_id == older.id
    assert list(house.memory.files) == list(house.memory.chunks) == [older.id]
    assert house.part(older.id).state is PartState.QUEUED
    again = await house.upload(id, data=b"newer")
    assert list(house.memory.files) == [again.id]


async def test_a_small_recording_is_stored_before_it_has_a_record_which_is_queued_from_the_beginning() -> None:
    house = Interior()
    id = await house.session()
    calls: list[str] = []

    class Watched:
        async def before(self, call: str) -> int:
            calls.append(call)
            return 0

        async def after(self, call: str, number: int) -> None: ...

    seen = seen_by(Watched(), house)
    part = await seen.intake.receive(id, Q1, ALICE, incoming(b"abc", b"def", announced=SMALL))
    assert calls == ["sessions.next_take", "audio.keep", "uploads.queue", "sessions.show", "doorbell.transcribe"]
    row = house.memory.rows[part.id]
    assert (part, part.state, part.bytes) == (row.part, PartState.QUEUED, 6)
    assert part.sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert part.created_at == row.accepted_at == row.rung_at == house.memory.clock.now
    assert part.estimated_seconds > 0
    assert (await house.sessions.get(id, ALICE)).answers[Q1].part_id == part.id


@pytest.mark.parametrize("then", [UploadTruncated(), RuntimeError("x"), asyncio.CancelledError()])
async def test_a_small_recording_that_breaks_off_was_never_there(then: BaseException) -> None:
    house = Interior()
    id = await house.session()
    with pytest.raises(type(then)):
        await house.intake.receive(id, Q1, ALICE, incoming(b"abc", then=then, announced=SMALL))
    assert not house.memory.files
    assert not house.memory.rows


async def test_what_says_that_it_is_small_and_is_not_is_stored_as_it_arrives() -> None:
    house = Interior()
    id = await house.session()
    pieces = [bytes(100_000)] * 8
    part = await house.intake.receive(id, Q1, ALICE, incoming(*pieces, announced=SMALL))
    assert part.sha256 == hashlib.sha256(bytes(800_000)).hexdigest()
    assert len(house.memory.chunks[part.id]) == 8


def test_what_comes_slowly_has_a_record_while_it_arrives() -> None:
    house, seen = Interior(), list[PartState]()

    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"
            await asyncio.sleep(0.6)
            seen.extend(row.part.state for row in house.memory.rows.values())

    async def receive() -> Part:
        slow = Incoming(Container.WEBM, slowly(), SMALL)
        return await house.intake.receive(await house.session(), Q1, ALICE, slow)

    assert HurriedLoop.runs(receive()).bytes == 9
    assert seen == [PartState.UPLOADING] * 2


@pytest.mark.parametrize("first", ["recover", "audit"])
async def test_whoever_removes_what_has_no_record_yet_is_not_followed_by_one(first: str) -> None:
    house = Interior()
    id, part_id = await house.session(), PartId("a" * 24)

    class Raced(type(house.audio)):  # type: ignore[misc]
        async def keep(self, id: PartId, data: bytes, metadata: Mapping[str, object]) -> Stored:
            stored = await super().keep(id, data, metadata)
            await (house.sweep.audit() if first == "audit" else house.intake.recover(part_id))
            return stored  # type: ignore[no-any-return]

    house.audio = Raced(house.memory)
    with pytest.raises(StoreUnavailable):
        await house.intake.receive(id, Q1, ALICE, incoming(b"abc", announced=SMALL), id=part_id)
    assert house.part(part_id).state is PartState.ABORTED
    assert not house.memory.files
    assert Q1 not in (await house.sessions.get(id, ALICE)).answers


async def test_an_audit_that_comes_too_late_removes_nothing() -> None:
    house = Interior()
    id = await house.session()
    owned = house.upkeep.owned
    kept: list[Part] = []

    async def accepted_after_the_first_look(ids: list[PartId]) -> set[PartId]:
        found = await owned(ids)
        if ids and not kept:
            kept.append(await house.uploads.queue(replace(numbered.part, id=ids[0], sha256="x")))  # type: ignore[arg-type]
        return found

    numbered = await house.intake.number(id, Q1, ALICE)
    await house.audio.keep(numbered.part.id, b"abc", {})
    house.upkeep.owned = accepted_after_the_first_look  # type: ignore[method-assign]
    assert (await house.sweep.audit()).stray_files == 0
    assert house.part(numbered.part.id).state is PartState.QUEUED
    assert list(house.memory.files) == [numbered.part.id]


@pytest.mark.parametrize("lost", ["nothing", "chunks", "files"])
@pytest.mark.parametrize("is_known", [True, False], ids=["the election is known", "none can be known"])
async def test_an_election_takes_a_small_recording_back_unless_its_number_and_its_bytes_are_safe(
    lost: str, is_known: bool
) -> None:
    house = Interior()
    id = await house.session()

    class Elected(type(house.audio)):  # type: ignore[misc]
        async def keep(self, id: PartId, data: bytes, metadata: Mapping[str, object]) -> Stored:
            stored = await super().keep(id, data, metadata)
            house.memory.elections += 1
            if lost != "nothing":
                del getattr(house.memory, lost)[id]
            return stored  # type: ignore[no-any-return]

    house.audio = Elected(house.memory)
    numbered = await house.intake.number(id, Q1, ALICE)
    if not is_known:
        numbered = replace(numbered, since=None)
    taking = house.intake.take_in(numbered, incoming(b"abc", announced=SMALL))
    if lost == "nothing" and not is_known:
        assert (await taking).state is PartState.QUEUED
        return
    with pytest.raises(StoreUnavailable):
        await taking
    assert house.part(numbered.part.id).state is PartState.ABORTED
    assert not house.memory.files
    assert not house.memory.chunks
    assert Q1 not in (await house.sessions.get(id, ALICE)).answers


@pytest.mark.parametrize("ends", ["goes on", "breaks off"])
def test_a_small_one_that_falls_silent_counts_as_arriving(ends: str) -> None:
    house, seen = Interior(), list[PartState]()

    async def silent() -> AsyncIterator[bytes]:
        yield b"abc"
        await asyncio.sleep(20)
        seen.extend(row.part.state for row in house.memory.rows.values())
        if ends == "breaks off":
            raise UploadTruncated
        yield b"def"

    async def receive() -> list[PartState]:
        slow = Incoming(Container.WEBM, silent(), SMALL)
        with suppress(UploadTruncated):
            await house.intake.receive(await house.session(), Q1, ALICE, slow)
        return [row.part.state for row in house.memory.rows.values()]

    ended = HurriedLoop.runs(receive())
    assert seen == [PartState.UPLOADING]
    assert ended == [PartState.QUEUED if ends == "goes on" else PartState.ABORTED]
