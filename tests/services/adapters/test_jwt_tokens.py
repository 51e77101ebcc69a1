"""Whom a token speaks for, and every way in which it speaks for nobody."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.adapters import jwt_tokens
from services.adapters.jwt_tokens import JwtTokens, mint
from services.errors import KeysUnavailable, Unauthenticated
from services.interviews.model import Viewer
from tests.logs import captured
from tests.loopback import Handler, serving

SECRET = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
LATER = 4_000_000_000


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: object) -> str:
    return jwt.encode({"sub": "ada", "exp": LATER} | claims, secret, algorithm=algorithm)


def raw(header: dict[str, object], claims: dict[str, object], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize(
    ("claims", "is_admin"),
    [
        ({}, False),
        ({"role": "admin"}, True),
        ({"roles": ["user", "admin"]}, True),
        ({"role": "user", "roles": ["user"]}, False),
        ({"roles": "administrator"}, False),
        ({"roles": {"admin": False}}, False),
        ({"role": ["admin"]}, False),
        ({"aud": "somebody", "iss": "anybody"}, False),
    ],
)
async def test_a_good_token_names_its_user_and_role(claims: dict[str, object], is_admin: bool) -> None:
    assert await JwtTokens(secret=SECRET).verify(signed(**claims)) == Viewer("ada", is_admin)  # type: ignore[arg-type]


async def test_one_that_was_good_before_is_not_once_it_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, token = JwtTokens(secret=SECRET), signed(exp=time.time() + 3600)
    for _ in range(2):
        assert (await tokens.verify(token)).user_id == "ada"
    monkeypatch.setattr(time, "time", lambda: LATER)
    monkeypatch.setattr(jwt.api_jwt, "datetime", _Late)
    with pytest.raises(Unauthenticated, match="expired"):
        await tokens.verify(token)


class _Late:
    @staticmethod
    def now(tz: tzinfo | None = None) -> datetime:
        return datetime.fromtimestamp(LATER, tz)


async def test_no_more_of_them_are_kept_than_are_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwt_tokens, "MOST_SEEN", 3)
    tokens = JwtTokens(secret=SECRET)
    for number in range(5):
        assert (await tokens.verify(signed(sub=f"user{number}"))).user_id == f"user{number}"
    await tokens.verify(signed(more="x" * 5000))
    assert [seen.viewer.user_id for seen in tokens._seen.values()] == ["user2", "user3", "user4"]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        "ключ",
        "\ud800",
        signed(OTHER),
        signed(SECRET, "HS384"),
        signed()[:-2],
        raw({"alg": "none"}, {"sub": "ada", "exp": LATER}),
        raw({"alg": "None", "typ": "JWT"}, {"sub": "ada", "exp": LATER}),
        raw({"alg": ["HS256"]}, {"sub": "ada", "exp": LATER}),
        jwt.encode({"sub": "ada"}, SECRET),
        jwt.encode({"exp": LATER}, SECRET),
        jwt.PyJWS().encode(json.dumps({"sub": None, "exp": LATER}).encode(), SECRET, algorithm="HS256"),
        signed(exp="soon"),
        signed(nbf=LATER),
        "[" * 8000 + ".e30.AA",
        base64.urlsafe_b64encode(b"[" * 60_000).decode() + ".e30.AA",
    ],
)
async def test_a_bad_token_is_nobody(token: str) -> None:
    with pytest.raises(Unauthenticated, match="not valid"):
        await JwtTokens(secret=SECRET).verify(token)


def raw_signed(claims: dict[str, object]) -> str:
    """Signed well, whatever it says."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), SECRET, algorithm="HS256")


@pytest.mark.parametrize("sub", ["", "x" * 129, 7, ["ada"], "half\ud800"])
async def test_a_user_has_a_name_of_sensible_length(sub: object) -> None:
    with pytest.raises(Unauthenticated, match="`sub` is not a user's id"):
        await JwtTokens(secret=SECRET).verify(raw_signed({"sub": sub, "exp": LATER}))


