"""Beginning calls and looking at them."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.analysis.results import Result
from services.calls.calls import Wanted
from services.calls.model import Call, CallState
from services.errors import (
    CallGone,
    CallNotFound,
    CallOver,
    KeyringUnavailable,
    QuestionNotFound,
    StoreUnavailable,
    TooManyArrivals,
)
from services.interviews.model import CallId, CallSide, PartState, QuestionId
from services.recordings.arrival_limits import ArrivalLimits
from tests.fakes.calls import FakeCalls
from tests.in_memory import ADMIN, ALICE, BOB, Q1, SAID, Interior

LEFT, RIGHT = CallSide.LEFT, CallSide.RIGHT
BOTH = {LEFT: Wanted(payload_type=111), RIGHT: Wanted()}
OGG = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead" + bytes(1000)


async def test_a_call_is_one_take_of_two_recordings() -> None:
    house = Interior()
    session = await house.session()
    call = await house.calls.begin(session, Q1, ALICE, BOTH)
    heard = await house.calls.look(call.id, ALICE)
    assert (call.state, call.take, call.lines[LEFT].payload_type) == (CallState.OPEN, 1, 111)
    assert heard.left and heard.left.part and heard.right and heard.right.part
    assert (heard.left.part.question_id, heard.right.part.question_id) == (Q1, "q1~right")
    assert {side.part.take for side in heard.sides.values() if side.part} == {1}
    assert [part.call_id for part in (heard.left.part, heard.right.part)] == [call.id, call.id]
    assert (await house.calls.begin(session, Q1, ALICE, BOTH)).take == 2


async def test_a_side_that_is_not_wanted_is_not_there() -> None:
    house = Interior()
    call = await house.calls.begin(await house.session(), Q1, ALICE, {LEFT: Wanted()})
    heard = await house.calls.look(call.id, ALICE)
    assert heard.left and heard.right is None


async def test_only_the_left_side_is_the_answer_and_both_transcripts_are_the_calls() -> None:
    house = Interior()
    session = await house.session()
    call = await house.calls.begin(session, Q1, ALICE, BOTH)
    for number, line in enumerate(call.lines.values()):
        await house.arrivals.append(line.part_id, ALICE, 0, one(OGG + bytes([number])))
        await house.arrivals.finish(line.part_id, ALICE)
    await house.work_off()
    shown = await house.sessions.get(session, ALICE)
    assert list(shown.answers) == [Q1]
    assert shown.answers[Q1].evaluation is not None
    heard = await house.calls.heard(call.id, ALICE)
    assert heard.left and heard.left.transcript and heard.right and heard.right.transcript
    assert (heard.left.transcript.text, heard.right.transcript.text) == (SAID, SAID)
    assert heard.right.part and heard.right.part.state is PartState.COMPLETED
    right = house.memory.rows[heard.right.part.id]
    assert (right.to_score, right.settled) == (False, True)
    assert await house.audio.stored(heard.right.part.id) == (0, 0)
    assert isinstance(await house.analysis.run(session, ALICE), Result)
    told = house.memory.events[session]
    assert {event.side for event in told if event.type.value == "answer.completed"} == {LEFT, RIGHT}


async def test_what_is_anothers_is_not_found() -> None:
    house = Interior()
    call = await house.calls.begin(await house.session(), Q1, ALICE, BOTH)
    with pytest.raises(CallNotFound):
        await house.calls.get(call.id, BOB)
    with pytest.raises(CallNotFound):
        await house.calls.get(CallId("none"), ALICE)
    assert (await house.calls.get(call.id, ADMIN)).id == call.id


async def test_a_call_that_cannot_begin_leaves_nothing_that_arrives() -> None:
    house = Interior(arrival_limits=ArrivalLimits(most_of_user=1))
    session = await house.session()
    with pytest.raises(TooManyArrivals):
        await house.calls.begin(session, Q1, ALICE, BOTH)
    assert await house.arrivals.arriving(ALICE) == []
    [call] = house.memory.calls.values()
    with pytest.raises(CallGone):
        await house.calls.get(call.id, ALICE)
    with pytest.raises(QuestionNotFound):
        await house.calls.begin(session, QuestionId("none"), ALICE, BOTH)


class Failing(FakeCalls):
    """A store that is away once a call is aborted."""

    async def abort(self, id: CallId) -> Call | None:
        await super().abort(id)
        raise StoreUnavailable


async def test_giving_up_that_was_interrupted_is_gone_on_with_by_the_sweep() -> None:
    house = Interior()
    call = await house.calls.begin(await house.session(), Q1, ALICE, BOTH)
    await house.arrivals.append(call.lines[LEFT].part_id, ALICE, 0, one(OGG))
    with pytest.raises(StoreUnavailable):
        await replace(house.calls, records=Failing(house.memory)).abort(call.id, ALICE)
    with pytest.raises(CallGone):
        await house.calls.abort(call.id, ALICE)
    house.memory.clock.advance(6)
    assert (await house.sweep.survey(24.0)).calls == 1
    assert (await house.sweep.run(24.0)).calls == 1
    assert await house.arrivals.arriving(ALICE) == []
    assert not any(house.memory.pieces.values())
    assert (await house.sweep.run(24.0)).calls == 0


@pytest.mark.parametrize(("error", "undone"), [(KeyringUnavailable, 0), (ValueError, 1)])
async def test_a_call_that_cannot_be_ended_holds_the_sweep_up_for_nobody(error: type[Exception], undone: int) -> None:
    house = Interior()
    call = await house.calls.begin(await house.session(), Q1, ALICE, BOTH)
    await house.arrivals.append(call.lines[LEFT].part_id, ALICE, 0, one(OGG))
    with pytest.raises(StoreUnavailable):
        await replace(house.calls, records=Failing(house.memory)).abort(call.id, ALICE)
    house.memory.clock.advance(6)

    class Away(FakeCalls):
        async def given_up(self, id: CallId) -> None:
            raise error

    assert house.sweep.calls is not None
    away = replace(house.sweep.calls, records=Away(house.memory))
    counts = await replace(house.sweep, calls=away).run(24.0)
    assert (counts.calls, counts.undone) == (0, undone)
    assert (await house.sweep.run(24.0)).calls == 1


async def test_one_of_which_a_side_has_ended_is_not_given_up() -> None:
    house = Interior()
    call = await house.calls.begin(await house.session(), Q1, ALICE, BOTH)
    await house.arrivals.append(call.lines[LEFT].part_id, ALICE, 0, one(OGG))
    await house.ending.finish_side(call, LEFT)
    with pytest.raises(CallOver):
        await house.calls.abort(call.id, ALICE)
    assert len(await house.arrivals.arriving(ALICE)) == 1


async def one(data: bytes) -> AsyncIterator[bytes]:
    yield data
