"""A fair start: the microphone is tried before anything counts, and nothing of the test is kept."""

import json
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser.engines import in_both
from tests.browser.faults import put
from tests.browser.watching import Watched, violations
from tests.system.live import Stack

TESTS = "**/api/microphone-test*"
DENIED = """Object.defineProperty(navigator, "mediaDevices", { value: Object.assign(new EventTarget(), {
  getUserMedia: () => Promise.reject(new DOMException("no", "NotAllowedError")), enumerateDevices: async () => [],
}) })"""
DEVICES = """() => {
  if (!navigator.mediaDevices) return; // a blank page has none
  const named = (names) => names.map((label) => ({ kind: "audioinput", deviceId: label, label }));
  navigator.mediaDevices.enumerateDevices = async () => named(window.plugged);
  window.plug = (...names) => {
    window.plugged = names;
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  };
  plug("Built-in", "Headset");
}"""
RECORDED = "() => parseInt(document.querySelector('.check .time').textContent) <= 3"
PLAYED = "(at) => new Promise((ended) => { at.onended = ended; at.play(); }).then(() => true)"
KEPT = """() => new Promise((resolve, reject) => {
  const opening = indexedDB.open("viva-voce");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const counting = opening.result.transaction("chunks").objectStore("chunks").count();
    counting.onsuccess = () => resolve(counting.result);
  };
})"""


@pytest.fixture
async def page(context: BrowserContext, watched: Watched) -> Page:
    watched.may_be_refused = True
    return await context.new_page()


def says(status: int, body: dict[str, Any]) -> Any:
    kind = "application/json" if status == 200 else "application/problem+json"

    async def answer(route: Route) -> None:
        await route.fulfill(status=status, body=json.dumps(body), content_type=kind)

    return answer


@in_both
async def test_what_was_heard_is_played_back_shown_and_thrown_away(page: Page, stack: Stack) -> None:
    types: list[str] = []
    answer = says(200, {"text": "An index is a tree.", "heard": True, "seconds": 4.9})

    async def listen(route: Route) -> None:
        types.append(route.request.headers["content-type"])
        await answer(route)

    await page.route(TESTS, listen)
    before = stack.database["parts"].count_documents({}), stack.database["interview_sessions"].count_documents({})
    await page.goto("/")
    await page.get_by_role("button", name="Test the microphone").press("Enter")
    await expect(page.get_by_role("button", name="Stop the test")).to_be_focused()
    assert await violations(page) == []
    await page.wait_for_function(RECORDED)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("you can be heard")).to_be_visible()
    await expect(page.get_by_text("We heard: “An index is a tree.”")).to_be_visible()
    await expect(page.locator("audio")).to_be_visible()
    assert await page.locator("audio").evaluate(PLAYED)
    assert types[0].startswith("audio/webm")
    assert await violations(page) == []
    assert await page.evaluate(KEPT) == 0
    await expect(page.get_by_text("In this browser: no recordings")).to_be_visible()
    after = stack.database["parts"].count_documents({}), stack.database["interview_sessions"].count_documents({})
    assert after == before


@pytest.mark.long
@pytest.mark.parametrize("status", [503, 404])
async def test_where_nobody_listens_the_page_says_so_and_goes_on(page: Page, status: int) -> None:
    problem = {"type": "/problems/nobody_listens", "status": status, "detail": "x", "code": "nobody_listens"}
    await page.route(TESTS, says(status, problem))
    await page.goto("/")
    await page.get_by_role("button", name="Test the microphone").click()
    await page.wait_for_function(RECORDED)
    await page.get_by_role("button", name="Stop the test").click()
    await expect(page.get_by_text("cannot be told at the moment")).to_be_visible()
    await page.get_by_role("button", name="Start the interview").click()
    await expect(page.get_by_text("Question 1 of 3")).to_be_visible()


@in_both
async def test_a_microphone_that_may_not_be_used_is_told_with_what_to_do(context: BrowserContext, page: Page) -> None:
    await context.add_init_script(DENIED)
    await page.goto("/")
    await page.get_by_role("button", name="Test the microphone").click()
    await expect(page.get_by_text("The microphone is blocked. Allow it")).to_be_visible()
    assert await violations(page) == []


@in_both
async def test_without_a_media_recorder_the_reason_is_told_and_files_are_taken(
    context: BrowserContext, page: Page
) -> None:
    await context.add_init_script("delete globalThis.MediaRecorder")
    await page.goto("/")
    await expect(page.get_by_text("This browser cannot record.")).to_be_visible()
    await expect(page.get_by_role("button", name="Test the microphone")).to_have_count(0)
    await page.get_by_role("button", name="Start the interview").click()
    await expect(page.get_by_text("This browser cannot record.")).to_be_visible()
    await expect(page.locator(".record")).to_have_attribute("aria-disabled", "true")
    assert await violations(page) == []


@in_both
async def test_microphones_come_and_go_and_the_choice_is_kept(context: BrowserContext, page: Page) -> None:
    await context.add_init_script(f"({DEVICES})()")
    await page.goto("/")
    choice = page.get_by_label("Microphone", exact=True)
    await expect(choice.locator("option")).to_have_text(["As the browser chooses", "Built-in", "Headset"])
    await choice.select_option("Headset")
    await page.get_by_role("button", name="Start the interview").click()
    await expect(choice).to_have_value("Headset")
    await page.evaluate("() => plug('Built-in')")
    await expect(page.get_by_text("plugged in or out; there are 1")).to_be_attached()
    await expect(choice).to_have_value("")
    await page.evaluate("() => plug('Built-in', 'Headset')")
    await expect(choice).to_have_value("Headset")


async def test_a_browser_that_asks_unseen_is_told_of_by_the_test_too(page: Page) -> None:
    await page.goto("/")
    await page.clock.install()
    await put(page, "microphoneAsks")
    await page.get_by_role("button", name="Test the microphone").press("Enter")
    await page.clock.run_for(1100)
    await expect(page.locator(".check")).to_contain_text("The browser asks whether this page may use the microphone")
    await page.get_by_role("button", name="Cancel").press("Enter")
    await expect(page.get_by_role("button", name="Test the microphone")).to_be_focused()
    await expect(page.locator(".check")).not_to_contain_text("The browser asks")
