"""An interview: its questions, its answers, and the life of a recording.

A session belongs to one user and owns questions and answers. A take is one
recording of an answer; the newest take wins. A part is what is transcribed on
its own; an upload has one. Answers show what the newest take's parts say.
"""

import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType

from services.errors import ScorerUnavailable
from services.interviews.language import Language
from services.interviews.transcript import Flaw, Transcript, Verdict

SessionId = NewType("SessionId", str)
QuestionId = NewType("QuestionId", str)
UserId = NewType("UserId", str)
PartId = NewType("PartId", str)
CallId = NewType("CallId", str)

ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_id(text: str) -> bool:
    """Whether a session or a question may be called this."""
    return _ID.fullmatch(text) is not None


def new_part_id() -> PartId:
    return PartId(secrets.token_hex(12))


def new_session_id() -> SessionId:
    return SessionId(secrets.token_urlsafe(16))


class CallSide(StrEnum):
    """Who is heard on one side of a call: `left` the candidate, `right` who asks."""

    LEFT = "left"
    RIGHT = "right"


def aside_of(question_id: QuestionId) -> QuestionId:
    """What the right side of a call about a question is kept under: no question is called that."""
    return QuestionId(f"{question_id}~{CallSide.RIGHT.value}")


def asked_in(question_id: QuestionId) -> QuestionId:
    """The question that a recording is about, on whichever side of a call it was made."""
    return QuestionId(question_id.partition("~")[0])


