"""What this process does, over HTTP counted by a middleware that holds no bytes back.

Several processes behind one port each count in files of one folder, whose sums whoever is asked tells.
"""

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.prefix import is_upload
from services.background import Background, Kind, Standing

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
UNKNOWN = "unknown"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LABELS = ("method", "route", "status")
LIVING = re.compile(r"gauge_livesum_(\d+)\.db")
OF_THE_FIRST = {"process_start_time_seconds", "process_max_fds"}
TRANSPORTS = ("sse", "websocket", "poll")


class HttpMeter:
    """The counts of the API's processes, with what the system says of them.

    `counts` is the folder that several have in common, which the library also finds in PROMETHEUS_MULTIPROC_DIR.
    """

    def __init__(self, counts: str | None = None) -> None:
        self.counts = counts
        self.registry = registry = CollectorRegistry()
        if counts is None:
            ProcessCollector(registry=registry)
        self.requests = Counter("viva_http_requests", "Requests answered.", LABELS, registry=registry)
        self.seconds = Histogram(
            "viva_http_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            LABELS[:2],
            buckets=SECONDS,
            registry=registry,
        )
        own: dict[str, Any] = {"registry": registry, "multiprocess_mode": "livesum"}
        self.uploads = Gauge("viva_http_uploads_in_flight", "Uploads being received.", **own)
        self.listeners = Gauge(
            "viva_http_listeners", "Event streams, sockets and waiting polls open.", ("transport",), **own
        )
        for transport in TRANSPORTS:
            self.listeners.labels(transport)
        self.waiting = Gauge("viva_background_waiting", "Work that broke off and is to begin anew.", ("kind",), **own)
        self.received = Counter("viva_http_received_bytes", "Bytes of request bodies received.", registry=registry)

    def watch(self, background: Background) -> None:
        """Tell of this background work from now on."""
        for kind, standing in background.running():
            self._tell(kind, standing)
        background.tell = self._tell

    def _tell(self, kind: Kind, standing: Standing) -> None:
        self.waiting.labels(kind.value).set(standing.waiting)

    def exposed(self) -> CollectorRegistry:
        """What all processes have counted together."""
        if self.counts is None:
            return self.registry
        together = CollectorRegistry()
        MultiProcessCollector(together, self.counts)  # type: ignore[no-untyped-call]
        together.register(_Processes(Path(self.counts)))
        return together


class _Processes:
    """A collector of what the system says of the processes that live: sums, and the oldest one's start."""

    def __init__(self, counts: Path) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        found = [list(ProcessCollector(pid=partial(int, pid), registry=None).collect()) for pid in self._living()]
        for families in zip(*filter(None, found), strict=False):
            values = [family.samples[0].value for family in families]
            whole = min(values) if families[0].name in OF_THE_FIRST else sum(values)
            families[0].samples[0] = families[0].samples[0]._replace(value=whole)
            yield families[0]

    def _living(self) -> set[int]:
        """Who dies takes the file of its gauges along."""
        return {int(name[1]) for file in self._counts.iterdir() if (name := LIVING.fullmatch(file.name))}


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