async def test_an_expired_token_is_said_to_be_expired() -> None:
    with pytest.raises(Unauthenticated, match="expired"):
        await JwtTokens(secret=SECRET).verify(mint(SECRET, "ada", seconds=-60))


async def test_clocks_may_differ_by_some_seconds() -> None:
    now = time.time()
    good: list[dict[str, object]] = [{"iat": now + 20}, {"nbf": now + 20}, {"exp": now - 20}]
    bad: list[dict[str, object]] = [{"iat": now + 60}, {"nbf": now + 60}, {"exp": now - 60}]
    for claims in good:
        assert (
            await JwtTokens(secret=SECRET).verify(raw_signed({"sub": "ada", "exp": LATER} | claims))
        ).user_id == "ada"
    for claims in bad:
        with pytest.raises(Unauthenticated):
            await JwtTokens(secret=SECRET).verify(raw_signed({"sub": "ada", "exp": LATER} | claims))


@pytest.mark.parametrize("claims", [{"exp": 1e400}, {"exp": "1e400"}, {"nbf": -1e400}, {"iat": [1]}, {"exp": None}])
async def test_times_that_are_none_are_no_error_of_ours(claims: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        await JwtTokens(secret=SECRET).verify(raw_signed({"sub": "ada", "exp": LATER} | claims))


async def test_audience_and_issuer_are_demanded_where_they_are_set() -> None:
    tokens = JwtTokens(secret=SECRET, audience="viva", issuer="https://id")
    assert (await tokens.verify(mint(SECRET, "ada", audience="viva", issuer="https://id"))).user_id == "ada"
    for wrong in ({}, {"aud": "viva"}, {"iss": "https://id"}, {"aud": "else", "iss": "https://id"}):
        with pytest.raises(Unauthenticated):
            await tokens.verify(signed(**wrong))


async def test_a_minted_token_is_good_and_says_no_more_than_it_was_told() -> None:
    tokens = JwtTokens(secret=SECRET)
    assert await tokens.verify(mint(SECRET, "ada")) == Viewer("ada", False)  # type: ignore[arg-type]
    assert await tokens.verify(mint(SECRET, "root", admin=True, seconds=60)) == Viewer("root", True)  # type: ignore[arg-type]


def test_a_short_secret_or_two_ways_at_once_are_told_apart_at_once() -> None:
    with pytest.raises(ValueError, match="openssl rand"):
        JwtTokens(secret="short")
    with pytest.raises(ValueError, match="32 bytes"):
        mint("short", "ada")
    with pytest.raises(ValueError, match="only one"):
        JwtTokens()
    with pytest.raises(ValueError, match="only one"):
        JwtTokens(secret=SECRET, jwks_url="http://127.0.0.1/")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.binary().map(lambda b: base64.urlsafe_b64encode(b).decode() + "..")))
async def test_no_text_breaks_the_door(token: str) -> None:
    with pytest.raises(Unauthenticated):
        await JwtTokens(secret=SECRET).verify(token)


class Provider:
    """An identity provider on loopback: its keys, and how often they were fetched."""

    def __init__(self) -> None:
        self.body: bytes = b"{}"
        self.status = 200
        self.fetches = 0
        self.url = ""
        self.goes_on = threading.Event()
        self.goes_on.set()

    def publish(self, *keys: dict[str, object]) -> None:
        self.body = json.dumps({"keys": keys}).encode()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running(Provider()) as published:
        yield published


@contextmanager
def running(provider: Provider) -> Iterator[Provider]:
    class Publishing(Handler):
        def answer(self) -> None:
            provider.fetches += 1
            provider.goes_on.wait()
            self.give(provider.status, provider.body)

    with serving(Publishing) as url:
        provider.url = f"{url}/jwks.json"
        try:
            yield provider
        finally:
            provider.goes_on.set()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def rsa_jwk(kid: str | None = "r1", **more: object) -> dict[str, object]:
    made = jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True)
    return {**made, **({} if kid is None else {"kid": kid}), **more}


