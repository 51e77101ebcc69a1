"""The API, assembled. Run by `python -m app.serve`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from app.config import Settings, StackSettings
from app.container import Wiring, interim_texts, microphone_tests_channel, wire
from app.environment import settings_or_end, strangers, variables
from app.gc_tuning import collect_rarely
from app.guarded_http import LEAVE
from app.jobs import make_celery
from app.keys import keyring_lack
from app.logs import configure_logs, warn_of, warn_of_unused
from app.open_files import allow_many
from app.operations import operations
from app.readiness import look
from app.receipts import receipts_lack
from app.thread_turns import take_short_turns
from app.version import VERSION
from routes import (
    admin,
    admin_failures,
    admin_holds,
    analyses,
    call_sockets,
    call_transcripts,
    calls,
    chunk_uploads,
    erasures,
    errors,
    event_socket,
    events,
    health,
    metrics,
    microphone_tests,
    openapi,
    pages,
    receipts,
    reference,
    resumable,
    session_lists,
    sessions,
    statuses,
    upload_sockets,
    uploads,
    webhooks,
)
from routes.bodies import ClosedAfterRefusal, GuardedBodies
from routes.dependencies import Guests, Services
from routes.held_forms import Held
from routes.http_metrics import HttpMeter, HttpMetrics
from routes.privacy_headers import Private
from routes.request_id import RequestId
from routes.resumable.tus_protocol import MethodOverride, TusProtocol
from services.access import admission
from services.access.idempotency import Idempotency
from services.access.ports import Tokens
from services.adapters.jwt_tokens import JwtTokens, mint
from services.adapters.mongo.audit_log import MongoAuditLog
from services.adapters.mongo.client import open_client
from services.adapters.mongo.documents import Document
from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.session_lists import MongoSessionLists
from services.adapters.rate_limits import StoredRateLimits
from services.adapters.redis_channels import RedisMicrophoneTests
from services.analysis.results import Analysis
from services.background import Kind
from services.calls.conversations import Conversations
from services.events.interim import InterimTexts
from services.events.streaming import EventStreams
from services.events.tickets import Tickets
from services.interviews.listing import Listing
from services.interviews.sessions import Interviews
from services.operations.oversight import OverseenEvents, OverseenSessions, Oversight
from services.operations.overview import Overview
from services.recordings.intake import Intake
from services.recordings.upload_heartbeats import UploadHeartbeats, touch_seconds
from services.transcription.eta import Eta
from services.transcription.microphone_tests import MicrophoneTests

log = structlog.get_logger(__name__)

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]

EXPOSED = ["Location", "Retry-After", "ETag", "X-Request-ID", "Idempotency-Replayed", *resumable.EXPOSED]
LOOK_SECONDS, LONGEST_LOOK_SECONDS = 2.0, 60.0
GUEST_SECONDS = 12 * 3600
DESCRIPTION = "Interview answers in, transcripts and scores out, and the audio provably gone."


def create_app() -> FastAPI:
    """The API on the settings of the environment."""
    settings = settings_or_end(Settings)
    configure_logs(settings)
    warn_of(strangers(Settings, StackSettings))
    warn_of_unused(settings.unused)
    allow_many()
    tokens = _tokens_or_end(settings)
    if lack := receipts_lack(settings) or keyring_lack(settings):
        raise SystemExit(lack)
    app = build(lambda: open_services(settings, tokens), settings.origins, variables().get("PROMETHEUS_MULTIPROC_DIR"))
    collect_rarely()
    take_short_turns()
    return app


def build(open_services: OpenServices, origins: list[str] | None = None, counts: str | None = None) -> FastAPI:
    """The API on whatever services are handed in; several processes tell what they count in one folder."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Callable[[float | None], None]]]:
        async with open_services() as services:
            app.state.services = services
            app.state.meter.watch(services.background)
            yield {LEAVE: partial(_leave, services)}

    app = FastAPI(
        title="Viva Voce",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    errors.install(app)
    for area in (
        session_lists,
        sessions,
        erasures,
        events,
        event_socket,
        uploads,
        chunk_uploads,
        upload_sockets,
        calls,
        call_sockets,
        resumable,
        microphone_tests,
        statuses,
        analyses,
        call_transcripts,
        webhooks,
        admin,
        admin_holds,
        admin_failures,
        health,
        metrics,
        receipts,
        pages,
        reference,
    ):
        app.include_router(area.router)
    openapi.install(app)
    app.add_middleware(GuardedBodies)
    app.add_middleware(TusProtocol)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=EXPOSED
        )
    app.add_middleware(Private)
    app.add_middleware(RequestId)
    app.add_middleware(ClosedAfterRefusal)
    app.state.meter, app.state.held = HttpMeter(counts), Held()
    app.add_middleware(HttpMetrics, meter=app.state.meter)
    app.add_middleware(MethodOverride)
    return app


