"""What this process does over HTTP, counted by a middleware that holds no bytes back."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.prefix import is_upload

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
UNKNOWN = "unknown"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LABELS = ("method", "route", "status")
TRANSPORTS = ("sse", "websocket", "poll")


class HttpMeter:
    """The counts of one API process, with what the system says of it."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter("viva_http_requests", "Requests answered.", LABELS, registry=registry)
        self.seconds = Histogram(
            "viva_http_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            LABELS[:2],
            buckets=SECONDS,
            registry=registry,
        )
        self.uploads = Gauge("viva_http_uploads_in_flight", "Uploads being received.", registry=registry)
        self.listeners = Gauge(
            "viva_http_listeners", "Event streams, sockets and waiting polls open.", ("transport",), registry=registry
        )
        for transport in TRANSPORTS:
            self.listeners.labels(transport)
        self.received = Counter("viva_http_received_bytes", "Bytes of request bodies received.", registry=registry)


class HttpMetrics:
    """Middleware: counts each request under its route's template, never under its path."""

    def __init__(self, app: ASGIApp, meter: HttpMeter) -> None:
        self.app = app
        self.meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not is_upload(scope):
            await self._counted(scope, receive, send)
            return
        with self.meter.uploads.track_inprogress():
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, status = time.monotonic(), "500"

        async def receive_counted() -> Message:
            message = await receive()
            self.meter.received.inc(len(message.get("body", b"")))
            return message

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self.app(scope, receive_counted, send_counted)
        finally:
            method, route = _method(scope), _route(scope)
            self.meter.requests.labels(method, route, status).inc()
            self.meter.seconds.labels(method, route).observe(time.monotonic() - start)


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else UNKNOWN


def _route(scope: Scope) -> str:
    """The template that was matched, so that the number of series does not grow with what callers ask for."""
    return getattr(scope.get("route"), "path", UNKNOWN)
