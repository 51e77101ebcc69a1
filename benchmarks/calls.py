"""The few calls that benchmarks make, each sent once, so that nothing is measured twice."""

from dataclasses import dataclass
from typing import Any

import httpx2

from scripts.demo.interview import Interview, Spoken


class Refused(Exception):
    """The API did not take a request; the message is its own."""


@dataclass(frozen=True, slots=True)
class Client:
    """One user's calls."""

    http: httpx2.Client

    def create(self, interview: Interview) -> str:
        """Make the session; its id."""
        questions = [answer.question for answer in interview.answers]
        body = self._json(self.http.post("/api/sessions", json={"title": interview.title, "questions": questions}))
        return str(body["session_id"])

    def upload(self, session: str, spoken: Spoken) -> None:
        with spoken.audio.open("rb") as file:
            answer = self.http.post(
                f"/api/upload-answer/{session}/{spoken.id}", files={"audio": (spoken.audio.name, file)}
            )
        self._json(answer)

    def answers(self, session: str) -> dict[str, dict[str, Any]]:
        """How far each answer is."""
        found: dict[str, dict[str, Any]] = self._json(self.http.get(f"/api/transcription-status/{session}"))["answers"]
        return found

    def analyze(self, session: str) -> tuple[dict[str, Any] | None, float]:
        """The result; or none yet, and after how many seconds to ask again."""
        answer = self.http.post(f"/api/analyze/{session}")
        body = self._json(answer)
        if answer.status_code == httpx2.codes.ACCEPTED:
            return None, float(answer.headers["Retry-After"])
        return body, 0.0

    @staticmethod
    def _json(answer: httpx2.Response) -> dict[str, Any]:
        body: dict[str, Any] = answer.json()
        if answer.is_error:
            raise Refused(str(body.get("detail") or body.get("title") or answer.status_code))
        return body


def connect(url: str, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30.0, trust_env=False)
