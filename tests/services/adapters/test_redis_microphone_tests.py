"""Tests of microphones on a real Valkey: one worker answers each, and the server keeps none of it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.adapters.redis_channels import RedisMicrophoneTests, RedisTestListener, microphone_tests
from services.errors import AudioUnreadable, EngineBusy, NobodyListens
from services.interviews.language import Language
from services.throttle import Throttle
from services.transcription.microphone_tests import MOST_BYTES, Heard, Sound
from tests import servers

CHANNEL = "viva_voce.microphone_tests.test"
SAID = "planted words that nobody may keep"
SOUND = Sound(recording=b"RIFF" + b"planted sound " * 1000, language=Language("de"))
HEARD = Heard(text=SAID, heard=True, seconds=1.5)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is well is waited for, and so is who was chosen."""
    monkeypatch.setattr(microphone_tests, "TIMEOUT_SECONDS", 30.0)
    monkeypatch.setattr(microphone_tests, "CHOSEN_SECONDS", 30.0)
    monkeypatch.setattr(microphone_tests, "ANSWER_SECONDS", 60.0)


class Worker:
    """One that hears what it is told to, once it may."""

    def __init__(self, answer: Heard | Exception = HEARD) -> None:
        self.answer = answer
        self.given: list[Sound] = []
        self.throttle = Throttle(EngineBusy)
        self.may = asyncio.Event()
        self.may.set()

    def room(self) -> AbstractAsyncContextManager[bool]:
        return self.throttle.turn(60.0)

    async def hear(self, sound: Sound) -> Heard:
        self.given.append(sound)
        await self.may.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def listening(url: str, *workers: Worker) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Each in a task that can be ended as a process would be, once all are there."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Redis.from_url(url))
        before = dict(await client.pubsub_numsub(CHANNEL)).get(CHANNEL.encode(), 0)
        tasks = []
        for worker in workers:
            listener = RedisTestListener(url, CHANNEL, worker)
            stack.push_async_callback(listener.close)
            tasks.append(asyncio.create_task(listener.serve()))
        stack.push_async_callback(_ended, tasks)
        async with asyncio.timeout(30):
            while dict(await client.pubsub_numsub(CHANNEL))[CHANNEL.encode()] < before + len(workers):
                await asyncio.sleep(0.01)
        yield tasks


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def asking(url: str, seconds: float = 60.0) -> AsyncIterator[RedisMicrophoneTests]:
    tests = RedisMicrophoneTests(url, CHANNEL, seconds)
    try:
        yield tests
    finally:
        await tests.close()


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A Valkey that keeps all that it can: every command in its file, and every one in its log of slow commands."""
    file = ("--appendonly", "yes", "--appendfsync", "always", "--rdbcompression", "no", "--loglevel", "debug")
    slow = ("--slowlog-log-slower-than", "0", "--slowlog-max-len", "10000")
    with servers.valkey(tmp_path, *file, *slow) as url:
        yield url, tmp_path


async def test_one_worker_hears_what_one_api_asks(redis_url: str) -> None:
    workers = [Worker() for _ in range(3)]
    async with listening(redis_url, *workers), asking(redis_url) as one, asking(redis_url) as other:
        heard = await asyncio.gather(*(tests.hear(SOUND) for tests in [one, other] * 6))
    assert heard == [HEARD] * 12
    assert [sound for worker in workers for sound in worker.given] == [SOUND] * 12


async def test_the_largest_recording_arrives_whole(redis_url: str) -> None:
    sound = Sound(recording=os.urandom(MOST_BYTES))
    worker = Worker()
    async with listening(redis_url, worker), asking(redis_url) as tests:
        assert await tests.hear(sound) == HEARD
    assert worker.given == [sound]


async def test_a_worker_listens_to_one_at_a_time(redis_url: str) -> None:
    worker = Worker()
    worker.may.clear()
    async with listening(redis_url, worker), asking(redis_url) as tests:
        both = [asyncio.create_task(tests.hear(SOUND)) for _ in range(2)]
        async with asyncio.timeout(30):
            while not worker.given:
                await asyncio.sleep(0.01)
        assert len(worker.given) == 1
        worker.may.set()
        assert await asyncio.gather(*both) == [HEARD] * 2


async def test_without_workers_nobody_is_waited_for(redis_url: str) -> None:
    async with asking(redis_url, 3600) as tests, asyncio.timeout(60):
        with pytest.raises(NobodyListens):
            await tests.hear(SOUND)
    async with asking("memory://") as tests:
        with pytest.raises(NobodyListens):
            await tests.hear(SOUND)


async def test_a_worker_without_room_leaves_it_to_another(redis_url: str) -> None:
    full, free = Worker(), Worker()
    full.throttle.limit(0)
    async with listening(redis_url, full, free), asking(redis_url) as tests:
        assert await tests.hear(SOUND) == HEARD
    assert (len(full.given), len(free.given)) == (0, 1)
    async with listening(redis_url, full), asking(redis_url, 0.3) as tests:
        with pytest.raises(NobodyListens):
            await tests.hear(SOUND)


async def test_a_worker_that_dies_in_the_middle_is_not_waited_for(redis_url: str) -> None:
    worker = Worker()
    worker.may.clear()
    async with listening(redis_url, worker) as (task,), asking(redis_url, 3600) as tests, asyncio.timeout(60):
        asked = asyncio.create_task(tests.hear(SOUND))
        while not worker.given:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(NobodyListens) as refused:
            await asked
    assert refused.value.retry_after


async def test_what_is_wrong_with_the_recording_is_said_in_its_words(redis_url: str) -> None:
    async with listening(redis_url, Worker(AudioUnreadable("Nothing in it."))), asking(redis_url) as tests:
        with pytest.raises(AudioUnreadable, match=r"^Nothing in it\.$"):
            await tests.hear(SOUND)
    for trouble in (NobodyListens(), RuntimeError("of a library")):
        async with listening(redis_url, Worker(trouble)), asking(redis_url) as tests:
            with pytest.raises(NobodyListens) as refused:
                await tests.hear(SOUND)
        assert str(refused.value) == NobodyListens.sentence


async def test_what_others_say_on_the_channel_is_ignored(redis_url: str) -> None:
    worker = Worker()
    async with listening(redis_url, worker), asking(redis_url) as tests, Redis.from_url(redis_url) as client:
        for rubbish in (b"", b"\xff" * 300, b"[]", b'{"id": ["x"]}', b"null".ljust(300, b"\0")):
            await client.publish(CHANNEL, rubbish)
        assert await tests.hear(SOUND) == HEARD
    assert worker.given == [SOUND]


async def test_a_listener_survives_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone_tests, "MOST_BACKOFF", 0.1)
    port, worker = servers.free_port(), Worker()
    (tmp_path / "first").mkdir()
    with servers.valkey(tmp_path / "first", port=port) as url:
        listener = RedisTestListener(url, CHANNEL, worker)
        serving = asyncio.create_task(listener.serve())
        async with asking(url) as tests:
            assert await _at_last(tests) == HEARD
    async with asking(url, 5.0) as tests:
        with pytest.raises(NobodyListens):
            await tests.hear(SOUND)
    with servers.valkey(tmp_path, port=port):
        async with asking(url) as tests:
            assert await _at_last(tests) == HEARD
        await _ended([serving])
        await listener.close()


async def test_a_server_that_stands_still_is_not_waited_for(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as url:
        os.kill(pid := servers.pid_of(url), signal.SIGSTOP)
        try:
            async with asking(url, 0.5) as tests, asyncio.timeout(60):
                with pytest.raises(NobodyListens):
                    await tests.hear(SOUND)
        finally:
            os.kill(pid, signal.SIGCONT)


async def _at_last(tests: RedisMicrophoneTests) -> Heard:
    """Once the listener is there."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await tests.hear(SOUND)
            except NobodyListens:
                await asyncio.sleep(0.05)


async def test_the_server_keeps_neither_sound_nor_text(keeping: tuple[str, Path]) -> None:
    url, folder = keeping
    held = Worker()
    async with listening(url, held) as (task,), asking(url) as tests, Redis.from_url(url) as client:
        assert await tests.hear(SOUND) == HEARD
        held.may.clear()
        asked = asyncio.create_task(tests.hear(SOUND))
        while len(held.given) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await client.set("marker", "the file is written to")
        slow = await client.slowlog_get(10_000)
        keys = [key async for key in client.scan_iter()]
        sizes = [(await client.strlen(key), await client.ttl(key)) for key in keys if key != b"marker"]
        await client.bgrewriteaof()
        await client.save()
    commands = Counter(entry["command"].split()[0] for entry in slow)
    assert commands[b"PUBLISH"] >= 7  # so that the log would tell
    kept = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert b"the file is written to" in kept
    for what in (kept, b"".join(entry["command"] for entry in slow)):
        assert b"planted" not in what
    assert {size for size, _ in sizes} == {0}
    assert all(0 < seconds <= microphone_tests.CLAIM_SECONDS for _, seconds in sizes)
