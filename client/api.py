"""The calls of one user."""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast
from urllib.parse import quote

import httpx2

from client.answers import Expected, answer_of, passes, problem_of
from client.errors import ApiProblem, NoConnection, NotAnsweredInTime
from client.models import (
    Analysis,
    AnalysisPending,
    AnswerStatus,
    BegunCall,
    Call,
    Conversation,
    Erasure,
    Event,
    ListedSession,
    MicrophoneTest,
    NewQuestion,
    Receipt,
    ReceiptHead,
    Session,
    SessionStatus,
    Uploaded,
)
from client.resuming import Calls, Note, Progress, Resumed, Sound

TRIES = 5
LONGEST_PAUSE = 30.0
LONG_POLL_SECONDS = 20
ERASURE_PAUSE = 1.0

SESSION: Expected = {201: {"session_id": "string"}}
LISTED: Expected = {200: {"sessions": "array"}}
ERASURE: Expected = {code: {"erasure_id": "string", "state": "string"} for code in (200, 202)}
SHOWN: Expected = {200: {"session_id": "string", "questions": "array", "answers": "object"}}
UPLOADED: Expected = {202: {"file_id": "string"}}
HEARD: Expected = {200: {"text": "string", "heard": "boolean", "seconds": "number"}}
STATUS: Expected = {200: {"status": "string", "question_id": "string"}}
STATUSES: Expected = {200: {"answers": "object", "summary": "object"}}
TALK: Expected = {200: {"call_id": "string", "status": "string", "turns": "array"}}
SCORES: Expected = {200: {"status": "string", "answers": "array"}, 202: {"retry_after": "number"}}
RECEIPTS: Expected = {200: {"receipts": "array"}}
KEYS: Expected = {200: {"keys": "array"}}
HEAD: Expected = {200: {"chain": "string", "seq": "number", "hash": "string"}}
BEGUN_CALL: Expected = {201: {"call_id": "string", "websocket": "string"}}
CALL: Expected = {code: {"call_id": "string", "state": "string"} for code in (200, 202)}
NO_CALL: Expected = {204: None}
EVENTS: Expected = {200: {"cursor": "number", "events": "array"}}

Token = str | Callable[[], str]


