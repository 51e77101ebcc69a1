"""The IETF's resumable uploads, in each of the versions that are spoken.

docs/uploads.md has a table of what the drafts demand: each line of it names its test here.
"""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2
import pytest

from services.errors import StoreUnavailable
from tests.routes.api import WEBM, Api, make_session, problem, upload
from tests.routes.resumable.tus_client import TUS, small
from tests.routes.test_uploads import never

HALF = len(WEBM) // 2
TYPES = "https://iana.org/assignments/http-problem-types#"
Body = bytes | AsyncIterator[bytes]

versions = pytest.mark.parametrize("version", [6, 8, 9, None])
newer = pytest.mark.parametrize("version", [8, 9, None])


def digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


@dataclass
class Client:
    """What a client of one of the versions sends, by hand."""

    http: httpx2.AsyncClient
    version: int | None
    session: str = ""

    @property
    def named(self) -> dict[str, str]:
        return {} if self.version is None else {"Upload-Draft-Interop-Version": str(self.version)}

    async def create(self, body: Body = b"", complete: bool = False, **more: str) -> httpx2.Response:
        self.session = self.session or await make_session(self.http)
        headers = self.named | {"Upload-Complete": f"?{complete:d}"} | _named(more)
        return await self.http.post(f"/api/upload-answer/{self.session}/q1", content=body, headers=headers)

    async def begun(self, body: Body = b"", **more: str) -> str:
        made = await self.create(body, False, **more)
        assert made.status_code == 201, made.text
        return made.headers["Location"]

    async def append(
        self, where: str, at: int, body: Body = b"", complete: bool | None = False, **more: str
    ) -> httpx2.Response:
        said = {} if complete is None else {"Upload-Complete": f"?{complete:d}"}
        headers = {"Content-Type": "application/partial-upload", "Upload-Offset": str(at)} | said
        return await self.http.patch(where, content=body, headers=self.named | headers | _named(more))

    async def head(self, where: str, **more: str) -> httpx2.Response:
        return await self.http.head(where, headers=self.named | _named(more))

    async def delete(self, where: str, **more: str) -> httpx2.Response:
        return await self.http.delete(where, headers=self.named | _named(more))


def _named(more: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in more.items()}


def registered(answer: httpx2.Response, name: str, status: int, complete: str = "?0") -> dict[str, object]:
    """A problem of a registered type."""
    body: dict[str, object] = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, body["type"], body["status"]) == (status, TYPES + name, status)
    assert answer.headers["Upload-Complete"] == complete
    return body


def recordings(api: Api) -> list[str]:
    return [row.part.sha256 for row in api.house.memory.rows.values() if row.part.sha256]


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


