"""The main job under anything that may happen, in any order: what is promised holds at every moment.

Uploads, workers, scorers, sweeps, analyses and operators run one call at a time, side by
side; they are refused, die, freeze and are cancelled; rings are lost and doubled;
clocks jump. In the end time passes and the sweep runs, and all must have ended.

    pytest tests/services/test_state_machine.py --hypothesis-profile=long

tries far more, with another seed each time.
"""

import copy
from collections import Counter
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.analysis.results import Result
from services.errors import (
    AudioUnreadable,
    EngineBusy,
    EngineRefused,
    EngineUnavailable,
    FailedByOperator,
    ScorerBusy,
    ScorerUnavailable,
)
from services.interviews.model import (
    ENDED,
    Evaluation,
    Part,
    PartId,
    PartState,
    Question,
    QuestionId,
    SessionId,
    Status,
)
from services.interviews.transcript import Transcript
from services.operations.ports.audit_log import Action
from tests.at_length import examples
from tests.fakes.memory import PENDING
from tests.faults import Fault
from tests.in_memory import ADMIN, ALICE, LARGE, OPERATOR, Q1, Q2, SMALL, Interior, incoming
from tests.invariants import KEPT_HOURS, World, check_needed, check_result, sight_of, world_in_memory
from tests.services.actors import Actor, Work
from tests.virtual_time import VirtualLoop

IS_LONG = settings.get_current_profile_name() == "long"
JUMP = 600.0
TICK = 10.0
MOST_AT_ONCE = 6
ANY = st.integers(0, 20)
STEPS = st.integers(0, 10)
FAULTS = [Fault.REFUSED, Fault.UNCONFIRMED]
TROUBLES: list[type[Exception]] = [
    EngineUnavailable,
    EngineBusy,
    AudioUnreadable,
    EngineRefused,
    ValueError,
    ScorerUnavailable,
    ScorerBusy,
]
SESSIONS = st.sampled_from([0, 0, 0, 1])
QUESTIONS = st.sampled_from([Q1, Q1, Q2])
ANNOUNCED = st.sampled_from([SMALL, LARGE])


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


class Moody:
    """Scores at once, unless it is out of reach; a scorer with a thread of its own could not be stepped."""

    def __init__(self) -> None:
        self.trouble: list[Exception] = []

    async def score(self, question: Question, transcript: Transcript) -> Evaluation:
        if self.trouble:
            raise self.trouble.pop()
        return Evaluation(score=50.0, scorer="moody")


