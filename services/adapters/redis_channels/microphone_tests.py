"""Tests of microphones, on their way to a worker and back through channels of Redis or Valkey.

1. the API offers a test on the channel of all workers, and waits on one of its own;
2. a worker that has room claims it, by a key without any sound that ends by itself, and says on which channel it waits;
3. the API sends the sound there;
4. the worker answers what it heard.

What goes through channels is in no append-only file and no snapshot. The server notes the beginning of slow commands,
128 bytes of each argument, so that no message begins with what was said.
"""

import asyncio
import json
import secrets
import time
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import asdict
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from services import errors
from services.adapters.redis_channels.connection import TROUBLE, connect, heed_cancellation, messages, next_message
from services.errors import NobodyListens, RecordingAtFault
from services.interviews.language import Language
from services.transcription.microphone_tests import AGAIN_SECONDS, Heard, Sound

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 15.0
CHOSEN_SECONDS = 3.0
CLAIM_SECONDS = 60
LOOK_SECONDS = 1.0
TIMEOUT_SECONDS = 5.0
SILENCE_SECONDS = 5.0
LEAST_BACKOFF, MOST_BACKOFF = 0.5, 10.0
MOST_WAITING = 32
HEAD_BYTES = 256

FAULTS: dict[str, type[RecordingAtFault]] = {
    kind.code: kind for kind in (errors.AudioUnreadable, errors.AudioTooLong, errors.RecordingAtFault)
}


class RedisMicrophoneTests:
    """Port MicrophoneTests, for the API."""

    def __init__(self, url: str, channel: str, seconds: float = ANSWER_SECONDS) -> None:
        self._client = connect(url, TIMEOUT_SECONDS, tries=2)
        self._channel = channel
        self._seconds = seconds

    async def hear(self, sound: Sound) -> Heard:
        try:
            async with asyncio.timeout(self._seconds):
                if self._client is not None:
                    return _heard(await self._answered(self._client, secrets.token_hex(16), sound))
        except TROUBLE as trouble:
            log.warning("nobody listens to a microphone", reason=type(trouble).__name__)
        raise _nobody()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _answered(self, client: Redis, id: str, sound: Sound) -> dict[str, Any]:
        async with client.pubsub() as replies:
            await replies.subscribe(f"{self._channel}.{id}")
            if await next_message(replies, TIMEOUT_SECONDS) is None:
                raise TimeoutError
            await _send(client, self._channel, _packed({"id": id}))
            listener = str((await _reply(replies))["listener"])
            await _send(client, listener, _packed({"id": id, "language": sound.language}, sound.recording))
            while (answer := await _reply_within(replies, LOOK_SECONDS)) is None or "listener" in answer:
                if not await _is_there(client, listener):
                    raise _nobody()
            return answer


class Listening(Protocol):
    """Use case MicrophoneListening, as it is needed here."""

    def room(self) -> AbstractAsyncContextManager[bool]: ...

    async def hear(self, sound: Sound) -> Heard: ...


