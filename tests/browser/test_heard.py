"""What is understood appears on the demo page while one speaks; what a worker does is done here by hand."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from playwright.async_api import BrowserContext, expect

from services.adapters.mongo.claims import MongoClaims
from services.adapters.mongo.client import open_client
from services.adapters.mongo.sessions import MongoSessions
from services.interviews.model import Checkpoint, Part, PartId
from services.interviews.spoken import spoken_of
from services.interviews.transcript import Segment, Transcript, Utterance
from tests.browser.begun import Begun
from tests.browser.engines import in_both
from tests.browser.microphone import Microphone, sentences
from tests.browser.test_demo_takes import record
from tests.browser.watching import Watched, violations
from tests.system.live import Stack
from tests.system.speaking import speech

MOVES = """() => [...document.querySelectorAll('.controls, .record, .standings li')]
  .map((one) => Math.round(one.getBoundingClientRect().top))"""


@dataclass
class Listener:
    """A worker that hears what a test puts in its mouth."""

    stack: Stack
    claims: MongoClaims
    sessions: MongoSessions
    part: Part | None = None

    async def attends(self, session: str) -> None:
        """To the recording of this session that arrives now."""
        arriving = {"session_id": session, "state": "uploading"}
        while (row := await asyncio.to_thread(self.stack.database["parts"].find_one, arriving)) is None:
            await asyncio.sleep(0.1)
        while self.part is None:
            self.part = await self.claims.attend(PartId(row["_id"]), "by hand", 2**40)
            await asyncio.sleep(0.1)

    async def hears(self, number: int, text: str) -> None:
        assert self.part is not None
        start, end = 2.0 * number, 2.0 * (number + 1)
        segment = Segment(text=text, start=start, end=end)
        said = Transcript(text=text, language=None, duration=2.0, segments=(segment,), engine="by hand")
        utterance = Utterance(number=number, start=start, transcript=said)
        checkpoint = Checkpoint(stretches=number + 1, samples=round(end * 16_000), seconds=end)
        self.part = await self.claims.settle(self.part, utterance, checkpoint)
        assert self.part is not None
        await self.sessions.tell(self.part, [spoken_of(utterance)])


@pytest.fixture
async def listener(stack: Stack) -> AsyncIterator[Listener]:
    async with open_client(stack.environment["MONGODB_URL"]) as client:
        database = client["viva_voce"]
        claims = MongoClaims(database, lease_seconds=60.0, max_deliveries=5, settle_grace_seconds=10.0)
        yield Listener(stack, claims, MongoSessions(database))


@pytest.fixture
def talking(microphone: Microphone) -> Iterator[None]:
    """Somebody speaks for minutes: after a silence the page would say that it hears nobody."""
    sound = sentences()[0].sound
    microphone.hears(np.tile(sound, 60))
    yield
    microphone.hears(sound)


@in_both
@pytest.mark.usefixtures("talking")
async def test_words_appear_while_one_speaks_and_nothing_moves(
    context: BrowserContext, watched: Watched, stack: Stack, listener: Listener
) -> None:
    page = await context.new_page()
    begun = await Begun.on(page, stack)
    heard = page.get_by_role("log", name="Understood so far")
    await expect(heard).to_be_hidden()
    await record(page)
    await expect(heard).to_be_visible()
    await expect(heard).to_be_empty()
    assert await violations(page) == []
    await listener.attends(begun.session)
    places = await page.evaluate(MOVES)
    await listener.hears(0, "An index avoids a full scan.")
    await expect(heard).to_have_text("An index avoids a full scan. ")
    await listener.hears(1, "It slows down writes. " * 30)
    await expect(heard.locator("span > span")).to_have_count(2)
    assert await page.evaluate(MOVES) == places
    assert await heard.get_attribute("aria-live") == "polite"
    assert await heard.evaluate("(one) => one.scrollTop > 0 && one.tabIndex") == 0
    assert await violations(page) == []
    await expect(page.locator(".pill").first).to_have_text("Recording")
    await page.locator(".record").click()
    await expect(heard).to_be_hidden()


async def test_where_nothing_is_pushed_it_is_asked_for(
    context: BrowserContext, watched: Watched, stack: Stack, listener: Listener
) -> None:
    watched.may_be_refused = True
    page = await context.new_page()
    await page.route("**/tickets", lambda route: route.fulfill(status=404))
    begun = await Begun.on(page, stack)
    await record(page)
    await listener.attends(begun.session)
    await listener.hears(0, "Without a push.")
    heard = page.get_by_role("log", name="Understood so far")
    await expect(heard).to_have_text("Without a push. ")


async def test_what_is_being_said_right_now_stands_behind_it_and_is_not_read_aloud(
    context: BrowserContext, watched: Watched, stack: Stack, listener: Listener
) -> None:
    page = await context.new_page()
    saying = json.dumps({"type": "interim", "question_id": "q1", "text": "and so on"})
    stream = f"event: interim\ndata: {saying}\n\n"
    await page.route(re.compile("/events"), lambda route: route.fulfill(content_type="text/event-stream", body=stream))
    begun = await Begun.on(page, stack)
    await record(page)
    now = page.locator(".heard .interim")
    await expect(now).to_have_text("and so on")
    assert await now.get_attribute("aria-hidden") == "true"
    await listener.attends(begun.session)
    await listener.hears(0, "First.")
    await expect(page.get_by_role("log", name="Understood so far")).to_contain_text("First.")
    assert await violations(page) == []


@pytest.mark.long
@in_both
async def test_what_the_worker_hears_appears_and_becomes_the_answer(
    context: BrowserContext, watched: Watched, stack: Stack, microphone: Microphone
) -> None:
    sound, text = speech(40.0)
    page = await context.new_page()
    microphone.hears(sound)
    try:
        await Begun.on(page, stack)
        await record(page)
        heard = page.get_by_role("log", name="Understood so far")
        await expect(heard).to_contain_text("index", ignore_case=True, timeout=180_000)
        first = await heard.inner_text()
        await page.locator(".record").click()
        await expect(page.locator(".pill").first).to_have_text("Transcribed", timeout=180_000)
        await expect(page.locator(".said").first).to_contain_text(first.split()[1])
        assert len(first.split()) > 10
        assert set(first.lower().split()[:10]) & set(text.lower().split()[:20])
    finally:
        microphone.hears(sentences()[0].sound)
