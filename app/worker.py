"""The worker, assembled: one event loop in a thread of its own serves all tasks of the process."""

import asyncio
import ctypes
import secrets
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
import uvloop
from pymongo import AsyncMongoClient

from app.config import Settings
from app.container import Wiring, microphone_tests_channel, wire
from app.engines import Engines, SettingsLack, lacks, open_engines, speech_kind
from app.interim import InterimReader, read_interim
from app.jobs import audit_seconds, make_celery
from app.keys import keyring_lack
from app.receipts import receipts_lack
from app.worker_heartbeat import Signs
from services.adapters.mongo.client import open_client
from services.adapters.mongo.documents import Document
from services.adapters.redis_channels import RedisTestListener
from services.analysis.scoring import Scoring
from services.background import Kind
from services.errors import StoreUnavailable
from services.operations.sweep import Counts
from services.recordings.ports.workers import WorkerSign
from services.transcription.attending import Attending
from services.transcription.listening import Listening
from services.transcription.microphone_tests import MicrophoneListening
from services.transcription.telling import Telling
from services.transcription.transcribing import Transcription

log = structlog.get_logger(__name__)

OPENING_SECONDS = 120.0
M_ARENA_MAX = -8


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerServices:
    """What the tasks may call."""

    transcription: Transcription
    scoring: Scoring
    wiring: Wiring
    failed_audio_hours: float
    sweep_seconds: float
    audit_seconds: float

    async def deliver(self) -> None:
        """Begin to send what is due to webhooks."""
        self.wiring.dispatch.wake()

    async def sweep(self) -> Counts:
        """Whoever is rung for a sweep sends what is due too, also where another has swept just now."""
        self.wiring.dispatch.wake()
        if not await self.wiring.upkeep.take_turn("sweep", self.sweep_seconds / 2):
            return Counts()
        counts = await self.wiring.sweep.run(self.failed_audio_hours)
        _tell("sweep", counts)
        return counts

    async def audit(self) -> Counts:
        if not await self.wiring.upkeep.take_turn("audit", self.audit_seconds / 2):
            return Counts()
        counts = await self.wiring.sweep.audit()
        _tell("audit", counts)
        return counts


