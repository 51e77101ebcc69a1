"""The wiring inside a process of ours: its use cases and adapters on real servers, without HTTP and Celery."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from app.container import Wiring, wire
from app.jobs import make_celery
from app.logs import configure_logs
from app.main import make_tokens, open_services
from benchmarks.raw_sockets import recording
from routes.dependencies import Services
from services.adapters.mongo.client import open_client
from services.adapters.mongo.documents import Document
from services.adapters.mongo.indexes import ensure_indexes
from services.interviews.language import Language
from services.interviews.model import (
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
from services.interviews.transcript import Segment, Transcript, Word
from services.recordings.formats import Container
from services.recordings.ports.audio import Incoming

AUDIO_BYTES = 20_000
PIECE = 16_384
SAID = (
    "First I measured where the time went and found one query that read the whole table, "
    "so I added an index and measured it again."
)
WORDS = tuple(Word(text=word, start=0.4 * n, end=0.4 * n + 0.3, probability=0.9) for n, word in enumerate(SAID.split()))
TRANSCRIPT = Transcript(
    text=SAID,
    language=Language("en"),
    duration=10.0,
    segments=(Segment(text=SAID, start=0.0, end=10.0, words=WORDS),),
    engine="bench",
    model="bench",
)
ASKED = tuple(
    Question(
        id=QuestionId(f"q{number}"),
        text="Tell me about a time when something was too slow. What did you do, and how did you know that it helped?",
        reference_answer="A good answer measures first, changes one thing, measures again, and says what it cost.",
        key_points=(KeyPoint("measures before changing anything"), KeyPoint("measures again", 2.0)),
        language=Language("en"),
    )
    for number in range(3)
)


@dataclass(frozen=True, slots=True)
class Inside:
    """One database with the wiring around it."""

    services: Services
    wiring: Wiring
    database: AsyncDatabase[Document]

    async def session(self, user: str) -> Session:
        """A new session of three questions."""
        asked = Session(id=new_session_id(), user_id=UserId(user), questions=ASKED)
        return await self.wiring.sessions.create(asked)

    async def upload(self, session: Session, question: QuestionId) -> Part:
        """What a request to upload does, but for HTTP and the rates."""
        viewer = Viewer(session.user_id)
        async with self.services.admission.upload(viewer) as slot:
            numbered = await self.services.intake.number(session.id, question, viewer)
            await slot.reserve(0.0)
            incoming = Incoming(Container.WEBM, _pieces(recording(AUDIO_BYTES)), AUDIO_BYTES, slot.reserve)
            part = await self.services.intake.take_in(numbered, incoming)
            await self.services.eta.of_all()
            return part

    async def status(self, part: Part) -> None:
        await self.services.interviews.answer(part.session_id, part.question_id, Viewer(part.user_id))

    async def claim(self, id: PartId) -> Part:
        claimed = await self.wiring.claims.claim(id, "bench")
        assert claimed is not None
        return claimed

    async def complete(self, claimed: Part) -> None:
        """What a worker writes until the answer shows its transcript."""
        ended = await self.wiring.claims.complete(claimed.id, claimed.fence, TRANSCRIPT)
        assert ended is not None
        await self.wiring.closing.close(ended, TRANSCRIPT)

    async def shown(self, session_id: SessionId) -> Document:
        """The session's document as it is stored."""
        row = await self.database["interview_sessions"].find_one({"_id": session_id})
        assert row is not None
        return row


@asynccontextmanager
async def opened(mongodb_url: str, redis_url: str, database: str) -> AsyncIterator[Inside]:
    """The wiring on this database, with its indexes."""
    found: dict[str, Any] = {"mongodb_url": mongodb_url, "redis_url": redis_url, "mongodb_database": database}
    settings = Settings(
        **found, jwt_secret="x" * 32, log_level="error", max_queued_minutes=1e9, encrypt_recordings=False
    )
    configure_logs(settings)  # standard output is for the answers
    async with (
        open_client(mongodb_url, "bench") as client,
        open_services(settings, make_tokens(settings)) as services,
    ):
        await ensure_indexes(client[database])
        wiring = wire(settings, client[database], make_celery(settings))
        try:
            yield Inside(services, wiring, client[database])
        finally:
            await wiring.close()


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]
