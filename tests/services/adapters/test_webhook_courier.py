"""Posting to webhooks: real connections on loopback, verified by the reference library."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import WebhookVerificationError

from services.adapters import webhook_courier
from services.adapters.webhook_courier import LONGEST_EXCERPT, WebhookCourier
from services.errors import WebhookUrlRefused
from services.events.model import EventType
from services.interviews.model import UserId
from services.webhooks.endpoints import new_secret
from services.webhooks.ports import Delivery, DeliveryId, DeliveryState, Webhook, WebhookId
from tests.receiver import Answer, receiving

SECRET, OLD_SECRET = new_secret(), new_secret()


def a_webhook(url: str, *secrets: str) -> Webhook:
    return Webhook(
        id=WebhookId("w1"), user_id=UserId("ann"), url=url, events=(EventType.COMPLETED,), secrets=secrets or (SECRET,)
    )


def a_delivery(claimed_at: datetime | None = None) -> Delivery:
    now = claimed_at or datetime.now(UTC)
    return Delivery(
        id=DeliveryId("d1"),
        webhook_id=WebhookId("w1"),
        event_id="answer_p1_1",
        type="answer.completed",
        data={"session_id": "s1", "question_id": "q1", "take": 1, "status": "completed"},
        at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        state=DeliveryState.SENDING,
        created_at=now,
        due_at=now,
        claimed_at=now,
    )


@asynccontextmanager
async def courier(**options: Any) -> AsyncIterator[WebhookCourier]:
    made = WebhookCourier(**{"allow_private": True, "seconds": 20.0, **options})
    try:
        yield made
    finally:
        await made.close()


def names(*answers: list[str]) -> Callable[[str, int], Any]:
    """A resolver that gives these answers in turn, then the last one for ever."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


async def test_what_arrives_is_thin_and_signed() -> None:
    with receiving() as receiver:
        async with courier() as sender:
            reply = await sender.send(a_webhook(receiver.url + "?a=b"), a_delivery())
    assert (reply.status, reply.error, reply.excerpt) == (204, None, "")
    (got,) = receiver.seen
    assert got.verified(SECRET) == {
        "type": "answer.completed",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "data": {"session_id": "s1", "question_id": "q1", "take": 1, "status": "completed"},
    }
    assert (got.path, got.headers["webhook-id"]) == ("/hooks?a=b", "answer_p1_1")
    assert got.headers["host"] == receiver.url.split("/")[2]
    assert got.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        got.verified(OLD_SECRET)
    with pytest.raises(WebhookVerificationError):
        replace(got, body=got.body.replace(b"q1", b"q2")).verified(SECRET)


async def test_while_a_secret_is_replaced_both_verify() -> None:
    with receiving() as receiver:
        async with courier() as sender:
            await sender.send(a_webhook(receiver.url, SECRET, OLD_SECRET), a_delivery())
    assert receiver.seen[0].verified(SECRET) == receiver.seen[0].verified(OLD_SECRET)


async def test_it_is_signed_at_the_stores_time_whatever_the_clock_here_says() -> None:
    with receiving() as receiver:
        async with courier() as sender:
            await sender.send(a_webhook(receiver.url), a_delivery(datetime.now(UTC) - timedelta(minutes=6)))
            await sender.send(a_webhook(receiver.url), a_delivery(datetime.now(UTC) + timedelta(minutes=6)))
            await sender.send(a_webhook(receiver.url), a_delivery(datetime.now(UTC) - timedelta(minutes=4)))
    for late_or_early in receiver.seen[:2]:
        with pytest.raises(WebhookVerificationError, match=r"timestamp too"):
            late_or_early.verified(SECRET)
    assert receiver.seen[2].verified(SECRET)


async def test_a_redirect_is_not_followed() -> None:
    with receiving() as inside, receiving(Answer(302, (("location", inside.url),))) as receiver:
        async with courier() as sender:
            reply = await sender.send(a_webhook(receiver.url), a_delivery())
        assert (reply.status, reply.is_success, inside.seen) == (302, False, [])


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with courier() as sender:
            assert (await sender.send(a_webhook(receiver.url), a_delivery())).is_success
        assert (len(receiver.seen), proxy.seen) == (1, [])


@pytest.mark.parametrize("ending", ["cut", "badly chunked", "hangs"])
async def test_a_status_counts_however_its_body_ends(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_courier, "BODY_SECONDS", 0.2 if ending == "hangs" else 60.0)
    bodies = {"badly chunked": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"}
    body = bodies.get(ending, b"Content-Length: 99\r\n\r\nok")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}}")
        writer.write(b"HTTP/1.1 200 OK\r\n" + body)
        await writer.drain()
        if ending == "hangs":
            await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, courier() as sender:
        port = server.sockets[0].getsockname()[1]
        reply = await sender.send(a_webhook(f"http://127.0.0.1:{port}/"), a_delivery())
    assert (reply.status, reply.error) == (200, None)
    assert reply.excerpt == ("" if ending == "badly chunked" else "ok")


async def test_names_that_hang_take_a_thread_each_and_hold_no_other_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_courier, "RESOLVE_SECONDS", 0.05)
    goes_on, asked = threading.Event(), list[str]()

    def look_up(host: str, _: int) -> list[str]:
        asked.append(host)
        if host.startswith("hangs"):
            goes_on.wait()
        return ["192.0.2.1"]

    resolver = webhook_courier.Resolver(look_up)
    for _ in range(3):
        for number in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.06):
                    await resolver.resolve(f"hangs{number}.example", 443)
    while len(asked) < 20:
        await asyncio.sleep(0.01)
    assert sorted(asked) == sorted(f"hangs{number}.example" for number in range(20))
    assert await resolver.resolve("well.example", 443) == ["192.0.2.1"]
    goes_on.set()
    while resolver._asked:
        await asyncio.sleep(0.01)
    assert await resolver.resolve("hangs0.example", 443) == ["192.0.2.1"]
    resolver.close()


