"""One worker process of Celery on a database of its own, and the API's part of the work done by the test."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from wave import open as open_wave

import av
from av.audio.resampler import AudioResampler
from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from app.container import Wiring, wire
from app.jobs import make_celery
from scripts.stack.child import die_with_parent
from scripts.stack.layout import ROOT
from services.adapters.mongo.client import open_client
from services.adapters.mongo.indexes import ensure_indexes
from services.interviews.language import Language
from services.interviews.model import Question, QuestionId, Session, SessionId, UserId, Viewer, new_session_id
from services.recordings.formats import Container
from services.recordings.intake import Intake
from services.recordings.ports.audio import Incoming
from services.recordings.upload_heartbeats import UploadHeartbeats
from tests.scripts.running import until

ANN = Viewer(UserId("ann"))
RATE = 16_000


@dataclass(frozen=True)
class Bench:
    """A wiring whose worker is another process."""

    wiring: Wiring
    database: AsyncDatabase[dict[str, Any]]

    async def session(self, questions: int) -> SessionId:
        asked = tuple(Question(id=QuestionId(f"q{n}"), text="?", language=Language("en")) for n in range(questions))
        return (
            await self.wiring.sessions.create(Session(id=new_session_id(), user_id=ANN.user_id, questions=asked))
        ).id

    async def upload(self, session: SessionId, question: int, audio: bytes) -> None:
        wiring = self.wiring
        intake = Intake(
            sessions=wiring.sessions,
            uploads=wiring.uploads,
            audio=wiring.audio,
            records=wiring.records,
            accepting=wiring.accepting,
            elections=wiring.elections,
            heartbeats=UploadHeartbeats(uploads=wiring.uploads),
        )

        async def data() -> AsyncIterator[bytes]:
            yield audio

        await intake.receive(session, QuestionId(f"q{question}"), ANN, Incoming(Container.WAV, data()))

    async def states(self, session: SessionId) -> list[str]:
        rows = self.database["parts"].find({"session_id": session}, {"state": True})
        return [row["state"] async for row in rows]

    async def ended(self, session: SessionId, seconds: float = 90.0) -> list[str]:
        """The states of the session's parts once all have ended."""
        async with asyncio.timeout(seconds):
            while {"uploading", "queued", "processing"} & set(states := await self.states(session)):
                await asyncio.sleep(0.1)
            return states

    async def workers(self, number: int, seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while len(await self.wiring.workers.alive()) < number:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def bench(settings: Settings) -> AsyncIterator[Bench]:
    async with open_client(settings.mongodb_url) as client:
        database = client[settings.mongodb_database]
        await ensure_indexes(database)
        wiring = wire(settings, database, make_celery(settings))
        await wiring.key_store.begin()
        try:
            yield Bench(wiring, database)
        finally:
            await wiring.close()
            await client.drop_database(database.name)


@contextmanager
def worker(settings: Settings, folder: Path, *arguments: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The worker's command, in the environment of these settings; it must end in order."""
    with launched(settings, folder, *arguments, **more) as process:
        yield process
        process.terminate()
        assert process.wait(60) == 0, (folder / "worker.log").read_text()[-3000:]


@contextmanager
def launched(settings: Settings, folder: Path, *arguments: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The same, however it ends."""
    names = ("mongodb_url", "mongodb_database", "redis_url", "speech_model", "speech_words")
    own = {name.upper(): str(getattr(settings, name)) for name in names} | {"CACHE_DIR": str(folder)}
    own |= {"ENCRYPT_RECORDINGS": str(settings.encrypt_recordings), "KEYRING_DIR": str(settings.keyring_dir or "")}
    own |= more
    command = ["-m", "celery", "-A", "celery_app", "worker", "--without-mingle", "--without-gossip", *arguments]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            ["env", *(f"{name}={value}" for name, value in own.items()), sys.executable, *command],
            cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
                process.wait()


def clips(audio: Path, seconds: float) -> list[bytes]:
    """The recording in pieces of so many seconds, each a WAV file."""
    sampler, pcm = AudioResampler("s16", "mono", RATE), b""
    with av.open(str(audio)) as source:
        for frame in source.decode(audio=0):
            pcm += b"".join(piece.to_ndarray().tobytes() for piece in sampler.resample(frame))
    size = int(seconds * RATE) * 2
    return [_wav(pcm[start : start + size]) for start in range(0, len(pcm) - size, size)]


def _wav(pcm: bytes) -> bytes:
    file = BytesIO()
    with open_wave(file, "wb") as wave:
        wave.setnchannels(1)
        wave.setsampwidth(2)
        wave.setframerate(RATE)
        wave.writeframes(pcm)
    return file.getvalue()


__all__ = ["Bench", "bench", "clips", "launched", "until", "worker"]
