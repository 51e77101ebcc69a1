"""What is being said right now, on real processes: it comes while one speaks, and is nowhere afterwards."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from tests.system import live
from tests.system.speaking import Seen, follow, speak, speech, summary

pytestmark = pytest.mark.long

SECONDS = 38.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Stack]:
    with live.stack(tmp_path_factory.mktemp("stack"), INTERIM_TEXT="true", SPEECH_MODEL="tiny.en") as running:
        yield running


async def both(stack: live.Stack, session: str, seen: Seen) -> None:
    sound, _ = speech(SECONDS)
    await asyncio.gather(speak(stack, session, "q1", sound, seen), follow(stack, session, seen))


def test_what_is_said_appears_while_it_is_spoken_and_is_kept_nowhere(stack: live.Stack) -> None:
    seen = Seen()
    with stack.client() as client:
        session = live.create(client, {"id": "q1", "text": "?", "language": "en"})
        asyncio.run(asyncio.wait_for(both(stack, session, seen), 180))
        done = client.get(f"/api/transcription-status/{session}/q1", params={"segments": True}).json()
    assert done["status"] == "completed"
    interim = seen.of("interim")
    assert interim and all("id" not in one and one["question_id"] == "q1" for one in interim)
    words = [word for segment in done["segments"] for word in segment["words"]]
    latencies = seen.latencies(words)
    print(summary(latencies))
    assert len(latencies) > len(words) / 4
    first = [one["text"] for one in interim if len(one["text"]) > 20 and one["text"] not in done["transcript"]]
    kept = everything(stack)
    assert done["transcript"] in kept
    assert not [text for text in first if text in kept]


def everything(stack: live.Stack) -> str:
    """All that MongoDB and Valkey hold."""
    rows: list[Any] = [list(stack.database[name].find()) for name in stack.database.list_collection_names()]
    with Redis.from_url(stack.environment["REDIS_URL"]) as client:
        keys = list(client.scan_iter())
        strings = [client.get(key) for key in keys if client.type(key) == b"string"]
    return repr((rows, keys, strings))