class House(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.world: World = world_in_memory()
        self.house: Interior = self.world.house
        self.memory = self.house.memory
        self.house.scorer = self.scorer = Moody()
        self.world.passes = self._passes
        self.sessions = [self._run(self.house.session()) for _ in range(2)]
        self.actors: list[Actor] = []
        self.takes = 0
        self.set_back = 0.0
        self.promised: dict[tuple[SessionId, QuestionId], int] = {}
        self.before: dict[Actor, dict[tuple[SessionId, QuestionId], int]] = {}
        self.shown: dict[tuple[SessionId, QuestionId], int] = {}
        self.fences: dict[PartId, int] = {}
        self.ends: dict[tuple[PartId, int], tuple[object, ...]] = {}

    # What processes there are. Each rule is tried about as often as any other, so what is rare shares one.

    @precondition(lambda self: len(self.actors) < MOST_AT_ONCE)
    @rule(which=SESSIONS, question=QUESTIONS, breaks=st.sampled_from([False, False, False, True]), announced=ANNOUNCED)
    def upload(self, which: int, question: QuestionId, breaks: bool, announced: int) -> None:
        self.takes += 1
        session, text = self.sessions[which], f"what was said in recording {self.takes}"
        if breaks:
            data = incoming(text.encode(), b"more", then=ConnectionResetError(), announced=announced)
            self._start(lambda house: house.intake.receive(session, question, ALICE, data))
        else:
            self._start(lambda house: self.world.upload(house, session, question, text, announced))

    @rule(which=SESSIONS, question=QUESTIONS)
    def upload_at_once(self, which: int, question: QuestionId) -> None:
        self.takes += 1
        where, text = (self.sessions[which], question), f"what was said in recording {self.takes}"
        self.promised[where] = self._run(self.world.upload(self.house, *where, text)).take

    @precondition(lambda self: self.memory.rows and len(self.actors) < MOST_AT_ONCE)
    @rule(which=ANY, steps=STEPS)
    def transcribe(self, which: int, steps: int) -> None:
        rings = self.house.doorbell.to_transcribe
        id = rings.pop(0) if rings else self._part(which)
        owner = f"worker {len(self.before)}"
        self._start(lambda house: house.worker(owner).run(id), owner).go_on(steps)
        self._bury_the_dead()

    @precondition(lambda self: self.memory.rows)
    @rule(which=ANY)
    def transcribe_and_score_at_once(self, which: int) -> None:
        self.house.doorbell.to_transcribe.append(self._part(which))
        self._run(self.world.hear(self.house))

    @precondition(lambda self: self.memory.rows)
    @rule(which=ANY)
    def score_at_once(self, which: int) -> None:
        self._run(self.house.scoring.run(self._part(which)))

    @rule(which=SESSIONS)
    def analyze_at_once(self, which: int) -> None:
        result = self._run(self.house.analysis.run(self.sessions[which], ADMIN))
        if isinstance(result, Result):
            check_result(sight_of(self.memory), result)

    @precondition(lambda self: self.memory.rows and len(self.actors) < MOST_AT_ONCE)
    @rule(what=st.sampled_from(["sweep", "sweep", "audit", "score", "analyze"]), which=ANY, steps=STEPS)
    def start(self, what: str, which: int, steps: int) -> None:
        id, session = self._part(which), self.sessions[which % 2]
        works: dict[str, Work] = {
            "sweep": lambda house: house.sweep.run(KEPT_HOURS),
            "audit": lambda house: house.sweep.audit(),
            "score": lambda house: house.scoring.run(id),
            "analyze": lambda house: house.analysis.run(session, ALICE),
        }
        self._start(works[what]).go_on(steps)
        self._bury_the_dead()

    @precondition(lambda self: self.memory.rows and len(self.actors) < MOST_AT_ONCE)
    @rule(which=ANY, retries=st.sampled_from([True, True, False]), at_once=st.booleans(), steps=STEPS)
    def operate(self, which: int, retries: bool, at_once: bool, steps: int) -> None:
        """Somebody has an answer that failed begin anew, or ends one."""
        parts = [row.part for row in self.memory.rows.values()]
        fitting = [part for part in parts if (part.keep_audio if retries else part.state in PENDING)]
        likely = fitting or parts
        part = likely[which % len(likely)]
        where = (part.session_id, part.question_id)

        def work(house: Interior) -> Coroutine[Any, Any, Part]:
            by_hand = house.intervention
            return by_hand.retry(*where, OPERATOR) if retries else by_hand.fail(*where, "It hangs.", OPERATOR)

        self._start(work).go_on(40 if at_once else steps)
        self._bury_the_dead()

    # What happens to them

    @precondition(lambda self: self.actors)
    @rule(which=ANY, steps=STEPS)
    def go_on(self, which: int, steps: int) -> None:
        self._actor(which).go_on(steps)
        self._bury_the_dead()

    @precondition(lambda self: self.actors)
    @rule(which=ANY)
    def finish(self, which: int) -> None:
        self._actor(which).go_on(30)
        self._bury_the_dead()

    @precondition(lambda self: self.actors)
    @rule(which=ANY, what=st.sampled_from(["crash", "cancel", "freeze", *FAULTS]))
    def strike(self, which: int, what: str | Fault) -> None:
        actor = self._actor(which)
        if what == "crash":
            actor.crash()
        elif what == "cancel":
            actor.cancel()
        elif what == "freeze":
            actor.frozen = not actor.frozen
        else:
            actor.fault = Fault(what)
            actor.go_on(1)
        self._bury_the_dead()

    @precondition(lambda self: self.actors)
    @rule(which=ANY, steps=STEPS)
    def somebody_sleeps_past_the_lease(self, which: int, steps: int) -> None:
        """The sweep takes its work back, and another worker may begin it anew."""
        self._actor(which).frozen = True
        self._run(self._passes(self.memory.terms.lease_seconds + 2 * TICK))
        self._run(self.house.sweep.run(KEPT_HOURS))
        if self.memory.rows and len(self.actors) < MOST_AT_ONCE:
            self.transcribe(which, steps)

    # What happens around them

    @rule(what=st.sampled_from(TROUBLES), times=st.integers(1, 6))
    def others_fail(self, what: type[Exception], times: int) -> None:
        if issubclass(what, ScorerUnavailable):
            self.scorer.trouble += [what() for _ in range(times)]
        else:
            self.house.ears.trouble += [what() for _ in range(times // 2)]

    @rule(what=st.sampled_from(["lost", "again", "away", "back"]), which=ANY)
    def rings_go_astray(self, what: str, which: int) -> None:
        bell = self.house.doorbell
        bell.broken = what == "away" or (bell.broken and what != "back")
        if what == "lost":
            bell.to_transcribe.clear()
            bell.to_score.clear()
        elif what == "again" and self.memory.rows:
            bell.to_transcribe.append(self._part(which))
            bell.to_score.append(self._part(which))

    @rule(ticks=st.integers(1, 13), of=st.sampled_from(["both", "both", "processes", "store"]), jump=st.booleans())
    def time_passes(self, ticks: int, of: str, jump: bool) -> None:
        """For all; or the clock of one side jumps by ten minutes, to and fro."""
        if of == "both":
            self._run(self._passes(ticks * TICK))
        elif of == "processes":
            self.loop.now += JUMP if jump else -JUMP
            self.loop.settle()
        else:
            self.memory.clock.advance(JUMP if jump else -JUMP)
            self.set_back += 0.0 if jump else JUMP
        self._bury_the_dead()

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
                assert row.transcript is None or row.transcript.engine == row.owner, "written by who had lost the claim"
                end = (row.part.state, row.part.fence, row.transcript, row.part.completed_at)
                assert self.ends.setdefault((id, row.part.retries), end) == end
            elif (id, row.part.retries) in self.ends:
                raise AssertionError(f"{self.ends[id, row.part.retries]} was not the end")

    @invariant()
    def only_what_failed_begins_anew_and_each_time_by_an_operators_hand(self) -> None:
        deeds = Counter((e.deed.action, e.deed.on["file_id"]) for e in self.house.audit_log.entries)
        for id, row in self.memory.rows.items():
            assert row.part.retries <= deeds[Action.RETRY, id]
            if row.part.failure is not None and row.part.failure.code == FailedByOperator.code:
                assert deeds[Action.FAIL, id]
            for life in range(row.part.retries):
                state, *_ = self.ends.get((id, life), (PartState.FAILED,))
                assert state is PartState.FAILED

    def teardown(self) -> None:
        """Time passes over who stands still; then they wake up, too late."""
        try:
            self._end()
            for actor in self.actors:
                actor.go_on(40)
            self._end()
            self._run(self.world.forget())
        finally:
            for actor in self.actors:
                actor.crash()
            self.loop.close_all()

    def _end(self) -> None:
        self.house.ears.trouble.clear()
        self._run(self._passes(self.set_back))
        self._run(self.world.drain())
        self._run(self.world.check())
        self.the_newest_take_wins()
        self.an_end_is_the_end()

    def _start(self, work: Work, owner: str = "") -> Actor:
        promised = dict(self.promised)
        house = copy.copy(self.house)
        house.ears = copy.copy(self.house.ears)
        house.ears.name = owner
        actor = Actor(self.loop, house, work, self._hear)
        self.actors.append(actor)
        self.before[actor] = promised
        return actor

    def _part(self, which: int) -> PartId:
        return list(self.memory.rows)[which % len(self.memory.rows)]

    def _hear(self, actor: Actor, result: object) -> None:
        """A process is over and gave this; what it says must be true."""
        if isinstance(result, Part):
            assert self.memory.rows[result.id].part.bytes, "its sum goes a day after its end"
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
    max_examples=5000 if IS_LONG else examples(60), stateful_step_count=50, deadline=None, derandomize=not IS_LONG
)
