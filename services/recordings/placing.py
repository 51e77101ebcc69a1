"""Recordings that arrive before it is said what they answer: until then they are their user's alone.

They are no take of anything, and nothing waits for them. Once their answer is named, they are its next take.
"""

from dataclasses import dataclass

from services.errors import AnswerDiffers, SessionNotFound, StoreUnavailable
from services.interviews.model import Part, QuestionId, SessionId, Viewer, new_part_id
from services.interviews.ports import Elections, Sessions
from services.recordings.accepting import GIVEN_UP
from services.recordings.numbering import next_take
from services.recordings.ports.arrivals import NOWHERE, ArrivalRecords, Arriving

TRIES = 3


def unplaced(viewer: Viewer) -> Part:
    """A new record that answers nothing yet."""
    return Part(id=new_part_id(), session_id=NOWHERE, question_id=QuestionId(""), user_id=viewer.user_id, take=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    sessions: Sessions
    elections: Elections
    records: ArrivalRecords

    async def place(
        self, arriving: Arriving, session_id: SessionId, question_id: QuestionId, viewer: Viewer
    ) -> Arriving | None:
        """Number it as the next take of this answer, where that is not done; None where it takes nothing more.

        SessionNotFound, QuestionNotFound, AnswerDiffers where it is of another answer.
        """
        part = arriving.part
        if part.session_id != NOWHERE:
            if (part.session_id, part.question_id) != (session_id, question_id):
                raise AnswerDiffers
            return arriving
        for _ in range(TRIES):
            numbered = await next_take(self.sessions, session_id, question_id, viewer, part.id)
            if numbered.part.user_id != part.user_id:
                raise SessionNotFound
            placed = await self.records.place(numbered.part)
            # An election in between may have had the number given twice.
            if placed is None or numbered.since is None or self.elections.none_since(numbered.since):
                return placed
        raise StoreUnavailable(GIVEN_UP)
