"""Attacks on one API process, and what they cost it: `python -m tests.hostile.attacks [name …]`.

Each runs in a process of its own, while this one asks the API for its health ten times a second. The figures are for
reading: what must hold is in tests/system/test_hostile_http.py and its neighbours, as counts and states.
"""

import asyncio
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import websockets

from tests import audio, servers
from tests.hostile.served import Served, serve

MiB = 1024 * 1024
SLOW, SLOW_BYTES, SLOW_SECONDS = 1_500, 1_000_000, 40.0
REFUSED, TALKERS, TALK_SECONDS = 100, 10, 10.0
SESSIONS, UPLOADS = 60, 60

Attack = Callable[[int, str], Coroutine[Any, Any, dict[str, Any]]]


@dataclass
class Pulse:
    """How long the API's health took to answer, at worst."""

    port: int
    slowest: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.wait(0.1):
            began = time.monotonic()
            with suppress(httpx2.HTTPError):
                httpx2.get(f"http://127.0.0.1:{self.port}/healthz", timeout=60.0, trust_env=False)
            self.slowest = max(self.slowest, time.monotonic() - began)


async def slow_bodies(port: int, token: str) -> dict[str, Any]:
    """Without a token: much of a body at once, then a byte every five seconds."""
    head = b"POST /api/sessions HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: 1040000\r\n\r\n"
    ended = time.monotonic() + SLOW_SECONDS

    async def one(number: int) -> bool:
        await asyncio.sleep(number * 0.005)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head + b" " * SLOW_BYTES)
            await asyncio.wait_for(writer.drain(), 20)
            while time.monotonic() < ended:
                with suppress(TimeoutError):
                    if not await asyncio.wait_for(reader.read(65_536), 5):
                        return False
                writer.write(b" ")
                await writer.drain()
        except (OSError, TimeoutError):
            return False
        return True

    held = await asyncio.gather(*(one(number) for number in range(SLOW)))
    return {"connections": SLOW, "held to the end": sum(held)}


async def amplified_refusals(port: int, token: str) -> dict[str, Any]:
    """With a token: small bodies in which as much as possible is wrong."""
    points = "[" + ",".join(["0"] * 50) + "]"
    body = '{"questions":[' + ",".join([f'{{"key_points":{points}}}'] * 200) + "]}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    sizes: list[int] = []
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False) as client:

        async def one() -> None:
            answer = await client.post("/api/sessions", content=body, headers=headers)
            sizes.append(len(answer.content))

        began = time.monotonic()
        await asyncio.gather(*(one() for _ in range(REFUSED)))
    return {"sent": len(body), "answered": max(sizes), "seconds for all": round(time.monotonic() - began, 2)}


async def talkers(port: int, token: str) -> dict[str, Any]:
    """Sockets that send empty messages as fast as they can."""
    frame = b"\x81\x80\x00\x00\x00\x00" * 1000

    async def one(session: str) -> int:
        sent, ended = 0, time.monotonic() + TALK_SECONDS
        headers = {"Authorization": f"Bearer {token}"}
        socket = await websockets.connect(
            f"ws://127.0.0.1:{port}/ws/sessions/{session}", additional_headers=headers, compression=None
        )
        with suppress(OSError, TimeoutError):
            while time.monotonic() < ended and not socket.transport.is_closing():
                socket.transport.write(frame)
                await asyncio.sleep(0 if socket.transport.get_write_buffer_size() < MiB else 0.01)
                sent += 1000
        socket.transport.abort()
        return sent

    async with _client(port, token) as client:
        session = (await client.post("/api/sessions", json=_questions(1, "?"))).json()["session_id"]
    sent = await asyncio.gather(*(one(session) for _ in range(TALKERS)))
    return {"sockets": TALKERS, "messages sent": sum(sent)}


