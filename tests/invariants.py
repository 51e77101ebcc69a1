"""A house that can be looked into, on fakes or on MongoDB, and what must hold in it once all is quiet."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from services.adapters.mongo.documents import part_of, transcript_of
from services.adapters.mongo.elections import MongoElections
from services.adapters.receipt_keys import ReceiptVerifier
from services.analysis.results import Result
from services.events.model import Event, EventType
from services.events.ports import Events
from services.interviews.model import (
    DROPPED,
    ENDED,
    LIVE,
    Mark,
    Part,
    PartId,
    PartState,
    QuestionId,
    Session,
    SessionId,
    Status,
    asked_in,
    beginning,
)
from services.interviews.transcript import Transcript
from services.recordings.receipt_chain import Line, check
from services.transcription.ports import RATE, Following, Speech
from services.transcription.stretches import Length
from tests.fakes.memory import Memory
from tests.fakes.sessions import FakeEvents
from tests.in_memory import ADMIN, ALICE, KEYS, LARGE, Ears, Followed, Interior, incoming
from tests.processes import PORTS
from tests.services.adapters.stores import store_on_mongo

MOST_RECEIPTS = 1_000
# Of what is recorded here, a word or two.
A_WORD = Length(1 / RATE, 4 / RATE, 1 / RATE)
KEPT_HOURS = 24.0
MOST_ROUNDS = 24
ROUND_SECONDS = 130.0


class Echo(Ears):
    """Hears of a recording the very bytes that were recorded, and signs with the name of the worker it belongs to."""

    name = "w1"

    def follow(self, state: bytes = b"") -> Following:
        return BetweenWords(self)

    async def transcribe(self, speech: Speech) -> Transcript:
        heard = await super().transcribe(speech)
        return replace(heard, text=speech.recording.pcm.decode().strip(), engine=self.name)


class BetweenWords(Followed):
    async def pause(self, pcm: bytes, first: float, last: float) -> float:
        """Behind the first word that ends with a sample, or at the end."""
        ends = [end for end in range(2, len(pcm), 2) if pcm[end - 1 : end] == b" "]
        return (ends[0] if ends else len(pcm)) / (2 * RATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A part, and what else its record says."""

    part: Part
    settled: bool
    to_score: bool
    transcript: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything that is stored."""

    records: dict[PartId, Record]
    files: set[PartId]
    chunks: dict[PartId, str]
    pieces: set[PartId] = field(default_factory=set)
    utterances: set[PartId] = field(default_factory=set)

    @property
    def is_quiet(self) -> bool:
        rows = self.records.values()
        return all(row.part.state in ENDED and row.settled and not row.to_score for row in rows)

    def parts(self) -> list[Part]:
        return [row.part for row in self.records.values()]


@dataclass
class World:
    """A house whose ports are sound; faults come through `seen_by`."""

    house: Interior
    events: Events
    passes: Callable[[float], Awaitable[None]]
    look: Callable[[], Awaitable[Sight]]
    sent: dict[tuple[SessionId, QuestionId], dict[str, bytes]] = field(default_factory=dict)

    async def upload(
        self, house: Interior, id: SessionId, question: QuestionId, text: str, announced: int = LARGE
    ) -> Part:
        """Upload a recording that sounds like this text, as it arrives or, if it is SMALL, as a whole."""
        said = text.encode()
        self.sent.setdefault((id, question), {})[hashlib.sha256(said).hexdigest()] = said
        half = len(said) // 2
        return await house.intake.receive(id, question, ALICE, incoming(said[:half], said[half:], announced=announced))

    def says(self, id: SessionId, question: QuestionId, text: str) -> bytes:
        """A recording that sounds like this text, and has the first bytes of one."""
        said = f"OggS{text}".encode()
        self.sent.setdefault((id, question), {})[hashlib.sha256(said).hexdigest()] = said
        return said

    async def hear(self, house: Interior) -> None:
        """Hear every ring once, as a worker and a scorer do."""
        bell = self.house.doorbell
        while bell.to_transcribe:
            await house.worker().run(bell.to_transcribe.pop(0))
        while bell.to_score:
            await house.scoring.run(bell.to_score.pop(0))

    async def drain(self) -> int:
        """Let time pass and sweep until nothing is left to do; how many rounds that took."""
        self.house.doorbell.broken = False
        for number in range(1, MOST_ROUNDS + 1):
            await self.passes(ROUND_SECONDS)
            await self.house.sweep.run(KEPT_HOURS)
            await self.house.sweep.audit()
            await self.hear(self.house)
            if (await self.look()).is_quiet:
                return number
        raise AssertionError(f"not quiet after {MOST_ROUNDS} rounds: {await self.look()}")

    async def check(self) -> Sight:
        """What must hold once it is quiet, whatever has happened before."""
        sight = await self.look()
        check_audio(sight)
        for (id, question), recordings in self.sent.items():
            session = await self.house.sessions.get(id, ADMIN)
            check_answer(sight, session, question, recordings)
        for id in {id for id, _ in self.sent}:
            assert isinstance(await self.house.analysis.run(id, ADMIN), Result)
            check_told(sight, id, (await self.events.after(id, 0, ADMIN)).events or ())
        await self.check_receipts(sight)
        return sight

    async def check_receipts(self, sight: Sight) -> None:
        """Each recording that had a record and is gone has one receipt, none other has, and their chain is whole."""
        receipts = await self.house.receipts.of_user(ALICE.user_id, 0, MOST_RECEIPTS)
        owned = [part for part in sight.parts() if part.user_id]
        gone = {part.id for part in owned if part.state in ENDED and not part.keep_audio}
        assert sorted(receipt.id for receipt in receipts) == sorted(gone)
        lines = [Line(receipt.id, receipt.token) for receipt in receipts]
        assert check(lines, ReceiptVerifier(KEYS.published()).verify).faults == []

    async def glance(self) -> None:
        """What must hold at any moment: audio that is needed is there, and no result rests on an older take."""
        check_needed(await self.look())
        for id in {id for id, _ in self.sent}:
            result = await self.house.analysis.run(id, ADMIN)
            if isinstance(result, Result):
                check_result(await self.look(), result)

    async def forget(self) -> None:
        """After the time for which audio is kept, none is there."""
        await self.passes((KEPT_HOURS + 1) * 3600)
        await self.house.sweep.run(KEPT_HOURS)
        await self.house.sweep.audit()
        sight = await self.look()
        assert (sight.files, sight.chunks, sight.pieces, sight.utterances) == (set(), {}, set(), set())


def check_audio(sight: Sight) -> None:
    """Audio is there where a live or kept part needs it, whole, and nowhere else."""
    needed = {part.id for part in sight.parts() if part.state in LIVE or part.keep_audio}
    assert sight.files | set(sight.chunks) | sight.pieces | sight.utterances <= needed
    check_needed(sight)


def check_needed(sight: Sight) -> None:
    """Who waits or is in work has its recording, bit by bit."""
    for part in sight.parts():
        if part.state in (PartState.QUEUED, PartState.PROCESSING) or part.keep_audio:
            assert part.id in sight.files
            assert sight.chunks[part.id] == part.sha256


def check_answer(sight: Sight, session: Session, question: QuestionId, recordings: dict[str, bytes]) -> None:
    """The newest take that was accepted is the one that shows, with its own words."""
    takes = [p for p in sight.parts() if (p.session_id, p.question_id) == (session.id, question)]
    accepted = [part for part in takes if part.bytes]  # the sum goes a day after the recording
    assert all(part.state is PartState.ABORTED for part in takes if part not in accepted)
    answer = session.answers.get(question)
    if not accepted:
        assert answer is None
        return
    newest = max(accepted, key=lambda part: part.take)
    assert answer is not None
    assert (answer.take, answer.part_id, answer.rev <= newest.rev) == (newest.take, newest.id, True)
    assert newest.state in (PartState.COMPLETED, PartState.FAILED)
    assert answer.status == newest.state.value
    if answer.status is Status.COMPLETED:
        assert newest.sha256 is not None
        assert sight.records[newest.id].transcript == recordings[newest.sha256].decode()
        assert answer.transcript == beginning(recordings[newest.sha256].decode())
        assert answer.mark in (Mark.SCORED, Mark.UNSCORED)
        assert not answer.audio_stored
    else:
        assert answer.failure is not None


def check_told(sight: Sight, id: SessionId, events: tuple[Event, ...]) -> None:
    """Each utterance is told once, in order and before the end; its words stay where they are of an answer."""
    told: dict[tuple[object, ...], list[int]] = {}
    for event in events:
        of = (event.question_id, event.take, event.side)
        if event.spoken is None:
            continue
        before = told.setdefault(of, [])
        is_next = event.spoken.index == (before[-1] + 1 if before else 0)
        assert is_next or (not before and len(told) > 1), (of, before, event)  # whose take was raised goes on
        before.append(event.spoken.index)
        assert EventType.COMPLETED not in {one.type for one in events[: event.number - 1] if _of(one) == of}
        if event.spoken.text:
            heard = [sight.records[part.id] for part in _takes(sight, id, event) if part.state not in DROPPED]
            assert any(event.spoken.text in (one.transcript or event.spoken.text) for one in heard), event


def _of(event: Event) -> tuple[object, ...]:
    return event.question_id, event.take, event.side


def _takes(sight: Sight, id: SessionId, event: Event) -> list[Part]:
    """The parts that this may be of: a take is raised where the same recording comes again."""
    own = [part for part in sight.parts() if (part.session_id, asked_in(part.question_id)) == (id, event.question_id)]
    return [part for part in own if part.take >= (event.take or 0)]


def check_result(sight: Sight, result: Result) -> None:
    """It rests on the newest take of each question that was accepted."""
    for part in sight.parts():
        if part.session_id == result.session.id and part.sha256:
            assert result.session.answers[part.question_id].take >= part.take


def world_in_memory(memory: Memory | None = None) -> World:
    house = Interior(memory=memory or Memory(), ears=Echo(), length=A_WORD, live=A_WORD)

    async def passes(seconds: float) -> None:
        house.memory.clock.advance(seconds)

    async def look() -> Sight:
        return sight_of(house.memory)

    return World(house, FakeEvents(house.memory), passes, look)


def sight_of(memory: Memory) -> Sight:
    rows = {
        id: Record(
            part=row.part,
            settled=row.settled,
            to_score=row.to_score,
            transcript=row.transcript.text if row.transcript else None,
        )
        for id, row in memory.rows.items()
    }
    chunks = {id: hashlib.sha256(b"".join(pieces)).hexdigest() for id, pieces in memory.chunks.items() if pieces}
    pieces = {id for stored in (memory.ahead, memory.pieces, memory.waiting) for id, rows in stored.items() if rows}
    said = {id for id, _ in memory.utterances}
    return Sight(records=rows, files=set(memory.files), chunks=chunks, pieces=pieces, utterances=said)


def world_on_mongo(database: AsyncDatabase[dict[str, Any]]) -> World:
    house, ports = Interior(ears=Echo(), length=A_WORD, live=A_WORD), store_on_mongo(database)
    for name in PORTS:
        if name != "doorbell":
            setattr(house, name, getattr(ports, name))
    house.elections = MongoElections(database)

    async def look() -> Sight:
        rows = [row async for row in database["parts"].find()]
        files = {PartId(str(row["_id"])) async for row in database["fs.files"].find({}, {"_id": True})}
        ids: list[ObjectId] = await database["fs.chunks"].distinct("files_id")
        chunks = {PartId(str(id)): await _stored(database, id) for id in ids}
        arriving = [*await database["pieces"].distinct("recording"), *await _waiting(database)]
        pieces = {PartId(str(id)) for id in arriving}
        said = {PartId(id) for id in await database["utterances"].distinct("part")}
        records = {row["_id"]: _record(row) for row in rows}
        return Sight(records=records, files=files, chunks=chunks, pieces=pieces, utterances=said)

    return World(house, ports.events, ports.passes, look)


def _record(row: dict[str, Any]) -> Record:
    transcript = transcript_of(row["transcript"]).text if row.get("transcript") else None
    settled = row.get("settled", True)
    return Record(part=part_of(row), settled=settled, to_score=row.get("to_score", False), transcript=transcript)


async def _waiting(database: AsyncDatabase[dict[str, Any]]) -> list[ObjectId]:
    return await database["slices"].distinct("recording", {"block": {"$gte": 0}})


async def _stored(database: AsyncDatabase[dict[str, Any]], id: ObjectId) -> str:
    digest = hashlib.sha256()
    async for chunk in database["fs.chunks"].find({"files_id": id}, sort=[("n", 1)]):
        digest.update(chunk["data"])
    return digest.hexdigest()
