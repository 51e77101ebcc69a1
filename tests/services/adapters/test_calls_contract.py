"""What CallRecords promises, in memory and on MongoDB."""

from dataclasses import replace

from services.calls.model import CONNECTED, Call, CallState, Line, Place, Tally
from services.interviews.model import CallId, CallSide, PartId
from tests.services.adapters.stores import ANN, Q1, S1, Store

LEFT, RIGHT = CallSide.LEFT, CallSide.RIGHT
C1, C2 = CallId("65f0000000000000000000c1"), CallId("65f0000000000000000000c2")
LINES = {
    LEFT: Line(part_id=PartId("65f0000000000000000000a1"), payload_type=111),
    RIGHT: Line(part_id=PartId("65f0000000000000000000a2")),
}
PLACE = Place(receiver="r1", host="h", left=4000, right=4002)
CALL = Call(id=C1, session_id=S1, question_id=Q1, user_id=ANN.user_id, take=3, lines=LINES)
TALLY = Tally(packets=50, lost=2, odd={"version": 1}, seconds=1.04, last_sequence=65535)


async def begun(store: Store, call: Call = CALL) -> Call:
    kept = await store.calls.begin(call)
    assert kept is not None
    return kept


async def test_a_call_is_kept_with_the_time_of_the_store(store: Store) -> None:
    kept = await begun(store, replace(CALL, place=PLACE))
    assert kept == await store.calls.get(C1)
    assert kept.created_at is not None and kept.heard_at is not None
    assert kept == replace(CALL, place=PLACE, created_at=kept.created_at, heard_at=kept.heard_at)
    assert await store.calls.get(C2) is None


async def test_ports_are_one_open_calls_at_a_time(store: Store) -> None:
    await begun(store, replace(CALL, place=PLACE))
    assert await store.calls.begin(replace(CALL, id=C2, place=PLACE)) is None
    assert await store.calls.abort(C1)
    assert await store.calls.begin(replace(CALL, id=C2, place=PLACE))


async def test_its_clock_runs_from_the_first_start_on(store: Store) -> None:
    await begun(store)
    await store.passes(100)
    first = await store.calls.start(C1)
    assert first is not None and first.seconds == 0
    await store.passes(7)
    again = await store.calls.start(C1)
    assert again is not None and 7 <= again.seconds < 60
    assert await store.calls.start(C2) is None


async def test_the_first_source_of_a_side_stays(store: Store) -> None:
    await begun(store)
    for source in ("10.0.0.1:4000", "10.0.0.2:4000"):
        call = await store.calls.latch(C1, LEFT, source)
        assert call is not None
        assert (call.lines[LEFT].source, call.lines[RIGHT].source) == ("10.0.0.1:4000", None)


async def test_who_is_connected_is_heard_in_place_of_whoever_came_first(store: Store) -> None:
    await begun(store)
    for source, noted in (("10.0.0.1 4000", "10.0.0.1 4000"), (CONNECTED, CONNECTED), ("10.0.0.2 4000", CONNECTED)):
        call = await store.calls.latch(C1, LEFT, source)
        assert call is not None
        assert call.lines[LEFT].source == noted


async def test_what_is_kept_of_its_sides_is_noted(store: Store) -> None:
    await begun(store)
    noted = await store.calls.note(C1, {LEFT: TALLY}, is_heard=True)
    assert noted is not None
    assert (noted.lines[LEFT].tally, noted.lines[RIGHT].tally) == (TALLY, Tally())
    assert noted.lines[LEFT].payload_type == 111
    assert await store.calls.note(C2, {}, is_heard=True) is None


async def test_with_its_last_side_it_is_ending(store: Store) -> None:
    await begun(store)
    assert (one := await store.calls.side_over(C1, LEFT)) and one.state is CallState.OPEN
    assert (one := await store.calls.side_over(C1, RIGHT)) and one.state is CallState.ENDING
    assert (one := await store.calls.ended(C1)) and one.state is CallState.ENDED and one.ended_at
    assert await store.calls.abort(C1) is None
    assert await store.calls.side_over(C1, LEFT) is None


async def test_a_call_of_one_side_is_ending_with_that(store: Store) -> None:
    await begun(store, replace(CALL, lines={RIGHT: LINES[RIGHT]}))
    assert await store.calls.side_over(C1, LEFT) is None
    assert (one := await store.calls.side_over(C1, RIGHT)) and one.state is CallState.ENDING


async def test_an_aborted_one_is_to_be_given_up_until_it_is(store: Store) -> None:
    await begun(store)
    await store.calls.start(C1)
    assert (one := await store.calls.abort(C1)) and one.state is CallState.ABORTED
    assert await store.calls.abort(C1) is None
    assert await store.calls.left_aborted(5) == []
    await store.passes(6)
    assert await store.calls.left_aborted(5) == [C1]
    await store.calls.given_up(C1)
    assert await store.calls.left_aborted(5) == []
    assert (one := await store.calls.get(C1)) and one.state is CallState.ABORTED


async def test_one_of_which_a_side_has_ended_is_not_aborted(store: Store) -> None:
    await begun(store)
    await store.calls.side_over(C1, RIGHT)
    assert await store.calls.abort(C1) is None
    assert (one := await store.calls.get(C1)) and one.state is CallState.OPEN


async def test_one_that_is_not_open_is_not_started_or_latched(store: Store) -> None:
    await begun(store)
    assert (one := await store.calls.end(C1)) and one.state is CallState.ENDING
    assert await store.calls.end(C1) is None
    assert await store.calls.start(C1) is None
    assert await store.calls.latch(C1, LEFT, "h:1") is None
    noted = await store.calls.note(C1, {LEFT: TALLY}, is_heard=False)
    assert noted is not None and noted.state is CallState.ENDING


async def test_a_silent_one_is_found_once_it_has_had_time_to_be_heard(store: Store) -> None:
    await begun(store)
    await store.calls.suspect(60)
    await store.passes(61)
    assert await store.calls.silent(5) == []
    await store.calls.suspect(60)
    assert await store.calls.silent(5) == []
    await store.passes(6)
    assert await store.calls.silent(5) == [C1]
    await store.calls.note(C1, {}, is_heard=False)
    assert await store.calls.silent(5) == [C1]
    await store.calls.note(C1, {}, is_heard=True)
    await store.calls.suspect(60)
    assert await store.calls.silent(5) == []
    await store.passes(61)
    await store.calls.suspect(60)
    await store.calls.start(C1)
    await store.passes(6)
    assert await store.calls.silent(5) == []


async def test_an_ending_one_that_nobody_goes_on_with_is_found(store: Store) -> None:
    await begun(store)
    await store.calls.start(C1)
    await store.calls.end(C1)
    assert await store.calls.left_ending(5) == []
    await store.passes(6)
    assert await store.calls.left_ending(5) == [C1]
    await store.calls.note(C1, {}, is_heard=False)
    assert await store.calls.left_ending(5) == []