@versions
async def test_creation_says_where_it_goes_on(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        made = await client.create(WEBM[:HALF], Upload_Length=str(len(WEBM)))
        assert made.status_code == 201
        assert made.headers["Location"].startswith("/api/uploads/")
        assert (made.headers["Upload-Complete"], made.headers["Upload-Offset"]) == ("?0", str(HALF))
        age = "expires" if version == 6 else "max-age"
        limits = dict(entry.split("=") for entry in made.headers["Upload-Limit"].split(", "))
        assert limits.keys() == {"max-size", age}
        assert int(limits["max-size"]) > 0
        assert int(limits[age]) >= 0
        assert "Tus-Resumable" not in made.headers


@versions
async def test_creation_may_bring_nothing_yet(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        head = await client.head(await client.begun())
        assert (head.headers["Upload-Offset"], head.headers["Upload-Complete"]) == ("0", "?0")
        assert "Upload-Length" not in head.headers


@versions
async def test_a_whole_recording_is_an_ordinary_upload(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        made = await client.create(WEBM, complete=True, Content_Type="audio/webm", Repr_Digest=digest(WEBM))
        assert made.status_code == 202
        assert (made.json()["status"], made.json()["take"], made.json()["bytes"]) == ("processing", 1, len(WEBM))
        assert (made.headers["Upload-Complete"], made.headers["Upload-Offset"]) == ("?1", str(len(WEBM)))
        assert made.headers["Repr-Digest"] == digest(WEBM)
        assert "Retry-After" in made.headers
        if version == 6:  # whose clients ask there for an upload that they have finished
            head = await client.head(made.headers["Location"])
            assert head.headers["Upload-Complete"] == "?1"
        else:
            assert made.headers["Location"] == f"/api/transcription-status/{client.session}/q1"
    assert recordings(api) == [hashlib.sha256(WEBM).hexdigest()]


@pytest.mark.parametrize(
    ("body", "more", "status", "code", "complete"),
    [
        (b"words, no sound " * 9, {}, 415, "not_audio", "?1"),
        (b"", {}, 400, "audio_empty", "?1"),
        (WEBM, {"Upload-Length": "9"}, 400, "length_inconsistent", "?1"),
        (WEBM, {"Repr-Digest": digest(b"other")}, 400, "checksum_mismatch", "?1"),
        (WEBM, {"Content-Digest": digest(b"other")}, 400, "checksum_mismatch", "?1"),
        (WEBM * 300, {}, 413, "audio_too_large", "?1"),
    ],
)
@versions
async def test_a_whole_recording_that_is_refused(
    version: int | None, body: bytes, more: dict[str, str], status: int, code: str, complete: str
) -> None:
    api = small()
    async with api.client() as http:
        answer = await Client(http, version).create(body, complete=True, **more)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.headers["Upload-Complete"] == complete
        assert (await http.get("/api/uploads")).json() == {"uploads": []}
    assert recordings(api) == []


async def test_a_form_is_upgraded_only_as_a_whole() -> None:
    api = small()
    async with api.client() as http:
        session = await make_session(http)
        where, form = f"/api/upload-answer/{session}/q1", {"audio": ("a.webm", WEBM)}
        whole = await http.post(where, files=form, headers={"Upload-Complete": "?1"})
        assert whole.status_code == 202
        part = await http.post(where, files=form, headers={"Upload-Complete": "?0"})
        assert problem(part) == (415, "upload_type_refused")
        assert "form" in part.json()["detail"]
        assert part.headers["Upload-Complete"] == "?1"
    assert len(recordings(api)) == 1


async def test_what_says_nothing_of_it_is_an_ordinary_upload() -> None:
    async with small().client() as http:
        session = await make_session(http)
        assert "Upload-Complete" not in (await upload(http, session)).headers
        ignored = {"Upload-Complete": "maybe", "Content-Type": "audio/webm"}
        answer = await http.post(f"/api/upload-answer/{session}/q1", content=WEBM, headers=ignored)
        assert problem(answer) == (400, "upload_malformed")


@versions
async def test_it_is_told_how_far_it_is(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        where = await client.begun(WEBM[:HALF], Upload_Length=str(len(WEBM)))
        for asked in (await client.head(where), await http.get(where, headers=client.named)):
            assert asked.headers["Upload-Offset"] == str(HALF)
            assert asked.headers["Upload-Complete"] == "?0"
            assert asked.headers["Upload-Length"] == str(len(WEBM))
            assert "max-size=" in asked.headers["Upload-Limit"]
            assert asked.headers["Cache-Control"] == "no-store"
        assert (await client.head(where)).status_code == 204


@versions
async def test_pieces_follow_and_the_last_has_the_answer_of_the_whole(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun()
        piece = await client.append(where, 0, WEBM[:HALF])
        assert piece.status_code == (201 if version == 6 else 204)
        assert (piece.headers["Upload-Complete"], piece.headers["Upload-Offset"]) == ("?0", str(HALF))
        assert recordings(api) == []
        last = await client.append(where, HALF, WEBM[HALF:], complete=True)
        assert last.status_code == 202
        assert (last.headers["Upload-Complete"], last.headers["Upload-Offset"]) == ("?1", str(len(WEBM)))
        assert last.headers["Repr-Digest"] == digest(WEBM)
        body = last.json()
        assert (body["status"], body["sha256"], body["take"]) == ("processing", hashlib.sha256(WEBM).hexdigest(), 1)
        done = await client.head(where)
        assert (done.status_code, done.headers["Upload-Complete"]) == (204, "?1")
        assert done.headers["Upload-Offset"] == done.headers["Upload-Length"] == str(len(WEBM))
    assert len(recordings(api)) == 1


@versions
async def test_an_empty_last_piece_completes(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun(WEBM)
        last = await client.append(where, len(WEBM), complete=True)
        assert (last.status_code, last.headers["Upload-Complete"]) == (202, "?1")
    assert len(recordings(api)) == 1


@versions
async def test_a_last_piece_without_a_length_completes(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun(pieces(WEBM[:9], WEBM[9:HALF]))
        last = await client.append(where, HALF, pieces(WEBM[HALF:-9], WEBM[-9:]), complete=True)
        assert last.json()["sha256"] == hashlib.sha256(WEBM).hexdigest()
    assert len(recordings(api)) == 1


@versions
async def test_that_all_bytes_are_here_completes_nothing(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun(Upload_Length=str(len(WEBM)))
        piece = await client.append(where, 0, WEBM)
        assert piece.headers["Upload-Complete"] == "?0"
        assert (await client.head(where)).headers["Upload-Complete"] == "?0"
        assert recordings(api) == []
        assert (await client.append(where, len(WEBM), complete=True)).status_code == 202
    assert len(recordings(api)) == 1


async def test_the_sixth_version_completes_by_saying_the_length_with_nothing_more() -> None:
    """So a client of tus ends a stream whose length it learned last."""
    api = small()
    async with api.client() as http:
        client = Client(http, 6)
        where = await client.begun(WEBM, Upload_Defer_Length="1")
        last = await client.append(where, len(WEBM), complete=None, Upload_Length=str(len(WEBM)))
        assert (last.status_code, last.headers["Upload-Complete"]) == (202, "?1")
        assert last.headers["Upload-Offset"] == str(len(WEBM))
    assert len(recordings(api)) == 1


@newer
async def test_a_piece_must_say_whether_it_is_the_last(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        where = await client.begun(WEBM)
        answer = await client.append(where, len(WEBM), never(), complete=None, Upload_Length=str(len(WEBM)))
        assert problem(answer) == (400, "upload_header_invalid")
        assert answer.headers["Upload-Complete"] == "?0"


@versions
async def test_at_another_offset_nothing_is_taken(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        where = await client.begun(WEBM[:HALF])
        for at in (0, HALF - 1, HALF + 1):
            answer = await client.append(where, at, WEBM[HALF:])
            body = registered(answer, "mismatching-upload-offset", 409)
            assert (body["expected-offset"], body["provided-offset"]) == (HALF, at)
            assert answer.headers["Upload-Offset"] == str(HALF)
        assert (await client.head(where)).headers["Upload-Offset"] == str(HALF)


@versions
async def test_at_another_offset_of_a_finished_one_nothing_is_taken_either(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        where = await client.begun()
        await client.append(where, 0, WEBM, complete=True)
        answer = await client.append(where, HALF, WEBM[HALF:], complete=True)
        body = registered(answer, "mismatching-upload-offset", 409)
        assert body["expected-offset"] == len(WEBM)


@versions
async def test_lengths_that_do_not_fit_are_refused(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        made = await client.create(WEBM, complete=True, Upload_Length=str(len(WEBM) + 1))
        registered(made, "inconsistent-upload-length", 400, "?1")
        where = await client.begun(Upload_Length=str(len(WEBM)))
        changed = await client.append(where, 0, WEBM[:9], Upload_Length=str(len(WEBM) + 1))
        registered(changed, "inconsistent-upload-length", 400)
        too_short = await client.append(where, 0, WEBM[:9], complete=True)
        registered(too_short, "inconsistent-upload-length", 400)
        assert (await client.append(where, 0, WEBM, complete=True)).status_code == 202


@versions
async def test_what_goes_beyond_its_length_ends_it(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun(WEBM[:HALF], Upload_Length=str(len(WEBM)))
        beyond = await client.append(where, HALF, pieces(WEBM[HALF:], b"x"))
        registered(beyond, "inconsistent-upload-length", 400)
        again = await client.head(where)
        if version == 6:
            assert again.status_code == 204
            assert int(again.headers["Upload-Offset"]) <= len(WEBM)
        else:
            assert again.status_code == 410
    assert recordings(api) == []


@newer
async def test_the_last_answer_is_given_again_to_who_did_not_get_it(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun()
        first = await client.append(where, 0, WEBM, complete=True)
        again = await client.append(where, len(WEBM), complete=True)
        assert (again.status_code, again.headers["Upload-Complete"]) == (202, "?1")
        assert again.json() == first.json()
        more = await client.append(where, len(WEBM), b"more", complete=True)
        registered(more, "inconsistent-upload-length", 400)
    assert len(recordings(api)) == 1


async def test_a_take_that_was_overtaken_is_answered_when_it_is_finished_again() -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, None)
        where = await client.begun()
        await client.append(where, 0, WEBM, complete=False)
        session = (await http.get(where)).json()["session_id"]
        await http.post(f"/api/upload-answer/{session}/q1", files={"audio": WEBM + bytes(9)})
        finished = [await client.append(where, len(WEBM), complete=True) for _ in range(2)]
        assert [answer.status_code for answer in finished] == [409, 202]
        assert finished[0].json()["code"] == "take_superseded"
        assert (await http.get(where)).json()["state"] == "superseded"


async def test_the_sixth_version_is_told_that_it_was_completed() -> None:
    async with small().client() as http:
        client = Client(http, 6)
        where = await client.begun()
        await client.append(where, 0, WEBM, complete=True)
        again = await client.append(where, len(WEBM), complete=True)
        registered(again, "completed-upload", 400)
        assert again.headers["Upload-Offset"] == str(len(WEBM))


@versions
async def test_a_wrong_sum_of_a_piece_counts_for_nothing(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        where = await client.begun()
        wrong = await client.append(where, 0, WEBM[:HALF], Content_Digest=digest(b"other"))
        assert problem(wrong) == (400, "checksum_mismatch")
        assert wrong.headers["Upload-Complete"] == "?0"
        assert (await client.head(where)).headers["Upload-Offset"] == "0"
        right = await client.append(where, 0, WEBM[:HALF], Content_Digest=digest(WEBM[:HALF]))
        assert right.headers["Upload-Offset"] == str(HALF)
        unknown = await client.append(where, HALF, WEBM[HALF:], Content_Digest="md5=:AA==:")
        assert unknown.headers["Upload-Offset"] == str(len(WEBM))


@versions
async def test_a_wrong_sum_of_the_whole_ends_it(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun(Repr_Digest=digest(b"other"))
        last = await client.append(where, 0, WEBM, complete=True)
        assert problem(last) == (400, "checksum_mismatch")
        assert last.headers["Upload-Complete"] == "?1"
        assert (await client.head(where)).status_code == (404 if version == 6 else 410)
    assert recordings(api) == []


@versions
async def test_what_is_no_sound_ends_it_at_once(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun()
        answer = await client.append(where, 0, b"words, no sound " * 9)
        assert problem(answer) == (415, "not_audio")
        assert answer.headers["Upload-Complete"] == "?1"
    assert recordings(api) == []


@versions
async def test_more_than_is_taken_is_refused_with_the_limits(version: int | None) -> None:
    api = small()
    most = api.house.arrivals.limits.most_bytes
    async with api.client() as http:
        client = Client(http, version)
        answer = await client.create(never(), Upload_Length=str(most + 1))
        assert problem(answer) == (413, "audio_too_large")
        assert f"max-size={most}" in answer.headers["Upload-Limit"]
        where = await client.begun()
        beyond = await client.append(where, 0, WEBM + bytes(most))
        assert problem(beyond) == (413, "audio_too_large")
        assert f"max-size={most}" in beyond.headers["Upload-Limit"]


@versions
async def test_what_is_cancelled_is_gone(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        where = await client.begun(WEBM[:HALF])
        ended = await client.delete(where)
        assert (ended.status_code, ended.content) == (204, b"")
        gone = 404 if version == 6 else 410
        assert (await client.head(where)).status_code == gone
        assert (await client.append(where, HALF, WEBM[HALF:])).status_code == gone


@versions
async def test_a_finished_one_cannot_be_cancelled(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun()
        await client.append(where, 0, WEBM, complete=True)
        assert problem(await client.delete(where)) == (409, "upload_complete")
    assert len(recordings(api)) == 1


async def test_the_sixth_version_may_not_say_what_it_asks_for() -> None:
    async with small().client() as http:
        client = Client(http, 6)
        where = await client.begun(WEBM[:HALF])
        for ask in (client.head, client.delete):
            for name in ("Upload_Offset", "Upload_Complete"):
                refused = await ask(where, **{name: "?0"})
                assert refused.status_code == 400
        assert (await client.head(where)).headers["Upload-Offset"] == str(HALF)


async def test_the_sixth_version_is_told_with_each_refusal_how_far_it_is() -> None:
    async with small().client() as http:
        client = Client(http, 6)
        where = await client.begun(WEBM[:HALF])
        wrong = await client.append(where, HALF, b"x", Content_Digest=digest(b"other"))
        assert (wrong.status_code, wrong.headers["Upload-Offset"]) == (400, str(HALF))


@versions
async def test_pieces_are_called_what_they_are(version: int | None) -> None:
    async with small().client() as http:
        client = Client(http, version)
        where = await client.begun()
        for kind in ("audio/webm", "application/octet-stream"):
            answer = await client.append(where, 0, never(), Content_Type=kind)
            assert problem(answer) == (415, "upload_type_refused")
        unsaid = await client.append(where, 0, never(), Upload_Offset="from the start")
        assert problem(unsaid) == (400, "upload_header_invalid")


@pytest.mark.parametrize("version", [3, 5])
async def test_older_drafts_are_told_so(version: int) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        assert problem(await client.create(WEBM)) == (400, "draft_unsupported")
        assert (await client.create(WEBM, complete=True)).status_code == 202


async def test_options_tell_the_limits_without_a_token() -> None:
    api = small()
    async with api.client() as http, api.client(None) as nobody:
        session = await make_session(http)
        answer = await nobody.options(f"/api/upload-answer/{session}/q1")
        assert answer.status_code == 204
        assert answer.headers["Upload-Limit"] == f"max-size={api.house.arrivals.limits.most_bytes}, max-age=86400"
        assert answer.headers["Accept-Patch"] == "application/partial-upload"


@versions
async def test_anothers_upload_is_not_there(version: int | None) -> None:
    api = small()
    async with api.client() as http, api.client("bob") as bob:
        where = await Client(http, version).begun()
        other = Client(bob, version)
        assert (await other.head(where)).status_code == 404
        assert (await other.append(where, 0, never())).status_code == 404
        assert (await other.delete(where)).status_code == 404


@versions
async def test_a_store_that_is_away_does_not_end_it(version: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun(WEBM)
        finish = type(api.house.arrivals).finish

        async def away(*_: object, **__: object) -> None:
            raise StoreUnavailable

        monkeypatch.setattr(type(api.house.arrivals), "finish", away)
        answer = await client.append(where, len(WEBM), complete=True)
        assert problem(answer) == (503, "store_unavailable")
        assert answer.headers["Upload-Complete"] == "?0"
        monkeypatch.setattr(type(api.house.arrivals), "finish", finish)
        assert (await client.append(where, len(WEBM), complete=True)).status_code == 202
    assert len(recordings(api)) == 1


async def test_both_protocols_go_on_with_the_same_upload() -> None:
    api = small()
    async with api.client() as http:
        where = await Client(http, 9).begun(WEBM[:HALF], Upload_Length=str(len(WEBM)))
        tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
        sent = await http.patch(where, content=WEBM[HALF:], headers=tus | {"Upload-Offset": str(HALF)})
        assert (sent.status_code, sent.headers["Tus-Resumable"]) == (204, "1.0.0")
    assert len(recordings(api)) == 1


@dataclass
class Sending:
    """A request whose body goes on when the test says so; `sent` is set once all before that was taken."""

    sent: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def body(self, *data: bytes) -> AsyncIterator[bytes]:
        yield data[0]
        self.sent.set()
        await self.goes_on.wait()
        for piece in data[1:]:
            yield piece


@versions
async def test_a_newer_writer_takes_over(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client, older = Client(http, version), Sending()
        where = await client.begun()
        first = asyncio.create_task(client.append(where, 0, older.body(WEBM[:HALF], WEBM[HALF:]), complete=True))
        await older.sent.wait()
        last = await client.append(where, HALF, WEBM[HALF:], complete=True)
        assert (last.status_code, last.json()["sha256"]) == (202, hashlib.sha256(WEBM).hexdigest())
        ended = await first
        assert problem(ended) == (409, "upload_taken_over")
        assert ended.headers["Upload-Complete"] == "?0"
    assert len(recordings(api)) == 1


@versions
async def test_who_asks_how_far_it_is_ends_what_is_still_sent(version: int | None) -> None:
    api = small()
    async with api.client() as http:
        client, older = Client(http, version), Sending()
        where = await client.begun()
        first = asyncio.create_task(client.append(where, 0, older.body(WEBM[:HALF], WEBM[HALF:]), complete=True))
        await older.sent.wait()
        at = int((await client.head(where)).headers["Upload-Offset"])
        assert problem(await first) == (409, "upload_taken_over")
        assert at == HALF
        assert (await client.append(where, at, WEBM[at:], complete=True)).status_code == 202
    assert recordings(api) == [hashlib.sha256(WEBM).hexdigest()]


@versions
async def test_what_came_before_the_cut_counts(version: int | None) -> None:
    """Also of a last piece, which completes nothing then."""
    api = small()
    async with api.client() as http:
        client = Client(http, version)
        where = await client.begun()
        await cut_off(http, where, client.named, WEBM[:HALF])
        head = await client.head(where)
        assert (head.headers["Upload-Offset"], head.headers["Upload-Complete"]) == (str(HALF), "?0")
        assert recordings(api) == []
        assert (await client.append(where, HALF, WEBM[HALF:], complete=True)).status_code == 202
    assert recordings(api) == [hashlib.sha256(WEBM).hexdigest()]


async def test_no_more_is_kept_of_what_an_upload_is_called_than_tus_keeps() -> None:
    async with small().client() as client:
        sender = Client(client, None)
        long = await sender.begun(Upload_Metadata="k " + "A" * 5000, Content_Type="audio/" + "a" * 5000)
        short = await sender.begun(Upload_Metadata="k AAAA", Content_Type="audio/webm")
        told = [await client.head(where, headers=TUS) for where in (long, short)]
        assert [answer.headers.get("Upload-Metadata") for answer in told] == [None, "k AAAA"]
        types = [(await client.get(where)).json()["media_type"] for where in (long, short)]
        assert types == [None, "audio/webm"]


async def cut_off(http: httpx2.AsyncClient, where: str, named: dict[str, str], data: bytes) -> None:
    """A last piece whose connection breaks after these bytes of it."""
    app = http._transport.app  # type: ignore[attr-defined]
    coming: list[dict[str, object]] = [
        {"type": "http.request", "body": data, "more_body": True},
        {"type": "http.disconnect"},
    ]
    headers = {
        "authorization": "Bearer alice",
        "content-type": "application/partial-upload",
        "content-length": str(2 * len(data)),
        "upload-offset": "0",
        "upload-complete": "?1",
        **named,
    }

    async def receive() -> dict[str, object]:
        return coming.pop(0)

    async def send(_: object) -> None: ...

    scope = {
        "type": "http",
        "method": "PATCH",
        "path": where,
        "raw_path": where.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("api", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