class VivaVoce:
    """One user's calls; each is repeated while the trouble is a passing one, and no repeat has a second effect.

    `token` is a bearer token, or a function that gives one for each request.
    Raises ApiProblem where the API refuses, httpx2.TransportError where it is out of reach to the last; NoConnection is
    one of these: something answers in the API's place.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        timeout: float = 30.0,
        tries: int = TRIES,
        pause: Callable[[float], object] = time.sleep,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._http = httpx2.Client(base_url=url, timeout=timeout, trust_env=False, transport=transport)
        self._token = token
        self._tries = tries
        self._pause = pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def create_session(
        self, questions: list[NewQuestion], *, title: str | None = None, languages: Sequence[str] = ()
    ) -> Session:
        """A session with its questions; `languages` may be spoken where a question does not say it."""
        body = {"questions": questions, "title": title, "languages": list(languages)}
        return cast(Session, self._sent("POST", "/api/sessions", SESSION, headers=_a_key(), json=body))

    def session(self, session_id: str) -> Session:
        return cast(Session, self._sent("GET", f"/api/sessions/{session_id}", SHOWN))

    def sessions(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        state: Literal["empty", "pending", "partial", "complete"] | None = None,
    ) -> Iterator[ListedSession]:
        """One's own sessions, newest first, asked for page by page; times must say their zone."""
        times = {name: bound.isoformat() for name, bound in (("since", since), ("until", until)) if bound}
        asked = times | ({} if state is None else {"state": state})
        while True:
            page = self._sent("GET", "/api/sessions", LISTED, params=asked)
            yield from page["sessions"]
            if page.get("next") is None:
                return
            asked["cursor"] = page["next"]

    def erase_session(self, session_id: str) -> Erasure:
        """Have a session erased with all that belongs to it; asked again, how far that is."""
        return cast(Erasure, self._sent("DELETE", f"/api/sessions/{session_id}", ERASURE))

    def erase_user(self, user_id: str = "me") -> Erasure:
        """Have all that there is of a user erased: oneself, or, with an operator's token, anyone."""
        return cast(Erasure, self._sent("DELETE", f"/api/users/{quote(user_id, safe='')}/data", ERASURE))

    def erasure(self, erasure_id: str, *, within: float = 0.0) -> Erasure:
        """How far an erasure is, waited for so many seconds; NotAnsweredInTime where it is not done by then."""
        end = time.monotonic() + within
        while True:
            found = cast(Erasure, self._sent("GET", f"/api/erasures/{erasure_id}", ERASURE))
            if found["state"] == "done" or not within:
                return found
            if time.monotonic() > end:
                raise NotAnsweredInTime(f"Erasure {erasure_id} is not done after {within:.0f} s.")
            self._pause(ERASURE_PAUSE)

    def upload(
        self,
        session_id: str,
        question_id: str,
        audio: Path | bytes,
        *,
        resume: Path | bool = False,
        progress: Progress | None = None,
        channels: Literal[1, 2] | None = None,
    ) -> Uploaded:
        """Send a recording; once this returns it is stored durably and will be transcribed.

        With `resume` it is sent in pieces, and goes on where it was cut off. A path names the file in which it is
        noted how it goes on, so that another process does who sends the same recording; it is removed at the end.
        `progress` is told how many bytes are stored durably, of how many: such an upload is resumed too.
        Of two `channels` the left is who answers, the right who asks; where it is not said, the question says it.
        """
        asked = "" if channels is None else f"?channels={channels}"
        path, key = f"/api/upload-answer/{session_id}/{question_id}{asked}", _a_key()
        if resume or progress is not None:
            with Sound.of(audio) as sound:
                noted = resume if isinstance(resume, Path) else None
                note = Note(noted, {"path": path, "bytes": sound.size, "sha256": sound.digest.hex()})
                calls = Calls(self._tries, self._once, self._wait)
                return Resumed(calls, path, sound, note, progress).sent()
        if isinstance(audio, bytes):
            return cast(Uploaded, self._sent("POST", path, UPLOADED, headers=key, files={"audio": ("answer", audio)}))
        with audio.open("rb") as file:
            files = {"audio": (audio.name, file)}
            return cast(Uploaded, self._sent("POST", path, UPLOADED, headers=key, files=files, rewind=file.seek))

    def test_microphone(
        self, audio: Path | bytes, *, media_type: str = "audio/webm", language: str | None = None
    ) -> MicrophoneTest:
        """What is heard in a few seconds of sound, which is kept nowhere."""
        sound = audio if isinstance(audio, bytes) else audio.read_bytes()
        path, head, asked = (
            "/api/microphone-test",
            {"Content-Type": media_type},
            {"language": language} if language else None,
        )
        return cast(MicrophoneTest, self._sent("POST", path, HEARD, headers=head, params=asked, content=sound))

    def status(self, session_id: str, question_id: str, *, segments: bool = False) -> AnswerStatus:
        """How far one answer is; `segments` also asks where its words stand."""
        path = f"/api/transcription-status/{session_id}/{question_id}"
        return cast(AnswerStatus, self._sent("GET", path, STATUS, params={"segments": segments}))

    def statuses(self, session_id: str) -> SessionStatus:
        return cast(SessionStatus, self._sent("GET", f"/api/transcription-status/{session_id}", STATUSES))

    def begin_call(
        self, session_id: str, question_id: str, *, sides: Sequence[Literal["left", "right"]] = ("left", "right")
    ) -> BegunCall:
        """A call about a question: bring its RTP packets to where it says, and end it."""
        body: dict[str, Any] = {"question_id": question_id}
        body |= {side: None for side in ("left", "right") if side not in sides}
        return cast(
            BegunCall,
            self._sent("POST", f"/api/sessions/{session_id}/calls", BEGUN_CALL, headers=_a_key(), json=body),
        )

    def call(self, call_id: str) -> Call:
        """How a call stands, and what came of each side's packets."""
        return cast(Call, self._sent("GET", f"/api/calls/{call_id}", CALL))

    def end_call(self, call_id: str) -> Call:
        """It takes nothing more: what has come is transcribed."""
        return cast(Call, self._sent("POST", f"/api/calls/{call_id}/end", CALL))

    def delete_call(self, call_id: str) -> None:
        """Give an open call up, with all that was received of it."""
        self._sent("DELETE", f"/api/calls/{call_id}", NO_CALL)

    def conversation(self, call_id: str, *, words: bool = False) -> Conversation:
        """Both sides of a call turn by turn, as far as they are transcribed; `words` also asks for their times."""
        path = f"/api/calls/{call_id}/transcript"
        return cast(Conversation, self._sent("GET", path, TALK, params={"words": words}))

    def analyze(self, session_id: str) -> Analysis | AnalysisPending:
        """The scores, or after how many seconds to ask again."""
        return cast(Analysis | AnalysisPending, self._sent("POST", f"/api/analyze/{session_id}", SCORES))

    def analysis(self, session_id: str, *, within: float = 600.0) -> Analysis:
        """The scores, waited for; NotAnsweredInTime after so many seconds."""
        end = time.monotonic() + within
        while "retry_after" in (found := self.analyze(session_id)):
            wait = float(cast(AnalysisPending, found)["retry_after"])
            if time.monotonic() + wait > end:
                raise NotAnsweredInTime(f"Session {session_id} is not transcribed after {within:.0f} s.")
            self._pause(wait)
        return found

    def receipts(self, session_id: str | None = None) -> Iterator[Receipt]:
        """Deletion receipts in the order of their chain: one's whole chain, or those of a session."""
        path, after = f"/api/sessions/{session_id}/receipts" if session_id else "/api/receipts", 0
        while True:
            page = self._sent("GET", path, RECEIPTS, params={"after": after})
            yield from page["receipts"]
            if page.get("next") is None:
                return
            after = page["next"]

    def receipt_keys(self) -> dict[str, Any]:
        """The public keys by which receipts are verified: a JWK set."""
        return self._sent("GET", "/.well-known/jwks.json", KEYS)

    def receipt_head(self, chain: str) -> ReceiptHead:
        """Where this chain of receipts ends now."""
        return cast(ReceiptHead, self._sent("GET", f"/.well-known/deletion-receipts/{chain}", HEAD))

    def events(self, session_id: str, since: int | None = None) -> Iterator[Event]:
        """A snapshot unless `since` names the last event that was seen; then each change as it comes, without end."""
        path, cursor = f"/api/sessions/{session_id}/events", since
        while True:
            asked = {"wait": LONG_POLL_SECONDS, **({} if cursor is None else {"since": cursor})}
            found = self._sent("GET", path, EVENTS, params=asked, timeout=LONG_POLL_SECONDS + 10.0)
            cursor = found["cursor"]
            if found["snapshot"] is not None:
                yield found["snapshot"]
            yield from found["events"]

    def _sent(
        self, method: str, path: str, gives: Expected, *, rewind: Callable[[int], object] | None = None, **request: Any
    ) -> dict[str, Any]:
        """What the API answers, tried again while the trouble passes; whoever sends a file gives what rewinds it."""
        for tries in range(1, self._tries + 1):
            if rewind is not None:
                rewind(0)
            try:
                response = self._once(method, path, **request)
                if (answer := answer_of(response, gives)) is not None:
                    return answer
                self._refused(response, is_last=tries == self._tries)
                wait = _asked_for(response)
            except httpx2.TransportError:
                if tries == self._tries:
                    raise
                wait = None
            self._pause(wait or _backoff(tries))
        raise AssertionError("unreachable")

    def _wait(self, tries: int, answer: httpx2.Response | None) -> None:
        """As long as the answer bids, or a little longer after each try."""
        asked = None if answer is None else _asked_for(answer)
        self._pause(asked or _backoff(tries))

    def _refused(self, response: httpx2.Response, *, is_last: bool) -> None:
        """Raises what is for good, or was the last try."""
        problem = problem_of(response)
        if problem is None:
            if is_last:
                raise NoConnection(response.status_code)
        elif is_last or not passes(response, problem):
            raise ApiProblem(response.status_code, problem)

    def _once(self, method: str, path: str, headers: dict[str, str] | None = None, **request: Any) -> httpx2.Response:
        token = self._token if isinstance(self._token, str) else self._token()
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        try:
            return self._http.request(method, path, headers=sent, **request)
        except httpx2.DecodingError as error:
            raise NoConnection from error


def _a_key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def _asked_for(answer: httpx2.Response) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return min(float(value), LONGEST_PAUSE) if value.isdecimal() else None


def _backoff(tries: int) -> float:
    return random.uniform(0, min(LONGEST_PAUSE, 0.5 * 2**tries))
