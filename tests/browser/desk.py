"""The dashboard on an API in memory, of which a test says how everything stands and what goes wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, Route, ViewportSize, expect

from app.main import build
from services.interviews.model import (
    Answer,
    Failure,
    Part,
    PartId,
    PartState,
    Question,
    QuestionId,
    Session,
    SessionId,
    Status,
    UserId,
    answer_of,
)
from services.recordings.ports.workers import WorkerSign
from tests import in_process
from tests.answers import FOREIGN
from tests.browser.engines import Engines
from tests.browser.watching import Watched
from tests.fakes.memory import Row
from tests.routes.api import Api

NARROW: ViewportSize = {"width": 320, "height": 740}
WIDTH = "document.documentElement.scrollWidth"
Q1 = QuestionId("q1")
AWAY = {
    "type": "/problems/store_unavailable",
    "title": "Store unavailable",
    "status": 503,
    "code": "store_unavailable",
    "detail": "The database did not answer in time. Try again.",
}


async def mongodb_is_away(route: Route) -> None:
    await route.fulfill(status=503, content_type="application/problem+json", json=AWAY)


async def api_is_away(route: Route) -> None:
    await route.abort()


async def portal_answers(route: Route) -> None:
    await route.fulfill(status=FOREIGN[0].status, headers=FOREIGN[0].all_headers, body=FOREIGN[0].body)


async def nobody_answers(route: Route) -> None: ...


FAULTS: dict[str, Callable[[Route], Awaitable[None]]] = {
    "mongodb": mongodb_is_away,
    "api": api_is_away,
    "portal": portal_answers,
    "hanging": nobody_answers,
}


@asynccontextmanager
async def served(api: Api) -> AsyncIterator[str]:
    """The API and its pages at an address on loopback."""
    async with in_process.served(build(api.services), lifespan="on") as (_, port):
        yield f"http://127.0.0.1:{port}"


@dataclass
class Desk:
    page: Page
    api: Api
    watched: Watched
    number: int = field(default=0)

    async def open(self) -> None:
        """As an operator, where nothing is wrong yet."""
        await self.works()
        await self.page.goto("/admin")
        await self.enter("admin")
        await expect(self.page.get_by_role("heading", name="How things stand")).to_be_focused()

    async def enter(self, token: str) -> None:
        await self.page.get_by_label("Admin token").fill(token)
        await self.page.keyboard.press("Enter")

    async def works(self) -> None:
        """A worker and the sweep give signs of life."""
        await self.api.house.workers.seen(WorkerSign("worker@host", "local/base", 2))
        await self.api.house.sweep.run(24.0)

    async def looks(self) -> None:
        """The page's time passes to its next look, of which the figures come."""
        async with self.page.expect_response("**/api/admin/overview"):
            await self.page.clock.run_for(6000)

    async def breaks(self, fault: str, calls: str = "**/api/**") -> None:
        self.watched.may_be_unreachable = self.watched.may_be_refused = True
        await self.page.route(calls, FAULTS[fault])

    async def heals(self, calls: str = "**/api/**") -> None:
        await self.page.unroute(calls)

    def session(self, questions: int = 1, **more: Any) -> Session:
        """One more, made a second before the one before it."""
        self.number += 1
        texts = tuple(Question(id=QuestionId(f"q{index + 1}"), text="Why?") for index in range(questions))
        made = self.api.house.memory.clock.now - timedelta(seconds=self.number)
        of = {"user_id": UserId(f"user{self.number % 4}"), "title": f"Round {self.number}", "created_at": made, **more}
        session = Session(id=SessionId(f"s{self.number:05d}"), questions=texts, **of)
        self.api.house.memory.sessions[session.id] = session
        return session

    def ended(self, state: PartState, code: str | None = None, *, seconds_ago: float = 0.0, **more: Any) -> Part:
        """One more recording that has ended so, with its session."""
        session = self.session(**more)
        failure = Failure(code, f"It is {code}.") if code else None
        at = self.api.house.memory.clock.after(-seconds_ago)
        part = Part(
            id=PartId(f"{self.number:024x}"),
            session_id=session.id,
            question_id=Q1,
            user_id=session.user_id,
            take=1,
            state=state,
            sha256=f"{self.number:x}",
            created_at=at,
            completed_at=at,
            failure=failure,
            keep_audio=failure is not None,
        )
        row = Row(part=part, accepted_at=at, counted=True)
        self.api.house.memory.rows[part.id] = row
        self.api.house.memory.endings.append(row)
        self.show(session, answer_of(part) if failure else None)
        return part

    def show(self, session: Session, answer: Answer | None) -> None:
        if answer is not None:
            self.api.house.memory.sessions[session.id] = replace(session, answers={answer.question_id: answer})

    def ends(self, completed: int = 0, failed: int = 0, code: str = "engine_unavailable", **more: Any) -> None:
        for _ in range(completed):
            self.ended(PartState.COMPLETED, **more)
        for _ in range(failed):
            self.ended(PartState.FAILED, code, **more)

    def statuses(self) -> list[Status]:
        return [answer.status for each in self.api.house.memory.sessions.values() for answer in each.answers.values()]

    @property
    def verdict(self) -> Locator:
        return self.page.locator("#verdict")

    def tile(self, name: str) -> Locator:
        return self.page.locator(".tile", has=self.page.get_by_text(name, exact=True))


@asynccontextmanager
async def at_a_desk(engines: Engines, browser_name: str) -> AsyncIterator[Desk]:
    """A page of that browser, whose time is the test's; nothing it complains of is unexpected."""
    api = Api(grafana_url="https://grafana.example/d/viva")
    async with served(api) as url:
        context = await engines.context(browser_name, url)
        watched = Watched.over(context)
        page = await context.new_page()
        await page.clock.install()
        yield Desk(page, api, watched)
        await context.close()
    assert watched.complaints == []


async def faults(page: Page) -> list[str]:
    """Whatever axe-core finds."""
    found: list[dict[str, Any]] = (await Axe().run(page)).response["violations"]
    return [f"{fault['id']}: {node['html']}" for fault in found for node in fault["nodes"]]


async def clean(page: Page) -> None:
    """Nothing keeps anybody from using it, and nothing leads sideways, on the narrowest of phones."""
    assert await faults(page) == []
    assert await page.evaluate(WIDTH) <= NARROW["width"]