def _leave(services: Services, seconds: float | None) -> None:
    """The server stops, and cuts off what goes on for longer than this."""
    services.streams.leave()
    services.departure.begin(seconds)


@asynccontextmanager
async def open_services(settings: Settings, tokens: Tokens) -> AsyncIterator[Services]:
    """The services on real clients, closed afterwards; waits for nothing but the client objects."""
    async with open_client(settings.mongodb_url, "api") as client:
        wiring = wire(settings, client[settings.mongodb_database], make_celery(settings, socket_timeout=2.0))
        rates = _rates(settings)
        microphone_tests = RedisMicrophoneTests(settings.redis_url, microphone_tests_channel(settings))
        interim = interim_texts(settings) if settings.interim_text else None
        services = _services(settings, wiring, tokens, client, rates, microphone_tests, interim)
        running = [
            wiring.background.start(Kind.INDEXES, lambda: _index(client, settings.mongodb_database)),
            wiring.background.start(Kind.KEYS, wiring.key_store.begin),
            asyncio.create_task(services.streams.run()),
        ]
        try:
            yield services
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await rates.close()
            await microphone_tests.close()
            if interim is not None:
                await interim.close()
            await wiring.close()


async def _index(client: AsyncMongoClient[Document], database: str) -> None:
    """Until all are there; what is in the way of one holds up no other."""
    wait = LOOK_SECONDS
    while True:
        try:
            refused = await ensure_indexes(client[database])
        except PyMongoError as trouble:
            refused = {"all": str(trouble)}
        if not refused:
            return
        for name, reason in refused.items():
            log.warning("index not made yet", index=name, reason=reason[:200])
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_LOOK_SECONDS)


def _rates(settings: Settings) -> StoredRateLimits:
    budgets = {
        admission.ADDRESS: settings.rate_address,
        admission.REQUESTS: settings.rate_requests,
        admission.UPLOADS: settings.rate_uploads,
        admission.MICROPHONE_TESTS: settings.rate_microphone_tests,
    }
    return StoredRateLimits(settings.redis_url, budgets)


