"""What the owners of webhooks are told of: thin words with a name that stays the same however often they are sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.events.model import SHOWN_AS, AnswerEnded, AnswerHeard, Conclusion, EventType
from services.interviews.model import SHOWN, Part, Session, Status, UserId
from services.interviews.spoken import Spoken
from services.interviews.transcript import Transcript

TEST = "webhook.test"
Said = Mapping[str, str | int | float | None]
OF_ANSWERS = ("question_id", "take", "status", "speech_verdict", "receipt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that happened to what a user owns; `at` is None where that is now."""

    id: str
    type: str
    user_id: UserId
    data: Said
    at: datetime | None = None


def notice_of(conclusion: Conclusion) -> Notice:
    """What the owner's webhooks are told of it."""
    if isinstance(conclusion, AnswerEnded):
        return of_answer(conclusion.part, conclusion.transcript, conclusion.receipt)
    if isinstance(conclusion, AnswerHeard):
        return of_utterance(conclusion.part, conclusion.spoken)
    return of_analysis(conclusion.session)


def of_answer(part: Part, transcript: Transcript | None = None, receipt: str | None = None) -> Notice:
    """That an answer ended. A recording that begins anew raises the fence, and its next end is another event."""
    status = SHOWN[part.state]
    return Notice(
        id=f"answer_{part.id}_{part.fence}",
        type=SHOWN_AS[status].value,
        user_id=part.user_id,
        data={
            "session_id": part.session_id,
            "question_id": part.question_id,
            "take": part.take,
            "status": status.value,
            "speech_verdict": transcript.verdict if transcript else None,
            "receipt": receipt,
        },
        at=part.completed_at,
    )


def of_utterance(part: Part, spoken: Spoken) -> Notice:
    """That a stretch of a recording was listened to; its words are not sent out."""
    return Notice(
        id=f"utterance_{part.id}_{spoken.index}",
        type=EventType.UTTERANCE.value,
        user_id=part.user_id,
        data={
            "session_id": part.session_id,
            "question_id": part.question_id,
            "take": part.take,
            "status": Status.PROCESSING.value,
            "index": spoken.index,
            "start": spoken.start,
            "end": spoken.end,
        },
    )


def of_analysis(session: Session) -> Notice:
    """That this revision of a session was analyzed."""
    return Notice(
        id=f"analysis_{session.id}_{session.revision}",
        type=EventType.ANALYZED.value,
        user_id=session.user_id,
        data={"session_id": session.id} | dict.fromkeys(OF_ANSWERS),
    )


def of_test(user_id: UserId, webhook_id: str, id: str) -> Notice:
    """Nothing happened; the owner wants to see it arrive."""
    return Notice(id=f"test_{id}", type=TEST, user_id=user_id, data={"webhook_id": webhook_id})


def body_of(type: str, at: datetime, data: Said) -> str:
    """What is sent and signed: the same letters each time."""
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": type, "timestamp": moment, "data": dict(data)}, separators=(",", ":"))
