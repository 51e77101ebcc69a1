"""The recorder on an empty page, where a test can get at it."""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext, Page, Route

from tests.audio import encoded
from tests.system import live

# In Firefox with the tests that take long: what a browser may do otherwise is tried in both at once, elsewhere.

UPLOADS = re.compile(r"/api/upload(s|-answer/)")
SPOKEN = encoded("webm", 0.6)

PAGE = "<!doctype html><title>Bench</title><canvas></canvas>"
OPEN = """async ({ token, options }) => {
  const { Recorder } = await import("/web/recorder.js");
  Object.assign(window, { heard: [], asked: [], troubles: [], levels: [], told: [] });
  const canvas = document.querySelector("canvas");
  const give = (one) => {
    asked.push(one);
    if (window.isSilent) return new Promise(() => {});
    return typeof token === "string" ? token : token[Number(one.refresh)];
  };
  window.recorder = new Recorder({ token: give, canvas, ...options });
  recorder.addEventListener("recording", ({ detail }) => heard.push(detail));
  recorder.addEventListener("error", ({ detail }) => troubles.push(detail));
  recorder.addEventListener("level", ({ detail }) => levels.push(detail.level));
  for (const type of ["limit", "ended", "quiet", "devices", "state", "stored"]) {
    recorder.addEventListener(type, ({ detail }) => told.push({ type, ...detail }));
  }
}"""
ADD = """async ({ session, question, audio }) => {
  const bytes = Uint8Array.from(atob(audio), (letter) => letter.charCodeAt(0));
  return recorder.addFile({ session, question, file: new Blob([bytes], { type: "audio/webm" }) });
}"""
SEEN = "(state) => heard.find((event) => event.state === state) ?? null"


@dataclass
class Bench:
    """A context whose pages hold a recorder of one user's session."""

    context: BrowserContext
    token: str
    session: str
    stack: live.Stack
    question: str = "q1"

    @classmethod
    async def made(cls, context: BrowserContext, stack: live.Stack) -> "Bench":
        async def empty(route: Route) -> None:
            await route.fulfill(body=PAGE, content_type="text/html")

        with stack.client() as client:
            session = live.create(client, {"id": "q1", "text": "?"}, {"id": "q2", "text": "?"})
        await context.route("**/bench*", empty)
        return cls(context, stack.token("alice"), session, stack)

    async def page(self, token: str | list[str] | None = None, **options: Any) -> Page:
        """A page, or the same one again after a reload, with a recorder on it."""
        page = await self.context.new_page()
        await page.goto("/bench")
        await self.open(page, token, **options)
        return page

    async def open(self, page: Page, token: str | list[str] | None = None, **options: Any) -> None:
        await page.evaluate(OPEN, {"token": token or self.token, "options": options})

    async def add(self, page: Page, session: str | None = None, question: str = "q1") -> dict[str, Any]:
        """Hand a small recording in; it is kept once this is answered."""
        audio = base64.b64encode(SPOKEN).decode()
        given = {"session": session or self.session, "question": question, "audio": audio}
        kept: dict[str, Any] = await page.evaluate(ADD, given)
        return kept

    async def start(self, page: Page, **answered: Any) -> None:
        asked = {"session": self.session, "question": "q1", **answered}
        await page.evaluate("(answered) => recorder.start(answered)", asked)

    async def record(self, page: Page, seconds: float, **answered: Any) -> dict[str, Any]:
        """A recording of so many seconds at least, as it is kept."""
        await self.start(page, **answered)
        await page.wait_for_function("(seconds) => recorder.elapsed > seconds", arg=seconds)
        ended: dict[str, Any] = await page.evaluate("recorder.stop()")
        return ended

    def arriving(self) -> list[dict[str, Any]]:
        """What the server has of recordings of the session that are not finished."""
        with self.stack.client() as client:
            found: list[dict[str, Any]] = client.get("/api/uploads").json()["uploads"]
        return [one for one in found if one["session_id"] == self.session]

    async def none_arriving(self) -> None:
        end = asyncio.get_running_loop().time() + 60
        while left := self.arriving():
            assert asyncio.get_running_loop().time() < end, left
            await asyncio.sleep(0.1)

    def accepted(self) -> list[dict[str, Any]]:
        """The records of the recordings that the server has accepted, the first take first."""
        ways = {"$nin": ["uploading", "aborted"]}
        return list(self.stack.database["parts"].find({"session_id": self.session, "state": ways}).sort("take"))


async def event(page: Page, state: str) -> dict[str, Any]:
    """The first event of this state, once it has come."""
    found = await page.wait_for_function(SEEN, arg=state)
    told: dict[str, Any] = await found.json_value()
    return told


async def told(page: Page, type: str) -> dict[str, Any]:
    """The first event of this type, once it has come."""
    found = await page.wait_for_function("(type) => told.find((event) => event.type === type) ?? null", arg=type)
    heard: dict[str, Any] = await found.json_value()
    return heard


async def kept(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate("recorder.recordings()")
    return found


@dataclass
class Line:
    """What is between the recorder and the server: answers the first requests itself, and passes on the rest.

    `keys`: of those that begin an upload, or are one.
    """

    first: list[Callable[[Route], Awaitable[None]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    async def on(self, context: BrowserContext) -> "Line":
        await context.route(UPLOADS, self._pass)
        return self

    async def _pass(self, route: Route) -> None:
        if key := route.request.headers.get("idempotency-key"):
            self.keys.append(key)
            self.times.append(asyncio.get_running_loop().time())
        if self.first:
            await self.first.pop(0)(route)
        else:
            await route.continue_()


def answers(status: int, body: str = "{}", **headers: str) -> Callable[[Route], Awaitable[None]]:
    async def answer(route: Route) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await route.fulfill(status=status, body=body, headers=named)

    return answer


async def dead(route: Route) -> None:
    await route.abort("connectionreset")