@pytest.mark.parametrize("answer", [Answer(hangs=True), Answer(200, body=b"ok", endless=True)])
async def test_whoever_hangs_or_never_ends_holds_nothing_up(answer: Answer) -> None:
    with receiving(answer) as receiver:
        async with courier(seconds=0.5 if answer.hangs else 60.0) as sender:
            reply = await asyncio.wait_for(sender.send(a_webhook(receiver.url), a_delivery()), 30)
    if answer.hangs:
        assert (reply.status, reply.error) == (None, "No answer within 0.5 seconds.")
    else:
        assert (reply.status, reply.excerpt) == (200, "ok" + "x" * (LONGEST_EXCERPT - 2))


async def test_what_comes_back_is_kept_in_short_and_printable() -> None:
    body = "<b>Ü\x00\x1b[31m\n".encode() + b"\xff" + b"x" * 10_000
    with receiving(Answer(500, body=body)) as receiver:
        async with courier() as sender:
            reply = await sender.send(a_webhook(receiver.url), a_delivery())
    assert reply.status == 500
    assert reply.excerpt.startswith("<b>Ü  [31m \N{REPLACEMENT CHARACTER}xxx")
    assert len(reply.excerpt) == LONGEST_EXCERPT


async def test_when_to_come_again_is_read_as_seconds_or_as_a_date_by_their_own_clock() -> None:
    dates = (("date", "Thu, 01 Jan 2015 00:00:00 GMT"), ("retry-after", "Thu, 01 Jan 2015 00:02:00 GMT"))
    wanted = [(("retry-after", "120"),), dates, (("retry-after", "soon"),), ()]
    with receiving(*(Answer(503, headers) for headers in wanted)) as receiver:
        async with courier() as sender:
            replies = [await sender.send(a_webhook(receiver.url), a_delivery()) for _ in wanted]
    assert replies[0].retry_after == 120.0
    # The server of this test puts a `Date` of its own before the one that is wanted here; the last one counts.
    assert replies[1].retry_after == 120.0
    assert [reply.retry_after for reply in replies[2:]] == [None, None]


async def test_where_nobody_listens_is_said() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with courier() as sender:
            reply = await sender.send(a_webhook(f"http://127.0.0.1:{unused.getsockname()[1]}/"), a_delivery())
    assert reply.status is None
    assert reply.error


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "127.1", "0x7f000001", "2130706433", "017700000001", "[::ffff:127.0.0.1]"],
)
async def test_nothing_is_sent_inside_however_it_is_written(host: str) -> None:
    with receiving() as receiver:
        url = f"https://{host}:{receiver.url.split(':')[2]}"
        async with courier(allow_private=False) as sender:
            with pytest.raises(WebhookUrlRefused):
                await sender.check(url)
            reply = await sender.send(a_webhook(url), a_delivery())
        assert (reply.status, receiver.seen) == (None, [])
        assert reply.error is not None and "not public" in reply.error


async def test_a_name_that_is_public_first_and_inside_later_is_refused_when_it_is_sent_to() -> None:
    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        url = f"https://rebinding.example:{port}/"
        async with courier(allow_private=False, resolve=names(["1.1.1.1"], ["127.0.0.1"])) as sender:
            await sender.check(url)
            reply = await sender.send(a_webhook(url), a_delivery())
        assert (reply.status, receiver.seen) == (None, [])
        assert reply.error is not None and "not public" in reply.error


async def test_one_address_inside_among_public_ones_is_refused() -> None:
    async with courier(allow_private=False, resolve=names(["1.1.1.1", "10.0.0.1"])) as sender:
        with pytest.raises(WebhookUrlRefused):
            await sender.check("https://both.example/")


async def test_a_name_that_cannot_be_resolved_is_refused() -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with courier(allow_private=False, resolve=nowhere) as sender:
        with pytest.raises(WebhookUrlRefused, match="could not be resolved"):
            await sender.check("https://nowhere.example/")
        reply = await sender.send(a_webhook("https://nowhere.example/"), a_delivery())
        assert reply.error is not None and "could not be resolved" in reply.error


async def test_the_connection_goes_to_the_address_that_was_checked(tmp_path: Path) -> None:
    """A name is resolved once for a connection; the certificate is held to the name, not to the address."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    server, client = certified("hooks.example", tmp_path)
    with receiving(tls=server) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        async with courier(resolve=resolve, tls=client) as sender:
            reply = await sender.send(a_webhook(f"https://hooks.example:{port}/x"), a_delivery())
            assert (reply.status, reply.error) == (204, None)
            other = await sender.send(a_webhook(f"https://other.example:{port}/x"), a_delivery())
    assert asked == ["hooks.example", "other.example"]
    assert receiver.seen[0].headers["host"] == f"hooks.example:{port}"
    assert receiver.seen[0].verified(SECRET)
    assert (other.status, len(receiver.seen)) == (None, 1)
    assert other.error is not None and "certificate" in other.error.lower()


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        async with courier(resolve=names(["127.0.0.2", "127.0.0.1"])) as sender:
            reply = await sender.send(a_webhook(f"http://two.example:{port}/"), a_delivery())
    assert reply.status == 204


def certified(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of this name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.9"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())
