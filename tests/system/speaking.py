"""Somebody speaks into a recorder, and somebody else follows the session: what appears when."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from statistics import median
from typing import Any

import httpx2
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from scripts.calls.sample import RATE, decoded
from tests.audio import CLUSTER, Samples
from tests.browser_recordings import chromium
from tests.system.live import Stack
from tests.system.speech import plain, samples

PIECE_SECONDS = 1.0


@dataclass
class Seen:
    """What came, and when, in seconds since the first word could be spoken."""

    began: float = 0.0
    told: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def of(self, type: str) -> list[dict[str, Any]]:
        return [said for _, said in self.told if said["type"] == type]

    def latencies(self, words: list[dict[str, Any]]) -> list[float]:
        """Of each word of the transcript that appeared before that: how long after it was spoken."""
        final, seen = _words(" ".join(word["text"] for word in words)), dict[int, float]()
        settled: list[str] = []
        for at, said in self.told:
            if said["type"] == "utterance":
                settled += _words(said["text"])
            text = settled + (_words(said["text"]) if said["type"] == "interim" else [])
            if said["type"] in ("utterance", "interim"):
                for match in SequenceMatcher(a=final, b=text, autojunk=False).get_matching_blocks():
                    for index in range(match.a, match.a + match.size):
                        seen.setdefault(index, at)
        return [at - words[index]["end"] for index, at in seen.items()]


def _words(text: str) -> list[str]:
    """As many as there are pieces between spaces."""
    return ["".join(plain()([word])[0]) or word for word in text.split()]


def speech(seconds: float) -> tuple[Samples, str]:
    """The demo's answers one after the other, with a breath between them."""
    found, said, breath = [], [], np.zeros(RATE // 2, np.int16)
    for sample in samples():
        found += [decoded(sample.audio), breath]
        said.append(sample.said)
    return np.concatenate(found)[: round(seconds * RATE)], " ".join(said)


async def speak(stack: Stack, session: str, question: str, sound: Samples, seen: Seen) -> None:
    """In real time, a piece each second as a browser gives it out, and then the end."""
    head, *clusters = chromium(sound, RATE).split(CLUSTER)
    url = f"{stack.url.replace('http', 'ws', 1)}/ws/audio/{session}?question_id={question}"
    headers = {"Authorization": f"Bearer {stack.token('alice')}"}
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        hearing = asyncio.create_task(_until_complete(socket))
        seen.began = time.monotonic()
        for number, cluster in enumerate(clusters, 1):
            await asyncio.sleep(max(0.0, seen.began + number * PIECE_SECONDS - time.monotonic()))
            await socket.send((head if number == 1 else b"") + CLUSTER + cluster)
        await socket.send(json.dumps({"type": "end"}))
        await hearing


async def _until_complete(socket: ClientConnection) -> None:
    async for said in socket:
        if json.loads(said)["type"] == "complete":
            return


async def follow(stack: Stack, session: str, seen: Seen) -> None:
    """Until the answer is completed."""
    headers = {"Authorization": f"Bearer {stack.token('alice')}", "Accept": "text/event-stream"}
    path, cursor = f"/api/sessions/{session}/events", {"since": 0}
    async with (
        httpx2.AsyncClient(base_url=stack.url, headers=headers, timeout=60.0, trust_env=False) as client,
        client.stream("GET", path, params=cursor) as answer,
    ):
        async for said in _data(answer):
            seen.told.append((time.monotonic() - seen.began, said))
            if said["type"] == "answer.completed":
                return


async def _data(answer: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def summary(latencies: list[float]) -> dict[str, float]:
    ordered = sorted(latencies)
    return {
        "words": len(ordered),
        "median": round(median(ordered), 2),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
    }
