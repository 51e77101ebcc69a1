"""What the routes are handed: the services, and who asks."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from routes.upload_deadlines import Departure
from services.access.admission import Admission, Slot
from services.access.idempotency import Idempotency
from services.access.ports import Tokens
from services.analysis.results import Analysis
from services.background import Background
from services.calls.bridging import Bridging
from services.calls.calls import Calls
from services.calls.conversations import Conversations
from services.errors import Forbidden, KeysUnavailable, Unauthenticated
from services.events.streaming import EventStreams
from services.events.tickets import Tickets
from services.interviews.listing import Listing
from services.interviews.model import ID_PATTERN, QuestionId, SessionId, UserId, Viewer
from services.interviews.sessions import Interviews
from services.operations.erasure import Erasing
from services.operations.holding import LegalHold
from services.operations.interventions import Intervention
from services.operations.oversight import Oversight
from services.operations.overview import Overview
from services.operations.ports.audit_log import AuditLog
from services.operations.ports.trends import Trends
from services.operations.ports.views import Views
from services.recordings.arrivals import Arrivals
from services.recordings.growing import Growing
from services.recordings.intake import Intake
from services.recordings.ports.receipts import ReceiptLedger
from services.recordings.ports.records import Records
from services.recordings.ports.utterances import Utterances
from services.recordings.ports.workers import Workers
from services.transcription.eta import Eta
from services.transcription.microphone_tests import MicrophoneTests
from services.webhooks.endpoints import Webhooks
from services.webhooks.ports import DeliveryId, WebhookId

# Of an IPv6 address so many are its holder's, to change as he likes.
OWN_BITS = 64


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the parts answer; Redis may be down without an answer being lost."""

    database: bool
    doorbell: bool
    workers: int
    tokens: bool = True
    keys: bool = True
    missing_keys: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether answers are taken."""
        return self.database and self.tokens and self.keys


@dataclass(frozen=True, slots=True)
class Guests:
    """Tokens for the visitors of the demo page, each good for so many seconds, and how long they may record."""

    mint: Callable[[UserId], str]
    seconds: int
    longest_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """What the operators' routes are handed besides."""

    intervention: Intervention
    views: Views
    audit_log: AuditLog
    workers: Workers
    oversight: Oversight
    legal_hold: LegalHold
    trends: Trends
    grafana_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    interviews: Interviews
    listing: Listing
    erasing: Erasing
    intake: Intake
    arrivals: Arrivals
    growing: Growing
    calls: Calls
    bridging: Bridging
    conversations: Conversations
    analysis: Analysis
    eta: Eta
    admission: Admission
    idempotency: Idempotency
    records: Records
    utterances: Utterances
    webhooks: Webhooks
    tokens: Tokens
    health: Callable[[], Awaitable[Health]]
    max_audio_bytes: int
    upload_idle_seconds: float
    overview: Overview
    background: Background
    streams: EventStreams
    tickets: Tickets
    microphone_tests: MicrophoneTests
    operations: Operations
    receipts: ReceiptLedger
    receipt_keys: Mapping[str, Any] = field(default_factory=lambda: {"keys": []})
    departure: Departure = field(default_factory=Departure)
    metrics_token: str | None = None
    upload_least_rate: float = 512.0
    arrival_seconds: float = 86_400.0
    guests: Guests | None = None


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Needs = Annotated[Services, Depends(_services)]

bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A JWT whose `sub` is the user.")


def address_of(connection: HTTPConnection) -> str:
    """Where a request comes from, for the rates: of IPv6 the network, in which one client has addresses without end."""
    host = connection.client.host if connection.client else ""
    return _network_of(host) if ":" in host else host


def _network_of(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    return str(address.ipv4_mapped or IPv6Network((int(address) >> OWN_BITS << OWN_BITS, 128 - OWN_BITS)))


async def viewer_of(request: Request, services: Services, credentials: HTTPAuthorizationCredentials | None) -> Viewer:
    """Who asks, counted once a request against the rates of address and user."""
    known: Viewer | None = getattr(request.state, "viewer", None)
    if known is not None:
        return known
    address = address_of(request)
    try:
        if credentials is None:
            raise Unauthenticated
        viewer = await services.tokens.verify(credentials.credentials)
    except (Unauthenticated, KeysUnavailable):
        await services.admission.address(address)
        raise
    await services.admission.visit(address, viewer)
    request.state.viewer = viewer
    return viewer


async def _viewer(
    request: Request, services: Needs, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Viewer:
    return await viewer_of(request, services, credentials)


Asker = Annotated[Viewer, Depends(_viewer)]


async def _admin(viewer: Asker) -> Viewer:
    if not viewer.is_admin:
        raise Forbidden("This is for operators: it takes a token with the role admin.")
    return viewer


Admin = Annotated[Viewer, Depends(_admin)]


async def _upload_slot(services: Needs, viewer: Asker) -> AsyncIterator[Slot]:
    """A place among the uploads in flight, until the answer is sent."""
    async with services.admission.upload(viewer) as slot:
        yield slot


UploadSlot = Annotated[Slot, Depends(_upload_slot)]


async def _microphone_test_slot(services: Needs, viewer: Asker) -> AsyncIterator[None]:
    """A place among the microphone tests in hand, until the answer is sent."""
    async with services.admission.microphone_test(viewer):
        yield


MicrophoneTestSlot = Depends(_microphone_test_slot)


SessionPath = Annotated[SessionId, Path(pattern=ID_PATTERN, description="The session's id.")]
WebhookPath = Annotated[WebhookId, Path(pattern=ID_PATTERN, description="The webhook's id.")]
DeliveryPath = Annotated[DeliveryId, Path(pattern=ID_PATTERN, description="The delivery's id.")]
QuestionPath = Annotated[QuestionId, Path(pattern=ID_PATTERN, description="The question's id.")]
