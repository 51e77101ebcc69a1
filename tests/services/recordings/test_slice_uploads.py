"""Which recording a slice belongs to, where its sender knows no upload's id."""

import pytest

from services.errors import AnswerUnnamed, NotAudio, QuestionNotFound, SliceInvalid
from services.interviews.model import PartState, Question, QuestionId, Session, SessionId
from services.recordings.arrivals import Slice
from services.recordings.slice_uploads import Name, SliceUploads, question_of
from tests.in_memory import ALICE, BOB, Q1, Q2, Interior
from tests.routes.slices.doors import recorded

S1 = SessionId("s1")
NAME = Name.of_answer("slices", S1, Q1)


@pytest.fixture
async def house() -> Interior:
    house = Interior()
    await house.sessions.create(Session(id=S1, user_id=ALICE.user_id, questions=(Question(id=Q1, text="?"),)))
    return house


def test_the_only_question_need_not_be_named() -> None:
    one = Session(id=S1, user_id=ALICE.user_id, questions=(Question(id=Q1, text="?"),))
    two = Session(id=S1, user_id=ALICE.user_id, questions=(Question(id=Q1, text="?"), Question(id=Q2, text="?")))
    assert (question_of(one, None), question_of(one, Q1), question_of(two, Q2)) == (Q1, Q1, Q2)
    with pytest.raises(AnswerUnnamed):
        question_of(two, None)
    with pytest.raises(QuestionNotFound):
        question_of(one, QuestionId("q9"))


async def test_of_a_recording_whose_first_slice_is_refused_nothing_is_waited_for(house: Interior) -> None:
    doors = SliceUploads(house.arrivals)
    with pytest.raises(NotAudio):
        await doors.put(NAME, (S1, Q1), ALICE, Slice(0), b"no audio" * 20)
    with pytest.raises(SliceInvalid):
        await doors.put(NAME, (S1, Q1), ALICE, Slice(0), b"")
    assert [row.part.state for row in house.memory.rows.values()] == [PartState.ABORTED]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (3, 2, 1, 0)])
async def test_an_empty_slice_takes_its_place(house: Interior, order: tuple[int, ...]) -> None:
    """A recorder gives one out where nothing came since the last, most often as it ends."""
    doors, slices = SliceUploads(house.arrivals), [*recorded()[:2], b"", recorded()[2]]
    for index in (*order, *order):
        id, kept = await doors.put(NAME, (S1, Q1), ALICE, Slice(index), slices[index])
        assert (kept.index, kept.size) == (index, len(slices[index]))
    await doors.put(NAME, (S1, Q1), ALICE, Slice(4), b"")
    part, _ = await doors.finish(NAME, ALICE, 5)
    assert part.bytes == len(b"".join(slices))
    assert (await doors.put(NAME, (S1, Q1), ALICE, Slice(4), b""))[0] == id
    with pytest.raises(SliceInvalid):  # and is no next take
        await doors.put(NAME, (S1, Q1), ALICE, Slice(5), b"")


async def test_what_is_not_of_a_recording_that_is_being_finished_begins_the_next(house: Interior) -> None:
    doors, slices = SliceUploads(house.arrivals), recorded()
    for index, piece in enumerate(slices):
        first, _ = await doors.put(NAME, (S1, Q1), ALICE, Slice(index), piece)
    await house.arriving.close(first)
    assert (await doors.put(NAME, (S1, Q1), ALICE, Slice(0), slices[0]))[0] == first
    second, _ = await doors.put(NAME, (S1, Q1), ALICE, Slice(0), slices[0] + b"another")
    assert [house.part(id).state for id in (first, second)] == [PartState.QUEUED, PartState.UPLOADING]
    assert house.part(second).take == 2


async def test_of_empty_slices_alone_no_recording_is_made(house: Interior) -> None:
    doors = SliceUploads(house.arrivals)
    id, _ = await doors.put(NAME, (S1, Q1), ALICE, Slice(0), recorded()[0])
    await house.arrivals.abort(id, ALICE)
    with pytest.raises(SliceInvalid):
        await doors.put(NAME, (S1, Q1), ALICE, Slice(1), b"")
    assert [row.part.state for row in house.memory.rows.values()] == [PartState.ABORTED]


async def test_what_came_before_a_refusal_stays(house: Interior) -> None:
    doors, slices = SliceUploads(house.arrivals), recorded()
    await doors.put(NAME, (S1, Q1), ALICE, Slice(1), slices[1])
    with pytest.raises(NotAudio):
        await doors.put(NAME, (S1, Q1), ALICE, Slice(0), b"no audio" * 20)
    id, _ = await doors.put(NAME, (S1, Q1), ALICE, Slice(0), slices[0])
    assert (await house.arrivals.find(id, ALICE)).offset == len(slices[0]) + len(slices[1])


async def test_one_name_of_two_users_names_two_recordings(house: Interior) -> None:
    theirs = SessionId("s2")
    await house.sessions.create(Session(id=theirs, user_id=BOB.user_id, questions=(Question(id=Q1, text="?"),)))
    doors, slices, name = SliceUploads(house.arrivals), recorded(), Name.own("file", "recording-1")
    first = await doors.put(name, (S1, Q1), ALICE, Slice(0), slices[0])
    second = await doors.put(name, (theirs, Q1), BOB, Slice(0), slices[0])
    assert first[0] != second[0]