class RedisTestListener:
    """The worker's side: takes tests on, one at a time, while `serve` runs."""

    def __init__(self, url: str, channel: str, listening: Listening) -> None:
        self._client = connect(url, TIMEOUT_SECONDS, tries=2)
        self._channel = channel
        self._own = f"{channel}.{secrets.token_hex(16)}"
        self._listening = listening
        self._one = asyncio.Semaphore(1)
        self._taking: set[asyncio.Task[None]] = set()
        self._sounds: dict[str, asyncio.Future[Sound]] = {}
        self._serves = True

    async def serve(self) -> None:
        """Take tests on for ever; what is in hand when this ends is given up."""
        backoff = LEAST_BACKOFF
        while self._client is not None:
            heed_cancellation()
            begun = time.monotonic()
            try:
                await self._serve(self._client)
            except TROUBLE as trouble:
                self._tell(serves=False, reason=type(trouble).__name__)
            backoff = LEAST_BACKOFF if time.monotonic() - begun > MOST_BACKOFF else min(backoff * 2, MOST_BACKOFF)
            await asyncio.sleep(backoff)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _serve(self, client: Redis) -> None:
        try:
            async with aclosing(messages(client, self._channel, self._own, silence=SILENCE_SECONDS)) as arriving:
                async for message in arriving:
                    self._tell(serves=True)
                    if message["type"] == "message":
                        self._take(client, message["channel"].decode(), message["data"])
        finally:
            for task in self._taking:
                task.cancel()
            await asyncio.gather(*self._taking, return_exceptions=True)

    def _take(self, client: Redis, channel: str, data: bytes) -> None:
        head = _head(data)
        id = head.get("id")
        if not isinstance(id, str):
            return
        if channel == self._channel and len(self._taking) < MOST_WAITING:
            task = asyncio.create_task(self._take_on(client, id))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        elif (waited := self._sounds.get(id)) is not None and not waited.done():
            language = head.get("language")
            spoken = Language(language) if isinstance(language, str) else None
            waited.set_result(Sound(recording=data[HEAD_BYTES:], language=spoken))

    async def _take_on(self, client: Redis, id: str) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._one, self._listening.room() as came:
                if came and await client.set(f"{self._channel}:{id}", b"", nx=True, ex=CLAIM_SECONDS):
                    await self._listen(client, id)
        except (*TROUBLE, NobodyListens) as trouble:
            log.warning("microphone test given up", test=id, reason=type(trouble).__name__)
        except Exception as error:
            log.exception("unexpected", test=id, error=type(error).__name__)

    async def _listen(self, client: Redis, id: str) -> None:
        reply, waited = f"{self._channel}.{id}", asyncio.get_running_loop().create_future()
        self._sounds[id] = waited
        try:
            await _send(client, reply, _said({"listener": self._own}))
            async with asyncio.timeout(CHOSEN_SECONDS):
                sound = await waited
        finally:
            del self._sounds[id]
        await client.publish(reply, _said(await self._answer(sound, id)))

    async def _answer(self, sound: Sound, id: str) -> dict[str, Any]:
        try:
            heard = await self._listening.hear(sound)
        except (RecordingAtFault, NobodyListens) as problem:
            return {"problem": problem.code, "detail": str(problem)}
        except Exception as error:
            log.exception("unexpected", test=id, error=type(error).__name__)
            return {"problem": NobodyListens.code}
        log.info("microphone tested", test=id, heard=heard.heard, seconds=heard.seconds)
        return asdict(heard)

    def _tell(self, *, serves: bool, reason: str | None = None) -> None:
        if serves != self._serves:
            log.warning("microphone tests are taken again" if serves else "no microphone tests arrive", reason=reason)
        self._serves = serves


def _packed(head: dict[str, Any], body: bytes = b"") -> bytes:
    """A message whose beginning is nothing that was said."""
    return json.dumps(head).encode().ljust(HEAD_BYTES, b"\0") + body


def _said(reply: dict[str, Any]) -> bytes:
    return _packed({}, json.dumps(reply).encode())


def _head(message: bytes) -> dict[str, Any]:
    """Of what others might send too."""
    with suppress(ValueError):
        head = json.loads(message[:HEAD_BYTES].rstrip(b"\0"))
        if isinstance(head, dict):
            return head
    return {}


async def _reply(replies: PubSub) -> dict[str, Any]:
    """The next one, waited for."""
    while (reply := await _reply_within(replies, TIMEOUT_SECONDS)) is None:
        pass
    return reply


async def _reply_within(replies: PubSub, seconds: float) -> dict[str, Any] | None:
    message = await next_message(replies, seconds)
    if message is None or message["type"] != "message":
        return None
    reply: dict[str, Any] = json.loads(message["data"][HEAD_BYTES:])
    return reply


async def _send(client: Redis, channel: str, message: bytes) -> None:
    """NobodyListens where nobody waits for it."""
    if not await client.publish(channel, message):
        raise _nobody()


async def _is_there(client: Redis, listener: str) -> bool:
    ((_, number),) = await client.pubsub_numsub(listener)
    return bool(number)


def _heard(answer: dict[str, Any]) -> Heard:
    """RecordingAtFault or NobodyListens, if that is the answer."""
    if (code := answer.get("problem")) is None:
        return Heard(**answer)
    if (fault := FAULTS.get(code)) is not None:
        raise fault(answer["detail"])
    raise _nobody()


def _nobody() -> NobodyListens:
    return NobodyListens(retry_after=AGAIN_SECONDS)
