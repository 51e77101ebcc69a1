"""What the client does when calls go wrong, against a server on loopback that is told what to answer."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from client import ApiProblem, NoConnection, NotAnsweredInTime, VivaVoce
from tests.answers import FOREIGN, REFUSALS, Case
from tests.loopback import Handler, serving

Reply = tuple[int, dict[str, str], object]


def problem(status: int, code: str, detail: str, **headers: str) -> Reply:
    body = {"type": f"/problems/{code}", "title": "", "status": status, "detail": detail, "code": code}
    return status, {"Content-Type": "application/problem+json", **headers}, body


BUSY: Reply = problem(503, "store_unavailable", "Try again.", **{"Retry-After": "7"})
STORED: Reply = (202, {}, {"file_id": "f", "take": 1})
PENDING: Reply = (202, {"Retry-After": "3"}, {"status": "transcription_pending", "retry_after": 3})
SCORES: Reply = (200, {}, {"status": "success", "final_score": 80.0, "answers": []})
STATUSES: Reply = (200, {}, {"session_id": "s", "summary": {}, "answers": {}})
RESET: Reply = (0, {}, None)


@dataclass
class Told:
    """A server, what it will answer next, and what it was asked."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def client(self, **options: object) -> VivaVoce:
        plain = httpx2.HTTPTransport(verify=False)  # to read all certificates of the system takes longer than a test
        return VivaVoce(self.url, "token", pause=self.pauses.append, transport=plain, **options)  # type: ignore[arg-type]


@pytest.fixture
def told() -> Iterator[Told]:
    known = Told()

    class Telling(Handler):
        def answer(self) -> None:
            known.asked.append((self.command, self.path, dict(self.headers), self.body()))
            status, headers, content = known.replies.pop(0)
            if status == 0:
                self.close_connection = True
                return
            named = {"Content-Type": "application/json", **headers}
            self.give(status, content if isinstance(content, bytes) else json.dumps(content).encode(), named.items())

    with serving(Telling) as known.url:
        yield known


def file_in(body: bytes) -> bytes:
    return body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]


@pytest.mark.parametrize("trouble", [BUSY, RESET, (429, {"Retry-After": "7"}, {}), (502, {}, "no problem of ours")])
def test_an_upload_is_sent_again_whole_under_the_same_key(told: Told, trouble: Reply, tmp_path: Path) -> None:
    audio = tmp_path / "answer.webm"
    audio.write_bytes(b"spoken " * 1000)
    told.replies = [trouble, trouble, STORED]
    with told.client() as client:
        assert client.upload("s", "q", audio)["take"] == 1
    assert len(told.asked) == 3
    assert {headers["Idempotency-Key"] for *_, headers, _ in told.asked} == {told.asked[0][2]["Idempotency-Key"]}
    assert [file_in(body) for *_, body in told.asked] == [audio.read_bytes()] * 3


def test_a_test_of_the_microphone_is_sent_as_it_is(told: Told, tmp_path: Path) -> None:
    audio = tmp_path / "test.ogg"
    audio.write_bytes(b"spoken")
    heard: Reply = (200, {}, {"text": "Hello.", "heard": True, "seconds": 1.5})
    told.replies = [problem(503, "nobody_listens", "Try again.", **{"Retry-After": "10"}), heard, heard]
    with told.client() as client:
        assert client.test_microphone(audio, media_type="audio/ogg", language="de")["text"] == "Hello."
        assert client.test_microphone(b"spoken")["heard"] is True
    assert [(path, headers["Content-Type"], body) for _, path, headers, body in told.asked] == [
        *[("/api/microphone-test?language=de", "audio/ogg", b"spoken")] * 2,
        ("/api/microphone-test", "audio/webm", b"spoken"),
    ]
    assert told.pauses == [10.0]


def test_it_waits_as_long_as_it_is_told(told: Told) -> None:
    told.replies = [BUSY, STORED]
    with told.client() as client:
        client.upload("s", "q", b"spoken")
    assert told.pauses == [7.0]


def test_two_uploads_have_two_keys(told: Told) -> None:
    told.replies = [STORED, STORED]
    with told.client() as client:
        client.upload("s", "q", b"spoken")
        client.upload("s", "q", b"spoken")
    assert len({headers["Idempotency-Key"] for *_, headers, _ in told.asked}) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422])
def test_what_will_not_pass_is_told_at_once(told: Told, status: int) -> None:
    told.replies = [problem(status, "not_audio", "No known audio container.")]
    with told.client() as client, pytest.raises(ApiProblem, match=r"No known audio container\.") as refused:
        client.upload("s", "q", b"text")
    assert (refused.value.status, refused.value.code, told.pauses) == (status, "not_audio", [])


def test_a_request_in_flight_is_waited_for(told: Told) -> None:
    told.replies = [problem(409, "idempotency_in_flight", "It is on its way.", **{"Retry-After": "1"}), STORED]
    with told.client() as client:
        assert client.upload("s", "q", b"spoken")["file_id"] == "f"


def test_it_gives_up_with_the_last_trouble(told: Told) -> None:
    told.replies = [BUSY] * 3 + [RESET] * 3
    with told.client(tries=3) as client:
        with pytest.raises(ApiProblem, match="Try again"):
            client.statuses("s")
        with pytest.raises(httpx2.TransportError):
            client.statuses("s")
    assert told.replies == []


