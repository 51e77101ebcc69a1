"""The whole interior on fakes: one store, one clock, and an engine that says what a test puts in its mouth."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.decoded import Decoded
from services.access.idempotency import Idempotency
from services.adapters.coverage_scorer import CoverageScorer
from services.adapters.receipt_keys import ReceiptKeys
from services.analysis.ports import Scorer
from services.analysis.results import Analysis
from services.analysis.scoring import Scoring
from services.background import Background
from services.calls.bridging import Bridging
from services.calls.calls import Calls
from services.calls.ending import Ending
from services.calls.ports import CallRecords, RtpReceivers
from services.errors import AudioTooLong, EngineBusy, Problem, ScorerBusy
from services.interviews.erasable import Erasable
from services.interviews.language import Language
from services.interviews.model import (
    Entry,
    KeyPoint,
    Part,
    PartId,
    Question,
    QuestionId,
    Session,
    SessionId,
    UserId,
    Viewer,
    new_session_id,
)
from services.interviews.ports import Elections
from services.interviews.sessions import Interviews
from services.interviews.transcript import Flaw, Segment, Span, Transcript
from services.operations.erasure import Erasing
from services.operations.holding import LegalHold
from services.operations.interventions import Intervention, Operator
from services.operations.overview import Overview
from services.operations.ports.erasures import Erasures
from services.operations.ports.holds import Holds
from services.operations.ports.retained import Retained
from services.operations.receipting import Receipting
from services.operations.retention import Policy, Retention
from services.operations.sweep import Sweep
from services.recordings.accepting import Accepting
from services.recordings.arrivals import ArrivalLimits, Arrivals
from services.recordings.closing import Closing
from services.recordings.erasing import RecordingsErasable
from services.recordings.formats import Container
from services.recordings.growing import Growing
from services.recordings.intake import Intake
from services.recordings.ports.arrivals import ArrivalRecords, Pieces, Slices
from services.recordings.ports.audio import Incoming
from services.recordings.ports.receipts import ReceiptLedger
from services.recordings.ports.utterances import Utterances
from services.recordings.receipts import Receipts
from services.recordings.upload_heartbeats import UploadHeartbeats
from services.throttle import Throttle
from services.transcription.attending import Attending
from services.transcription.eta import Eta
from services.transcription.listening import Listening
from services.transcription.microphone_tests import MicrophoneListening
from services.transcription.ports import (
    RATE,
    START,
    Activity,
    Following,
    Place,
    Recording,
    Sound,
    Source,
    Speech,
    SpeechEngine,
)
from services.transcription.stretches import LIVE, LONG, Length
from services.transcription.telling import Telling
from services.transcription.transcribing import Transcription
from services.webhooks.endpoints import Webhooks
from services.webhooks.recipients import Recipients
from tests.fakes.access import FakeIdempotencyKeys, FakeQuotas, FakeRateLimits
from tests.fakes.arrivals import FakeArrivals, FakePieces, FakeRoom, FakeSlices
from tests.fakes.audio import FakeAudio
from tests.fakes.calls import FakeCalls, FakeRtpReceivers
from tests.fakes.elections import FakeElections
from tests.fakes.erasures import FakeErasures, FakeLeftovers
from tests.fakes.figures import FakeCounters, FakeGauges
from tests.fakes.hints import FakeHints
from tests.fakes.keyring import FakeEpochs
from tests.fakes.memory import Memory
from tests.fakes.microphone_tests import FakeMicrophoneTests
from tests.fakes.operations import FakeAuditLog, FakeInterventions, FakeViews
from tests.fakes.receipts import FakeReceipts
from tests.fakes.records import FakeBacklog, FakeClaims, FakeClosings, FakeRecords, FakeUploads, FakeUtterances
from tests.fakes.retained import FakeHolds, FakeRetained
from tests.fakes.sessions import FakeSessions
from tests.fakes.trends import FakeTrends
from tests.fakes.upkeep import FakeUpkeep
from tests.fakes.webhooks import FakeCourier, FakeEndpoints, FakeLedger
from tests.fakes.workers import FakeDoorbell, FakeWorkers

ALICE = Viewer(UserId("alice"))
BOB = Viewer(UserId("bob"))
ADMIN = Viewer(UserId("root"), is_admin=True)
OPERATOR = Operator(ADMIN, "a-request")
Q1, Q2 = QuestionId("q1"), QuestionId("q2")
SAID = "An index avoids a full table scan."
WORDS_A_SECOND = 2.5


KEYS = ReceiptKeys(Ed25519PrivateKey.generate(), {})


class Finder(Protocol):
    async def find(self, recording: Recording) -> Activity: ...


@dataclass
class Followed:
    """Voice activity that is found once a stretch is there; every moment is as good as any to end one."""

    finder: Finder
    state: bytes = b"a state"

    async def take(self, block: bytes) -> None:
        pass

    async def pause(self, pcm: bytes, first: float, last: float) -> float:
        return last

    async def close(self, pcm: bytes) -> Activity:
        return await self.finder.find(Recording(pcm, len(pcm) / (2 * RATE)))


def entries(first: Entry, end: int) -> tuple[Entry, ...]:
    """A few hundred, from the first to the end."""
    step = max(1, (end - first.samples) // 200)
    numbers = range(0, end - first.samples, step)
    return tuple(Entry(offset=first.offset + 2 * n, samples=first.samples + n) for n in numbers)


class Ears:
    """Decoder, voice activity and engine in one: what it is told happens."""

    name = "ears"

    def __init__(self) -> None:
        self.said = SAID
        self.trouble: list[Problem | Exception] = []
        self.speaks = True
        self.hold = asyncio.Event()
        self.hold.set()
        self.heard = 0
        self.flaws: tuple[Flaw, ...] = ()
        self.segments: tuple[Segment, ...] = ()

    async def decode(self, data: AsyncIterator[bytes], *, most_seconds: float | None = None) -> Recording:
        pcm = b"".join([piece async for piece in data])
        if most_seconds is not None and len(pcm) / 32000 > most_seconds:
            raise AudioTooLong
        return Recording(pcm, len(pcm) / 32000, self.flaws)

    @asynccontextmanager
    async def listen(self, source: Source, place: Place = START) -> AsyncIterator[Sound]:
        """Of what is entered nothing is known that is before the entry; it can be entered at many samples."""
        begin = place.entry or Entry(offset=0, samples=0)
        behind = await self.decode(source.read(begin.offset))
        whole = Recording(bytes(2 * begin.samples) + behind.pcm, begin.samples / RATE + behind.duration, behind.flaws)
        yield Decoded(whole, place, b"a plan", entries(begin, len(whole.pcm) // 2) if place.entry else ())

    def follow(self, state: bytes = b"") -> Following:
        return Followed(self)

    async def find(self, recording: Recording) -> Activity:
        end = max([len(self.said.split()) / WORDS_A_SECOND, *(segment.end for segment in self.segments)])
        spans = [Span(0.0, end)] if self.speaks else []
        return Activity(spans, spans)

    async def transcribe(self, speech: Speech) -> Transcript:
        self.heard += 1
        await self.hold.wait()
        if self.trouble:
            raise self.trouble.pop(0)
        duration, language = speech.recording.duration, Language("en")
        read = tuple(
            one for one in self.segments if one.text and any(s.start <= one.start < s.end for s in speech.spans)
        )
        text = " ".join(segment.text for segment in read) if self.segments else self.said
        return Transcript(text=text, language=language, duration=duration, segments=read, engine="ears")


@dataclass
class Interior:
    memory: Memory = field(default_factory=Memory)
    ears: Ears = field(default_factory=Ears)
    doorbell: FakeDoorbell = field(default_factory=FakeDoorbell)
    scorer: Scorer = field(default_factory=CoverageScorer)
    touch_seconds: float = 10.0
    most_bytes_of_user: int = 1024 * 1024
    engine: SpeechEngine | None = None
    takes_prompt: bool = False
    length: Length = LONG
    live: Length = LIVE
    arrival_limits: ArrivalLimits = field(default_factory=ArrivalLimits)

    def __post_init__(self) -> None:
        self.sessions, self.uploads = FakeSessions(self.memory), FakeUploads(self.memory)
        self.claims, self.records = FakeClaims(self.memory), FakeRecords(self.memory)
        self.utterances: Utterances = FakeUtterances(self.memory)
        self.closings, self.audio = FakeClosings(self.memory), FakeAudio(self.memory)
        self.arriving: ArrivalRecords = FakeArrivals(self.memory)
        self.pieces: Pieces = FakePieces(self.memory)
        self.slices: Slices = FakeSlices(self.memory)
        self.room = FakeRoom()
        self.call_records: CallRecords = FakeCalls(self.memory)
        self.receivers: RtpReceivers = FakeRtpReceivers(self.memory)
        self.upkeep, self.workers = FakeUpkeep(self.memory), FakeWorkers(self.memory)
        self.idempotency_keys, self.limits = FakeIdempotencyKeys(self.memory), FakeRateLimits()
        self.quotas = FakeQuotas()
        self.counters = FakeCounters(self.memory)
        self.elections: Elections = FakeElections(self.memory)
        self.endpoints, self.ledger, self.courier = FakeEndpoints(self.memory), FakeLedger(self.memory), FakeCourier()
        self.trends = FakeTrends(self.memory)
        self.interventions, self.views = FakeInterventions(self.memory), FakeViews(self.memory)
        self.audit_log = FakeAuditLog(self.memory)
        self.receipts: ReceiptLedger = FakeReceipts(self.memory)
        self.policy = Policy({}, {})
        self.holds: Holds = FakeHolds(self.memory)
        self.retained: Retained = FakeRetained(self.memory, self.audit_log)
        self.journal: Erasures = FakeErasures(self.memory)
        self.leftovers: Erasable = FakeLeftovers(self.memory)
        self.throttle, self.scorer_throttle = Throttle(EngineBusy), Throttle(ScorerBusy)
        self.overview = Overview(gauges=FakeGauges(self.memory), doorbell=self.doorbell)
        self.eta = Eta(backlog=FakeBacklog(self.memory))

    @property
    def closing(self) -> Closing:
        return Closing(
            sessions=self.sessions,
            uploads=self.uploads,
            records=self.records,
            closings=self.closings,
            audio=self.audio,
            utterances=self.utterances,
            emit=self.webhooks.tell,
            issue=self.issuing.issue,
        )

    @property
    def issuing(self) -> Receipts:
        recipients = Recipients(endpoints=self.endpoints, engine=None)
        return Receipts(
            ledger=self.receipts, signer=KEYS, software="test", recipients=recipients.of, count=self.counters.receipted
        )

    @property
    def receipting(self) -> Receipting:
        now = lambda: self.memory.clock.now  # noqa: E731
        return Receipting(receipts=self.issuing, ledger=self.receipts, epochs=FakeEpochs(self.memory), now=now)

    @property
    def webhooks(self) -> Webhooks:
        return Webhooks(
            endpoints=self.endpoints, ledger=self.ledger, doorbell=self.doorbell, check=self.courier.check, most=3
        )

    @property
    def telling(self) -> Telling:
        return Telling(sessions=self.sessions, utterances=self.utterances, emit=self.webhooks.tell)

    @property
    def interviews(self) -> Interviews:
        return Interviews(sessions=self.sessions, quotas=self.quotas, most_bytes_of_user=self.most_bytes_of_user)

    @property
    def accepting(self) -> Accepting:
        return Accepting(
            sessions=self.sessions,
            uploads=self.uploads,
            audio=self.audio,
            doorbell=self.doorbell,
            records=self.records,
            close=self.closing.close,
            supersede=self.closing.supersede,
        )

    @property
    def intake(self) -> Intake:
        return Intake(
            sessions=self.sessions,
            uploads=self.uploads,
            audio=self.audio,
            records=self.records,
            elections=self.elections,
            accepting=self.accepting,
            heartbeats=UploadHeartbeats(uploads=self.uploads, seconds=self.touch_seconds),
        )

    @property
    def arrivals(self) -> Arrivals:
        """As a process has them that has just begun: it remembers nothing."""
        return Arrivals(
            limits=self.arrival_limits,
            sessions=self.sessions,
            elections=self.elections,
            uploads=self.uploads,
            parts=self.records,
            records=self.arriving,
            pieces=self.pieces,
            slices=self.slices,
            room=self.room,
            accepting=self.accepting,
            clock=lambda: self.memory.clock.now.timestamp(),
        )

    @property
    def calls(self) -> Calls:
        return Calls(
            sessions=self.sessions,
            arrivals=self.arrivals,
            records=self.call_records,
            parts=self.records,
            receivers=self.receivers,
            ending=self.ending,
        )

    @property
    def ending(self) -> Ending:
        return Ending(arrivals=self.arrivals, records=self.call_records)

    @property
    def bridging(self) -> Bridging:
        """As a process has it that has just begun."""
        arrivals = self.arrivals
        return Bridging(ending=replace(self.ending, arrivals=arrivals), arrivals=arrivals, records=self.call_records)

    @property
    def growing(self) -> Growing:
        return Growing(records=self.arriving, pieces=self.pieces)

    @property
    def microphone_tests(self) -> FakeMicrophoneTests:
        engine = self.engine or self.ears
        listening = Listening(audio=self.audio, decoder=self.ears, activity=self.ears, engine=engine)
        return FakeMicrophoneTests(
            MicrophoneListening(decoder=self.ears, listen=listening.hear, turn=self.throttle.turn)
        )

    @property
    def idempotency(self) -> Idempotency:
        return Idempotency(idempotency_keys=self.idempotency_keys, recover=self.intake.recover)

    @property
    def scoring(self) -> Scoring:
        return Scoring(
            sessions=self.sessions,
            records=self.records,
            scorings=self.closings,
            scorer=self.scorer,
            turn=self.scorer_throttle.turn,
            hold_seconds=60.0,
            at_once=isinstance(self.scorer, CoverageScorer),
        )

    @property
    def analysis(self) -> Analysis:
        return Analysis(
            sessions=self.sessions,
            records=self.records,
            wait=self.eta.of_session,
            emit=self.webhooks.tell,
        )

    @property
    def sweep(self) -> Sweep:
        return Sweep(
            receipt=self.receipting.of_destroyed_epochs,
            sessions=self.sessions,
            uploads=self.uploads,
            upkeep=self.upkeep,
            audio=self.audio,
            utterances=self.utterances,
            doorbell=self.doorbell,
            close=self.closing.close,
            counters=self.counters,
            trends=self.trends,
            erasing=self.erasing,
            retention=self.retention,
            finish=self.arrivals.drive,
            calls=self.ending,
        )

    @property
    def retention(self) -> Retention:
        return Retention(
            policy=self.policy,
            retained=self.retained,
            holds=self.holds,
            counters=self.counters,
            erase=self.erasing.retain_no_longer,
        )

    @property
    def legal_hold(self) -> LegalHold:
        return LegalHold(sessions=self.sessions, holds=self.holds, audit_log=self.audit_log)

    @property
    def erasing(self) -> Erasing:
        recordings = RecordingsErasable(
            uploads=self.uploads, records=self.records, audio=self.audio, issue=self.issuing.issue
        )
        return Erasing(
            sessions=self.sessions,
            journal=self.journal,
            rooms=(recordings, self.leftovers),
            hints=FakeHints(),
            audit_log=self.audit_log,
            background=Background(),
            emit=self.receipting.of_erasure,
        )

    @property
    def intervention(self) -> Intervention:
        return Intervention(
            sessions=self.sessions,
            records=self.records,
            scorings=self.closings,
            interventions=self.interventions,
            doorbell=self.doorbell,
            audit_log=self.audit_log,
            close=self.closing.close,
            supersede=self.closing.supersede,
            sweeping=self._sweeping,
        )

    async def _sweeping(self, dry_run: bool) -> dict[str, int]:
        counts = await (self.sweep.survey(24.0) if dry_run else self.sweep.run(24.0))
        return counts.as_dict()

    @property
    def listening(self) -> Listening:
        return Listening(
            audio=self.audio,
            arriving=self.growing,
            settled=self.utterances.get if self.takes_prompt else None,
            decoder=self.ears,
            activity=self.ears,
            engine=self.engine or self.ears,
            length=self.length,
            live=self.live,
        )

    def worker(
        self,
        owner: str = "w1",
        lease_seconds: float = 60.0,
        deadline_seconds: float = 60.0,
        background: Background | None = None,
    ) -> Transcription:
        listening = self.listening
        return Transcription(
            sessions=self.sessions,
            claims=self.claims,
            records=self.records,
            utterances=self.utterances,
            listen=listening.listen,
            close=self.closing.close,
            supersede=self.closing.supersede,
            assess=self.scoring.assess,
            score=self.scoring.first,
            tell=self.telling.tell,
            turn=self.throttle.turn,
            attending=Attending(claims=self.claims, arriving=self.growing, listen=listening.attend, owner=owner),
            owner=owner,
            lease_seconds=lease_seconds,
            deadline=lambda: deadline_seconds,
            max_deliveries=self.memory.terms.max_deliveries,
            background=background or Background(),
        )

    async def session(self, viewer: Viewer = ALICE) -> SessionId:
        points = (KeyPoint("avoids a full table scan"), KeyPoint("slows down writes"))
        questions = (Question(id=Q1, text="Index?", key_points=points), Question(id=Q2, text="Thread?"))
        session = Session(id=new_session_id(), user_id=viewer.user_id, questions=questions)
        return (await self.sessions.create(session)).id

    async def upload(self, id: SessionId, question: QuestionId = Q1, data: bytes = b"x" * 32000) -> Part:
        return await self.intake.receive(id, question, ALICE, incoming(data))

    async def work_off(self) -> None:
        """Hear every ring once."""
        while self.doorbell.to_transcribe:
            await self.worker().run(self.doorbell.to_transcribe.pop(0))

    def part(self, id: PartId) -> Part:
        return self.memory.rows[id].part


SMALL, LARGE = 1_000, 1_000_000_000


def incoming(*pieces: bytes, then: BaseException | None = None, announced: int = LARGE) -> Incoming:
    """A recording that is stored as it arrives; as a whole, if it is announced as SMALL."""

    async def data() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        if then is not None:
            raise then

    return Incoming(Container.WEBM, data(), announced=announced)
