"""What the use cases need from the world; services/adapters holds what gives it.

Times are the store's own, so that no two clocks need to agree. A method that
changes a record returns the record as it then is, or None where the record had
moved on and nothing was written.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.formats import Container
from services.interview import (
    Answer,
    Evaluation,
    Failure,
    Part,
    PartId,
    Question,
    QuestionId,
    Session,
    SessionId,
    UserId,
    Viewer,
)
from services.readings import Reading
from services.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Take:
    """The number of a recording that is about to arrive, and what it answers."""

    number: int
    question: Question
    owner: UserId


class Sessions(Protocol):
    """The documents that clients see."""

    async def create(self, session: Session) -> Session:
        """Keep a new session; SessionExists if the id is taken."""

    async def get(self, id: SessionId, viewer: Viewer) -> Session:
        """The session; SessionNotFound if it is absent or another user's."""

    async def next_take(self, id: SessionId, question_id: QuestionId, viewer: Viewer) -> Take:
        """Number the next recording; SessionNotFound or QuestionNotFound."""

    async def show(self, session_id: SessionId, answer: Answer) -> bool:
        """Show the answer unless a newer rev or take is shown already; False if it is a newer take."""

    async def score(self, session_id: SessionId, question_id: QuestionId, take: int, evaluation: Evaluation) -> bool:
        """Show the evaluation of a completed take that has none; False where it no longer fits."""

    async def record_analysis(self, id: SessionId, revision: int, analysis: Mapping[str, object]) -> bool:
        """Keep the result that was computed from this revision; False if the session has moved on."""


class Uploads(Protocol):
    """The records of recordings that are arriving."""

    async def begin(self, part: Part) -> None:
        """Keep the record before the first byte of its audio."""

    async def touch(self, id: PartId) -> bool:
        """Say that bytes still arrive; False if the upload was given up by the sweep."""

    async def accept(self, id: PartId, sha256: str, size: int, seconds: float = 0.0) -> Part | None:
        """uploading -> queued, with the estimate of its seconds.

        If the same recording of the same answer waits or is in work already, this
        upload stays as it is, and the answer is that other part: its take is
        raised to this one's, so that it counts as the newest recording.
        """

    async def abort(self, id: PartId) -> Part | None:
        """uploading -> aborted."""

    async def supersede(self, session_id: SessionId, question_id: QuestionId, take: int) -> list[Part]:
        """End what waits or is in work of the takes before this one."""


class Claims(Protocol):
    """The records as a worker sees them. Each write but the claim is fenced."""

    async def claim(self, id: PartId, owner: str) -> Part | None:
        """Take a part that is due, or whose worker fell silent; raises fence and deliveries."""

    async def beat(self, id: PartId, fence: int) -> bool:
        """Keep the claim; False if it is lost."""

    async def complete(self, id: PartId, fence: int, transcript: Transcript) -> Part | None:
        """processing -> completed, with the transcript, in one write."""

    async def again(self, id: PartId, fence: int, failure: Failure, delay: float) -> Part | None:
        """processing -> queued, due after so many seconds."""

    async def release(self, id: PartId, fence: int) -> Part | None:
        """processing -> queued at once; the delivery does not count."""

    async def fail(self, id: PartId, fence: int, failure: Failure, *, keep_audio: bool) -> Part | None:
        """processing -> failed."""


class Records(Protocol):
    """The records, to be read."""

    async def get(self, id: PartId) -> Part | None: ...

    async def transcript(self, id: PartId) -> Transcript | None:
        """The full transcript of a completed part, with its segments."""

    async def newest_takes(self, session_id: SessionId) -> dict[QuestionId, int]:
        """Of each question the newest take that is arriving or was accepted."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion removed, and what a look afterwards still found."""

    files: int
    chunks: int
    left: int


class Closings(Protocol):
    """The last writes to an ended record."""

    async def settle(self, id: PartId, rev: int, deletion: Deletion | None) -> bool:
        """Nothing remains to be done for this state; notes the deletion of the audio."""

    async def scored(self, id: PartId) -> None:
        """Nothing remains to be scored."""

    async def score_again(self, id: PartId, delay: float) -> int:
        """Scoring failed; due again after so many seconds. Returns how often it has failed."""


@dataclass(frozen=True, slots=True)
class Findings:
    """How many records the sweep's looks would find now."""

    due: int
    silent: int
    exhausted: int
    abandoned: int
    unsettled: int
    unscored: int
    expired: int


class Upkeep(Protocol):
    """What the sweep looks for. Each call takes on a bounded number of records."""

    async def due(self, limit: int) -> list[PartId]:
        """Queued parts that are due and were not rung for a while, longest first; marks them as rung."""

    async def count_due(self) -> int: ...

    async def reclaim(self) -> list[Part]:
        """Parts whose worker fell silent, with deliveries left: processing -> queued."""

    async def bury(self, failure: Failure) -> list[Part]:
        """Parts whose worker fell silent, with no deliveries left: processing -> failed, audio kept."""

    async def abandon(self) -> list[Part]:
        """Uploads that fell silent: uploading -> aborted."""

    async def unsettled(self) -> list[Part]:
        """Ended parts for which something remains to be done for some seconds already."""

    async def unscored(self) -> list[PartId]:
        """Completed parts whose scoring is overdue."""

    async def expire(self, hours: float) -> list[Part]:
        """Failed parts whose audio was kept for so many hours: the audio is no longer kept."""

    async def survey(self, hours: float) -> Findings:
        """Count what `count_due`, `reclaim`, `bury`, ... would find, and change nothing."""

    async def owned(self, ids: list[PartId]) -> set[PartId]:
        """Those of the ids whose audio a record still needs or is just receiving."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much stands before a session's last pending answer, and how fast it goes."""

    ahead: int
    slots: int
    seconds_each: float