CALLS: dict[str, tuple[Callable[[VivaVoce], object], Reply]] = {
    "upload": (lambda client: client.upload("s", "q", b"spoken"), STORED),
    "statuses": (lambda client: client.statuses("s"), STATUSES),
    "analyze": (lambda client: client.analyze("s"), SCORES),
}


def reply(case: Case) -> Reply:
    return case.status, case.all_headers, case.body.encode()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", FOREIGN, ids=str)
def test_what_answers_in_the_apis_place_ends_nothing(told: Told, case: Case, call: str) -> None:
    act, own = CALLS[call]
    told.replies = [reply(case), own]
    with told.client() as client:
        assert act(client) == own[2]
    told.replies = [reply(case)] * 2
    with told.client(tries=2) as client, pytest.raises(NoConnection) as lost:
        act(client)
    assert lost.value.status == case.status
    assert str(lost.value) == f"There is no connection to the API: what answered ({case.status}) was not the API."


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_what_the_api_itself_refuses_is_refused(told: Told, case: Case, call: str) -> None:
    told.replies = [reply(case)]
    with told.client() as client, pytest.raises(ApiProblem, match=r"What the API says\.") as refused:
        CALLS[call][0](client)
    assert (refused.value.status, refused.value.code) == (case.status, case.code)


def test_a_body_that_cannot_be_unpacked_ends_nothing(told: Told) -> None:
    told.replies = [(200, {"Content-Encoding": "gzip"}, b"no gzip"), SCORES]
    with told.client() as client:
        assert client.analysis("s")["final_score"] == 80.0


def test_scores_are_waited_for_as_long_as_they_say(told: Told) -> None:
    told.replies = [PENDING, PENDING, SCORES]
    with told.client() as client:
        assert client.analysis("s")["final_score"] == 80.0
    assert told.pauses == [3.0, 3.0]


def test_nobody_waits_for_scores_for_ever(told: Told) -> None:
    told.replies = [PENDING]
    with told.client() as client, pytest.raises(NotAnsweredInTime):
        client.analysis("s", within=2.0)


def test_events_go_on_from_the_last_one(told: Told) -> None:
    told.replies = [
        (200, {}, {"cursor": 4, "snapshot": {"id": 4, "type": "snapshot"}, "events": []}),
        (200, {}, {"cursor": 4, "snapshot": None, "events": []}),
        (200, {}, {"cursor": 6, "snapshot": None, "events": [{"id": 5}, {"id": 6}]}),
    ]
    with told.client() as client:
        events = client.events("s")
        assert [next(events)["id"] for _ in range(3)] == [4, 5, 6]
    assert [path.partition("?")[2] for _, path, *_ in told.asked] == ["wait=20", "wait=20&since=4", "wait=20&since=4"]


def test_a_token_may_change_between_requests(told: Told) -> None:
    told.replies = [BUSY, SCORES]
    tokens = iter(["old", "new"])
    with VivaVoce(told.url, lambda: next(tokens), pause=told.pauses.append) as client:
        client.analyze("s")
    assert [headers["Authorization"] for *_, headers, _ in told.asked] == ["Bearer old", "Bearer new"]


def test_sessions_are_listed_over_all_pages(told: Told) -> None:
    told.replies = [
        (200, {}, {"sessions": [{"session_id": "a"}], "next": "n"}),
        (200, {}, {"sessions": [], "next": None}),
    ]
    with told.client() as client:
        assert [one["session_id"] for one in client.sessions(state="empty")] == ["a"]
    assert [path for _, path, *_ in told.asked] == ["/api/sessions?state=empty", "/api/sessions?state=empty&cursor=n"]


def test_an_erasure_is_asked_for_and_waited_for(told: Told) -> None:
    asked = {"erasure_id": "u-1", "state": "running"}
    told.replies = [(202, {}, asked), (200, {}, asked), (200, {}, {**asked, "state": "done"}), (200, {}, asked)]
    with told.client() as client:
        assert client.erase_user("a/b")["erasure_id"] == "u-1"
        assert client.erasure("u-1", within=60)["state"] == "done"
        assert client.erase_session("s")["state"] == "running"
    assert [(method, path) for method, path, *_ in told.asked] == [
        ("DELETE", "/api/users/a%2Fb/data"),
        ("GET", "/api/erasures/u-1"),
        ("GET", "/api/erasures/u-1"),
        ("DELETE", "/api/sessions/s"),
    ]


def test_a_call_is_begun_and_given_up(told: Told) -> None:
    begun = {"call_id": "c", "session_id": "s", "question_id": "q", "take": 1, "websocket": "/ws/calls/c", "rtp": None}
    shown = {"call_id": "c", "state": "ending"}
    told.replies = [(201, {}, begun), (202, {}, shown), (200, {}, shown), (204, {}, b"")]
    with told.client() as client:
        assert client.begin_call("s", "q", sides=("left",)) == begun
        assert client.end_call("c")["state"] == client.call("c")["state"] == "ending"
        client.delete_call("c")
    assert [(method, path) for method, path, _, _ in told.asked] == [
        ("POST", "/api/sessions/s/calls"),
        ("POST", "/api/calls/c/end"),
        ("GET", "/api/calls/c"),
        ("DELETE", "/api/calls/c"),
    ]
    assert json.loads(told.asked[0][3]) == {"question_id": "q", "right": None}
