"""Slices from senders who know no upload's id: which recording each of them belongs to.

A sender names a recording by the answer that it is of, or by a name of his own. Under the name of an answer one
recording follows the other, as takes do; a name of his own is one recording's, whose answer may be told at its end.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from services.errors import AnswerUnnamed, Problem, QuestionNotFound, SliceInvalid, UploadComplete, UploadNotFound
from services.interviews.model import Part, PartId, QuestionId, Session, SessionId, Viewer
from services.recordings.arrivals import Arrival, Arrivals, KeptSlice, Plan, Slice

Answered = tuple[SessionId, QuestionId]


@dataclass(frozen=True, slots=True)
class Name:
    """What a sender calls a recording; `is_one_recordings`: it never names another."""

    key: str
    door: str
    is_one_recordings: bool = False

    @classmethod
    def of_answer(cls, door: str, session_id: SessionId, question_id: QuestionId) -> Self:
        return cls(f"{door}:{session_id}:{question_id}", door)

    @classmethod
    def own(cls, door: str, name: str) -> Self:
        return cls(f"{door}:{name}", door, is_one_recordings=True)


def question_of(session: Session, question_id: QuestionId | None) -> QuestionId:
    """The question that is meant: the only one need not be named. QuestionNotFound, AnswerUnnamed."""
    if question_id is not None:
        if session.question(question_id) is None:
            raise QuestionNotFound
        return question_id
    if len(session.questions) != 1:
        raise AnswerUnnamed
    return session.questions[0].id


def owner_of(session: Session, viewer: Viewer) -> Viewer:
    """As whom who may see the session sends to it: names are its owner's."""
    return Viewer(session.user_id, is_admin=viewer.is_admin)


@dataclass(frozen=True, slots=True)
class SliceUploads:
    arrivals: Arrivals

    async def put(
        self,
        name: Name,
        answer: Answered | None,
        viewer: Viewer,
        slice: Slice,
        data: bytes,
        media_type: str | None = None,
        note: str | None = None,
    ) -> tuple[PartId, KeptSlice]:
        """Take in a slice of what arrives under the name, which its first slice begins, whichever that is.

        What comes again of a finished recording changes nothing; what is not of it begins the next take, once that is
        over, or is refused where the name is one recording's. The first one's `note` is kept. An empty one begins
        nothing (SliceInvalid), and takes its place in what arrives. What Arrivals.begin and Arrivals.put raise.
        """
        arrival = await self.arrivals.newest(name.key, viewer)
        if arrival is not None and (arrival.is_complete or arrival.is_closing):
            came = await self.arrivals.slice(arrival.part.id, slice.index)
            if came is not None and _is_same(came, data):
                return arrival.part.id, came
            if name.is_one_recordings:
                raise UploadComplete
            await self.arrivals.end_of(arrival.part.id)
            arrival = None
        if arrival is None and not data:
            raise SliceInvalid("This slice is empty. Leave it out, and give its number to the next.")
        if arrival is None:
            plan = Plan(name.door, media_type=media_type, raw_metadata=note, key=name.key)
            arrival = await self._begun(answer, viewer, plan)
        elif answer is not None and answer != (arrival.part.session_id, arrival.part.question_id):
            await self.arrivals.place(arrival.part.id, viewer, *answer)
        try:
            return arrival.part.id, await self.arrivals.put(arrival.part.id, viewer, slice, _once(data))
        except Problem:
            if not arrival.offset:
                await self._give_up_empty(arrival.part.id, viewer)
            raise

    async def _begun(self, answer: Answered | None, viewer: Viewer, plan: Plan) -> Arrival:
        if answer is None:
            return await self.arrivals.begin_unplaced(viewer, plan)
        return await self.arrivals.begin(*answer, viewer, plan)

    async def finish(
        self, name: Name, viewer: Viewer, total: int, answer: Answered | None = None
    ) -> tuple[Part, PartId]:
        """The accepted recording, and the id under which it arrived; UploadNotFound, and what Arrivals.finish raises.

        The same each time that it is asked, until the next take begins.
        """
        arrival = await self.arrivals.newest(name.key, viewer)
        if arrival is None:
            raise UploadNotFound("No slice of this recording has come, or it has expired. Send its slices first.")
        if answer is not None:
            await self.arrivals.place(arrival.part.id, viewer, *answer)
        return await self.arrivals.finish(arrival.part.id, viewer, slices=total), arrival.part.id

    async def _give_up_empty(self, id: PartId, viewer: Viewer) -> None:
        """A recording of which nothing came would be waited for."""
        with suppress(Problem):
            arrival = await self.arrivals.find(id, viewer)
            if not (arrival.slices or arrival.offset or arrival.is_complete):
                await self.arrivals.abort(id, viewer)


def _is_same(kept: KeptSlice, data: bytes) -> bool:
    return kept.sha256 == hashlib.sha256(data).hexdigest()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
