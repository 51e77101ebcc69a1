"""The calls of one user."""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import httpx2

from client.errors import ApiProblem, NotAnsweredInTime
from client.models import (
    Analysis,
    AnalysisPending,
    AnswerStatus,
    Event,
    NewQuestion,
    Session,
    SessionStatus,
    Uploaded,
)

TRIES = 5
LONGEST_PAUSE = 30.0
LONG_POLL_SECONDS = 20
PASSING = {408, 429, 502, 503, 504}

Token = str | Callable[[], str]


class VivaVoce:
    """One user's calls; each is repeated while the trouble is a passing one, and no repeat has a second effect.

    `token` is a bearer token, or a function that gives one for each request.
    Raises ApiProblem where the API refuses, httpx2.TransportError where it is out of reach to the last.
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
        return cast(Session, self._sent("POST", "/api/sessions", headers=_a_key(), json=body).json())

    def session(self, session_id: str) -> Session:
        return cast(Session, self._sent("GET", f"/api/sessions/{session_id}").json())

    def upload(self, session_id: str, question_id: str, audio: Path | bytes) -> Uploaded:
        """Send a recording; once this returns it is stored durably and will be transcribed."""
        path, key = f"/api/upload-answer/{session_id}/{question_id}", _a_key()
        if isinstance(audio, bytes):
            return cast(Uploaded, self._sent("POST", path, headers=key, files={"audio": ("answer", audio)}).json())
        with audio.open("rb") as file:
            sent = self._sent("POST", path, headers=key, files={"audio": (audio.name, file)}, rewind=file.seek)
        return cast(Uploaded, sent.json())

    def status(self, session_id: str, question_id: str, *, segments: bool = False) -> AnswerStatus:
        """How far one answer is; `segments` also asks where its words stand."""
        path = f"/api/transcription-status/{session_id}/{question_id}"
        return cast(AnswerStatus, self._sent("GET", path, params={"segments": segments}).json())

    def statuses(self, session_id: str) -> SessionStatus:
        return cast(SessionStatus, self._sent("GET", f"/api/transcription-status/{session_id}").json())

    def analyze(self, session_id: str) -> Analysis | AnalysisPending:
        """The scores, or after how many seconds to ask again."""
        return cast(Analysis | AnalysisPending, self._sent("POST", f"/api/analyze/{session_id}").json())

    def analysis(self, session_id: str, *, within: float = 600.0) -> Analysis:
        """The scores, waited for; NotAnsweredInTime after so many seconds."""
        end = time.monotonic() + within
        while "retry_after" in (found := self.analyze(session_id)):
            wait = float(cast(AnalysisPending, found)["retry_after"])
            if time.monotonic() + wait > end:
                raise NotAnsweredInTime(f"Session {session_id} is not transcribed after {within:.0f} s.")
            self._pause(wait)
        return found

    def events(self, session_id: str, since: int | None = None) -> Iterator[Event]:
        """A snapshot unless `since` names the last event that was seen; then each change as it comes, without end."""
        path, cursor = f"/api/sessions/{session_id}/events", since
        while True:
            asked = {"wait": LONG_POLL_SECONDS, **({} if cursor is None else {"since": cursor})}
            found = self._sent("GET", path, params=asked, timeout=LONG_POLL_SECONDS + 10.0).json()
            cursor = found["cursor"]
            if found["snapshot"] is not None:
                yield found["snapshot"]
            yield from found["events"]

    def _sent(
        self, method: str, path: str, *, rewind: Callable[[int], object] | None = None, **request: Any
    ) -> httpx2.Response:
        """The answer, tried again while the trouble passes; whoever sends a file gives what rewinds it."""
        for tries in range(1, self._tries + 1):
            if rewind is not None:
                rewind(0)
            try:
                answer = self._once(method, path, **request)
            except httpx2.TransportError:
                if tries == self._tries:
                    raise
                self._pause(_backoff(tries))
                continue
            if not answer.is_error:
                return answer
            problem = ApiProblem(answer.status_code, _body(answer))
            if tries == self._tries or not _passes(answer):
                raise problem
            self._pause(_asked_for(answer) or _backoff(tries))
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, headers: dict[str, str] | None = None, **request: Any) -> httpx2.Response:
        token = self._token if isinstance(self._token, str) else self._token()
        return self._http.request(
            method, path, headers={"Authorization": f"Bearer {token}", **(headers or {})}, **request
        )


def _a_key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def _passes(answer: httpx2.Response) -> bool:
    return answer.status_code in PASSING or (answer.status_code == 409 and "Retry-After" in answer.headers)


def _asked_for(answer: httpx2.Response) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return min(float(value), LONGEST_PAUSE) if value.isdecimal() else None


def _backoff(tries: int) -> float:
    return random.uniform(0, min(LONGEST_PAUSE, 0.5 * 2**tries))


def _body(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
