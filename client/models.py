"""What the API takes and gives, as openapi.json says; tests hold the two together."""

from typing import Any, Literal, NotRequired, TypedDict

Status = Literal["queued", "processing", "completed", "failed"]
Verdict = Literal["ok", "no_speech", "low_confidence", "suspected_hallucination", "incomplete"]


class KeyPoint(TypedDict):
    text: str
    weight: NotRequired[float]


class NewQuestion(TypedDict):
    """A question as it is sent; a key point is a string or has a weight."""

    id: str
    text: str
    reference_answer: NotRequired[str | None]
    key_points: NotRequired[list[str | KeyPoint]]
    language: NotRequired[str | None]
    languages: NotRequired[list[str]]
    channels: NotRequired[Literal[1, 2]]


class Question(TypedDict):
    id: str
    text: str
    reference_answer: str | None
    key_points: list[KeyPoint]
    language: str | None
    languages: list[str]
    channels: int


class Failure(TypedDict):
    code: str
    sentence: str


class Feedback(TypedDict):
    """One thing said about an answer; `quote` stands word for word in the transcript.

    `needs_review`: a model takes the quote for evidence, and it shares no word of content with the point.
    """

    point: str
    covered: bool
    quote: str | None
    weight: float
    comment: str | None
    needs_review: bool
    start: float | None
    end: float | None


class Word(TypedDict):
    text: str
    start: float
    end: float
    probability: float | None


class Segment(TypedDict):
    text: str
    start: float
    end: float
    words: list[Word]
    speech_verdict: Verdict | None


class Flaw(TypedDict):
    """One thing that is wrong with a recording; in seconds, null where that is not known."""

    code: str
    at: float | None
    seconds: float | None


class Answer(TypedDict):
    """One answer's state: the newest recording's. Times are ISO 8601.

    `stage` and the seconds are of one in work.
    """

    status: Status
    stage: Literal["recording", "waiting", "listening"] | None
    received_seconds: float | None
    transcribed_seconds: float | None
    question_id: str
    transcript: str | None
    transcript_is_cut: bool
    take: int
    call_id: str | None
    file_id: str | None
    deletion_receipt: str | None
    no_speech: bool
    speech_verdict: Verdict | None
    verdict_version: str | None
    language: str | None
    language_probability: float | None
    duration_seconds: float | None
    warnings: list[str]
    warning_details: list[Flaw]
    created_at: str | None
    transcribed_at: str | None
    error: Failure | None
    score_status: Literal["pending", "scored", "unscored"] | None
    score: float | None
    unscored_reason: str | None
    scorer: str | None
    usable_share: float | None
    feedback: list[Feedback]


class AnswerStatus(Answer):
    segments: NotRequired[list[Segment] | None]


class ScoredAnswer(Answer):
    question: str
    model_answer: str | None


class Receipt(TypedDict):
    """A receipt for a deleted recording, `seq`-th of its owner's chain; `receipt` is a compact JWS."""

    seq: int
    chain: str
    id: str
    receipt: str


class ReceiptHead(TypedDict):
    """Where a chain of receipts ends; `hash` names its newest, as the next one will."""

    chain: str
    seq: int
    hash: str


class Session(TypedDict):
    session_id: str
    user_id: str
    title: str | None
    created_at: str | None
    questions: list[Question]
    answers: dict[str, Answer]


class ListedSession(TypedDict):
    """A session without its texts; `answers` counts the answers of each status."""

    session_id: str
    title: str | None
    created_at: str
    state: Literal["empty", "pending", "partial", "complete"]
    questions: int
    answers: dict[str, int]


class SessionPage(TypedDict):
    sessions: list[ListedSession]
    next: str | None


class Erasure(TypedDict):
    """What is under way, or was done; `found` counts what there was, and once it is done nothing of it is left."""

    erasure_id: str
    of: Literal["session", "user"]
    session_id: str | None
    state: Literal["running", "done"]
    asked_by: Literal["owner", "admin", "retention"]
    asked_at: str
    done_at: str | None
    waits_for: Literal["uploads", "sessions", "hold"] | None
    receipt: str | None
    found: dict[str, int]


class Summary(TypedDict):
    total: int
    completed: int
    processing: int
    queued: int
    failed: int
    questions: int
    not_answered: int


class SessionStatus(TypedDict):
    session_id: str
    summary: Summary
    answers: dict[str, Answer]
    not_answered: list[str]


class Uploaded(TypedDict):
    """The recording is stored durably and will be transcribed."""

    status: NotRequired[Literal["processing"]]
    message: NotRequired[str]
    file_id: str
    transcription_status: NotRequired[Literal["queued"]]
    session_id: str
    question_id: str
    take: int
    sha256: str
    bytes: int
    call_id: NotRequired[str | None]
    deduplicated: NotRequired[bool]


