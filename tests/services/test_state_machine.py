"""The main job under anything that may happen, in any order: what is promised holds at every moment.

Uploads, workers, scorers, sweeps and analyses run one call at a time, side by
side; they are refused, die, freeze and are cancelled; rings are lost and doubled;
clocks jump. In the end time passes and the sweep runs, and all must have ended.

    pytest tests/services/test_state_machine.py --hypothesis-profile=long

tries far more, with another seed each time.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.analysis import Result
from services.errors import EngineRefused, EngineTimeout, EngineUnavailable, ScorerUnavailable
from services.interview import ENDED, Evaluation, Part, PartId, Question, QuestionId, SessionId, Status
from tests.faults import Fault
from tests.house import ADMIN, ALICE, Q1, Q2, incoming
from tests.services.actors import Actor, Work
from tests.virtual_time import VirtualLoop
from tests.world import KEPT_HOURS, World, check_needed, check_result, sight_of, world_in_memory

IS_LONG = settings.get_current_profile_name() == "long"
JUMP = 600.0
TICK = 10.0
MOST_AT_ONCE = 6
WHICH = st.integers(0, MOST_AT_ONCE - 1)
QUESTIONS = st.sampled_from([Q1, Q2])


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


class Moody:
    """Scores, unless it is out of reach."""

    def __init__(self, scorer: Any) -> None:
        self.trouble: list[Exception] = []
        self._scorer = scorer

    async def score(self, question: Question, transcript: str) -> Evaluation:
        if self.trouble:
            raise self.trouble.pop()
        evaluation: Evaluation = await self._scorer.score(question, transcript)
        return evaluation


class House(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.world: World = world_in_memory()
        self.house = self.world.house
        self.memory = self.house.memory
        self.house.scorer = self.scorer = Moody(self.house.scorer)
        self.world.passes = self._passes
        self.sessions = [self._run(self.house.session()) for _ in range(2)]
        self.actors: list[Actor] = []
        self.takes = 0
        self.set_back = 0.0
        self.promised: dict[tuple[SessionId, QuestionId], int] = {}
        self.before: dict[Actor, dict[tuple[SessionId, QuestionId], int]] = {}
        self.shown: dict[tuple[SessionId, QuestionId], int] = {}
        self.fences: dict[PartId, int] = {}
        self.ends: dict[PartId, tuple[object, ...]] = {}

    # What processes there are

    @precondition(lambda self: len(self.actors) < MOST_AT_ONCE)
    @rule(which=st.integers(0, 1), question=QUESTIONS, breaks=st.sampled_from([False, False, False, True]))
    def upload(self, which: int, question: QuestionId, breaks: bool) -> None:
        self.takes += 1
        session, text = self.sessions[which], f"what was said in recording {self.takes}"
        if breaks:
            data = incoming(text.encode(), b"more", then=ConnectionResetError())
            self._start(lambda house: house.intake.receive(session, question, ALICE, data))
        else:
            self._start(lambda house: self.world.upload(house, session, question, text))

    @precondition(lambda self: len(self.actors) < MOST_AT_ONCE and self.house.doorbell.to_transcribe)
    @rule()
    def transcribe(self) -> None:
        id = self.house.doorbell.to_transcribe.pop(0)
        self._start(lambda house: house.worker().run(id))

    @precondition(lambda self: len(self.actors) < MOST_AT_ONCE and self.house.doorbell.to_score)
    @rule()
    def score(self) -> None:
        id = self.house.doorbell.to_score.pop(0)
        self._start(lambda house: house.scoring.run(id))

    @precondition(lambda self: len(self.actors) < MOST_AT_ONCE)
    @rule()
    def sweep(self) -> None:
        self._start(lambda house: house.sweep.run(KEPT_HOURS))

    @precondition(lambda self: len(self.actors) < MOST_AT_ONCE)
    @rule()
    def audit(self) -> None:
        self._start(lambda house: house.sweep.audit())

    @precondition(lambda self: len(self.actors) < MOST_AT_ONCE)
    @rule(which=st.integers(0, 1))
    def analyze(self, which: int) -> None:
        session = self.sessions[which]
        self._start(lambda house: house.analysis.run(session, ALICE))

    @rule(which=st.integers(0, 1))
    def analyze_at_once(self, which: int) -> None:
        result = self._run(self.house.analysis.run(self.sessions[which], ADMIN))
        if isinstance(result, Result):
            check_result(sight_of(self.memory), result)

    # What happens to them

    @precondition(lambda self: self.actors)
    @rule(which=WHICH, steps=st.integers(1, 8))
    def go_on(self, which: int, steps: int) -> None:
        self._actor(which).go_on(steps)
        self._bury_the_dead()

    @precondition(lambda self: self.actors)
    @rule(which=WHICH)
    def finish(self, which: int) -> None:
        self._actor(which).go_on(30)
        self._bury_the_dead()

    @precondition(lambda self: self.actors)
    @rule(which=WHICH)
    def crash(self, which: int) -> None:
        self._actor(which).crash()
        self._bury_the_dead()

    @precondition(lambda self: self.actors)
    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        self._actor(which).cancel()
        self._bury_the_dead()

    @precondition(lambda self: self.actors)
    @rule(which=WHICH, frozen=st.booleans())
    def freeze(self, which: int, frozen: bool) -> None:
        self._actor(which).frozen = frozen

    @precondition(lambda self: self.actors)
    @rule(which=WHICH, fault=st.sampled_from([Fault.REFUSED, Fault.UNCONFIRMED]), steps=st.integers(0, 8))
    def lose_the_store(self, which: int, fault: Fault, steps: int) -> None:
        actor = self._actor(which)
        actor.go_on(steps)
        actor.fault = fault
        actor.go_on(1)
        self._bury_the_dead()

    # What happens around them

    @rule(trouble=st.sampled_from([EngineUnavailable(), EngineTimeout(), EngineRefused(), ValueError("a bug")]))
    def the_engine_fails(self, trouble: Exception) -> None:
        self.house.ears.trouble.append(trouble)

    @rule(trouble=st.sampled_from([ScorerUnavailable(), ValueError("a bug")]), times=st.integers(1, 6))
    def the_scorer_fails(self, trouble: Exception, times: int) -> None:
        self.scorer.trouble += [trouble] * times

    @rule()
    def the_broker_forgets(self) -> None:
        self.house.doorbell.to_transcribe.clear()
        self.house.doorbell.to_score.clear()

    @rule(broken=st.booleans())
    def the_broker_is_away(self, broken: bool) -> None:
        self.house.doorbell.broken = broken

    @precondition(lambda self: self.memory.rows)
    @rule(which=st.integers(0, 20), scores=st.booleans())
    def a_ring_comes_again(self, which: int, scores: bool) -> None:
        id = list(self.memory.rows)[which % len(self.memory.rows)]
        bell = self.house.doorbell
        (bell.to_score if scores else bell.to_transcribe).append(id)

    @rule(ticks=st.integers(1, 13))
    def time_passes(self, ticks: int) -> None:
        self._run(self._passes(ticks * TICK))
        self._bury_the_dead()

    @rule(seconds=st.sampled_from([-JUMP, JUMP]))
    def the_clock_of_the_processes_jumps(self, seconds: float) -> None:
        self.loop.now += seconds
        self.loop.settle()
        self._bury_the_dead()

    @rule(seconds=st.sampled_from([-JUMP, JUMP]))
    def the_clock_of_the_store_jumps(self, seconds: float) -> None:
        self.memory.clock.advance(seconds)
        self.set_back += max(0.0, -seconds)

    # What must hold at every moment

    @invariant()
    def who_needs_audio_has_it(self) -> None:
        check_needed(sight_of(self.memory))

    @invariant()
    def the_newest_take_wins(self) -> None:
        for session in self.memory.sessions.values():
            for question, answer in session.answers.items():
                where = (session.id, question)
                assert answer.take >= max(self.promised.get(where, 0), self.shown.get(where, 0))
                self.shown[where] = answer.take
                self._check_words(answer.part_id, answer.status, answer.transcript)
        assert self.promised.keys() <= self.shown.keys()

    def _check_words(self, id: PartId, status: Status, transcript: str | None) -> None:
        part = self.memory.rows[id].part
        if status is Status.COMPLETED:
            assert part.sha256 is not None
            assert transcript == self.world.sent[part.session_id, part.question_id][part.sha256].decode()
            assert id not in self.memory.files

    @invariant()
    def an_end_is_the_end(self) -> None:
        for id, row in self.memory.rows.items():
            assert row.part.fence >= self.fences.get(id, 0)
            assert row.part.deliveries <= self.memory.terms.max_deliveries
            self.fences[id] = row.part.fence
            if row.part.state in ENDED:
                end = (row.part.state, row.part.fence, row.transcript, row.part.completed_at)
                assert self.ends.setdefault(id, end) == end

    def teardown(self) -> None:
        """Time passes over who stands still; then they wake up, too late."""
        try:
            self._end()
            for actor in self.actors:
                actor.go_on(40)
            self._end()
            self._run(self.world.forget())
        finally:
            self.loop.close_all()

    def _end(self) -> None:
        self.house.ears.trouble.clear()
        self._run(self._passes(self.set_back))
        self._run(self.world.drain())
        self._run(self.world.check())
        self.the_newest_take_wins()
        self.an_end_is_the_end()

    def _start(self, work: Work) -> None:
        promised = dict(self.promised)
        actor = Actor(self.loop, self.house, work, self._hear)
        self.actors.append(actor)
        self.before[actor] = promised

    def _hear(self, actor: Actor, result: object) -> None:
        """A process is over and gave this; what it says must be true."""
        if isinstance(result, Part):
            assert self.memory.rows[result.id].part.sha256
            where = (result.session_id, result.question_id)
            self.promised[where] = max(result.take, self.promised.get(where, 0))
        if isinstance(result, Result):
            for (session, question), take in self.before[actor].items():
                assert session != result.session.id or result.session.answers[question].take >= take

    def _actor(self, which: int) -> Actor:
        return self.actors[which % len(self.actors)]

    def _bury_the_dead(self) -> None:
        for actor in self.actors:
            actor.go_on(0)
        self.actors = [actor for actor in self.actors if not actor.is_over]

    async def _passes(self, seconds: float) -> None:
        """Both clocks go on together, in steps that let heartbeats through."""
        self.memory.clock.advance(seconds % TICK)
        for _ in range(int(seconds // TICK)):
            self.memory.clock.advance(TICK)
            self.loop.now += TICK

    def _run(self, work: Any) -> Any:
        result = self.loop.run_until_complete(work)
        self.loop.settle()
        return result


TestHouse = House.TestCase
TestHouse.settings = settings(
    max_examples=5000 if IS_LONG else 150, stateful_step_count=40, deadline=None, derandomize=not IS_LONG
)
