"""Takes the documentation's pictures of both pages: `python -m tests.browser.screenshots`."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, Page, async_playwright, expect

from scripts.calls.sample import decoded
from scripts.stack.layout import ROOT
from services.interviews.model import PartId, PartState
from tests.browser.chromium import with_microphone
from tests.browser.desk import Desk, served
from tests.browser.microphone import Microphone
from tests.browser.programs import CHROMIUM
from tests.browser.stack import running_stack
from tests.browser.watching import Watched
from tests.routes.api import Api
from tests.system.live import Stack
from tests.system.speech import samples

IMAGES = ROOT / "docs" / "images"
DESKTOP, PHONE = (1080, 860), (390, 780)
PATIENCE_MILLISECONDS = 120_000
RECORDED = "0:06"
MINUTES = 60


def main() -> None:
    """Play the demo's interview twice, and an hour of an operator's, and write four pictures."""
    with TemporaryDirectory() as folder, running_stack(Path(folder) / "stack") as stack:
        asyncio.run(_take(stack, Microphone(Path(folder) / "heard.wav")))


async def _take(stack: Stack, microphone: Microphone) -> None:
    IMAGES.mkdir(exist_ok=True)
    microphone.hears(decoded(samples()[1].audio))
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with async_playwright() as playwright:
        flags = with_microphone(microphone.file)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM.find(print), args=flags)
        await _shoot(browser, stack.url, DESKTOP, "demo-interview", "demo-scores")
        await _shoot(browser, stack.url, PHONE, "demo-phone", None)
        await _shoot_dashboard(browser)
        await browser.close()


async def _shoot(browser: Browser, url: str, size: tuple[int, int], talking: str, scored: str | None) -> None:
    context = await browser.new_context(base_url=url, viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_role("button", name="Start the interview").click()
    await _upload(page, 0)
    await page.get_by_role("button", name="Next").click()
    await page.get_by_role("button", name="Record").click()
    await page.wait_for_function("(time) => document.querySelector('.time').textContent >= time", arg=RECORDED)
    await page.screenshot(path=IMAGES / f"{talking}.png")
    await page.get_by_role("button", name="Stop").click()
    if scored is not None:
        await _upload(page, 1)
        await page.get_by_role("button", name="Next").click()
        await _upload(page, 2)
        await page.get_by_role("button", name="Finish").click()
        await expect(page.get_by_role("button", name="New interview")).to_be_visible()
        await page.screenshot(path=IMAGES / f"{scored}.png")
    await context.close()


async def _shoot_dashboard(browser: Browser) -> None:
    """Of an hour that went well, but for a few failures and what still waits."""
    api = Api(grafana_url="https://grafana.example")
    async with served(api) as url:
        context = await browser.new_context(base_url=url, viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
        desk = Desk(await context.new_page(), api, Watched.over(context))
        await _play_an_hour(desk)
        await desk.open()
        await expect(desk.page.locator("#trends svg").first).to_be_visible()
        await desk.page.screenshot(path=IMAGES / "admin.png")
        await context.close()


async def _play_an_hour(desk: Desk) -> None:
    house = desk.api.house
    house.memory.clock.now = datetime.now(UTC) - timedelta(minutes=MINUTES)
    for minute in range(MINUTES):
        desk.ends(completed=4 + (minute * 7) % 5, failed=minute % 13 == 12)
        for row in list(house.memory.rows.values())[-(minute % 4) :] if minute % 4 else ():
            waiting = replace(row.part, id=PartId(f"w{len(house.memory.rows)}"), state=PartState.QUEUED, failure=None)
            house.memory.rows[waiting.id] = replace(row, part=replace(waiting, completed_at=None, keep_audio=False))
        house.memory.clock.advance(60)
        await house.trends.note()
        if minute < MINUTES - 1:
            for id in [id for id in house.memory.rows if id.startswith("w")]:
                del house.memory.rows[id]


async def _upload(page: Page, at: int) -> None:
    await page.get_by_label("Upload a file instead").set_input_files(samples()[at].audio)
    await expect(page.locator(".standings li").nth(at).locator(".pill")).to_have_text("Transcribed")


if __name__ == "__main__":
    main()
