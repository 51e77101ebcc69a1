"""The API on fakes, and clients of two users and an admin."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache

import httpx2
from fastapi import FastAPI
from starlette.routing import BaseRoute

from app.main import build
from routes.dependencies import Guests, Health, Operations, Services
from services.access.admission import Admission
from services.background import Background
from services.calls.conversations import Conversations
from services.errors import Unauthenticated
from services.events.streaming import EventStreams
from services.events.tickets import Tickets
from services.interviews.listing import Listing
from services.interviews.model import Viewer
from services.operations.oversight import OverseenEvents, OverseenSessions, Oversight
from tests.fakes.access import FakeTickets
from tests.fakes.hints import FakeHints
from tests.fakes.records import FakeBacklog
from tests.fakes.sessions import FakeEvents, FakeSessionLists
from tests.in_memory import ADMIN, ALICE, BOB, KEYS, Interior

USERS = {"alice": ALICE, "bob": BOB, "admin": ADMIN}
WEBM = b"\x1a\x45\xdf\xa3" + b"\x9fB\x86\x81" * 100
QUESTIONS = {"questions": [{"id": "q1", "text": "Index?", "key_points": ["avoids a full table scan"]}]}


class NamedTokens:
    """The token is the user's name."""

    async def verify(self, token: str) -> Viewer:
        if token not in USERS:
            raise Unauthenticated
        return USERS[token]

    def provider_answers(self) -> bool:
        return True

    async def can_verify(self) -> bool:
        return True


@dataclass
class Api:
    house: Interior = field(default_factory=Interior)
    health: Health = field(default_factory=lambda: Health(database=True, doorbell=True, workers=1))
    max_audio_bytes: int = 100_000
    upload_idle_seconds: float = 60.0
    metrics_token: str | None = "metrics-token-of-the-test"
    guests: Guests | None = None
    tokens: NamedTokens = field(default_factory=NamedTokens)
    most_uploads_of_user: int = 8
    most_uploads: int = 100
    most_queued_seconds: float = 36_000.0
    most_listeners_of_user: int = 50
    most_listeners: int = 100
    age_seconds: float = 60.0
    seconds: float = 0.0
    grafana_url: str | None = None

    def __post_init__(self) -> None:
        self.admission = Admission(
            limits=self.house.limits,
            backlog=FakeBacklog(self.house.memory),
            wait=self.house.eta.of_all,
            most_uploads_of_user=self.most_uploads_of_user,
            most_uploads=self.most_uploads,
            most_queued_seconds=self.most_queued_seconds,
            most_listeners_of_user=self.most_listeners_of_user,
            most_listeners=self.most_listeners,
            clock=lambda: self.seconds,
        )
        self.background = Background()
        self.oversight = Oversight(audit_log=self.house.audit_log)
        self.sessions = OverseenSessions(self.house.sessions, self.oversight)
        self.streams = EventStreams(
            events=OverseenEvents(FakeEvents(self.house.memory), self.oversight),
            hints=FakeHints(),
            look_seconds=0.02,
            age_seconds=self.age_seconds,
            background=self.background,
        )
        self.tickets = Tickets(sessions=self.sessions, store=FakeTickets(self.house.memory.clock))

    @asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        async def look() -> Health:
            return self.health

        looking = asyncio.create_task(self.streams.run())
        yield Services(
            interviews=replace(self.house.interviews, sessions=OverseenSessions(self.house.sessions, self.oversight)),
            erasing=self.house.erasing,
            listing=Listing(FakeSessionLists(self.house.memory)),
            intake=self.house.intake,
            arrivals=self.house.arrivals,
            growing=self.house.growing,
            calls=self.house.calls,
            bridging=self.house.bridging,
            conversations=Conversations(calls=self.house.calls, parts=self.house.records, sessions=self.sessions),
            analysis=replace(self.house.analysis, sessions=OverseenSessions(self.house.sessions, self.oversight)),
            eta=self.house.eta,
            receipts=self.house.receipts,
            receipt_keys=KEYS.published(),
            admission=self.admission,
            idempotency=self.house.idempotency,
            records=self.house.records,
            utterances=self.house.utterances,
            webhooks=self.house.webhooks,
            tokens=self.tokens,
            health=look,
            max_audio_bytes=self.max_audio_bytes,
            upload_idle_seconds=self.upload_idle_seconds,
            overview=self.house.overview,
            streams=self.streams,
            background=self.background,
            tickets=self.tickets,
            microphone_tests=self.house.microphone_tests,
            metrics_token=self.metrics_token,
            guests=self.guests,
            operations=Operations(
                intervention=self.house.intervention,
                views=self.house.views,
                audit_log=self.house.audit_log,
                workers=self.house.workers,
                oversight=self.oversight,
                legal_hold=self.house.legal_hold,
                trends=self.house.trends,
                grafana_url=self.grafana_url,
            ),
        )
        looking.cancel()

    @asynccontextmanager
    async def client(self, user: str | None = "alice") -> AsyncIterator[httpx2.AsyncClient]:
        app = build(self.services)
        app.router.routes[:] = routes()
        async with app.router.lifespan_context(app):
            yield client_of(app, user)


@cache
def routes() -> list[BaseRoute]:
    """Those of every app that is built here: what a route takes and gives is found out at its first request."""
    return build(Api().services).router.routes


def client_of(app: FastAPI, user: str | None) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {user}"} if user else {}
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://api", headers=headers
    )


async def make_session(client: httpx2.AsyncClient) -> str:
    answer = await client.post("/api/sessions", json=QUESTIONS)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


async def upload(client: httpx2.AsyncClient, session: str, data: bytes = WEBM) -> httpx2.Response:
    return await client.post(f"/api/upload-answer/{session}/q1", files={"audio": ("a.webm", data)})


def problem(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a problem, once its shape is checked."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"/problems/{body['code']}"
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["code"]
