"""Takes the documentation's pictures of both pages: `python -m tests.browser.screenshots`."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, Page, async_playwright, expect

from scripts.stack.layout import ROOT
from tests.browser.chromium import with_microphone
from tests.browser.microphone import Microphone, decoded
from tests.browser.programs import CHROMIUM
from tests.browser.stack import running_stack
from tests.browser.test_admin import standing_still
from tests.system.live import Stack, create, upload
from tests.system.speech import samples

IMAGES = ROOT / "docs" / "images"
DESKTOP, PHONE = (1080, 860), (390, 780)
PATIENCE_MILLISECONDS = 120_000
RECORDED = "0:06"
FAILED_BECAUSE = "The recording is not an answer."


def main() -> None:
    """Play the demo's interview twice, fail an answer, and write four pictures."""
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
        await _shoot_dashboard(browser, stack)
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


async def _shoot_dashboard(browser: Browser, stack: Stack) -> None:
    _fail_one(stack)
    context = await browser.new_context(base_url=stack.url, viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    page = await context.new_page()
    await page.goto("/admin")
    await page.get_by_label("Admin token").fill(stack.token("root", admin=True))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="How things stand")).to_be_focused()
    await expect(page.get_by_text(FAILED_BECAUSE).first).to_be_visible()
    await page.screenshot(path=IMAGES / "admin.png")
    await context.close()


def _fail_one(stack: Stack) -> None:
    """An answer that an operator has ended while the worker stood still."""
    with standing_still(stack), stack.client() as alice, stack.client("root", admin=True) as root:
        session = create(alice, samples()[0].question)
        upload(alice, session, samples()[0].id, samples()[0].audio.read_bytes())
        where = f"/api/admin/answers/{session}/{samples()[0].id}/fail"
        root.post(where, json={"reason": FAILED_BECAUSE}).raise_for_status()


async def _upload(page: Page, at: int) -> None:
    await page.get_by_label("Upload a file instead").set_input_files(samples()[at].audio)
    await expect(page.locator(".standings li").nth(at).locator(".pill")).to_have_text("Transcribed")


if __name__ == "__main__":
    main()