class Turn(TypedDict):
    """What one side of a call says, in seconds of the call."""

    speaker: Literal["left", "right"]
    start: float
    end: float
    text: str
    interrupts: bool
    words: list[Word] | None


class Response(TypedDict):
    """An answer to what the right side said."""

    asked_until: float
    answered_at: float
    latency: float


class Side(TypedDict):
    """What is known of one side of a call."""

    state: Literal["missing", "empty", "pending", "completed", "failed"]
    transcript: str | None
    no_speech: bool
    language: str | None
    duration_seconds: float | None
    speech_verdict: Verdict | None
    warnings: list[str]
    error: Failure | None


class Conversation(TypedDict):
    """Both sides of a call, turn by turn."""

    call_id: str
    session_id: str
    question_id: str
    take: int
    status: Literal["processing", "completed"]
    left: Side
    right: Side
    turns: list[Turn]
    response_latency: float | None
    responses: list[Response]
    overlap_seconds: float
    left_seconds: float
    right_seconds: float
    talk_ratio: float | None
    warnings: list[str]


class MicrophoneTest(TypedDict):
    """What was heard in a test of a microphone; `text` is empty where it is not to be believed."""

    text: str
    heard: bool
    seconds: float


class AnalysisPending(TypedDict):
    """Something is still in work; ask again after `retry_after` seconds."""

    status: NotRequired[Literal["transcription_pending"]]
    message: str
    pending_count: int
    processing_count: int
    retry_after: int
    scoring_count: int
    queued: list[str]
    processing: list[str]
    scoring: list[str]
    failed: list[str]
    not_answered: list[str]


class Analysis(TypedDict):
    """The scores. What failed, was not answered or could not be judged is named, and never counted as zero."""

    status: NotRequired[Literal["success"]]
    final_score: float | None
    scored_count: int
    session_id: str
    input_digest: str
    answers: list[ScoredAnswer]
    unscored: dict[str, str | None]
    failed: list[str]
    not_answered: list[str]


class AnswerSeen(TypedDict):
    question_id: str
    take: int
    status: str
    code: str | None
    audio_stored: bool


class FoundSession(TypedDict):
    """Anybody's session in short, as operators find it."""

    session_id: str
    user_id: str
    title: str | None
    created_at: str
    questions: int
    answers: list[AnswerSeen]


class FailedAnswer(TypedDict):
    """A recording that failed; it can be retried while it is kept and no newer one was accepted."""

    session_id: str
    question_id: str
    take: int
    file_id: str
    user_id: str
    state: Literal["uploading", "queued", "processing", "completed", "failed", "superseded", "aborted"]
    bytes: int
    deliveries: int
    retries: int
    error: Failure | None
    failed_at: str | None
    audio_kept: bool
    can_retry: bool


class WhyNot(TypedDict):
    code: str
    detail: str


class RetriedAnswer(TypedDict):
    """Queued anew, or why not."""

    file_id: str
    problem: WhyNot | None


class TrendBin(TypedDict):
    """What is known of some minutes; nothing where it is not `seen`."""

    since: str
    seen: bool
    accepted: int
    completed: int
    failed: int
    waiting: int | None


class Trends(TypedDict):
    span: Literal["hour", "day"]
    bin_seconds: int
    bins: list[TrendBin]


Event = dict[str, Any]


class RtpAddress(TypedDict):
    host: str
    port: int


class RtpAddresses(TypedDict):
    left: RtpAddress | None
    right: RtpAddress | None


class BegunCall(TypedDict):
    """A call that takes packets: by a WebSocket at a path, and by UDP where `rtp` says."""

    call_id: str
    session_id: str
    question_id: str
    take: int
    websocket: str
    rtp: RtpAddresses | None


class CallSide(TypedDict):
    """What came of one side's packets, and of its recording."""

    state: Literal["arriving", "queued", "processing", "completed", "failed", "superseded", "empty"]
    recording_id: str
    packets: int
    recovered: int
    lost: int
    late: int
    doubled: int
    skipped: int
    foreign: int
    odd: dict[str, int]
    restarts: int
    seconds: float
    filled_seconds: float
    jitter_seconds: float
    last_sequence: int | None


class Call(TypedDict):
    """A call with two sides, of which the left one is the answer."""

    call_id: str
    session_id: str
    question_id: str
    take: int
    state: Literal["open", "ending", "transcribing", "completed"]
    created_at: str | None
    begun_at: str | None
    ended_at: str | None
    left: CallSide | None
    right: CallSide | None
    warnings: list[str]
