"""A test of the microphone: heard, told, kept nowhere, and bounded like every other body."""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import httpx2
import pytest

from routes import bodies
from services.errors import AudioUnreadable, EngineBusy, EngineTimeout, EngineUnavailable, Problem
from services.interviews.language import Language
from services.interviews.transcript import Transcript
from services.transcription.microphone_tests import MOST_BYTES, MOST_SECONDS
from services.transcription.ports import Speech
from tests.in_memory import Ears
from tests.routes.api import WEBM, Api, problem
from tests.routes.test_uploads import never
from tests.virtual_time import hurried

PATH = "/api/microphone-test"
HEAD = {"Content-Type": "audio/webm;codecs=opus"}


async def sent(client: httpx2.AsyncClient, data: Any = WEBM, **more: Any) -> httpx2.Response:
    return await client.post(PATH, **{"content": data, "headers": HEAD, **more})


async def test_what_was_heard_is_told_and_nothing_is_left() -> None:
    api = Api()
    before = deepcopy((api.house.memory.sessions, api.house.memory.rows, api.house.memory.files))
    async with api.client() as client:
        answer = await sent(client)
    assert (answer.status_code, answer.json()) == (
        200,
        {"text": api.house.ears.said, "heard": True, "seconds": round(len(WEBM) / 32_000, 2)},
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert (api.house.memory.sessions, api.house.memory.rows, api.house.memory.files) == before
    assert not api.admission.testing


async def test_where_nobody_speaks_no_engine_is_asked() -> None:
    api = Api()
    api.house.ears.speaks = False
    async with api.client() as client:
        assert (await sent(client)).json()["heard"] is False
    assert api.house.ears.heard == 0


class Loop(Ears):
    """An engine that is caught in a loop."""

    async def transcribe(self, speech: Speech) -> Transcript:
        return Transcript(text="and so on " * 80, language=Language("en"), duration=1.0)


async def test_what_is_not_believed_is_not_shown() -> None:
    api = Api()
    api.house.ears = Loop()
    async with api.client() as client:
        assert (await sent(client)).json() | {"seconds": 0} == {"text": "", "heard": True, "seconds": 0}


async def test_the_language_is_the_one_that_was_asked_for() -> None:
    given: list[Language | None] = []

    class Asked(Ears):
        async def transcribe(self, speech: Speech) -> Transcript:
            given.append(speech.language)
            return await super().transcribe(speech)

    api = Api()
    api.house.ears = Asked()
    async with api.client() as client:
        assert (await sent(client, params={"language": "pt-BR"})).status_code == 200
        assert (await sent(client)).status_code == 200
        assert problem(await sent(client, params={"language": "klingon"})) == (422, "invalid_request")
    assert given == [Language("pt"), None]


async def test_bad_input_is_refused_as_uploads_are() -> None:
    api = Api()
    async with api.client(None) as nobody:
        assert problem(await sent(nobody, never())) == (401, "unauthenticated")
    async with api.client() as client:
        for type in ("application/json", "text/plain", "multipart/form-data; boundary=b"):
            answer = await sent(client, never(), headers={"Content-Type": type})
            assert problem(answer) == (415, "not_audio")
            assert "audio/webm" in answer.json()["detail"]
        assert problem(await sent(client, b"no sound at all")) == (415, "not_audio")
        assert problem(await sent(client, b"")) == (400, "audio_empty")
        too_long = await sent(client, WEBM + bytes(int(32_000 * MOST_SECONDS)))
        assert problem(too_long) == (422, "audio_too_long")
        assert "10 seconds" in too_long.json()["detail"]


async def test_a_recording_over_the_cap_is_refused_whatever_it_says_of_its_size() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield WEBM
        for _ in range(10):
            yield bytes(MOST_BYTES // 8)

    async with Api().client() as client:
        declared = HEAD | {"Content-Length": str(MOST_BYTES + 1)}
        assert problem(await sent(client, never(), headers=declared)) == (413, "audio_too_large")
        assert problem(await sent(client, pieces())) == (413, "audio_too_large")
        assert problem(await client.post("/api/sessions", content=bytes(MOST_BYTES))) == (413, "body_too_large")


@hurried
async def test_a_slow_body_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_SECONDS", 0.05)
    monkeypatch.setattr(bodies, "DRAINED_SECONDS", 0.05)

    async def drips() -> AsyncIterator[bytes]:
        yield WEBM
        await asyncio.Event().wait()

    api = Api()
    async with api.client() as client:
        assert problem(await sent(client, drips())) == (408, "body_stalled")
    assert not api.admission.testing
    assert not api.admission.arriving


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (AudioUnreadable(), (422, "audio_unreadable")),
        (EngineBusy(), (503, "nobody_listens")),
        (EngineTimeout(), (503, "nobody_listens")),
        (EngineUnavailable(), (503, "nobody_listens")),
    ],
)
async def test_an_engine_that_fails_is_nobody_who_listens(trouble: Problem, expected: tuple[int, str]) -> None:
    api = Api()
    api.house.ears.trouble = [trouble]
    async with api.client() as client:
        answer = await sent(client)
        assert problem(answer) == expected
        assert ("Retry-After" in answer.headers) is (expected[0] == 503)
        assert (await sent(client)).status_code == 200


async def test_tests_have_a_rate_of_their_own() -> None:
    api = Api()
    api.house.limits.left = {"microphone_tests": 1}
    async with api.client() as client:
        assert (await sent(client)).status_code == 200
        refused = await sent(client, never())
        assert problem(refused) == (429, "rate_limited")
        assert refused.headers["Retry-After"] == "7"
        assert (await client.get("/api/sessions/none")).status_code == 404
    assert not api.admission.testing


@pytest.mark.parametrize(
    ("of_user", "of_all", "expected"),
    [(1, 9, (429, "too_many_microphone_tests")), (9, 1, (503, "nobody_listens"))],
)
async def test_only_so_many_are_in_hand(of_user: int, of_all: int, expected: tuple[int, str]) -> None:
    api = Api()
    api.admission.most_tests_of_user, api.admission.most_tests = of_user, of_all
    api.house.ears.hold.clear()
    async with api.client() as client:
        first = asyncio.create_task(sent(client))
        while not api.house.ears.heard:
            await asyncio.sleep(0)
        assert problem(await sent(client, never())) == expected
        api.house.ears.hold.set()
        assert (await first).status_code == 200


async def test_a_server_that_stops_says_so() -> None:
    api = Api()
    api.house.ears.hold.clear()
    async with api.client() as client:
        app = client._transport.app  # type: ignore[attr-defined]
        asked = asyncio.create_task(sent(client))
        while not api.house.ears.heard:
            await asyncio.sleep(0)
        app.state.services.departure.begin(0.02)
        assert problem(await asked) == (503, "server_leaving")
    assert not api.admission.testing