def share_heaps() -> None:
    """Have all threads share two heaps.

    glibc gives each thread one, up to eight a core, and what one frees the others cannot use: a worker would grow.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _tell(what: str, counts: Counts) -> None:
    did = {name: count for name, count in counts.as_dict().items() if count}
    if did:
        log.info(what, **did)


class Process:
    """The loop with the clients and engines that belong to it. Opened by the first task, or when the worker is ready.

    Everything is made here after any fork, and only once.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: WorkerServices | None = None
        self._role = "worker"
        self._name = f"worker-{secrets.token_hex(4)}"
        self._tasks: set[asyncio.Task[None]] = set()
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._signs: Signs | None = None
        self._tests: asyncio.Task[None] | None = None
        self._interim: InterimReader | None = None
        self._draining = False

    def call(self, name: str) -> None:
        """Take the worker's name, `role@host`, before anything is opened."""
        share_heaps()
        self._role = name.partition("@")[0]
        self._name = f"{name}/{secrets.token_hex(4)}"

    def open(self, *, listens: bool, works: bool = True) -> None:
        """Open everything; who listens for recordings gives signs of life, and loads the engine if it works itself.

        Who does not makes the first key, if none is there. SettingsLack, before anything is
        opened, if the settings lack what is needed here.
        """
        missing = lacks(self._settings) if listens else []
        if missing := [
            lack for lack in (*missing, receipts_lack(self._settings), keyring_lack(self._settings)) if lack
        ]:
            raise SettingsLack("; ".join(missing))
        self._ensure_open()
        if listens:
            self._call(self._listen(works)).result()
        else:
            self._call(self._begin_keys()).result()

    def begin_anew(self) -> None:
        """In a forked child: forget what the parent has opened, and close none of it; the child opens its own."""
        inherited = dict(self.__dict__)
        self.__dict__.clear()
        self.__init__(inherited["_settings"])  # type: ignore[misc]
        self._role, self._name, self._inherited = inherited["_role"], inherited["_name"], inherited

    def run(self, job: Callable[[WorkerServices], Coroutine[Any, Any, Any]]) -> None:
        """Do a job on the loop and wait for it; returns early if the worker is told to stop."""
        self._ensure_open()
        try:
            self._call(self._job(job)).result()
        except (CancelledError, asyncio.CancelledError):
            log.info("job given back")

    def drain(self) -> None:
        """Let the jobs finish for a moment, then have them give back what they claimed."""
        self._draining = True
        if self._loop is not None:
            self._call(self._drain())

    def close(self) -> None:
        """Close what was opened; jobs are over by now."""
        if self._loop is None:
            return
        self._call(self._close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def gave_up(self) -> bool:
        """Whether it ends because it could give no sign of life, and not because somebody asked."""
        return self._signs is not None and self._signs.gave_up

    def _ensure_open(self) -> None:
        with self._lock:
            if self._loop is not None:
                return
            loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
            threading.Thread(target=_turn, args=(loop,), name="loop", daemon=True).start()
            self._loop = loop
            opening = self._call(self._open())
            try:
                self._work = opening.result(OPENING_SECONDS)
            except BaseException:
                opening.cancel()
                self._shut(loop)  # the next job opens anew
                raise

    def _shut(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what an opening that failed has opened."""
        try:
            self._call(self._close_all()).result(OPENING_SECONDS)
        finally:
            self._loop = None
            loop.call_soon_threadsafe(loop.stop)

    def _call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        assert self._loop is not None  # noqa: S101  open is first
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _open(self) -> WorkerServices:
        settings = self._settings
        client: AsyncMongoClient[Document] = open_client(settings.mongodb_url, self._role)
        self._closers.append(client.close)
        wiring = wire(settings, client[settings.mongodb_database], make_celery(settings))
        self._closers.append(wiring.close)
        engines = open_engines(settings)
        self._closers.append(engines.close)
        listening = _listening(wiring, engines)
        self._house, self._engines, self._listening = wiring, engines, listening
        scoring = Scoring(
            sessions=wiring.sessions,
            records=wiring.records,
            scorings=wiring.closings,
            scorer=engines.scorer,
            turn=engines.scoring_turn,
            hold_seconds=settings.lease_seconds,
            at_once=engines.scores_at_once,
        )
        return WorkerServices(
            transcription=_transcription(settings, wiring, engines, listening, scoring, self._name),
            scoring=scoring,
            wiring=wiring,
            failed_audio_hours=settings.failed_audio_hours,
            sweep_seconds=settings.sweep_seconds,
            audit_seconds=audit_seconds(settings),
        )

    async def _listen(self, works: bool) -> None:
        self._house.background.start(Kind.KEYS, self._house.key_store.look)
        if works:
            await self._engines.warm_up()
            self._take_tests()
            self._read_interim()
        self._signs = Signs(self._sign, self._settings.worker_silent_seconds, self._house.background)
        await self._signs.begin()

    def _take_tests(self) -> None:
        """Listen to tests of microphones, until the worker is told to stop."""
        engines, settings = self._engines, self._settings
        work = MicrophoneListening(decoder=engines.decoder, listen=self._listening.hear, turn=engines.turn)
        listener = RedisTestListener(settings.redis_url, microphone_tests_channel(settings), work)
        self._closers.append(listener.close)
        self._tests = self._house.background.start(Kind.MICROPHONE_TESTS, listener.serve)

    def _read_interim(self) -> None:
        if self._settings.interim_text:
            is_idle = lambda: not (self._tasks or self._draining)  # noqa: E731
            self._interim = read_interim(self._settings, self._house, self._engines, self._listening, is_idle)
            self._closers.append(self._interim.close)

    async def _begin_keys(self) -> None:
        self._house.background.start(Kind.KEYS, self._house.key_store.begin)

    async def _sign(self) -> None:
        await self._house.workers.seen(WorkerSign(self._name, self._engines.about(), speech_kind(self._settings).slots))

    async def _job(self, job: Callable[[WorkerServices], Coroutine[Any, Any, Any]]) -> None:
        assert self._work is not None  # noqa: S101  open is first
        if self._draining:
            return
        task = asyncio.create_task(job(self._work))
        self._tasks.add(task)
        try:
            await task
        finally:
            self._tasks.discard(task)
            if self._interim is not None:
                self._interim.freed()

    async def _drain(self) -> None:
        if self._tests is not None:
            self._tests.cancel()
            await asyncio.wait([self._tests])
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._settings.drain_seconds)
        for task in self._tasks:
            task.cancel()

    async def _close(self) -> None:
        # Celery also ends without a word before, when its consumer fails: no job may meet a closed engine.
        self._draining = True
        await self._drain()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._signs is not None:
            self._signs.end()
            with suppress(StoreUnavailable):  # it is forgotten all the same, only later
                await self._house.workers.gone(self._name)
        await self._close_all()

    async def _close_all(self) -> None:
        while self._closers:
            await self._closers.pop()()


def _listening(wiring: Wiring, engines: Engines) -> Listening:
    return Listening(
        audio=wiring.audio,
        arriving=wiring.growing,
        settled=wiring.utterances.get if engines.takes_prompt else None,
        decoder=engines.decoder,
        activity=engines.activity,
        engine=engines.speech,
        live=engines.live,
    )


def _transcription(
    settings: Settings, wiring: Wiring, engines: Engines, listening: Listening, scoring: Scoring, owner: str
) -> Transcription:
    telling = Telling(sessions=wiring.sessions, utterances=wiring.utterances, emit=wiring.webhooks.tell)
    return Transcription(
        sessions=wiring.sessions,
        claims=wiring.claims,
        records=wiring.records,
        utterances=wiring.utterances,
        listen=listening.listen,
        close=wiring.closing.close,
        supersede=wiring.closing.supersede,
        assess=scoring.assess,
        score=scoring.first,
        tell=telling.tell,
        turn=engines.turn,
        attending=Attending(claims=wiring.claims, arriving=wiring.growing, listen=listening.attend, owner=owner),
        owner=owner,
        lease_seconds=settings.lease_seconds,
        deadline=engines.deadline,
        max_deliveries=settings.max_deliveries,
        background=wiring.background,
    )
