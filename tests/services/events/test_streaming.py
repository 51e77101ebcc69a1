"""Listening to a session in virtual time: a snapshot or each event, no gap, nothing twice, and few readings."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

import pytest

from services.errors import ListenersSaturated, SessionNotFound, StoreUnavailable
from services.events.announcing import AnnouncedSessions
from services.events.interim import Interim
from services.events.model import MOST_KEPT
from services.events.ports import News
from services.events.streaming import MOST_HELD, EventStreams, Told
from services.interviews.model import (
    Answer,
    CallSide,
    Evaluation,
    Mark,
    PartId,
    PartState,
    Question,
    Session,
    SessionId,
    Status,
    Viewer,
)
from services.interviews.spoken import Spoken
from tests.fakes.hints import FakeHints
from tests.fakes.memory import Memory
from tests.fakes.sessions import FakeEvents, FakeSessions
from tests.in_memory import ADMIN, ALICE, BOB, Q1
from tests.services.adapters.stores import a_part
from tests.virtual_time import VirtualLoop

S1 = SessionId("s1")
PATIENCE = 15.0


class Store(FakeEvents):
    """Counts what is read, takes its time, and can be away."""

    reads = looks = 0
    is_away = False
    seconds = 0.0
    unconfirmed = 0

    async def after(self, id: SessionId, cursor: int, viewer: Viewer) -> News:
        self.reads += 1
        self._answer()
        news = await super().after(id, cursor, viewer)
        if self.unconfirmed:
            session = replace(news.session, cursor=news.session.cursor - self.unconfirmed)
            news = News(session, (news.events or ())[: -self.unconfirmed])
        await asyncio.sleep(self.seconds)
        return news

    async def cursors(self, ids: Collection[SessionId]) -> dict[SessionId, int]:
        self.looks += 1
        self._answer()
        return await super().cursors(ids)

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailable


@dataclass
class Ear:
    """A client: it keeps what it was told, and checks it against what it knew."""

    cursor: int | None = None
    snapshots: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    silences: int = 0

    def take(self, told: Told) -> None:
        if told.snapshot is not None:
            assert not told.events
            self.cursor = told.snapshot.cursor
            self.snapshots.append(self.cursor)
        for event in told.events:
            assert event.number == (self.cursor or 0) + 1, (event.number, self.cursor)
            self.cursor = event.number
            self.numbers.append(event.number)
        self.silences += not told


class Stage:
    """A store, a hub, and those who listen, on a loop of their own."""

    def __init__(self) -> None:
        self.loop, self.memory, self.hints = VirtualLoop(), Memory(), FakeHints()
        self.store = Store(self.memory)
        self.streams = EventStreams(events=self.store, hints=self.hints)
        self.sessions = AnnouncedSessions(FakeSessions(self.memory), self.hints)
        self.takes = 0
        question = Question(id=Q1, text="?")
        self.does(self.sessions.create(Session(id=S1, user_id=ALICE.user_id, questions=(question,))))
        self.running = self.loop.create_task(self.streams.run())
        self.passes(0)

    def does(self, act: Awaitable[object]) -> None:
        self.loop.run_until_complete(act)

    def passes(self, seconds: float) -> None:
        steps = max(1, round(seconds / 0.1))
        for _ in range(steps):
            self.loop.now += seconds / steps
            self.loop.settle()

    def changes(self, times: int = 1) -> None:
        for _ in range(times):
            self.takes += 1
            part = PartId(f"{self.takes:024x}")
            self.does(
                self.sessions.show(
                    S1, Answer(question_id=Q1, take=self.takes, rev=1, part_id=part, status=Status.QUEUED)
                )
            )

    @property
    def newest(self) -> int:
        return self.memory.sessions[S1].cursor

    def murmurs(self) -> list[str]:
        """What is said right now, as one who listens from here on is told it."""
        heard: list[str] = []

        async def listens() -> None:
            async with self.streams.open(S1, 0, ALICE) as listening:
                while not listening.is_over:
                    told = await listening.news(PATIENCE, with_interim=True)
                    heard.extend([told.interim.text] if told.interim else [])

        self.loop.create_task(listens())
        return heard

    def listens(
        self, cursor: int | None = None, viewer: Viewer = ALICE, pause: float = 0.0
    ) -> "tuple[Ear, asyncio.Task[None]]":
        ear = Ear(cursor)
        return ear, self.loop.create_task(self._listen(ear, viewer, pause))

    def listens_again(
        self, ear: Ear, task: "asyncio.Task[None]", pause: float
    ) -> "tuple[Ear, asyncio.Task[None], float]":
        """Drop the line, and go on from where it was."""
        task.cancel()
        self.loop.settle()
        return (*self.listens(ear.cursor, pause=pause), pause)

    async def _listen(self, ear: Ear, viewer: Viewer, pause: float) -> None:
        async with self.streams.open(S1, ear.cursor, viewer) as listening:
            while not listening.is_over:
                ear.take(await listening.news(PATIENCE))
                await asyncio.sleep(pause)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.loop.close_all()


def test_a_snapshot_comes_first_and_then_each_event(stage: Stage) -> None:
    stage.changes(3)
    ear, _ = stage.listens()
    stage.passes(0)
    stage.changes(2)
    stage.passes(0)
    assert (ear.snapshots, ear.numbers) == ([3], [4, 5])


def test_who_names_a_cursor_gets_what_came_after_it(stage: Stage) -> None:
    stage.changes(3)
    ears = [stage.listens(cursor)[0] for cursor in range(5)]
    stage.passes(0)
    stage.changes()
    stage.passes(0)
    assert [ear.numbers for ear in ears[:4]] == [[1, 2, 3, 4], [2, 3, 4], [3, 4], [4]]
    assert (ears[4].snapshots, ears[4].numbers) == ([3], [4])


def test_an_analysis_and_a_score_are_announced_as_well(stage: Stage) -> None:
    ear, _ = stage.listens()
    stage.passes(0)
    done = Answer(question_id=Q1, take=1, rev=1, part_id=PartId("1" * 24), status=Status.COMPLETED, mark=Mark.PENDING)
    changes: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: stage.sessions.show(S1, done),
        lambda: stage.sessions.score(S1, Q1, 1, Evaluation(score=1.0)),
        lambda: stage.sessions.record_analysis(S1, stage.memory.sessions[S1].revision, {}),
    )
    for number, change in enumerate(changes, 1):
        stage.does(change())
        stage.passes(0)
        assert ear.numbers == list(range(1, number + 1))


def test_what_was_not_written_is_not_announced(stage: Stage) -> None:
    stage.listens()
    stage.passes(0)
    reads = stage.store.reads
    stage.does(stage.sessions.score(S1, Q1, 1, Evaluation(score=1.0)))
    stage.does(stage.sessions.record_analysis(S1, 99, {}))
    stage.passes(0)
    assert stage.store.reads == reads


def test_without_hints_everybody_has_it_after_a_look(stage: Stage) -> None:
    ears = [stage.listens()[0] for _ in range(3)]
    stage.passes(0)
    stage.hints.broken = True
    stage.changes(4)
    stage.passes(0)
    assert [ear.numbers for ear in ears] == [[], [], []]
    stage.passes(2.5)
    assert [ear.numbers for ear in ears] == [[1, 2, 3, 4]] * 3


def test_a_change_is_read_once_for_all_who_listen(stage: Stage) -> None:
    ears = [stage.listens()[0] for _ in range(200)]
    stage.passes(0)
    reads = stage.store.reads
    stage.changes()
    stage.passes(1)
    assert stage.store.reads == reads + 1
    assert all(ear.numbers == [1] for ear in ears)


def test_all_sessions_are_looked_at_in_one_question(stage: Stage) -> None:
    stage.listens()
    stage.passes(0)
    looks, reads = stage.store.looks, stage.store.reads
    stage.passes(10)
    assert 4 <= stage.store.looks - looks <= 7
    assert stage.store.reads == reads


def test_nobody_listens_nothing_is_asked(stage: Stage) -> None:
    ear, task = stage.listens()
    stage.passes(0)
    task.cancel()
    stage.passes(0)
    looks = stage.store.looks
    stage.changes()
    stage.passes(10)
    assert (ear.numbers, stage.store.looks, stage.streams._feeds) == ([], looks, {})


def test_hints_that_come_while_it_reads_cost_few_readings_more(stage: Stage) -> None:
    ear, _ = stage.listens()
    stage.passes(0)
    reads, stage.store.seconds = stage.store.reads, 0.5
    stage.changes(20)
    stage.passes(2)
    assert stage.store.reads <= reads + 4
    assert ear.numbers == list(range(1, 21))


def test_a_hint_that_comes_before_a_majority_has_the_event_is_not_lost(stage: Stage) -> None:
    stage.streams.look_seconds = 1000.0
    stage.passes(3)
    ear, _ = stage.listens()
    stage.passes(0)
    stage.store.unconfirmed = 1
    stage.changes()
    stage.passes(0.2)
    assert ear.numbers == []
    stage.store.unconfirmed = 0
    stage.passes(0.5)
    assert ear.numbers == [1]


def test_a_hint_about_nothing_costs_three_readings(stage: Stage) -> None:
    stage.listens()
    stage.passes(0)
    reads = stage.store.reads
    stage.loop.call_soon(stage.hints.announce, S1)
    stage.passes(5)
    assert stage.store.reads == reads + 3


def test_what_happens_while_a_listener_comes_in_is_not_missed(stage: Stage) -> None:
    stage.store.seconds = 0.5
    ear, _ = stage.listens()
    stage.passes(0.2)
    stage.hints.broken = False
    stage.changes(2)
    stage.passes(1.5)
    assert (ear.snapshots, ear.numbers) == ([0], [1, 2])


def test_who_falls_behind_reads_for_himself_and_then_gets_a_snapshot(stage: Stage) -> None:
    slow, _ = stage.listens(pause=5.0)
    quick, _ = stage.listens()
    stage.passes(0)
    stage.changes(MOST_HELD + 10)
    stage.passes(12)
    assert quick.numbers == slow.numbers == list(range(1, MOST_HELD + 11))
    stage.changes(MOST_KEPT + 10)
    stage.passes(12)
    assert slow.snapshots == [0, stage.newest]
    room = stage.streams._feeds[S1]
    assert len(room.held) == MOST_HELD


def test_a_store_that_was_away_is_read_again(stage: Stage) -> None:
    ear, _ = stage.listens()
    stage.passes(0)
    stage.store.is_away = True
    stage.changes(2)
    stage.passes(10)
    assert ear.numbers == []
    stage.store.is_away = False
    stage.passes(3)
    assert ear.numbers == [1, 2]


def test_numbers_that_begin_anew_are_told_by_a_snapshot(stage: Stage) -> None:
    """As after a restore from a backup."""
    stage.changes(5)
    ear, _ = stage.listens()
    stage.passes(0)
    stage.memory.events[S1] = stage.memory.events[S1][:2]
    stage.memory.sessions[S1] = replace(stage.memory.sessions[S1], cursor=2)
    stage.passes(3)
    stage.changes(4)
    stage.passes(3)
    assert (ear.snapshots, ear.numbers) == ([5, 2], [3, 4, 5, 6])
    reads = stage.store.reads
    stage.changes()
    stage.passes(3)
    assert stage.store.reads == reads + 1


def test_a_foreign_session_cannot_be_listened_to_and_harms_nobody(stage: Stage) -> None:
    stage.store.seconds = 0.3
    (_, foreign), (ear, _) = stage.listens(viewer=BOB), stage.listens()
    admin, _ = stage.listens(viewer=ADMIN)
    stage.passes(0.1)
    stage.changes()
    stage.passes(3)
    assert isinstance(foreign.exception(), SessionNotFound)
    assert ear.cursor == admin.cursor == 1


def test_a_session_that_is_gone_ends_what_listens(stage: Stage) -> None:
    _, task = stage.listens()
    stage.passes(0)
    del stage.memory.sessions[S1]
    stage.passes(3)
    assert task.done() and stage.streams._feeds == {}


def test_silence_is_told_so_that_a_sign_of_life_can_be_sent(stage: Stage) -> None:
    ear, _ = stage.listens()
    stage.passes(PATIENCE * 3 + 1)
    assert ear.silences == 3


def test_leaving_ends_everything_at_once_and_lets_nobody_in(stage: Stage) -> None:
    tasks = [stage.listens()[1] for _ in range(20)]
    stage.passes(0)
    stage.streams.leave()
    stage.loop.settle()
    assert all(task.done() and not task.exception() for task in tasks)
    _, late = stage.listens()
    stage.loop.settle()
    assert isinstance(late.exception(), ListenersSaturated)


def test_a_stream_grows_old_and_ends_in_order(stage: Stage) -> None:
    stage.streams.age_seconds = 60.0
    _, task = stage.listens()
    stage.passes(50)
    assert not task.done()
    stage.passes(20)
    assert task.done() and not task.exception() and stage.streams._feeds == {}


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_together_nothing_is_missed_or_repeated(stage: Stage, seed: int) -> None:
    chance, ears = random.Random(seed), list[tuple[Ear, asyncio.Task[None], float]]()
    stage.streams.age_seconds = 20.0
    for _ in range(60):
        stage.store.seconds = chance.choice([0.0, 0.0, 0.3, 1.0])
        stage.store.is_away = chance.random() < 0.1
        stage.hints.broken = chance.random() < 0.3
        stage.changes(chance.choice([0, 1, 1, 3, 80]))
        if len(ears) < 8:
            pause = chance.choice([0.0, 0.0, 2.0])
            ears.append((*stage.listens(pause=pause), pause))
        ears = [stage.listens_again(*ear) if chance.random() < 0.1 or ear[1].done() else ear for ear in ears]
        stage.passes(chance.choice([0.0, 0.1, 1.0]))
    stage.store.is_away, stage.store.seconds, stage.streams.age_seconds = False, 0.0, 600.0
    ears = [stage.listens_again(*ear) for ear in ears]
    stage.passes(8)
    assert stage.newest > 50
    assert {ear.cursor for ear, _, _ in ears} == {stage.newest}


def murmur(text: str, session: SessionId = S1) -> Interim:
    return Interim(session_id=session, question_id=Q1, take=1, index=0, start=0.0, end=1.0, text=text)


def test_what_is_said_right_now_is_told_to_who_asks_for_it_each_once_and_is_no_event(stage: Stage) -> None:
    heard: dict[bool, list[str]] = {True: [], False: []}

    async def listens(asks: bool) -> None:
        async with stage.streams.open(S1, 0, ALICE) as listening:
            while not listening.is_over:
                told = await listening.news(PATIENCE, with_interim=asks)
                assert told.interim is None or not (told.events or told.snapshot)
                heard[asks] += [told.interim.text] if told.interim else []

    stage.streams.murmured(murmur("too early"))
    for asks in heard:
        stage.loop.create_task(listens(asks))
    stage.passes(0)
    stage.streams.murmured(murmur("so"))
    stage.passes(0.1)
    stage.streams.murmured(murmur("another's", SessionId("s2")))
    stage.streams.murmured(murmur("so what"))
    stage.passes(0.1)
    assert heard == {True: ["so", "so what"], False: []}
    assert stage.newest == 0


def test_a_reading_that_was_begun_before_another_is_not_told_after_it(stage: Stage) -> None:
    heard = stage.murmurs()
    stage.passes(0)
    newer, older = replace(murmur("so what"), index=1), replace(murmur("so"), index=1, end=0.5)
    for one in (newer, older, murmur("of the stretch before"), replace(older, text="another take's", take=2)):
        stage.streams.murmured(one)
        stage.passes(0.1)
    assert heard == ["so what", "another take's"]


def test_a_reading_of_what_is_settled_meanwhile_is_not_told(stage: Stage) -> None:
    """One worker settles a stretch while another one reads it."""
    heard = stage.murmurs()

    def comes(interim: Interim) -> None:
        stage.streams.murmured(interim)
        stage.passes(0.1)

    stage.passes(0)
    part = replace(a_part(session_id=S1, question_id=Q1), rev=1)
    stage.does(stage.sessions.tell(part, [Spoken(index=0, start=0.0, end=16.0, text="So what.")]))
    stage.passes(0.5)
    comes(murmur("so what"))
    comes(replace(murmur("and then"), index=1))
    comes(replace(murmur("the other side"), side=CallSide.RIGHT))
    stage.does(stage.sessions.unsay(replace(part, state=PartState.ABORTED)))
    stage.passes(0.5)
    comes(replace(murmur("and then what"), index=1))
    comes(replace(murmur("anew"), take=2))
    assert heard == ["and then", "the other side", "anew"]


def test_who_comes_later_is_not_told_what_was_said(stage: Stage) -> None:
    ear, _ = stage.listens(0)
    stage.passes(0)
    stage.streams.murmured(murmur("so"))
    stage.passes(0.1)
    later: list[Told] = []

    async def listens() -> None:
        async with stage.streams.open(S1, 0, ALICE) as listening:
            later.append(await listening.news(1.0, with_interim=True))

    stage.loop.create_task(listens())
    stage.passes(2.0)
    assert later == [Told()]
    assert ear.numbers == []