class Backlog(Protocol):
    async def load(self, session_id: SessionId | None) -> Load:
        """What stands before the session's last pending answer; None: all that waits."""

    async def queued_seconds(self, user_id: UserId) -> float:
        """The estimated seconds of a user's recordings that wait or are in work."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored of a recording."""

    sha256: str
    size: int


class Audio(Protocol):
    """Bytes under an id."""

    async def store(self, id: PartId, data: AsyncIterator[bytes], metadata: Mapping[str, object]) -> Stored:
        """Keep the bytes as they arrive; durable once this returns.

        Holds a few chunks at most. If it is left by an error, `delete` removes
        what was written. StoreUnavailable if the database did not confirm.
        """

    def read(self, id: PartId) -> AsyncIterator[bytes]:
        """The bytes, in pieces; AudioMissing if they are not there."""

    async def mark(self, id: PartId, status: str) -> None:
        """Set the file's `status` in its metadata; nothing there is no error."""

    async def delete(self, id: PartId) -> Deletion:
        """Forget the bytes. Nothing there is no error."""

    async def stray_files(self) -> list[PartId]:
        """The ids of all files; a record decides which of them are strays."""

    async def stray_chunks(self) -> list[PartId]:
        """The ids under which there are chunks and no file."""


class Doorbell(Protocol):
    """Wakes a worker. Losing or doubling a ring must not matter; none of these raises."""

    async def transcribe(self, id: PartId) -> bool:
        """False if the ring was not heard; the sweep rings again."""

    async def score(self, id: PartId) -> bool: ...

    async def waiting(self) -> int | None:
        """Rings to transcribe that nobody has heard yet; None if that cannot be told."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the recording, in seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Recording:
    """Decoded sound: 16-bit little-endian mono at 16 kHz."""

    pcm: bytes
    duration: float
    warnings: tuple[str, ...] = ()


class Decoder(Protocol):
    async def decode(self, data: AsyncIterator[bytes]) -> Recording:
        """AudioUnreadable or AudioTooLong; never more work or memory than the caps allow."""


class VoiceActivity(Protocol):
    async def spans(self, recording: Recording) -> list[Span]:
        """Where somebody speaks; empty where nobody does."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What an engine is given: a recording in which somebody speaks."""

    recording: Recording
    spans: list[Span]
    language: str | None = None
    prompt: str | None = None


class SpeechEngine(Protocol):
    async def transcribe(self, speech: Speech) -> Transcript:
        """EngineUnavailable and its kind (try again), or EngineRefused."""


class Scorer(Protocol):
    async def score(self, question: Question, transcript: str) -> Evaluation:
        """Every quote stands in the transcript. ScorerUnavailable: try again."""


class Tokens(Protocol):
    async def verify(self, token: str) -> Viewer:
        """Unauthenticated if it is not valid."""


@dataclass(frozen=True, slots=True)
class WorkerSign:
    """A worker's sign of life."""

    name: str
    engine: str
    slots: int
    seen_at: datetime | None = None


class Workers(Protocol):
    async def seen(self, sign: WorkerSign) -> None: ...

    async def gone(self, name: str) -> None: ...

    async def alive(self) -> list[WorkerSign]:
        """The workers that gave a sign lately."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A recording as it arrives: its container, and its bytes from the first on."""

    container: Container
    data: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A request that carries an idempotency key. `fingerprint` names its body; None while that is not known."""

    user_id: UserId
    key: str
    path: str
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A key that is held while its request is in flight.

    `made_id` names what the request makes, in all its tries; `resumed` says that an earlier try ended without
    an answer that was kept.
    """

    id: str
    holder: str
    made_id: str
    resumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer as it was given, and the fingerprint of the body that it was given to."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    fingerprint: str


class Replays(Protocol):
    """What was answered under the keys of the last 24 hours. Each write but `hold` is the holder's alone."""

    async def hold(self, request: Keyed, made_id: str) -> Hold | Kept:
        """Hold the key, also in place of a holder that let go or fell silent, or give what is kept.

        IdempotencyInFlight while another holds it, IdempotencyMismatch if the
        key was used for another path or another known fingerprint.
        """

    async def beat(self, hold: Hold) -> bool:
        """Keep the hold; False if it is lost."""

    async def name(self, hold: Hold, made_id: str) -> bool:
        """Name what the request makes anew; False if the hold is lost."""

    async def keep(self, hold: Hold, answer: Kept) -> bool:
        """Keep the answer; False if the hold is lost."""

    async def release(self, hold: Hold) -> None:
        """Let go of the key; the next request with it may try again."""


class RateLimits(Protocol):
    async def hit(self, budget: str, who: str) -> float | None:
        """Count one; the seconds to wait if that is over the budget. Never holds a caller up for more than a moment."""


class Tally(Protocol):
    """Sums that outlive processes. A crash may lose one; none is counted twice."""

    async def ended(self, id: PartId) -> None:
        """Count how an ended part ended, the first time this is called for it."""

    async def swept(self, subject: str, counts: Mapping[str, int]) -> None:
        """Count one pass of the `sweep` or the `audit`, and what it did."""


class Gauges(Protocol):
    async def read(self) -> Reading:
        """How things stand now."""
