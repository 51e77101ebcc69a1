"""An interview that a guest has begun on the demo page, made without a click."""

from dataclasses import dataclass
from typing import Any

import httpx2
from playwright.async_api import Page

from tests.system.live import Stack

MEMORY = "viva-voce-demo"
TOKEN = "viva-voce-demo-token"
BLANK = "<!doctype html><title>Blank</title><link rel='icon' href='data:,'>"
QUESTIONS: list[dict[str, Any]] = [
    {"id": f"q{at}", "text": f"Question number {at}?", "key_points": []} for at in (1, 2, 3)
]
REMEMBER = """(kept) => {
  for (const [key, value] of Object.entries(kept)) {
    localStorage.setItem(key, JSON.stringify(value));
    sessionStorage.removeItem(key);
  }
}"""


@dataclass(frozen=True)
class Begun:
    page: Page
    session: str
    user: str
    token: str

    @classmethod
    async def on(
        cls,
        page: Page,
        stack: Stack,
        questions: list[dict[str, Any]] = QUESTIONS,
        stage: str = "interview",
        at: int = 0,
    ) -> "Begun":
        """The page as it is after a reload in the middle of an interview."""
        with httpx2.Client(base_url=stack.url, timeout=60.0, trust_env=False) as client:
            guest = client.post("/local/token").json()
            headers = {"Authorization": f"Bearer {guest['token']}"}
            made = client.post("/api/sessions", json={"questions": questions}, headers=headers)
            assert made.status_code == 201, made.text
        begun = cls(page, made.json()["session_id"], guest["user_id"], guest["token"])
        await page.route("**/blank", lambda route: route.fulfill(body=BLANK, content_type="text/html"))
        await page.goto("/blank")  # of the same origin, and runs nothing
        await begun.remember(stage, questions, at)
        await page.goto("/")
        return begun

    async def remember(self, stage: str, questions: list[dict[str, Any]], at: int = 0) -> None:
        memory = {"stage": stage, "session": self.session, "user": self.user, "questions": questions, "at": at}
        guest = {"token": self.token, "user": self.user, "until": 1e15}
        await self.page.evaluate(REMEMBER, {MEMORY: memory, TOKEN: guest})

    async def memory(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.page.evaluate("(key) => JSON.parse(localStorage.getItem(key))", MEMORY)
        return found
