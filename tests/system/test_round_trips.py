"""How often MongoDB is asked: before an upload has its 202, and after the engine's last word."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.monitoring import CommandListener, CommandStartedEvent

from app import main
from app.config import Settings
from app.container import wire
from app.jobs import make_celery
from app.keys import key_store
from app.main import build, make_tokens, open_services
from services import lately
from services.adapters.coverage_scorer import CoverageScorer
from services.adapters.jwt_tokens import mint
from services.adapters.mongo.client import open_client
from services.adapters.mongo.sessions import MongoSessions
from services.analysis.scoring import Scoring
from services.errors import EngineBusy, ScorerBusy
from services.interviews.language import Language
from services.interviews.model import Checkpoint, KeyPoint, Mark, Part, Question, Session, Status
from services.interviews.transcript import Transcript, Utterance
from services.throttle import Throttle
from services.transcription.attending import Attending
from services.transcription.listening import Heard
from services.transcription.telling import Telling
from services.transcription.transcribing import Transcription
from tests.routes.api import QUESTIONS
from tests.services.adapters.stores import ANN, Q1, S1, a_part

SECRET = "x" * 32
MOST_OF_AN_UPLOAD = 5
# What may be a second old: what waits of the user, how much waits, the workers, how fast it went.
FIGURES = {("aggregate", "parts"), ("find", "workers"), ("find", "parts")}
WEBM = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878104428581021853806701ffffffffffffff")


# What a process asks once it has begun, for its keys; nobody waits for it.
IN_THE_BACKGROUND = {("find", "keyring"), ("distinct", "fs.files"), ("distinct", "parts")}
LISTENS: ContextVar[bool] = ContextVar("listens", default=False)


class Overheard(CommandListener):
    """The commands that a client sends, but for those by which it looks after connections, indexes and keys."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str]] = []

    def started(self, event: CommandStartedEvent) -> None:
        command = event.command_name, str(event.command[event.command_name])
        if event.command_name in ("hello", "ping", "endSessions", "createIndexes", "listIndexes", "dropIndexes"):
            return
        if LISTENS.get() or command not in IN_THE_BACKGROUND:
            self.commands.append(command)

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...

    @contextmanager
    def during(self) -> Iterator[list[tuple[str, str]]]:
        """What is sent within the block."""
        self.commands = []
        listens = LISTENS.set(True)
        try:
            yield self.commands
        finally:
            LISTENS.reset(listens)


@pytest.fixture
async def overheard() -> Overheard:
    return Overheard()


@asynccontextmanager
async def api(settings: Settings, overheard: Overheard, patch: pytest.MonkeyPatch) -> AsyncIterator[httpx2.AsyncClient]:
    """The real API on real servers, in this process."""
    patch.setattr(main, "open_client", partial(open_client, listeners=[overheard]))
    app = build(lambda: open_services(settings, make_tokens(settings)))
    async with app.router.lifespan_context(app):
        headers = {"Authorization": f"Bearer {mint(SECRET, 'ann')}"}
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
            yield client


@pytest.fixture
async def settings(
    mongodb_url: str, redis_url: str, database: AsyncDatabase[dict[str, Any]], tmp_path: Path
) -> Settings:
    """With a keyring: recordings are sealed."""
    where: dict[str, Any] = {"mongodb_url": mongodb_url, "redis_url": redis_url, "mongodb_database": database.name}
    settings = Settings(**where, jwt_secret=SECRET, keyring_dir=tmp_path / "keys")
    await key_store(settings, database).begin()
    return settings


async def sent(client: httpx2.AsyncClient, size: int) -> None:
    """A first take of a new session's question."""
    session = (await client.post("/api/sessions", json=QUESTIONS)).json()["session_id"]
    files = {"audio": ("a.webm", WEBM + os.urandom(size - len(WEBM)))}
    answer = await client.post(f"/api/upload-answer/{session}/q1", files=files)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("size", [46_000, 500_000])