def ec_jwk(kid: str) -> dict[str, object]:
    return {**jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key(), as_dict=True), "kid": kid}


def issued(key: Any, algorithm: str, kid: str | None) -> str:
    headers = None if kid is None else {"kid": kid}
    return jwt.encode({"sub": "ada", "exp": LATER}, key, algorithm=algorithm, headers=headers)


async def test_published_keys_of_both_kinds_are_fetched_once(provider: Provider) -> None:
    provider.publish(rsa_jwk(), ec_jwk("e1"))
    tokens = JwtTokens(jwks_url=provider.url)
    for token in (issued(RSA, "RS256", "r1"), issued(EC, "ES256", "e1"), issued(RSA, "RS256", "r1")):
        assert (await tokens.verify(token)).user_id == "ada"
    assert provider.fetches == 1


async def test_a_single_key_needs_no_name(provider: Provider) -> None:
    provider.publish(rsa_jwk(None))
    assert (await JwtTokens(jwks_url=provider.url).verify(issued(RSA, "RS256", None))).user_id == "ada"


async def test_what_the_published_keys_did_not_sign_is_nobody(provider: Provider) -> None:
    secret = base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"=").decode()
    shared: dict[str, object] = {"kty": "oct", "k": secret, "kid": "s1", "alg": "HS256"}
    provider.publish(rsa_jwk(), ec_jwk("e1"), shared, rsa_jwk("enc", use="enc"))
    tokens = JwtTokens(jwks_url=provider.url)
    public_pem_as_secret = raw({"alg": "HS256", "kid": "r1"}, {"sub": "ada", "exp": LATER}, b"x" * 32)
    bad = (
        issued(STRANGER, "RS256", "r1"),
        issued(RSA, "RS512", "r1"),
        issued(EC, "ES256", "r1"),
        issued(RSA, "RS256", "enc"),
        issued(RSA, "RS256", None),
        issued(SECRET, "HS256", "s1"),
        public_pem_as_secret,
        raw({"alg": "none", "kid": "r1"}, {"sub": "ada", "exp": LATER}),
        "nonsense",
    )
    for token in bad:
        with pytest.raises(Unauthenticated, match="not valid"):
            await tokens.verify(token)


async def test_a_token_is_good_no_longer_than_its_key_is_there(provider: Provider) -> None:
    now = [0.0]
    provider.publish(rsa_jwk())
    tokens = JwtTokens(jwks_url=provider.url, clock=lambda: now[0])
    for _ in range(2):
        assert (await tokens.verify(issued(RSA, "RS256", "r1"))).user_id == "ada"
    provider.publish({**jwt.algorithms.RSAAlgorithm.to_jwk(STRANGER.public_key(), as_dict=True), "kid": "r1"})
    now[0] = 301.0
    with pytest.raises(Unauthenticated, match="not valid"):
        await tokens.verify(issued(RSA, "RS256", "r1"))


async def test_a_new_key_is_found_and_unknown_names_do_not_hammer_the_provider(provider: Provider) -> None:
    now = [0.0]
    provider.publish(rsa_jwk("old"))
    tokens = JwtTokens(jwks_url=provider.url, clock=lambda: now[0])
    await tokens.verify(issued(RSA, "RS256", "old"))
    for seconds in range(1, 6):  # it may be a key of just now, which is found out in time
        now[0] = seconds
        with pytest.raises(KeysUnavailable) as later:
            await tokens.verify(issued(RSA, "RS256", "new"))
        assert later.value.retry_after == 10.0 - seconds
    assert provider.fetches == 1
    provider.publish(rsa_jwk("new"))
    now[0] = 11.0
    assert (await tokens.verify(issued(RSA, "RS256", "new"))).user_id == "ada"
    now[0] = 22.0
    for _ in range(5):
        with pytest.raises(Unauthenticated, match="not valid"):
            await tokens.verify(issued(RSA, "RS256", "old"))
    assert provider.fetches == 3


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b'{"keys": []}')])
async def test_keys_that_cannot_be_read_open_no_door(provider: Provider, status: int, body: bytes) -> None:
    provider.status, provider.body = status, body
    with pytest.raises(KeysUnavailable, match="keys could not be read"):
        await JwtTokens(jwks_url=provider.url).verify(issued(RSA, "RS256", "r1"))