def _services(
    settings: Settings,
    wiring: Wiring,
    tokens: Tokens,
    client: AsyncMongoClient[Document],
    rates: StoredRateLimits,
    microphone_tests: MicrophoneTests,
    interim: InterimTexts | None,
) -> Services:
    eta, intake = Eta(backlog=wiring.backlog), _intake(settings, wiring)
    database = client[settings.mongodb_database]
    oversight = Oversight(audit_log=MongoAuditLog(database))
    sessions = OverseenSessions(wiring.sessions, oversight)
    return Services(
        interviews=Interviews(
            sessions=sessions,
            quotas=wiring.quotas,
            most_bytes_of_user=settings.max_stored_megabytes_per_user * 1024 * 1024,
        ),
        listing=Listing(MongoSessionLists(database)),
        erasing=wiring.erasing,
        intake=intake,
        arrivals=wiring.arrivals,
        growing=wiring.growing,
        calls=wiring.calls,
        bridging=wiring.bridging,
        conversations=Conversations(calls=wiring.calls, parts=wiring.records, sessions=sessions),
        analysis=Analysis(sessions=sessions, records=wiring.records, wait=eta.of_session, emit=wiring.webhooks.tell),
        eta=eta,
        admission=admission.Admission(
            limits=rates,
            backlog=wiring.backlog,
            wait=eta.of_all,
            most_uploads_of_user=settings.max_uploads_per_user,
            most_uploads=settings.max_uploads,
            most_queued_seconds=settings.max_queued_minutes * 60,
            most_listeners_of_user=settings.max_listeners_per_user,
            most_listeners=settings.max_listeners,
        ),
        idempotency=Idempotency(
            idempotency_keys=wiring.idempotency_keys, recover=intake.recover, background=wiring.background
        ),
        records=wiring.records,
        utterances=wiring.utterances,
        webhooks=wiring.webhooks,
        tokens=tokens,
        health=lambda: look(wiring, client, tokens),
        max_audio_bytes=settings.max_audio_bytes,
        upload_idle_seconds=settings.upload_idle_seconds,
        overview=Overview(gauges=wiring.gauges, doorbell=wiring.doorbell),
        background=wiring.background,
        streams=EventStreams(
            events=OverseenEvents(wiring.events, oversight),
            hints=wiring.hints,
            interim=interim,
            background=wiring.background,
        ),
        tickets=Tickets(sessions=sessions, store=wiring.tickets),
        microphone_tests=microphone_tests,
        operations=operations(settings, wiring, database, oversight),
        receipts=wiring.receipts,
        receipt_keys=wiring.receipt_keys,
        metrics_token=settings.metrics_token.get_secret_value() if settings.metrics_token else None,
        upload_least_rate=settings.upload_least_bytes_per_second,
        arrival_seconds=settings.arrival_hours * 3600,
        guests=_guests(settings),
    )


def _guests(settings: Settings) -> Guests | None:
    if not settings.demo_page or settings.jwks_url or settings.jwt_secret is None:
        return None
    secret, audience, issuer = settings.jwt_secret.get_secret_value(), settings.jwt_audience, settings.jwt_issuer
    return Guests(
        lambda user: mint(secret, user, seconds=GUEST_SECONDS, audience=audience, issuer=issuer),
        seconds=GUEST_SECONDS,
        longest_seconds=settings.max_audio_seconds,
    )


def _intake(settings: Settings, wiring: Wiring) -> Intake:
    return Intake(
        sessions=wiring.sessions,
        uploads=wiring.uploads,
        audio=wiring.audio,
        records=wiring.records,
        elections=wiring.elections,
        accepting=wiring.accepting,
        heartbeats=UploadHeartbeats(
            uploads=wiring.uploads,
            seconds=touch_seconds(settings.upload_idle_seconds),
            background=wiring.background,
        ),
    )


def _tokens_or_end(settings: Settings) -> JwtTokens:
    try:
        return make_tokens(settings)
    except ValueError as trouble:
        raise SystemExit(str(trouble)) from None


def make_tokens(settings: Settings) -> JwtTokens:
    """The tokens that the settings accept: a JWKS address goes before a secret; ValueError if there is neither."""
    if settings.jwt_secret is None and settings.jwks_url is None:
        raise ValueError("set JWT_SECRET (32 bytes or more) or JWKS_URL, so that the API can tell its users")
    if settings.jwks_url and not settings.jwt_audience:
        raise ValueError(
            "set JWT_AUDIENCE to the name by which the identity provider knows this API: JWKS_URL alone would let in "
            "every token that the provider gives to anybody for anything, an admin's of another application too"
        )
    return JwtTokens(
        secret=None if settings.jwks_url or not settings.jwt_secret else settings.jwt_secret.get_secret_value(),
        jwks_url=settings.jwks_url,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
    )
