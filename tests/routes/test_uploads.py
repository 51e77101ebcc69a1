"""Bodies that are no upload: a clear problem, and nothing left behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routes.multipart import boundary_of, file_bytes
from routes.upload_deadlines import Patience
from services.errors import UploadMalformed, UploadProblem, UploadTruncated
from tests.routes.api import WEBM, Api, make_session, problem, upload
from tests.virtual_time import hurried

HEAD = {"Content-Type": "multipart/form-data; boundary=b"}


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def file(data: bytes, name: bytes = b"audio") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"; filename="a.webm"\r\n\r\n' + data


def text(name: bytes = b"note", value: bytes = b"hello") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value


CASES = {
    "text named webm": (form(file(b"hello there, this is text" * 9)), 415, "not_audio"),
    "html": (form(file(b"<!doctype html><html></html>")), 415, "not_audio"),
    "empty file": (form(file(b"")), 400, "audio_empty"),
    "two files": (form(file(WEBM), file(WEBM)), 400, "too_many_files"),
    "a second file of another name": (form(file(WEBM), file(WEBM, b"more")), 400, "too_many_files"),
    "another field": (form(file(WEBM, b"file")), 400, "audio_field_missing"),
    "text only": (form(text()), 400, "audio_field_missing"),
    "no parts": (form(), 400, "audio_field_missing"),
    "cut short": (form(file(WEBM), end=b""), 400, "upload_truncated"),
    "cut in the file": (form(file(WEBM))[:200], 400, "upload_truncated"),
    "too large": (form(file(WEBM * 300)), 413, "audio_too_large"),
    "no multipart": (b"\x00\x01\x02" * 50, 400, "upload_malformed"),
    "many fields": (form(*[text()] * 20, file(WEBM)), 400, "upload_malformed"),
    "a large text field": (form(text(value=b"x" * 70_000), file(WEBM)), 400, "upload_malformed"),
}


@pytest.mark.parametrize("name", CASES)
async def test_what_is_no_upload_is_refused_and_leaves_nothing(name: str) -> None:
    body, status, code = CASES[name]
    api = Api()
    async with api.client() as client:
        session = await make_session(client)
        answer = await client.post(f"/api/upload-answer/{session}/q1", content=body, headers=HEAD)
        assert problem(answer) == (status, code)
        assert not api.house.memory.files
        assert not api.house.memory.chunks
        assert (await client.get(f"/api/transcription-status/{session}")).json()["answers"] == {}


async def test_text_fields_beside_the_file_are_let_be() -> None:
    async with Api().client() as client:
        session = await make_session(client)
        body = form(text(), file(WEBM), text(b"after"))
        answer = await client.post(f"/api/upload-answer/{session}/q1", content=body, headers=HEAD)
        assert answer.status_code == 202
        assert answer.json()["bytes"] == len(WEBM)


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary="])
async def test_a_content_type_without_a_form_is_refused(kind: str) -> None:
    async with Api().client() as client:
        session = await make_session(client)
        answer = await client.post(f"/api/upload-answer/{session}/q1", content=b"x", headers={"Content-Type": kind})
        assert problem(answer) == (400, "upload_malformed")


async def never() -> AsyncIterator[bytes]:
    for piece in (b"x",):
        assert not piece, "the body was read"
        yield piece


async def test_who_may_not_and_what_is_too_large_is_refused_before_the_body_is_read() -> None:
    api = Api()
    async with api.client() as alice, api.client("bob") as bob, api.client(None) as nobody:
        session = await make_session(alice)
        where = f"/api/upload-answer/{session}/q1"
        assert problem(await bob.post(where, content=never(), headers=HEAD)) == (404, "session_not_found")
        assert problem(await nobody.post(where, content=never(), headers=HEAD)) == (401, "unauthenticated")
        huge = HEAD | {"Content-Length": str(10**9)}
        assert problem(await alice.post(where, content=never(), headers=huge)) == (413, "audio_too_large")


@hurried
async def test_an_upload_that_stands_still_ends() -> None:
    api = Api(upload_idle_seconds=0.05)

    async def stalls() -> AsyncIterator[bytes]:
        yield form(file(WEBM), end=b"")
        await asyncio.sleep(5)

    async with api.client() as client:
        session = await make_session(client)
        answer = await client.post(f"/api/upload-answer/{session}/q1", content=stalls(), headers=HEAD)
        assert problem(answer) == (408, "upload_stalled")
        assert not api.house.memory.files


async def test_recording_again_counts_the_takes() -> None:
    async with Api().client() as client:
        session = await make_session(client)
        assert [(await upload(client, session)).json()["take"] for _ in range(3)] == [1, 2, 3]


async def read(body: bytes, sizes: list[int]) -> bytes:
    async def pieces() -> AsyncIterator[bytes]:
        rest = body
        for size in sizes:
            piece, rest = rest[:size], rest[size:]
            yield piece
        yield rest

    return b"".join([piece async for piece in file_bytes(pieces(), b"b", 10**6, Patience(60.0, 0))])


@given(st.binary(max_size=300), st.lists(st.integers(0, 40), max_size=20))
@settings(deadline=None)
async def test_the_bytes_come_out_as_they_went_in_however_they_are_cut(data: bytes, sizes: list[int]) -> None:
    if b"\r\n--b" in data:
        return
    assert await read(form(file(data)), sizes) == data


async def test_a_form_cut_at_any_byte_is_never_taken_for_whole() -> None:
    whole = form(file(WEBM[:50]), text())
    for end in range(len(whole) - 2):
        with pytest.raises(UploadProblem):
            await read(whole[:end], [])


@given(st.binary(max_size=400))
@settings(deadline=None)
async def test_any_body_gives_bytes_or_a_problem(body: bytes) -> None:
    try:
        await read(body, [])
    except UploadProblem:
        return


def test_boundaries() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == b"a b"
    with pytest.raises(UploadMalformed):
        boundary_of("multipart/form-data; boundary=" + "x" * 300)
    with pytest.raises(UploadMalformed):  # each of them would take its time
        boundary_of("multipart/form-data; boundary=b" + ";" * 60_000)


async def test_a_client_that_goes_away_is_a_cut_upload() -> None:
    from starlette.requests import ClientDisconnect

    async def gone() -> AsyncIterator[bytes]:
        yield form(file(WEBM), end=b"")
        raise ClientDisconnect

    with pytest.raises(UploadTruncated):
        [piece async for piece in file_bytes(gone(), b"b", 10**6, Patience(60.0, 0))]


async def test_many_fields_beside_the_file_are_named_as_what_is_wrong() -> None:
    async with Api().client() as client:
        session = await make_session(client)
        body = form(*[text()] * 9, file(WEBM))
        answer = await client.post(f"/api/upload-answer/{session}/q1", content=body, headers=HEAD)
        assert problem(answer) == (400, "upload_malformed")
        assert "more than 8 fields" in answer.json()["detail"]
