"""Takes are numbered before anything of them is received."""

from dataclasses import dataclass

from services.interviews.model import CallId, Part, PartId, QuestionId, SessionId, Viewer, new_part_id
from services.interviews.ports import Election, Sessions


@dataclass(frozen=True, slots=True)
class Numbered:
    """A take that has its number, and the newest election before it got that; see Take."""

    part: Part
    since: Election | None


async def next_take(
    sessions: Sessions,
    session_id: SessionId,
    question_id: QuestionId,
    viewer: Viewer,
    id: PartId | None = None,
    channels: int | None = None,
) -> Numbered:
    """The next take of an answer: SessionNotFound or QuestionNotFound. It has the question's channels, or so many.

    Two sides in one recording are a call of its own, which goes by the recording's id.
    A take that is never received is a number that is left out, no more.
    """
    take = await sessions.next_take(session_id, question_id, viewer)
    part_id, channels = id or new_part_id(), channels or take.question.channels
    part = Part(
        id=part_id,
        session_id=session_id,
        question_id=question_id,
        user_id=take.owner,
        take=take.number,
        language=take.question.language,
        languages=take.question.languages,
        channels=channels,
        call_id=CallId(part_id) if channels > 1 else None,
        created_at=take.at,
    )
    return Numbered(part, take.since)
