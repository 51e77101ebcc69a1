"""Bearer tokens: signed with a shared secret, or by an identity provider that publishes its keys."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import jwt
import structlog

from services.errors import KeysUnavailable, Unauthenticated
from services.interviews.model import UserId, Viewer

log = structlog.get_logger(__name__)

LEAST_SECRET_BYTES = 32
LONGEST_USER = 128
KEYS_LAST_SECONDS = 300.0
LEAST_SECONDS_BETWEEN_FETCHES = 10.0
FETCH_SECONDS = 5.0
LEEWAY_SECONDS = 30.0
MOST_SEEN, LONGEST_SEEN = 4096, 4096

INVALID = "The token is not valid. Sign in again."
EXPIRED = "The token has expired. Sign in again."
NO_USER = f"The token's `sub` is not a user's id of 1 to {LONGEST_USER} characters."


@dataclass(frozen=True, slots=True)
class _Seen:
    """Whom a token speaks for by this key, until it expires."""

    key: Any
    viewer: Viewer
    expires: float


class JwtTokens:
    """Tokens: HS256 with a secret, or RS256 and ES256 with the keys at an address; never both."""

    def __init__(
        self,
        *,
        secret: str | None = None,
        jwks_url: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if (secret is None) == (jwks_url is None):
            raise ValueError("Set JWT_SECRET or JWKS_URL, and only one of them")
        self._secret = None if secret is None else checked_secret(secret)
        self._keys = None if jwks_url is None else PublishedKeys(jwks_url, clock)
        self._audience = audience
        self._issuer = issuer
        self._seen: dict[str, _Seen] = {}

    async def verify(self, token: str) -> Viewer:
        """Who the token speaks for; Unauthenticated with a sentence for the client if it is not valid.

        KeysUnavailable where that cannot be told now.
        """
        try:
            key: Any = self._secret if self._keys is None else await self._keys.of(token)
            seen = self._seen.get(token)
            if seen is not None and seen.key is key and time.time() < seen.expires:
                return seen.viewer
            return self._remembered(token, key, self._claims(token, key))
        except jwt.ExpiredSignatureError:
            raise Unauthenticated(EXPIRED) from None
        except jwt.exceptions.InvalidSubjectError:
            raise Unauthenticated(NO_USER) from None
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):
            raise Unauthenticated(INVALID) from None

    async def can_verify(self) -> bool:
        return self._keys is None or self._keys.are_there()

    def provider_answers(self) -> bool:
        return self._keys is None or self._keys.is_reached

    def _remembered(self, token: str, key: Any, claims: dict[str, Any]) -> Viewer:
        """One whose signature was found good stays so for as long as its key is there and it has not expired."""
        viewer = _viewer(claims)
        if len(token) <= LONGEST_SEEN:
            self._seen.pop(token, None)
            if len(self._seen) >= MOST_SEEN:
                del self._seen[next(iter(self._seen))]
            self._seen[token] = _Seen(key, viewer, float(claims["exp"]))
        return viewer

    def _claims(self, token: str, key: Any) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=["HS256"] if self._keys is None else ["RS256", "ES256"],
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
        )


class PublishedKeys:
    """The keys at an address, fetched without blocking, kept for minutes, and asked again for an unknown one."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self._url = url
        self._clock = clock
        self._keys: list[jwt.PyJWK] = []
        self._useless: set[str | None] = set()  # names that were asked for in vain, or of keys that sign nothing
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._lock = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self.is_reached = True

    async def of(self, token: str) -> jwt.PyJWK:
        """The key that the token names, or the only one; Unauthenticated if there is none.

        KeysUnavailable where there may be one that could not be fetched, or not yet: keys are changed now and then.
        """
        kid = jwt.get_unverified_header(token).get("kid")
        is_old = self._age(self._fetched_at) > KEYS_LAST_SECONDS
        if self._find(kid) is None or (is_old and self.is_reached):
            await self._refresh(kid)
        elif is_old:
            self._look()  # nobody waits for a provider that was lost where the key is in hand
        key = self._find(kid)
        if key is not None:
            return key
        if self._keys and (kid is None or kid in self._useless):
            raise Unauthenticated(INVALID)
        raise KeysUnavailable(retry_after=LEAST_SECONDS_BETWEEN_FETCHES - self._age(self._tried_at))

    def are_there(self) -> bool:
        """Whether there is any key; if not, they are fetched meanwhile."""
        if not self._keys:
            self._look()
        return bool(self._keys)

    def _look(self) -> None:
        """Fetch them meanwhile."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._refresh())

    def _find(self, kid: str | None) -> jwt.PyJWK | None:
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.key_id == kid), None)

    async def _refresh(self, kid: str | None = None) -> None:
        """Fetch, but not more often than every few seconds; while that fails, the keys in hand stay good."""
        async with self._lock:
            if self._age(self._tried_at) < LEAST_SECONDS_BETWEEN_FETCHES:
                return
            self._tried_at = self._clock()
            found = await self._fetched()
            self._tell(is_reached=bool(found))
            if found:
                self._keys = [key for key in found if key.public_key_use in (None, "sig")]
                self._fetched_at = self._tried_at
                self._useless = {kid, *(key.key_id for key in found)} - {key.key_id for key in self._keys}

    def _tell(self, *, is_reached: bool) -> None:
        if is_reached != self.is_reached:
            say = log.warning if is_reached else log.error
            say("identity provider found" if is_reached else "identity provider lost", keys=len(self._keys))
        self.is_reached = is_reached

    async def _fetched(self) -> list[jwt.PyJWK]:
        try:
            async with asyncio.timeout(FETCH_SECONDS), httpx2.AsyncClient() as client:
                answer = await client.get(self._url)
                return jwt.PyJWKSet.from_dict(answer.raise_for_status().json()).keys
        except (
            TimeoutError,
            httpx2.HTTPError,
            httpx2.InvalidURL,
            jwt.PyJWTError,
            ValueError,
            TypeError,
            AttributeError,
        ):
            return []

    def _age(self, then: float | None) -> float:
        return float("inf") if then is None else self._clock() - then


def checked_secret(secret: str) -> str:
    """The secret, if it is long enough to sign with."""
    if len(secret.encode()) < LEAST_SECRET_BYTES:
        raise ValueError(
            f"JWT_SECRET needs {LEAST_SECRET_BYTES} bytes or more; `openssl rand -hex 32` makes a good one"
        )
    return secret


def mint(
    secret: str,
    user: str,
    *,
    admin: bool = False,
    seconds: float = 3600.0,
    audience: str | None = None,
    issuer: str | None = None,
) -> str:
    """A token for this user that is good for so many seconds."""
    claims: dict[str, Any] = {"sub": user, "exp": datetime.now(UTC) + timedelta(seconds=seconds)}
    optional = {"role": "admin" if admin else None, "aud": audience, "iss": issuer}
    claims |= {name: value for name, value in optional.items() if value is not None}
    return jwt.encode(claims, checked_secret(secret), algorithm="HS256")


def _viewer(claims: dict[str, Any]) -> Viewer:
    user, roles = claims["sub"], claims.get("roles")
    if not isinstance(user, str) or not is_user(user):
        raise Unauthenticated(NO_USER)
    is_admin = claims.get("role") == "admin" or (isinstance(roles, list) and "admin" in roles)
    return Viewer(UserId(user), is_admin)


def is_user(name: str) -> bool:
    """Whether a token may be somebody's of this name."""
    return 1 <= len(name) <= LONGEST_USER and _is_text(name)


def _is_text(name: str) -> bool:
    """Whether it has no half characters, which nothing can store."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
