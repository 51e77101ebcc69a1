"""tus 1.0.0: the core, and each extension that OPTIONS lists."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import pytest

from app.main import EXPOSED, build
from routes.held_forms import Held
from services.errors import StoreUnavailable
from tests.routes.api import WEBM, Api, make_session, problem
from tests.routes.resumable.tus_client import BYTES, TUS, append, begun, create, metadata, offset, small
from tests.routes.test_uploads import never

HALF = len(WEBM) // 2


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def answers(api: Api, session: str) -> list[int]:
    """The takes that became recordings."""
    parts = (row.part for row in api.house.memory.rows.values())
    return sorted(part.take for part in parts if part.session_id == session and part.sha256)


async def test_options_say_what_there_is_without_a_token() -> None:
    async with small().client(None) as nobody:
        answer = await nobody.options("/api/uploads")
    assert answer.status_code == 204
    assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        *("creation", "creation-with-upload", "creation-defer-length", "checksum", "expiration", "termination")
    }
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert int(answer.headers["Tus-Max-Size"]) > 0


async def test_an_address_with_a_slash_at_its_end_begins_uploads_too() -> None:
    async with small().client() as client:
        said = TUS | metadata(await make_session(client)) | {"Upload-Length": str(len(WEBM))}
        made = await client.post("/api/uploads/", headers=said)
        assert made.status_code == 201
        assert (await append(client, made.headers["Location"], 0, WEBM)).status_code == 204
        assert (await client.options("/api/uploads/")).headers["Tus-Version"] == "1.0.0"


async def test_an_upload_is_begun_told_of_and_finished() -> None:
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        made = await create(client, session)
        assert made.status_code == 201
        assert made.headers["Tus-Resumable"] == "1.0.0"
        where = made.headers["Location"]
        told = await client.head(where, headers=TUS)
        assert (told.status_code, told.content) == (200, b"")
        assert (told.headers["Upload-Offset"], told.headers["Upload-Length"]) == ("0", str(len(WEBM)))
        assert told.headers["Upload-Metadata"] == metadata(session)["Upload-Metadata"]
        assert told.headers["Cache-Control"] == "no-store"
        first = await append(client, where, 0, WEBM[:HALF])
        assert (first.status_code, first.headers["Upload-Offset"]) == (204, str(HALF))
        assert await offset(client, where) == HALF
        assert answers(api, session) == []
        last = await append(client, where, HALF, WEBM[HALF:])
        assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(WEBM)))
        status = (await client.get(f"/api/transcription-status/{session}/q1")).json()
        assert (status["status"], status["take"]) == ("queued", 1)
    assert answers(api, session) == [1]
    (part,) = (row.part for row in api.house.memory.rows.values() if row.part.sha256)
    assert part.sha256 == hashlib.sha256(WEBM).hexdigest()


async def test_a_finished_upload_goes_on_being_there() -> None:
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        where = (await create(client, session, body=WEBM)).headers["Location"]
        await api.house.work_off()
        told = await client.head(where, headers=TUS)
        assert (told.status_code, told.headers["Upload-Offset"]) == (200, str(len(WEBM)))
        assert told.headers["Upload-Length"] == str(len(WEBM))
        assert "Upload-Expires" not in told.headers
        again = await append(client, where, len(WEBM), b"more")
        assert problem(again) == (409, "upload_complete")
        assert problem(await client.delete(where, headers=TUS)) == (409, "upload_complete")
    assert answers(api, session) == [1]


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1", ""])
async def test_without_its_version_nothing_is_done(version: str | None) -> None:
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        named = {} if version is None else {"Tus-Resumable": version}
        sent = {**metadata(session), "Upload-Length": "9", "Content-Type": BYTES["Content-Type"]}
        for method, where in (("POST", "/api/uploads"), ("PATCH", "/api/uploads/x")):
            answer = await client.request(method, where, content=never(), headers=named | sent)
            assert problem(answer) == (412, "tus_version_unsupported")
            assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
    assert not api.house.memory.rows


async def test_each_answer_names_the_version() -> None:
    async with small().client() as client, small().client(None) as nobody:
        for answer in (
            await client.head("/api/uploads/none", headers=TUS),
            await client.put("/api/uploads", headers=TUS),
            await client.post("/api/uploads", headers=TUS),
            await nobody.post("/api/uploads", headers=TUS),
            await nobody.patch("/api/uploads/x", headers=BYTES),
            await client.get("/api/uploads"),
        ):
            assert answer.headers["Tus-Resumable"] == "1.0.0", answer.request.url
        for answer in (
            await client.get("/api/sessions"),
            await client.head("/api/uploads/none", headers={"Upload-Draft-Interop-Version": "8"}),
        ):
            assert "Tus-Resumable" not in answer.headers


@pytest.mark.parametrize("meant", ["PATCH", "patch"])
async def test_the_method_that_is_meant_counts(meant: str) -> None:
    async with small().client() as client:
        where = await begun(client)
        named = {"X-HTTP-Method-Override": meant, "Upload-Offset": "0"}
        sent = await client.post(where, content=WEBM[:HALF], headers=BYTES | named)
        assert (sent.status_code, sent.headers["Upload-Offset"]) == (204, str(HALF))
        asked = await client.post(where, headers=TUS | {"X-HTTP-Method-Override": "HEAD"})
        assert (asked.status_code, asked.headers["Upload-Offset"]) == (200, str(HALF))
        ended = await client.post(where, headers=TUS | {"X-HTTP-Method-Override": "DELETE"})
        assert ended.status_code == 204
        refused = await client.post(where, headers=TUS | {"X-HTTP-Method-Override": "TRACE"})
        assert problem(refused) == (405, "method_not_allowed")


async def test_elsewhere_a_method_is_what_it_is() -> None:
    async with small().client() as client:
        session = await make_session(client)
        answer = await client.get(f"/api/sessions/{session}", headers={"X-HTTP-Method-Override": "DELETE"})
        assert answer.status_code == 200
        assert (await client.get(f"/api/sessions/{session}")).status_code == 200


REFUSED: dict[str, tuple[dict[str, str], int, str]] = {
    "no length": ({"Upload-Length": ""}, 400, "upload_header_invalid"),
    "two lengths": ({"Upload-Defer-Length": "1"}, 400, "upload_header_invalid"),
    "an empty one": ({"Upload-Length": "0"}, 400, "audio_empty"),
    "a large one": ({"Upload-Length": str(10**12)}, 413, "audio_too_large"),
    "no metadata": ({"Upload-Metadata": ""}, 400, "upload_metadata_invalid"),
    "another session": (metadata("none"), 404, "session_not_found"),
    "parts": ({"Upload-Concat": "partial"}, 400, "concatenation_refused"),
    "their whole": ({"Upload-Concat": "final;/api/uploads/a /api/uploads/b"}, 400, "concatenation_refused"),
}


async def test_lengths_that_differ_are_none() -> None:
    api = small()
    async with api.client() as client:
        sent = TUS | metadata(await make_session(client))
        for lengths, status in ((("9", "8"), 400), (("9", "9"), 201)):
            headers = [*sent.items(), *(("Upload-Length", length) for length in lengths)]
            assert (await client.post("/api/uploads", headers=headers)).status_code == status


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_begun_is_refused_and_leaves_nothing(name: str) -> None:
    headers, status, code = REFUSED[name]
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        sent = TUS | metadata(session) | {"Upload-Length": "9"} | headers
        answer = await client.post("/api/uploads", headers={name: value for name, value in sent.items() if value})
        assert problem(answer) == (status, code)
        if status == 413:
            assert int(answer.headers["Tus-Max-Size"]) < 10**12
        assert (await client.get("/api/uploads")).json() == {"uploads": []}


async def test_a_question_that_is_not_there() -> None:
    async with small().client() as client:
        session = await make_session(client)
        sent = TUS | metadata(session, "q9") | {"Upload-Length": "9"}
        assert problem(await client.post("/api/uploads", headers=sent)) == (404, "question_not_found")


async def test_creation_brings_bytes() -> None:
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        made = await create(client, session, body=WEBM[:HALF])
        assert (made.status_code, made.headers["Upload-Offset"]) == (201, str(HALF))
        assert await offset(client, made.headers["Location"]) == HALF
        whole = await create(client, session, body=WEBM)
        assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, str(len(WEBM)))
    assert answers(api, session) == [2]


@pytest.mark.parametrize(
    ("body", "more", "status", "code"),
    [
        (b"no sound at all, only words " * 4, {}, 415, "not_audio"),
        (WEBM, {"Upload-Checksum": checksum(b"other")}, 460, "checksum_mismatch"),
        (WEBM, {"Upload-Checksum": "md5 AAAA"}, 400, "checksum_unknown"),
        (WEBM * 2, {}, 400, "length_inconsistent"),
        (WEBM, {"Content-Type": "audio/webm"}, 415, "upload_type_refused"),
    ],
)
async def test_a_creation_whose_bytes_are_refused_leaves_nothing(
    body: bytes, more: dict[str, str], status: int, code: str
) -> None:
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        answer = await create(client, session, body=body, **more)  # type: ignore[arg-type]
        assert problem(answer) == (status, code)
        assert (await client.get("/api/uploads")).json() == {"uploads": []}
    assert answers(api, session) == []


async def test_the_length_comes_later_with_any_piece_also_an_empty_one() -> None:
    api = small()
    async with api.client() as client:
        where = await begun(client, None)
        told = await client.head(where, headers=TUS)
        assert told.headers["Upload-Defer-Length"] == "1"
        assert "Upload-Length" not in told.headers
        await append(client, where, 0, WEBM)
        assert not any(row.part.sha256 for row in api.house.memory.rows.values())
        last = await append(client, where, len(WEBM), b"", Upload_Length=str(len(WEBM)))
        assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(WEBM)))
        assert (await client.head(where, headers=TUS)).headers["Upload-Length"] == str(len(WEBM))
        assert sum(bool(row.part.sha256) for row in api.house.memory.rows.values()) == 1


async def test_a_length_that_was_said_does_not_change() -> None:
    async with small().client() as client:
        where = await begun(client)
        changed = await append(client, where, 0, WEBM[:9], Upload_Length=str(len(WEBM) + 1))
        assert problem(changed) == (400, "length_inconsistent")
        beyond = await append(client, where, 0, WEBM + b"x")
        assert problem(beyond) == (400, "length_inconsistent")


async def test_what_is_held_for_its_checksum_is_held_within_bounds() -> None:
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        where = (await create(client, session)).headers["Location"]
        held: Held = client._transport.app.state.held  # type: ignore[attr-defined]
        held.most = len(WEBM) - 1
        answer = await append(client, where, 0, WEBM, Upload_Checksum=checksum(WEBM))
        assert problem(answer) == (503, "uploads_saturated")
        assert answer.headers["Retry-After"] == "1"
        draft = {"Content-Type": "application/partial-upload", "Upload-Offset": "0", "Upload-Complete": "?0"}
        digest = {"Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(WEBM).digest()).decode()}:"}
        answer = await client.patch(where, content=WEBM, headers=draft | digest)
        assert problem(answer) == (503, "uploads_saturated")
        assert await offset(client, where) == held.bytes == 0
        held.most = len(WEBM)
        assert (await append(client, where, 0, WEBM, Upload_Checksum=checksum(WEBM))).status_code == 204
        assert held.bytes == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_wrong_checksum_counts_for_nothing(algorithm: str) -> None:
    api = small()
    async with api.client() as client:
        where = await begun(client)
        wrong = await append(client, where, 0, WEBM[:HALF], Upload_Checksum=checksum(b"other", algorithm))
        assert problem(wrong) == (460, "checksum_mismatch")
        assert await offset(client, where) == 0
        right = await append(client, where, 0, WEBM[:HALF], Upload_Checksum=checksum(WEBM[:HALF], algorithm))
        assert (right.status_code, right.headers["Upload-Offset"]) == (204, str(HALF))
        unknown = await append(client, where, HALF, WEBM[HALF:], Upload_Checksum="crc32 AAAA")
        assert problem(unknown) == (400, "checksum_unknown")
        assert await offset(client, where) == HALF


async def test_it_says_when_it_expires() -> None:
    async with small().client() as client:
        made = await create(client, await make_session(client))
        piece = await append(client, made.headers["Location"], 0, WEBM[:HALF])
        for answer in (made, piece):
            assert answer.headers["Upload-Expires"].endswith(" GMT")
            assert parsedate_to_datetime(answer.headers["Upload-Expires"]) > datetime(2026, 1, 1, tzinfo=UTC)


async def test_what_is_deleted_is_gone() -> None:
    api = small()
    async with api.client() as client:
        where = await begun(client)
        await append(client, where, 0, WEBM[:HALF])
        ended = await client.delete(where, headers=TUS)
        assert (ended.status_code, ended.content) == (204, b"")
        assert (await client.head(where, headers=TUS)).status_code == 410
        assert problem(await append(client, where, HALF, WEBM[HALF:])) == (410, "upload_gone")
        assert problem(await client.get(where)) == (410, "upload_gone")


@pytest.mark.parametrize("at", [0, HALF - 1, HALF + 1, 10**14])
async def test_at_another_offset_nothing_is_taken(at: int) -> None:
    async with small().client() as client:
        where = await begun(client)
        await append(client, where, 0, WEBM[:HALF])
        answer = await append(client, where, at, WEBM[HALF:])
        assert problem(answer) == (409, "offset_mismatch")
        assert answer.headers["Upload-Offset"] == str(HALF)
        assert await offset(client, where) == HALF


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "application/octet-stream"}, 415, "upload_type_refused"),
        ({"Content-Type": ""}, 415, "upload_type_refused"),
        ({"Upload-Offset": ""}, 400, "upload_header_invalid"),
        ({"Upload-Offset": "-1"}, 400, "upload_header_invalid"),
        ({"Upload-Length": "many"}, 400, "upload_header_invalid"),
    ],
)
async def test_a_piece_that_says_too_little_is_refused_unread(headers: dict[str, str], status: int, code: str) -> None:
    async with small().client() as client:
        where = await begun(client)
        sent = BYTES | {"Upload-Offset": "0"} | headers
        answer = await client.patch(where, content=never(), headers={k: v for k, v in sent.items() if v})
        assert problem(answer) == (status, code)
        assert await offset(client, where) == 0


async def test_anothers_upload_is_not_there() -> None:
    api = small()
    async with api.client() as client, api.client("bob") as bob:
        where = await begun(client)
        assert problem(await bob.patch(where, content=never(), headers=BYTES | {"Upload-Offset": "0"})) == (
            *(404, "upload_not_found"),
        )
        for method in ("HEAD", "DELETE"):
            assert (await bob.request(method, where, headers=TUS)).status_code == 404
        assert problem(await bob.get(where)) == (404, "upload_not_found")
        assert (await bob.get("/api/uploads")).json() == {"uploads": []}
        assert len((await client.get("/api/uploads")).json()["uploads"]) == 1


async def test_all_that_it_is_is_told_as_json() -> None:
    async with small().client() as client:
        session = await make_session(client)
        made = await create(client, session, None, **metadata(session, filetype="audio/webm"))  # type: ignore[arg-type]
        shown = await client.get(made.headers["Location"])
        assert shown.headers["Upload-Offset"] == "0"
        body = shown.json()
        assert body.pop("expires_at") > "2026"
        assert body == {
            "upload_id": made.headers["Location"].rpartition("/")[2],
            "session_id": session,
            "question_id": "q1",
            "take": 1,
            "state": "arriving",
            "offset": 0,
            "length": None,
            "media_type": "audio/webm",
            "door": "tus",
            "slices": [],
            "missing": [],
        }
        assert (await client.get("/api/uploads")).json()["uploads"][0]["upload_id"] == body["upload_id"]
        await append(client, made.headers["Location"], 0, WEBM, Upload_Length=str(len(WEBM)))
        done = (await client.get(made.headers["Location"])).json()
        assert (done["state"], done["offset"], done["expires_at"]) == ("received", len(WEBM), None)
        assert (await client.get("/api/uploads")).json() == {"uploads": []}


async def test_who_is_too_fast_is_held_back_as_clients_of_tus_understand() -> None:
    api = small()
    async with api.client() as client:
        where = await begun(client)
        api.house.limits.left = {"requests": 0}
        piece = await append(client, where, 0, WEBM)
        assert piece.json()["code"] == "rate_limited"
        assert (piece.status_code, piece.json()["status"]) == (503, 503)
        assert int(piece.headers["Retry-After"]) >= 1
        assert (await client.head(where, headers=TUS)).status_code == 423
        api.house.limits.left = {}
        api.house.limits.left = {"uploads": 0}
        assert (await append(client, where, 0, WEBM)).status_code == 204
        session = await make_session(client)
        assert (await create(client, session)).status_code == 503


async def test_a_client_that_asks_while_the_store_is_away_is_not_told_that_it_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = small()
    async with api.client() as client:
        where = await begun(client)

        async def away(*_: object) -> None:
            raise StoreUnavailable

        monkeypatch.setattr(type(api.house.arrivals), "find", away)
        assert (await client.head(where, headers=TUS)).status_code == 423
        assert problem(await client.get(where)) == (503, "store_unavailable")


async def test_the_end_that_was_not_reached_is_reached_by_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """All bytes are here and the process died: a client that is told so has nothing more to send."""
    api = small()
    async with api.client() as client:
        where = await begun(client)
        finish = type(api.house.arrivals).finish

        async def away(*_: object, **__: object) -> None:
            raise StoreUnavailable

        monkeypatch.setattr(type(api.house.arrivals), "finish", away)
        assert (await append(client, where, 0, WEBM)).status_code == 503
        assert (await client.head(where, headers=TUS)).status_code == 423
        monkeypatch.setattr(type(api.house.arrivals), "finish", finish)
        assert await offset(client, where) == len(WEBM)
        assert sum(bool(row.part.sha256) for row in api.house.memory.rows.values()) == 1


async def test_one_that_a_newer_take_has_overtaken_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        where = (await create(client, session)).headers["Location"]
        with monkeypatch.context() as away:
            away.setattr(type(api.house.arrivals), "finish", unreachable)
            assert (await append(client, where, 0, WEBM)).status_code == 503
        newer = await client.post(f"/api/upload-answer/{session}/q1", files={"audio": WEBM + bytes(9)})
        assert newer.status_code == 202
        assert await offset(client, where) == len(WEBM)
        assert (await client.get(where)).json()["state"] == "superseded"
        status = (await client.get(f"/api/transcription-status/{session}/q1")).json()
        assert (status["take"], status["status"]) == (2, "queued")


async def unreachable(*_: object, **__: object) -> None:
    raise StoreUnavailable


async def test_pages_of_other_origins_may_send_and_read_all_of_it() -> None:
    app = build(small().services, ["https://page.example"])
    origin = {"Origin": "https://page.example"}
    sent = "authorization,content-type,tus-resumable,upload-checksum,upload-complete,upload-length,upload-offset"
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://api") as client:
        for method in ("POST", "HEAD", "PATCH", "GET", "DELETE"):
            asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": sent}
            leave = await client.options("/api/uploads/x", headers=origin | asked)
            assert leave.status_code == 200
            assert method in leave.headers["Access-Control-Allow-Methods"]
            assert leave.headers["Access-Control-Allow-Headers"] == sent
        async with app.router.lifespan_context(app):
            refused = await client.post("/api/uploads", headers=origin)
    assert refused.status_code == 412
    exposed = set(refused.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed == set(EXPOSED) >= {"Upload-Offset", "Upload-Expires", "Location", "Tus-Resumable", "Repr-Digest"}


async def slowly(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_piece_may_come_without_a_length() -> None:
    async with small().client() as client:
        where = await begun(client)
        answer = await append(client, where, 0, slowly(WEBM[:9], WEBM[9:HALF]))
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(HALF))


async def test_of_two_writers_the_newer_one_is_told_to_wait() -> None:
    api, sent, goes_on = small(), asyncio.Event(), asyncio.Event()

    async def slowly_sent() -> AsyncIterator[bytes]:
        yield WEBM[:HALF]
        sent.set()
        await goes_on.wait()
        yield WEBM[HALF:]

    async with api.client() as client:
        where = await begun(client)
        first = asyncio.create_task(append(client, where, 0, slowly_sent()))
        await sent.wait()
        second = await append(client, where, 0, WEBM)
        assert problem(second) == (423, "upload_in_use")
        assert int(second.headers["Retry-After"]) >= 1
        goes_on.set()
        assert (await first).status_code == 204
        assert await offset(client, where) == len(WEBM)


async def test_who_comes_again_over_another_network_goes_on_where_he_was() -> None:
    """His connection of before is still there, and says nothing."""
    api, sent = small(), asyncio.Event()

    async def cut_off() -> AsyncIterator[bytes]:
        yield WEBM[:HALF]
        sent.set()
        await asyncio.Event().wait()

    async with api.client() as client:
        where = await begun(client)
        first = asyncio.create_task(append(client, where, 0, cut_off()))
        await sent.wait()
        api.house.memory.clock.advance(5)
        assert await offset(client, where) == HALF
        assert problem(await first) == (409, "upload_taken_over")
        assert (await append(client, where, HALF, WEBM[HALF:])).status_code == 204


async def test_a_creation_that_is_repeated_under_its_key_makes_one_upload() -> None:
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        first = await create(client, session, Idempotency_Key="3f1c")
        again, other = await create(client, session, Idempotency_Key="3f1c"), await create(client, session)
        assert first.headers["Location"] == again.headers["Location"] != other.headers["Location"]
        assert (await append(client, first.headers["Location"], 0, WEBM)).status_code == 204
        later = await create(client, session, Idempotency_Key="3f1c")
        assert later.headers["Location"] != first.headers["Location"]
        assert (await create(client, session, Idempotency_Key="no key")).status_code == 400


@pytest.mark.parametrize("more", [{"length": len(WEBM) - 1}, {"length": None}])
async def test_a_key_of_another_creation_is_refused(more: dict[str, int | None]) -> None:
    """Who goes on by what he thinks he has begun would stop before its end, or at none."""
    api = small()
    async with api.client() as client:
        session = await make_session(client)
        first = await create(client, session, **more, Idempotency_Key="3f1c")  # type: ignore[arg-type]
        assert first.status_code == 201
        assert problem(await create(client, session, Idempotency_Key="3f1c")) == (422, "idempotency_mismatch")
        again = await create(client, session, **more, Idempotency_Key="3f1c")  # type: ignore[arg-type]
        assert again.headers["Location"] == first.headers["Location"]
        said = TUS | {"Upload-Defer-Length": "1", "Idempotency-Key": "3f1c"}
        called = await client.post("/api/uploads", headers=said | metadata(session, filetype="audio/webm"))
        assert called.headers["Location"] == first.headers["Location"]
        summed = await client.post("/api/uploads", headers=said | metadata(session, sha256="0" * 64))
        assert problem(summed) == (422, "idempotency_mismatch")
