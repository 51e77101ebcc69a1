"""Posting to webhooks: signed by the reference library, to an address that was checked, and never anywhere else.

The connection goes to the very address that was looked at, while the
certificate is held to the host's name: what the name resolves to a moment later
does not matter. No redirect is followed, no proxy of the environment is asked,
and no connection is used twice.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from socket import SOCK_STREAM, getaddrinfo

import httpcore2
from standardwebhooks import Webhook as Signer

from services.errors import WebhookUrlRefused
from services.webhooks.addresses import Target, check_addresses, target_of
from services.webhooks.ports import Delivery, Webhook
from services.webhooks.redelivery import Reply

SECONDS = 10.0
RESOLVE_SECONDS = 4.0
CONNECT_SECONDS = 4.0
BODY_SECONDS = 2.0
RESOLVERS = 128
MOST_CONNECTIONS = 64
MOST_EXCERPT_BYTES = 2048
LONGEST_EXCERPT = 500
USER_AGENT = "Viva-Voce-Webhooks/1"

Resolve = Callable[[str, int], Awaitable[list[str]]]


class WebhookCourier:
    """Port Courier. Private addresses and plain http are for development only."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        seconds: float = SECONDS,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._seconds = seconds
        self._resolver = Resolver()
        self._resolve = resolve or self._resolver.resolve
        self._tls = tls
        self._pool: httpcore2.AsyncConnectionPool | None = None

    async def check(self, url: str) -> None:
        target = target_of(url, allow_private=self._allow_private)
        await self._addresses(target.host.strip("[]"), target.port)

    async def send(self, webhook: Webhook, delivery: Delivery) -> Reply:
        start = time.monotonic()
        reply = await self._try(webhook, delivery)
        return replace(reply, milliseconds=round((time.monotonic() - start) * 1000))

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()
        self._resolver.close()

    async def _try(self, webhook: Webhook, delivery: Delivery) -> Reply:
        try:
            target = target_of(webhook.url, allow_private=self._allow_private)
            async with asyncio.timeout(self._seconds):
                return await self._post(target, _headers(target, webhook, delivery), delivery.body.encode())
        except WebhookUrlRefused as refused:
            return Reply(error=str(refused))
        except (TimeoutError, httpcore2.TimeoutException):
            return Reply(error=f"No answer within {self._seconds:g} seconds.")
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError, OSError) as trouble:
            return Reply(error=_printable(str(trouble) or type(trouble).__name__))

    async def _post(self, target: Target, headers: list[tuple[bytes, bytes]], body: bytes) -> Reply:
        where = httpcore2.URL(
            scheme=target.scheme.encode(),
            host=target.host.strip("[]").encode(),
            port=target.port,
            target=target.path.encode(),
        )
        async with self._opened().stream("POST", where, headers=headers, content=body) as answer:
            said = Reply(status=answer.status, retry_after=_retry_after(answer.headers))
            return replace(said, excerpt=_printable((await _beginning(answer)).decode("utf-8", "replace")))

    def _opened(self) -> httpcore2.AsyncConnectionPool:
        if self._pool is None:
            self._pool = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls or httpcore2.default_ssl_context(),
                max_connections=MOST_CONNECTIONS,
                max_keepalive_connections=0,
                network_backend=CheckedBackend(self._addresses),
            )
        return self._pool

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await self._resolve(host, port)
        except (TimeoutError, OSError, UnicodeError):
            raise WebhookUrlRefused("The URL's host could not be resolved. Check its name.") from None
        return check_addresses(found, allow_private=self._allow_private)


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses that were checked, and resolves nothing a second time."""

    def __init__(self, addresses: Resolve) -> None:
        self._addresses = addresses
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the base class has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        trouble: Exception = httpcore2.ConnectError("The host has no address.")
        for address in await self._addresses(host, port):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout=CONNECT_SECONDS, local_address=local_address, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as refused:
                trouble = refused
        raise trouble

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Resolver:
    """The system's resolver, in threads of its own, of which each name takes one: a name that hangs holds nobody up."""

    def __init__(self, look_up: Callable[[str, int], list[str]] | None = None) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._look_up = look_up or _look_up
        self._asked: dict[tuple[str, int], tuple[float, Future[list[str]]]] = {}

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a name; OSError if there are none, or if it has hung for a while already."""
        now = time.monotonic()
        since, looking = self._asked.get((host, port)) or self._ask(host, port, now)
        if now - since > RESOLVE_SECONDS:
            raise TimeoutError
        return await asyncio.shield(asyncio.wrap_future(looking))

    def _ask(self, host: str, port: int, now: float) -> tuple[float, Future[list[str]]]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver")
        asked = now, self._threads.submit(self._look_up, host, port)
        self._asked[host, port] = asked
        asked[1].add_done_callback(lambda _: self._asked.pop((host, port), None))
        return asked

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


async def _beginning(answer: httpcore2.Response) -> bytes:
    """How the body begins; the status says what became of the delivery, however the body ends."""
    read = b""
    with suppress(TimeoutError, httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, OSError):
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in answer.aiter_stream():
                read += piece[:MOST_EXCERPT_BYTES]
                if len(read) >= MOST_EXCERPT_BYTES:
                    break
    return read


def _look_up(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in getaddrinfo(host, port, type=SOCK_STREAM)]


def _headers(target: Target, webhook: Webhook, delivery: Delivery) -> list[tuple[bytes, bytes]]:
    at = (delivery.claimed_at or delivery.created_at).astimezone(UTC)
    signatures = [Signer(secret).sign(delivery.event_id, at, delivery.body) for secret in webhook.secrets]
    headers = {
        "host": target.authority,
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "accept": "*/*",
        "accept-encoding": "identity",
        "webhook-id": delivery.event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Seconds, which an endpoint may give as such, or as a date by its own clock."""
    given = {name.lower(): value.decode("latin-1").strip() for name, value in headers}
    wanted, now = given.get(b"retry-after", ""), given.get(b"date")
    if wanted.isdecimal() and len(wanted) < 10:
        return float(wanted)
    try:
        since = parsedate_to_datetime(now) if now else datetime.now(UTC)
        return max(0.0, (parsedate_to_datetime(wanted) - since).total_seconds())
    except (ValueError, TypeError):
        return None


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:LONGEST_EXCERPT].strip()
