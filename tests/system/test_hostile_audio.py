"""Hostile recordings through the whole stack: refused at the door, or failed with a stable code; nothing is fetched."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests import audio
from tests.at_length import long_but
from tests.hostile import corpus
from tests.system.live import Stack, create, wait_for

UNREADABLE, TOO_LONG = "audio_unreadable", "audio_too_long"


@pytest.fixture(scope="module")
def lure() -> Iterator[socket.socket]:
    """A listener that nobody may call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        yield listener


def port_of(lure: socket.socket) -> int:
    return int(lure.getsockname()[1])


def called(lure: socket.socket) -> bool:
    try:
        lure.accept()[0].close()
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("extension", long_but("webm", "mp3", "m4a", of=corpus.EXTENSIONS))
def test_what_is_no_audio_is_refused_whatever_it_is_called(stack: Stack, lure: socket.socket, extension: str) -> None:
    media_type = corpus.EXTENSIONS[extension]
    with stack.client() as client:
        session = create(client, {"id": "q1", "text": "?"})
        for name, body in corpus.texts(port_of(lure)).items():
            files = {"audio": (f"{name}.{extension}", body, media_type)}
            answer = client.post(f"/api/upload-answer/{session}/q1", files=files)
            assert (answer.status_code, answer.json()["code"]) == (415, "not_audio"), name
    assert stack.database["parts"].count_documents({"session_id": session}) == 0
    assert not called(lure)


@pytest.mark.long
def test_hostile_recordings_end_with_a_stable_code_and_leave_nothing(stack: Stack, lure: socket.socket) -> None:
    port = port_of(lure)
    worker = stack.running.layout.read_pids()["worker"]
    heads = {name: body for name, body in corpus.heads_on_texts(port).items() if "address" in name or "html" in name}
    samples = {name: heads.pop(name) for name in list(heads) if name.startswith(corpus.TAKE_ANY_BYTES)}
    cases = {UNREADABLE: heads | corpus.silent_failures(port), TOO_LONG: corpus.bombs()}
    for code, bodies in cases.items():
        for name, answer in _ends(stack, bodies).items():
            assert (answer["status"], answer["error"]["code"]) == ("failed", code), name
    for name, answer in _ends(stack, samples).items():
        assert answer["status"] == "completed" or answer["error"]["code"] == UNREADABLE, name
    for name, answer in _ends(stack, corpus.odd_but_sound(port)).items():
        assert (answer["status"], answer["file_id"]) == ("completed", None), name
    assert not called(lure)
    assert stack.audio_left() == (0, 0)
    assert stack.running.layout.read_pids()["worker"] == worker


@pytest.mark.long
def test_a_cut_recording_of_any_kind_ends(stack: Stack) -> None:
    cuts = {f"{name} {n}": cut for name in audio.ENCODERS for n, cut in enumerate(corpus.cuts(name)[8:40:8])}
    for name, answer in _ends(stack, cuts).items():
        assert answer["status"] == "completed" or answer["error"]["code"] == UNREADABLE, name
    assert stack.audio_left() == (0, 0)


def _ends(stack: Stack, bodies: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """Upload them all, one question each, and wait for the ends."""
    ids = {f"q{number}": name for number, name in enumerate(bodies)}
    ends = {}
    with stack.client("mallory") as client:
        questions: list[dict[str, object]] = [{"id": id, "text": "?"} for id in ids]
        session = create(client, *questions)
        for id, name in ids.items():
            files = {"audio": ("a.webm", bodies[name])}
            answer = client.post(f"/api/upload-answer/{session}/{id}", files=files)
            assert answer.status_code == 202, (name, answer.text)
        for id, name in ids.items():
            ends[name] = wait_for(client, session, id, 180)
    return ends
