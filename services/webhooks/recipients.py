"""Whom a recording was given to, or word of its end: for its deletion receipt (GDPR, article 19)."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from services.interviews.model import Part, UserId
from services.webhooks.ports import Endpoints, WebhookState

FRESH_SECONDS = 30.0
MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """`engine` is the host of a hosted engine, None where recordings do not leave the worker."""

    endpoints: Endpoints
    engine: str | None
    clock: Callable[[], float] = time.monotonic
    _known: OrderedDict[UserId, tuple[float, tuple[str, ...]]] = field(default_factory=OrderedDict, init=False)

    async def of(self, part: Part) -> tuple[str, ...]:
        """Hosts: the engine's, where the recording was claimed for it, and those of its owner's webhooks."""
        engine = {self.engine} if self.engine and part.deliveries else set()
        return tuple(sorted(engine | set(await self._hosts(part.user_id))))

    async def _hosts(self, user_id: UserId) -> tuple[str, ...]:
        until, hosts = self._known.get(user_id, (0.0, ()))
        if self.clock() >= until:
            webhooks = await self.endpoints.of_user(user_id)
            told = (webhook for webhook in webhooks if webhook.state is not WebhookState.DISABLED)
            hosts = tuple(sorted({urlsplit(webhook.url).hostname or "" for webhook in told}))
            self._known[user_id] = (self.clock() + FRESH_SECONDS, hosts)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return hosts