async def test_a_small_upload_asks_the_database_five_times(
    settings: Settings, overheard: Overheard, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(lately, "FRESH_SECONDS", 600.0)
    async with api(settings, overheard, monkeypatch) as client:
        await sent(client, size)
        session = (await client.post("/api/sessions", json=QUESTIONS)).json()["session_id"]
        files = {"audio": ("a.webm", WEBM + os.urandom(size - len(WEBM)))}
        with overheard.during() as commands:
            answer = await client.post(f"/api/upload-answer/{session}/q1", files=files)
        assert answer.status_code == 202, answer.text
        own = [command for command in commands if command not in FIGURES]
        assert sorted(own) == [
            ("findAndModify", "interview_sessions"),
            ("insert", "fs.chunks"),
            ("insert", "fs.files"),
            ("insert", "parts"),
            ("update", "interview_sessions"),
        ]
        assert len(own) <= MOST_OF_AN_UPLOAD


async def test_what_may_be_a_second_old_is_asked_for_once_a_second_however_many_come(
    settings: Settings, overheard: Overheard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api(settings, overheard, monkeypatch) as client:
        eta = client._transport.app.state.services.eta  # type: ignore[attr-defined]
        admission = client._transport.app.state.services.admission  # type: ignore[attr-defined]
        now = 0.0
        admission.clock = eta._pace.clock = eta._all.clock = lambda: now
        with overheard.during() as commands:
            for _ in range(10):
                await sent(client, 46_000)
        figures = [command for command in commands if command in FIGURES]
        assert sorted(figures) == [
            ("aggregate", "parts"),
            ("aggregate", "parts"),
            ("aggregate", "parts"),
            ("find", "parts"),
            ("find", "workers"),
        ]
        now = 1.0
        with overheard.during() as commands:
            await sent(client, 46_000)
        assert len([command for command in commands if command in FIGURES]) == 5


async def test_after_the_engines_last_word_the_database_is_asked_nine_times(
    settings: Settings, database: AsyncDatabase[dict[str, Any]], overheard: Overheard
) -> None:
    last_word: list[int] = []

    async def listen(part: Part) -> AsyncGenerator[Heard]:
        last_word.append(len(overheard.commands))
        transcript = Transcript(text="An index.", language=Language("en"), duration=1.0, engine="none")
        yield Heard(Utterance(number=0, start=0.0, transcript=transcript), Checkpoint(stretches=1), is_last=True)

    async with open_client(settings.mongodb_url, listeners=[overheard]) as client:
        house = wire(settings, client[database.name], make_celery(settings))
        scoring = Scoring(
            sessions=house.sessions,
            records=house.records,
            scorings=house.closings,
            scorer=CoverageScorer(),
            turn=Throttle(ScorerBusy).turn,
            hold_seconds=settings.lease_seconds,
            at_once=True,
        )
        transcription = Transcription(
            sessions=house.sessions,
            claims=house.claims,
            records=house.records,
            utterances=house.utterances,
            listen=listen,
            close=house.closing.close,
            supersede=house.closing.supersede,
            assess=scoring.assess,
            score=scoring.first,
            tell=Telling(sessions=house.sessions, utterances=house.utterances, emit=house.webhooks.tell).tell,
            turn=Throttle(EngineBusy).turn,
            attending=Attending(claims=house.claims, arriving=house.growing, listen=listen, owner="w"),
            owner="w",
            lease_seconds=settings.lease_seconds,
            deadline=lambda: 60.0,
            max_deliveries=5,
        )
        points = (KeyPoint("uses an index"),)
        asked = Session(id=S1, user_id=ANN.user_id, questions=(Question(id=Q1, text="?", key_points=points),))
        await house.sessions.create(asked)
        numbered = await house.sessions.next_take(S1, Q1, ANN)
        part = replace(a_part(), created_at=numbered.at)
        kept = await house.audio.keep(part.id, WEBM, {})
        assert await house.uploads.queue(replace(part, sha256=kept.sha256, bytes=kept.size))
        with overheard.during() as commands:
            await transcription.run(part.id)
        await house.close()
    shown = (await MongoSessions(database).get(S1, ANN)).answers[Q1]
    assert (shown.status, shown.mark is Mark.PENDING) == (Status.COMPLETED, False)
    assert commands[last_word[0] :] == [
        ("findAndModify", "parts"),  # complete
        ("find", "interview_sessions"),  # the question
        ("findAndModify", "fs.files"),
        ("delete", "fs.chunks"),
        ("aggregate", "fs.chunks"),  # what is left
        ("update", "interview_sessions"),  # show, with its score
        ("find", "webhooks"),
        ("findAndModify", "parts"),  # settle
        ("update", "counters"),
    ]
