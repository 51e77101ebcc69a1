"""Clients that mean no good, on raw sockets, against one API process; meanwhile another user's uploads go on."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2
import pytest

from app.guarded_http import HEAD_SECONDS, MOST_HEAD_BYTES
from routes.bodies import DRAINED_BYTES, MOST_BYTES
from routes.multipart import FORM_OVERHEAD
from tests import audio
from tests.at_length import long_but
from tests.hostile.served import Answer, Line, Served, flood, serve
from tests.scripts.running import until

MOST_AUDIO = 1024 * 1024
IDLE_SECONDS = 5.0
WEBM = audio.encoded("webm", 1.0)
MiB = 1024 * 1024
# What the kernel takes in for a connection that nobody reads.
BUFFERED = 16 * MiB
FORM = "Content-Type: multipart/form-data; boundary=b"


def form(data: bytes, end: bytes = b"\r\n--b--\r\n") -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n' + data + end


@dataclass
class Bystander:
    """Another user, who uploads all the while."""

    api: Served
    statuses: list[int] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with self.api.client("bob") as client:
            session = create(client)
            while not self.over.wait(0.5):
                answer = client.post(f"/api/upload-answer/{session}/q1", files={"audio": ("a.webm", WEBM)})
                self.statuses.append(answer.status_code)


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    more = {"MAX_AUDIO_BYTES": str(MOST_AUDIO), "UPLOAD_IDLE_SECONDS": str(IDLE_SECONDS)}
    with serve(tmp_path_factory.mktemp("api"), mongodb_url, redis_url, **more) as served:
        yield served


@pytest.fixture(autouse=True)
def hang_up(api: Served) -> Iterator[None]:
    yield
    api.hang_up()


@pytest.fixture(scope="module")
def bystander(api: Served) -> Iterator[Bystander]:
    bystander = Bystander(api)
    thread = threading.Thread(target=bystander.run)
    thread.start()
    yield bystander
    bystander.over.set()
    thread.join()


@pytest.fixture(scope="module")
def before(api: Served, bystander: Bystander) -> int:
    """The memory of a process that has been in use for a while."""
    with api.client() as client:
        for _ in range(50):
            create(client)
    return api.memory


@pytest.fixture(scope="module")
def session(api: Served, before: int) -> str:
    with api.client() as client:
        return create(client)


def create(client: httpx2.Client) -> str:
    answer = client.post("/api/sessions", json={"questions": [{"id": "q1", "text": "Index?"}]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


def upload_head(api: Served, session: str, *more: str) -> bytes:
    return api.head("POST", f"/api/upload-answer/{session}/q1", FORM, *more)


def stored(api: Served, session: str) -> int:
    """Recordings of the session that were accepted."""
    return api.database["parts"].count_documents({"session_id": session, "state": {"$nin": ["uploading", "aborted"]}})


def well(answer: Answer | None, status: int, code: str) -> bool:
    assert answer is not None
    assert answer.headers["content-type"] == "application/problem+json", answer
    assert (answer.status, answer.code) == (status, code)
    return True


@pytest.mark.parametrize("sound", long_but(20, of=[20, 100]))
@pytest.mark.parametrize("way", ["half-closed", "reset"])
def test_a_body_that_is_cut_at_any_byte_is_never_taken_for_whole(
    api: Served, session: str, way: str, sound: int
) -> None:
    with api.client() as client:
        session = create(client)
    whole = form(WEBM[:sound])
    head = upload_head(api, session, f"Content-Length: {len(whole)}")
    for end in range(len(whole)):
        line = api.line().send(head + whole[:end])
        if way == "reset":
            line.reset()
            continue
        answer = line.half_close().answer()
        assert answer is None or answer.status in (400, 408), answer
        line.close()
    assert stored(api, session) == 0
    api.sweep()
    assert api.database["parts"].count_documents({"session_id": session, "settled": False}) == 0


@pytest.mark.long
def test_a_body_that_drips_or_stands_still_is_ended_and_a_slow_recorder_is_not(api: Served, session: str) -> None:
    whole = form(WEBM)
    lines = {"drips": api.line(), "stands": api.line()}
    for line in lines.values():
        line.send(upload_head(api, session, "Content-Length: 900000") + whole[:200])
    recorder, sound = api.line(), audio.wav(audio.noise(1.5))
    recorder.send(upload_head(api, session, "Transfer-Encoding: chunked") + chunk(form(b"", b"")))
    deadline = time.monotonic() + 4 * IDLE_SECONDS
    while time.monotonic() < deadline:
        piece, sound = sound[:2000], sound[2000:]
        recorder.send(chunk(piece) if piece else b"")
        lines["drips"].send(b"x")
        time.sleep(0.25)
        if not sound:
            break
    recorder.send(chunk(b"\r\n--b--\r\n") + b"0\r\n\r\n")
    deadline = time.monotonic() + 60
    while _still_takes(lines["drips"], b"x"):
        assert time.monotonic() < deadline, "it may drip for ever"
        time.sleep(0.25)
    for line in lines.values():
        assert well(line.answer(), 408, "upload_stalled")
        assert line.is_closed()
    answer = recorder.answer()
    assert answer is not None
    assert answer.status == 202, answer


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_a_flood_of_headers_is_refused(api: Served, session: str) -> None:
    start = f"GET /api/sessions/{session} HTTP/1.1\r\nHost: api\r\n".encode()
    many = api.line().send(start + b"X-A: 1\r\n" * 101 + b"\r\n")
    assert well(many.answer(), 431, "request_header_fields_too_large")
    assert many.is_closed()
    enough = api.line().send(api.head("GET", f"/api/sessions/{session}", *(f"X-{n}: 1" for n in range(90))))
    answer = enough.answer()
    assert answer is not None
    assert answer.status == 200
    starts = {"headers": start, "one header": start + b"X-A: ", "address": b"GET /"}
    for name, begin in starts.items():
        piece = b"X-A: 1\r\n" * 1000 if name == "headers" else b"x" * 8000
        endless = api.line().send(begin)
        flood(endless, piece, MOST_HEAD_BYTES + len(piece))
        assert well(endless.answer(), 431, "request_header_fields_too_large")
        assert endless.is_closed()


CODINGS = {
    "gzip": (501, "not_implemented"),
    "gzip, chunked": (501, "not_implemented"),
    "identity": (501, "not_implemented"),
    "chunked, gzip": (400, "bad_request"),
}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_transfer_coding_that_is_not_understood_is_told_of(api: Served, session: str, coding: str) -> None:
    line = api.line().send(api.head("POST", f"/api/upload-answer/{session}/q1", FORM, f"Transfer-Encoding: {coding}"))
    assert well(line.send(chunk(form(WEBM)) + chunk(b"")).answer(), *CODINGS[coding])
    assert line.is_closed()


def test_chunked_is_understood_however_it_is_written(api: Served, session: str) -> None:
    line = api.line().send(api.head("POST", f"/api/upload-answer/{session}/q1", FORM, "Transfer-Encoding: CHUNKED"))
    answer = line.send(chunk(form(WEBM)) + chunk(b"")).answer()
    assert answer is not None
    assert answer.status == 202, answer


@pytest.mark.long
def test_a_head_that_does_not_come_ends_the_connection(api: Served) -> None:
    silent, dripping, blank, after = (api.line() for _ in range(4))
    assert after.send(b"GET /healthz HTTP/1.1\r\nHost: api\r\n\r\n").answer() is not None
    dripping.send(b"GET /healthz HTTP/1.1\r\nX-A: ")
    open_lines = [dripping, blank, after]
    deadline = time.monotonic() + HEAD_SECONDS + 30
    while open_lines and time.monotonic() < deadline:
        time.sleep(0.5)
        open_lines = [line for line in open_lines if _still_takes(line, b"\r\n" if line is blank else b"x")]
    assert not open_lines
    assert silent.is_closed()
    assert b"408" in dripping.unread


def _still_takes(line: Line, data: bytes) -> bool:
    line.connection.settimeout(0.01)
    try:
        line.connection.sendall(data)
        return bool(line._read())
    except TimeoutError:
        return True
    except ConnectionError:
        return False


PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
BAD_FORMS = {
    "wrong boundary": (form(WEBM).replace(b"--b", b"--c"), 400, "upload_malformed"),
    "ten thousand parts": (
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 10_000,
        400,
        "upload_malformed",
    ),
    "ten thousand headers in a part": (b"--b\r\n" + b"X-A: 1\r\n" * 10_000, 400, "upload_malformed"),
    "an endless header in a part": (b"--b\r\nX-A: " + b"x" * 900_000, 400, "upload_malformed"),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_bad_form_is_refused(api: Served, session: str, name: str) -> None:
    body, status, code = BAD_FORMS[name]
    line = api.line().send(upload_head(api, session, f"Content-Length: {len(body)}") + body)
    assert well(line.answer(), status, code)


@pytest.mark.parametrize("inside", ["the recording", "the epilogue", "the preamble"])
def test_an_upload_without_end_is_refused_and_not_listened_to_for_ever(api: Served, session: str, inside: str) -> None:
    begin = {"the recording": form(WEBM, b""), "the epilogue": form(WEBM), "the preamble": b""}[inside]
    line = api.line().send(upload_head(api, session, "Transfer-Encoding: chunked") + (chunk(begin) if begin else b""))
    sent = flood(line, chunk(b"\r\n" * 32_768), 400 * MiB)
    assert sent < MOST_AUDIO + FORM_OVERHEAD + DRAINED_BYTES + BUFFERED
    answer = line.answer()
    assert answer is None or answer.status in (400, 413), answer


def test_who_may_not_upload_is_not_listened_to_for_ever(api: Served) -> None:
    line = api.line().send(upload_head(api, "nobody", "Transfer-Encoding: chunked"))
    assert well(line.answer(), 404, "session_not_found")
    assert flood(line, chunk(b"x" * 65_536), 400 * MiB) < DRAINED_BYTES + BUFFERED


def test_who_waits_after_a_refusal_is_hung_up_on(api: Served) -> None:
    line = api.line().send(upload_head(api, "nobody", "Content-Length: 900000") + b"x")
    answer = line.answer()
    assert well(answer, 404, "session_not_found")
    assert answer is not None
    assert answer.headers["connection"] == "close"
    assert line.is_closed()


@pytest.mark.parametrize("size", [2 * MiB, 6 * MiB, 40 * MiB])
def test_an_ordinary_client_gets_to_read_why_it_was_refused(api: Served, session: str, size: int) -> None:
    with api.client() as client:
        for _ in range(3):
            files = {"audio": ("a.webm", WEBM + bytes(size))}
            answer = client.post(f"/api/upload-answer/{session}/q1", files=files)
            assert (answer.status_code, answer.json()["code"]) == (413, "audio_too_large")


LIES = {
    "longer": "Content-Length: 5000",
    "negative": "Content-Length: -5",
    "two": "Content-Length: 10\r\nContent-Length: 20",
    "words": "Content-Length: many",
    "beyond any number": "Content-Length: 99999999999999999999999",
    "beside chunks": "Content-Length: 10\r\nTransfer-Encoding: chunked",
    "unknown encoding": "Transfer-Encoding: gzip",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_length_that_lies_stores_nothing(api: Served, lie: str) -> None:
    with api.client() as client:
        session = create(client)
    answer = api.line().send(upload_head(api, session, LIES[lie]) + form(WEBM[:200])).half_close().answer()
    assert answer is None or 400 <= answer.status < 500 or answer.status == 501, answer
    assert stored(api, session) == 0


def test_a_length_that_is_too_short_cuts_the_upload_and_the_rest_is_no_request(api: Served) -> None:
    with api.client() as client:
        session = create(client)
    line = api.line().send(upload_head(api, session, "Content-Length: 150") + form(WEBM[:300]))
    answer = line.answer()
    assert answer is None or answer.status == 400
    assert line.is_closed()
    assert stored(api, session) == 0


def test_who_does_not_read_large_answers_holds_nobody_up(api: Served) -> None:
    with api.client() as client:
        path = f"/api/sessions/{create(client)}"
        large = {"questions.0.text": "word " * 180_000}
        assert api.database["interview_sessions"].update_one({"_id": path.rpartition("/")[2]}, {"$set": large})
        lines = []
        for _ in range(20):
            line = api.line()
            line.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lines.append(line.send(api.head("GET", path) * 4))
        for _ in range(20):
            assert client.get("/healthz").status_code == 200
        assert len(client.get(path).content) > 800_000
    for line in lines:
        line.reset()


def test_requests_that_are_sent_ahead_are_answered_in_order(api: Served, session: str) -> None:
    body = form(WEBM)
    heads = [
        api.head("GET", f"/api/sessions/{session}"),
        upload_head(api, session, f"Content-Length: {len(body)}") + body,
        api.head("GET", "/api/sessions/nobody"),
        api.head("GET", "/healthz"),
    ]
    line = api.line().send(b"".join(heads))
    answers = [line.answer() for _ in heads]
    assert [answer.status for answer in answers if answer] == [200, 202, 404, 200]


def test_who_asks_for_leave_is_refused_before_the_body(api: Served, session: str) -> None:
    ask = ("Expect: 100-continue", f"Content-Length: {len(form(WEBM))}")
    refused = api.line().send(upload_head(api, "nobody", *ask))
    assert well(refused.answer(), 404, "session_not_found")
    assert refused.is_closed()
    granted = api.line().send(upload_head(api, session, *ask))
    leave = granted.answer()
    assert leave is not None
    assert leave.status == 100
    answer = granted.send(form(WEBM)).answer()
    assert answer is not None
    assert answer.status == 202


PATHS = [
    "/" + "a" * 60_000,
    "/api/sessions/" + "%2e%2e/" * 500,
    "/api/sessions/%00",
    "/api/sessions/a%00b",
    "/api/sessions/%ff%fe",
    "/api/sessions/%",
    "/api/sessions/%zz",
    "/api/sessions/..%2f..%2fetc",
    "/api/transcription-status/$where/q1",
    "/api/transcription-status/a.b/q1.score",
    "/api/sessions/s?" + "a=b&" * 10_000,
    "/api/transcription-status/s/q?segments=%00",
    "/problems/%00%ff",
    "//api//sessions",
    "/api/sessions/\u202e".encode().decode("latin-1"),
    "*",
    "http://elsewhere/healthz",
]


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_an_absurd_path_gets_a_clear_refusal(api: Served, session: str, path: str) -> None:
    head = api.head("GET", "PATH").replace(b"PATH", path.encode("latin-1"))
    answer = api.line().send(head).answer()
    assert answer is not None
    assert answer.status in (200, 400, 404, 422, 431), answer
    if answer.status != 200:
        assert answer.headers["content-type"] == "application/problem+json", answer


HEAD = '{"questions": [{"id": "q1", "text": "?"}], "title": '
HEAVY = b'{"questions": [{"id": "q", "text": "?", "key_points": [{"text": "a", "weight": NaN}]}]}'
BAD_JSON = {
    "over the cap": (f'{HEAD}"{"x" * 2 * MiB}"}}'.encode(), 413, "body_too_large"),
    "nested deeply": (b"[" * 200_000, 400, "bad_request"),
    "nested objects": (b'{"questions":' * 16_000, 400, "bad_request"),
    "no UTF-8": (b'{"questions": "\xff\xfe"}', 400, "bad_request"),
    "half a character": (f'{HEAD}"\\ud800"}}'.encode(), 422, "invalid_request"),
    "half a character as a name": (f'{HEAD}null, "\\ud800": 1}}'.encode(), 422, "invalid_request"),
    "a number of many digits": (f"{HEAD}{'9' * 200_000}}}".encode(), 400, "bad_request"),
    "not a number": (HEAVY, 422, "invalid_request"),
    "cut": (b'{"questions": [', 422, "invalid_request"),
    "nothing": (b"", 422, "invalid_request"),
    "an operator": (b'{"questions": [{"id": "$set", "text": "?"}]}', 422, "invalid_request"),
    "a path": (b'{"questions": [{"id": "q.score", "text": "?"}]}', 422, "invalid_request"),
}


@pytest.mark.parametrize("name", BAD_JSON)
@pytest.mark.parametrize("way", ["at once", "in chunks"])
def test_bad_json_is_refused(api: Served, session: str, name: str, way: str) -> None:
    body, status, code = BAD_JSON[name]
    length = f"Content-Length: {len(body)}" if way == "at once" else "Transfer-Encoding: chunked"
    line = api.line().send(api.head("POST", "/api/sessions", "Content-Type: application/json", length))
    data = body if way == "at once" else (chunk(body) if body else b"") + b"0\r\n\r\n"
    threading.Thread(target=_send, args=(line, data)).start()
    assert well(line.answer(), status, code)


def _send(line: Line, data: bytes) -> None:
    try:
        line.send(data)
    except OSError:
        return


def test_json_without_end_is_refused_at_the_cap(api: Served, session: str) -> None:
    line = api.line()
    line.send(api.head("POST", "/api/sessions", "Content-Type: application/json", "Transfer-Encoding: chunked"))
    assert flood(line, chunk(b" " * 65_536), 400 * MiB) < MOST_BYTES + DRAINED_BYTES + BUFFERED


def test_afterwards_nothing_is_left_and_nobody_else_has_noticed(api: Served, bystander: Bystander, before: int) -> None:
    with api.client() as client:
        assert client.get("/healthz").status_code == 200
        assert create(client)
    assert api.process.poll() is None
    bystander.over.set()
    assert bystander.statuses
    assert set(bystander.statuses) == {202}
    api.sweep()
    parts = api.database["parts"]
    owned = {part["_id"] for part in parts.find({"state": "queued"})}
    assert parts.count_documents({"state": {"$in": ["uploading"]}}) == 0
    assert {str(row["files_id"]) for row in api.database["fs.chunks"].find({}, {"files_id": 1})} <= owned
    until(lambda: api.connections == 0)
    assert api.memory < before + 80 * MiB, (before, api.memory)