async def test_the_log_says_when_the_provider_is_lost_and_when_it_is_found(provider: Provider) -> None:
    now = [0.0]
    provider.publish(rsa_jwk())
    tokens = JwtTokens(jwks_url=provider.url, clock=lambda: now[0])
    up = []
    with captured() as logs:
        for status in (200, 503, 503, 200):
            provider.status, now[0] = status, now[0] + 1000.0
            fetches = provider.fetches
            while provider.fetches == fetches or tokens.provider_answers() != (status == 200):
                await tokens.verify(issued(RSA, "RS256", "r1"))
                await asyncio.sleep(0.01)
            up.append(tokens.provider_answers())
    assert up == [True, False, False, True]
    assert [line["event"] for line in logs] == ["identity provider lost", "identity provider found"]
    assert JwtTokens(secret=SECRET).provider_answers()


async def test_while_the_provider_is_down_the_keys_in_hand_stay_good(provider: Provider) -> None:
    now = [0.0]
    provider.publish(rsa_jwk())
    tokens = JwtTokens(jwks_url=provider.url, clock=lambda: now[0])
    await tokens.verify(issued(RSA, "RS256", "r1"))
    provider.status, now[0] = 503, 1000.0
    assert (await tokens.verify(issued(RSA, "RS256", "r1"))).user_id == "ada"
    assert provider.fetches == 2


async def test_nobody_waits_for_a_provider_that_was_lost_and_hangs(provider: Provider) -> None:
    now = [0.0]
    provider.publish(rsa_jwk())
    tokens = JwtTokens(jwks_url=provider.url, clock=lambda: now[0])
    await tokens.verify(issued(RSA, "RS256", "r1"))
    provider.status, now[0] = 503, 1000.0
    await tokens.verify(issued(RSA, "RS256", "r1"))
    provider.goes_on.clear()
    provider.status, now[0] = 200, 2000.0
    asking = asyncio.create_task(tokens.verify(issued(RSA, "RS256", "r1")))
    while provider.fetches < 3:
        await asyncio.sleep(0.01)
    assert asking.done()
    assert (await asking).user_id == "ada"
    assert not tokens.provider_answers()
    provider.goes_on.set()
    while not tokens.provider_answers():
        await asyncio.sleep(0.01)


async def test_a_provider_that_is_not_there_opens_no_door() -> None:
    with running(Provider()) as gone:
        urls = [gone.url, "http://[no-address", "no-address"]
    for url in urls:
        with pytest.raises(KeysUnavailable, match="keys could not be read"):
            await JwtTokens(jwks_url=url).verify(issued(RSA, "RS256", "r1"))


async def test_whether_tokens_can_be_checked_is_known_before_the_first(provider: Provider) -> None:
    now = [0.0]
    assert await JwtTokens(secret=SECRET).can_verify()
    provider.status = 503
    tokens = JwtTokens(jwks_url=provider.url, clock=lambda: now[0])
    assert not await tokens.can_verify()
    while not provider.fetches:
        await asyncio.sleep(0.01)
    provider.status, now[0] = 200, 11.0
    provider.publish(rsa_jwk())
    while not await tokens.can_verify():
        await asyncio.sleep(0.01)
    provider.status, now[0] = 503, 1000.0
    assert await tokens.can_verify()  # with the keys in hand