class Status(StrEnum):
    """What a client sees of an answer."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class Stage(StrEnum):
    """What becomes of an answer that is in work: `recording` is listened to while it arrives."""

    RECORDING = "recording"
    WAITING = "waiting"
    LISTENING = "listening"


STAGES = {Status.QUEUED: Stage.WAITING, Status.PROCESSING: Stage.LISTENING}


class PartState(StrEnum):
    """The life of a part."""

    UPLOADING = "uploading"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    ABORTED = "aborted"


MOVES: dict[PartState, frozenset[PartState]] = {
    PartState.UPLOADING: frozenset({PartState.QUEUED, PartState.ABORTED}),
    PartState.QUEUED: frozenset({PartState.PROCESSING, PartState.SUPERSEDED, PartState.FAILED, PartState.ABORTED}),
    PartState.PROCESSING: frozenset(
        {PartState.PROCESSING, PartState.QUEUED, PartState.COMPLETED, PartState.FAILED, PartState.SUPERSEDED}
    ),
    PartState.COMPLETED: frozenset(),
    PartState.FAILED: frozenset({PartState.QUEUED}),
    PartState.SUPERSEDED: frozenset(),
    PartState.ABORTED: frozenset(),
}
LIVE = frozenset({PartState.UPLOADING, PartState.QUEUED, PartState.PROCESSING})
ENDED = frozenset(PartState) - LIVE
DROPPED = frozenset({PartState.SUPERSEDED, PartState.ABORTED})


def sources(target: PartState) -> list[PartState]:
    """The states from which a part may come into this one."""
    return [state for state, targets in MOVES.items() if target in targets]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something ended badly: a stable code, and a sentence for a person."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class KeyPoint:
    """Something that a good answer says."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. `language` is what is spoken; beside `languages`, of which any may be, it is the likeliest.

    Answers of two `channels` have who answers on the left and who asks on the right.
    """

    id: QuestionId
    text: str
    reference_answer: str | None = None
    key_points: tuple[KeyPoint, ...] = ()
    language: Language | None = None
    languages: tuple[Language, ...] = ()
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks."""

    user_id: UserId
    is_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A byte at which a recording can be entered in its middle, and the sample of it that begins there.

    The bytes from `head` to `head_end` say what it is, and belong before those from `offset` on. What a decoder `told`
    of all before it goes on to count.
    """

    offset: int
    samples: int
    head: int = 0
    head_end: int = 0
    told: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far a recording was listened to: so many stretches, up to a sample of it.

    `plan` is what the decoder knows of the whole, where that was complete; `voice` what voice activity remembers there;
    the language is that of the stretches. Who goes on begins to decode at the entry, if there is one.
    Of two channels that are not mixed, it is in the middle of one; those before it are settled.
    """

    stretches: int = 0
    samples: int = 0
    seconds: float = 0.0
    plan: bytes = b""
    voice: bytes = b""
    language: Language | None = None
    entry: Entry | None = None
    channel: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The record of one piece of audio. `rev` grows with each change, `fence` with each claim.

    The recording is stored under the part's own id. `retries` counts how often
    an operator had it begin anew after it had failed; `waited_seconds` how long
    it was told to wait for an engine that had enough to do; `epoch` is that of the key under which it was sealed.
    The `listener` has claimed it while it arrives, and may have it to itself until it lets go, also once it is queued.
    Two `channels` are listened to apart.
    One side of a call says of which call, and which side; the right one answers nothing, see `aside_of`. A recording
    of both sides says of which call.
    """

    id: PartId
    session_id: SessionId
    question_id: QuestionId
    user_id: UserId
    take: int
    index: int = 0
    of: int = 1
    state: PartState = PartState.UPLOADING
    rev: int = 0
    fence: int = 0
    deliveries: int = 0
    language: Language | None = None
    languages: tuple[Language, ...] = ()
    sha256: str | None = None
    bytes: int = 0
    estimated_seconds: float = 0.0
    created_at: datetime | None = None
    completed_at: datetime | None = None
    failure: Failure | None = None
    keep_audio: bool = False
    retries: int = 0
    waited_seconds: float = 0.0
    checkpoint: Checkpoint | None = None
    epoch: str | None = None
    listener: str | None = None
    channels: int = 1
    call_id: CallId | None = None
    side: CallSide | None = None

    @property
    def is_aside(self) -> bool:
        """Whether it is heard beside an answer, and is none."""
        return self.side is CallSide.RIGHT

    @property
    def transcribed_seconds(self) -> float:
        return self.checkpoint.seconds if self.checkpoint else 0.0

    @property
    def received_seconds(self) -> float:
        """How long it is as far as that is known: by its size, until more than that was heard."""
        return max(self.estimated_seconds, self.transcribed_seconds)


class Mark(StrEnum):
    """How far the scoring of an answer is."""

    PENDING = "pending"
    SCORED = "scored"
    UNSCORED = "unscored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One thing said about an answer, resting on words of the transcript.

    `quote` stands verbatim in the transcript, or is None where nothing was found. It needs a person's
    review where a model takes it for evidence and it shares no word of content with the point.
    It is said from `start` to `end`, in seconds of the recording, where the engine told when.
    """

    point: str
    covered: bool
    quote: str | None = None
    weight: float = 1.0
    comment: str | None = None
    needs_review: bool = False
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A score from 0 to 100 with its evidence, or the reason why there is none.

    `usable_share`, from 0 to 1, is how much of what was spoken it could rest on.
    """

    score: float | None
    feedback: tuple[Feedback, ...] = ()
    reason: str | None = None
    scorer: str = ""
    usable_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the session's document shows for one question: its newest take, of a long transcript the beginning.

    The right side of a call is told of like one, and shown nowhere in the session's document.
    """

    question_id: QuestionId
    take: int
    rev: int
    part_id: PartId
    status: Status
    is_arriving: bool = False
    received_seconds: float | None = None
    transcribed_seconds: float | None = None
    audio_stored: bool = True
    receipt: str | None = None
    created_at: datetime | None = None
    transcribed_at: datetime | None = None
    failure: Failure | None = None
    transcript: str | None = None
    is_cut: bool = False
    language: Language | None = None
    language_probability: float | None = None
    duration: float | None = None
    no_speech: bool = False
    warnings: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    verdict: Verdict | None = None
    verdict_version: str | None = None
    mark: Mark | None = None
    evaluation: Evaluation | None = None
    call_id: CallId | None = None
    side: CallSide | None = None

    @property
    def lacks_score(self) -> bool:
        """Whether it waits for a score, or has none only because no scorer could be had."""
        gave_up = self.evaluation is not None and self.evaluation.reason == ScorerUnavailable.code
        return self.mark is Mark.PENDING or (self.mark is Mark.UNSCORED and gave_up)

    @property
    def is_pending(self) -> bool:
        return self.status in (Status.QUEUED, Status.PROCESSING)

    @property
    def stage(self) -> Stage | None:
        return Stage.RECORDING if self.is_arriving else STAGES.get(self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One interview. `revision` grows with each change of its answers, `cursor` with each event.

    `live` are answers that are still being recorded: they show in place of older ones, and may yet be given up.
    `size` is what is counted of it as stored, in bytes.
    """

    id: SessionId
    user_id: UserId
    questions: tuple[Question, ...]
    answers: dict[QuestionId, Answer] = field(default_factory=dict)
    live: dict[QuestionId, Answer] = field(default_factory=dict)
    revision: int = 0
    cursor: int = 0
    created_at: datetime | None = None
    title: str | None = None
    size: int = 0

    @property
    def shown(self) -> dict[QuestionId, Answer]:
        """What there is to see of each answer."""
        return self.answers | self.live

    def question(self, id: QuestionId) -> Question | None:
        return next((q for q in self.questions if q.id == id), None)


SHOWN = {
    PartState.QUEUED: Status.QUEUED,
    PartState.PROCESSING: Status.PROCESSING,
    PartState.COMPLETED: Status.COMPLETED,
    PartState.FAILED: Status.FAILED,
}
# So that a session with the most answers, each as long as it may be, stays within what a document may hold.
MOST_SHOWN_BYTES = 32_000


def beginning(text: str, most: int = MOST_SHOWN_BYTES) -> str:
    """As much of a transcript as a session's document shows, in bytes; its record has the whole."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def answer_of(part: Part, transcript: Transcript | None = None, receipt: str | None = None) -> Answer:
    """What an answer shows of a take that has this one part."""
    answer = Answer(
        question_id=part.question_id,
        take=part.take,
        rev=part.rev,
        part_id=part.id,
        status=SHOWN[part.state],
        received_seconds=part.received_seconds if part.state in LIVE else None,
        transcribed_seconds=part.transcribed_seconds if part.state in LIVE else None,
        audio_stored=part.state in LIVE or part.keep_audio,
        receipt=receipt,
        created_at=part.created_at,
        failure=part.failure if part.state is PartState.FAILED else None,
        call_id=part.call_id,
        side=part.side,
    )
    if part.state is not PartState.COMPLETED or transcript is None:
        return answer
    return replace(
        answer,
        transcribed_at=part.completed_at,
        transcript=beginning(transcript.text),
        is_cut=len(beginning(transcript.text)) < len(transcript.text),
        language=transcript.language,
        language_probability=transcript.language_probability,
        duration=transcript.duration,
        no_speech=transcript.no_speech,
        warnings=transcript.warnings,
        flaws=transcript.flaws,
        verdict=transcript.verdict,
        verdict_version=transcript.verdict_version,
        mark=Mark.PENDING,
    )


def evaluated(answer: Answer, evaluation: Evaluation) -> Answer:
    """The same with its score, or with why it has none."""
    mark = Mark.UNSCORED if evaluation.score is None else Mark.SCORED
    return replace(answer, mark=mark, evaluation=evaluation)