async def large_sessions(port: int, token: str) -> dict[str, Any]:
    """Sessions of 0.7 MB and of 0.24 MB, each with a key."""
    made: dict[int, int] = {}
    async with _client(port, token) as client:
        for questions in (180, 60):
            for number in range(SESSIONS):
                key = {"Idempotency-Key": f"{questions}.{number}"}
                answer = await client.post("/api/sessions", json=_questions(questions, "x" * 3900), headers=key)
                made[questions] = made.get(questions, 0) + (answer.status_code == 201)
    return {"tried": SESSIONS, "made of 0.7 MB": made[180], "made of 0.24 MB": made[60]}


async def uploads_at_once(port: int, token: str) -> dict[str, Any]:
    """Recordings of 72 s all at once, where one minute of them may wait."""
    sound = audio.wav(audio.noise(72.0))
    async with _client(port, token) as client:
        session = (await client.post("/api/sessions", json=_questions(UPLOADS, "?"))).json()["session_id"]

        async def one(number: int) -> int:
            where = f"/api/upload-answer/{session}/q{number}"
            return (await client.post(where, files={"audio": ("a.wav", sound + bytes([number]))})).status_code

        statuses = await asyncio.gather(*(one(number) for number in range(UPLOADS)))
    return {"tried": UPLOADS, "accepted": statuses.count(202), "minutes": round(statuses.count(202) * 1.2, 1)}


def _client(port: int, token: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=120,
        trust_env=False,
        limits=httpx2.Limits(max_connections=100),
    )


def _questions(number: int, text: str) -> dict[str, Any]:
    return {"questions": [{"id": f"q{at}", "text": text} for at in range(number)]}


ATTACKS: dict[str, tuple[Attack, dict[str, str]]] = {
    "slow_bodies": (slow_bodies, {}),
    "amplified_refusals": (amplified_refusals, {}),
    "talkers": (talkers, {}),
    "large_sessions": (large_sessions, {"MAX_STORED_MEGABYTES_PER_USER": "5"}),
    "uploads_at_once": (uploads_at_once, {"MAX_QUEUED_MINUTES": "1"}),
}


def _attack(name: str, port: int, token: str, told: Any) -> None:
    told.put(asyncio.run(ATTACKS[name][0](port, token)))


@contextmanager
def _pulse(port: int) -> Iterator[Pulse]:
    pulse = Pulse(port)
    thread = threading.Thread(target=pulse.run)
    thread.start()
    try:
        yield pulse
    finally:
        pulse.over.set()
        thread.join()


def measure(name: str, api: Served) -> dict[str, Any]:
    """What an attack cost: the attacker's own figures, and those of the process that it was made on."""
    told: Any = multiprocessing.SimpleQueue()
    before, most, worked = api.memory, 0, _processor(api)
    stored = api.database.command("dbStats")["dataSize"]
    with _pulse(api.port) as pulse:
        attacker = multiprocessing.Process(target=_attack, args=(name, api.port, api.token(), told))
        attacker.start()
        while attacker.is_alive():
            most = max(most, api.memory)
            time.sleep(0.2)
        figures = told.get()
    time.sleep(5)
    return {
        **figures,
        "slowest /healthz, s": round(pulse.slowest, 2),
        "processor, s": round(_processor(api) - worked, 1),
        "memory at most, MiB": (most - before) // MiB,
        "memory afterwards, MiB": (api.memory - before) // MiB,
        "stored, KiB": (api.database.command("dbStats")["dataSize"] - stored) // 1024,
    }


def _processor(api: Served) -> float:
    """How many seconds of a core the API has taken."""
    times = psutil.Process(api.process.pid).cpu_times()
    return float(times.user + times.system)


def main(names: list[str]) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("mongod", "valkey"):
            (folder / name).mkdir()
        mongodb = stack.enter_context(servers.mongod(folder / "mongod"))
        redis = stack.enter_context(servers.valkey(folder / "valkey"))
        for name in names or ATTACKS:
            with serve(folder, mongodb, redis, **ATTACKS[name][1]) as api:
                print(name, json.dumps(measure(name, api)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
