"""The interview by keyboard and by ear: the order that docs/interview-page.md tells, one message for each thing."""

import re
import time

import pytest
from playwright.async_api import BrowserContext, Page, expect

from scripts.stack.layout import ROOT
from tests.browser.begun import Begun
from tests.browser.engines import in_both
from tests.browser.faults import put, take_away
from tests.browser.watching import Watched, violations
from tests.system.live import Stack

ORDER = re.compile(r"^\d+\. `(.+?)`", re.MULTILINE)
FOCUSED = """() => {
  const { activeElement: at } = document;
  return at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent.trim();
}"""
SAID = "() => [...document.querySelectorAll('#announce p')].map((said) => said.textContent)"


@pytest.fixture
async def page(context: BrowserContext, watched: Watched, stack: Stack) -> Page:
    page = await context.new_page()
    await Begun.on(page, stack, at=1)
    await expect(page.locator(".pill").first).to_have_text("Open")
    await expect(page.get_by_label("Microphone")).to_be_visible()
    return page


@in_both
async def test_the_focus_goes_as_it_is_written_down(page: Page) -> None:
    written = ORDER.findall((ROOT / "docs" / "interview-page.md").read_text())
    assert len(written) > 8
    gone = []
    for _ in written:
        await page.keyboard.press("Tab")
        gone.append(await page.evaluate(FOCUSED))
    assert gone == written


@in_both
@pytest.mark.parametrize("key", ["Enter", "Space"])
async def test_the_key_that_starts_a_recording_stops_it(page: Page, key: str) -> None:
    record = page.locator(".record")
    await record.focus()
    await page.keyboard.press(key)
    await expect(record).to_have_text("Stop")
    await expect(record).to_be_focused()
    await page.wait_for_function("() => document.querySelector('.time').textContent >= '0:01'")
    await page.keyboard.press(key)
    await expect(page.get_by_text("Recorded: 0:0")).to_be_visible()
    await expect(record).to_be_focused()
    assert await page.evaluate(SAID) in (["Recording."], ["Recording.", "Answer 2 is transcribed."])


@in_both
async def test_a_browser_that_asks_unseen_is_told_of_and_can_be_left_unanswered(page: Page) -> None:
    await page.clock.install()
    await page.clock.pause_at(time.time() + 60)
    await put(page, "microphoneAsks")
    record, hint = page.locator(".record"), page.locator(".talk > .hint")
    await record.press("Enter")
    await page.clock.run_for(900)
    await expect(hint).to_be_empty()
    await page.clock.run_for(200)
    await expect(hint).to_contain_text("The browser asks whether this page may use the microphone")
    await expect(record).to_have_text("Cancel")
    await record.press("Enter")
    await expect(record).to_have_text("Record")
    await expect(hint).to_be_empty()
    await expect(record).to_be_focused()


async def test_who_goes_on_while_the_browser_asks_is_told_of_no_recording(page: Page) -> None:
    await put(page, "microphoneAsks")
    await page.locator(".record").press("Enter")
    await page.get_by_role("button", name="Next").press("Enter")
    await take_away(page, "microphoneAsks")
    await page.locator(".record").press("Enter")
    await expect(page.locator(".record")).to_have_text("Stop")
    assert await page.evaluate(SAID) == ["Recording."]


DOUBLE = """(button) => {
  for (const detail of [1, 2]) button.dispatchEvent(new MouseEvent("click", { bubbles: true, detail }));
}"""


@in_both
async def test_a_double_click_is_one_click_and_a_key_that_is_held_is_pressed_once(page: Page) -> None:
    record = page.locator(".record")
    await page.get_by_role("button", name="Next").evaluate(DOUBLE)
    await expect(page.get_by_role("heading", name="Question number 3?")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("button", name="Finish")).to_be_visible()
    await record.evaluate(DOUBLE)
    await expect(record).to_have_text("Stop")
    await page.wait_for_function("() => document.querySelector('.time').textContent >= '0:01'")
    await expect(record).to_have_text("Stop")
    await record.click()
    await expect(record).to_have_text("Record again")
    await record.focus()
    await page.keyboard.down("Enter")
    await expect(record).to_have_text("Stop")
    for _ in range(3):
        await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    await page.wait_for_function("() => document.querySelector('.time').textContent >= '0:01'")
    await expect(record).to_have_text("Stop")


LIMIT = """async (told) => {
  const { whenSound } = await import("/web/demo/sound.js");
  let recorder;
  whenSound((sound) => (recorder = sound.recorder));
  recorder.extend = () => true;
  for (const [name, detail] of told) recorder.dispatchEvent(new CustomEvent(name, { detail }));
}"""


@pytest.mark.long
@in_both
async def test_the_end_is_announced_once_shown_and_put_off_by_a_key(page: Page) -> None:
    times = [["time", {"elapsed": 120 - left, "remaining": left}] for left in (31, 30, 29.5, 29)]
    await page.evaluate(LIMIT, [*times, ["limit", {"remaining": 30, "canExtend": True}], times[-1]])
    await expect(page.locator(".left")).to_have_text("29 s left")
    assert await page.evaluate(SAID) == ["30 seconds left. The button “+ 1:00 more” puts the end off."]
    assert await violations(page) == []
    await page.locator(".record").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".record")).to_be_focused()
    await page.evaluate(LIMIT, [["time", {"elapsed": 91, "remaining": 89}]])
    await expect(page.locator(".left")).to_be_hidden()
    await expect(page.locator(".limit")).to_have_text(" / 3:00")
    last = [["time", {"elapsed": 171, "remaining": 9}], ["limit", {"remaining": 10, "canExtend": False}]]
    await page.evaluate(LIMIT, last)
    await expect(page.locator(".left.last")).to_have_text("9 s left")
    await expect(page.get_by_role("button", name="more")).to_be_hidden()
    assert (await page.evaluate(SAID))[1:] == ["1:00 more.", "10 seconds left."]


@pytest.mark.long
@in_both
async def test_a_question_before_finishing_is_answered_by_keyboard_and_can_be_taken_back(page: Page) -> None:
    await page.get_by_role("button", name="Next").press("Enter")
    await page.get_by_role("button", name="Finish").press("Enter")
    dialog = page.get_by_role("dialog", name="Finish the interview?")
    await expect(dialog.get_by_role("button", name="Go to question 1")).to_be_focused()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("button", name="Finish")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Question 1 of 3")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await page.get_by_role("button", name="3. Question number 3?").press("Enter")
    await page.get_by_role("button", name="Finish").press("Enter")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="There is nothing to score.")).to_be_focused()
    await page.get_by_role("button", name="Back to the questions").press("Enter")
    await expect(page.get_by_text("Question 3 of 3")).to_be_visible()
