"""What comes in slices, or over a WebSocket, is heard as one recording."""

import asyncio
import json

import httpx2
from websockets.asyncio.client import connect

from scripts.calls.sample import RATE
from tests.audio import CLUSTER
from tests.browser.microphone import sentences
from tests.browser_recordings import chromium
from tests.system.live import Stack, create, wait_for
from tests.system.speech import word_error_rate

FRAME = 6_144
QUESTIONS = ("anew", "headerless", "streamed")


def test_what_comes_in_slices_is_heard_as_one_recording(stack: Stack) -> None:
    first, second = sentences()[:2]
    whole = chromium(second.sound, RATE)
    head, *clusters = whole.split(CLUSTER)
    with stack.client() as client:
        session = create(client, *(dict[str, object](id=id, text="?", language="en") for id in QUESTIONS))
        _send(client, session, "anew", [chromium(one.sound, RATE) for one in (first, second)])
        _send(client, session, "headerless", [head, *(CLUSTER + cluster for cluster in clusters)])
        asyncio.run(_streamed(stack, session, whole))
        heard = {id: wait_for(client, session, id) for id in QUESTIONS}
    said = dict.fromkeys(QUESTIONS, second.said) | {"anew": f"{first.said} {second.said}"}
    for id, answer in heard.items():
        assert answer["status"] == "completed", (id, answer)
        assert word_error_rate(said[id], answer["transcript"]) < 0.15, (id, answer)
    assert stack.database["pieces"].count_documents({}) == 0
    assert stack.database["slices"].count_documents({"block": {"$gte": 0}}) == 0


def _send(client: httpx2.Client, session: str, question: str, slices: list[bytes]) -> None:
    """The last slice first."""
    named = {"session_id": session, "question_id": question}
    for index, data in reversed(list(enumerate(slices))):
        form = {**named, "chunk_index": str(index)}
        answer = client.post("/api/audio/upload-chunk", files={"audio_chunk": ("blob", data)}, data=form)
        assert answer.status_code == 200, answer.text
    done = client.post("/api/audio/session-complete", json={**named, "total_chunks": len(slices)})
    assert done.status_code == 202, done.text


async def _streamed(stack: Stack, session: str, data: bytes) -> None:
    """Over a socket that is closed in order, and says nothing of an end."""
    url = f"{stack.url.replace('http', 'ws', 1)}/voice-stream/{session}?question_id=streamed"
    headers = {"Authorization": f"Bearer {stack.token('alice')}"}
    async with asyncio.timeout(60), connect(url, additional_headers=headers, proxy=None) as socket:
        for start in range(0, len(data), FRAME):
            await socket.send(data[start : start + FRAME])
        while json.loads(await socket.recv()) != {"type": "ack", "offset": len(data)}:
            pass
