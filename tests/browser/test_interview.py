"""A candidate's way through the demo page, in a real browser, with a microphone that speaks."""

import os
import signal

import httpx2
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.microphone import Microphone, Spoken, sentences
from tests.browser.watching import Watched, serious_faults
from tests.scripts.running import until
from tests.system.live import Stack
from tests.system.speech import word_error_rate

QUESTIONS = ("What is a database index", "What is the difference", "What does it mean")
# What the page shows of a transcript, without the numbers beside the quotes.
TRANSCRIPTS = """() => [...document.querySelectorAll(".transcript")].map((shown) => {
  const copy = shown.cloneNode(true);
  for (const added of copy.querySelectorAll("sup, .doubt")) added.remove();
  return copy.textContent;
})"""


async def test_an_interview_survives_a_killed_api_and_a_reload(
    stack: Stack, context: BrowserContext, watched: Watched, microphone: Microphone
) -> None:
    page = await context.new_page()
    streams: list[str] = []
    page.on("response", lambda answer: streams.append(answer.headers.get("content-type", "")))
    await page.goto("/")
    assert await serious_faults(page) == []
    await page.get_by_role("button", name="Start the interview").click()
    first, second, third = sentences()

    await _answer(page, microphone, first)
    await _next(page, 1)

    await _answer(page, microphone, second)
    assert await serious_faults(page) == []
    assert any(kind.startswith("text/event-stream") for kind in streams)
    watched.may_be_unreachable = True
    killed = _kill_api(stack)
    await _next(page, 2)
    await expect(_standing(page, 1)).to_have_text("Kept here, will be sent")
    until(lambda: _answers_again(stack, killed))
    await page.reload()
    watched.may_be_unreachable = False
    await expect(page.get_by_role("heading", level=1)).to_contain_text(QUESTIONS[2])

    await _answer(page, microphone, third)
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_role("button", name="New interview")).to_be_visible()

    heard = await page.evaluate(TRANSCRIPTS)
    rates = [word_error_rate(spoken.said, text) for spoken, text in zip((first, second, third), heard, strict=True)]
    assert max(rates) < 0.2, heard
    quotes = await page.locator("mark").all_inner_texts()
    assert len(quotes) >= 3
    await expect(page.get_by_role("heading", level=1)).to_contain_text("of 100")
    assert await page.locator(".score").count() == 3
    assert await serious_faults(page) == []
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await serious_faults(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert stack.audio_left() == (0, 0)


async def _answer(page: Page, microphone: Microphone, spoken: Spoken) -> None:
    microphone.hears(spoken.sound)
    await page.get_by_role("button", name="Record").click()
    await expect(page.get_by_role("button", name="Stop")).to_be_visible()
    await page.wait_for_function(
        "at_least => document.querySelector('.time').textContent >= at_least", arg=_clock(spoken)
    )


def _clock(spoken: Spoken) -> str:
    return f"0:{spoken.seconds:02}"


async def _next(page: Page, at: int) -> None:
    """Press Next while it records: the next question is there, whatever becomes of the answer."""
    await page.get_by_role("button", name="Next").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(QUESTIONS[at])
    await expect(page.get_by_role("heading", level=1)).to_be_focused()


def _standing(page: Page, at: int) -> Locator:
    return page.locator(".standings li").nth(at).locator(".pill")


def _kill_api(stack: Stack) -> int:
    pid = stack.running.layout.read_pids()["api"]
    os.kill(pid, signal.SIGKILL)
    return pid


def _answers_again(stack: Stack, killed: int) -> bool:
    if stack.running.layout.read_pids().get("api") == killed:
        return False
    with stack.client() as client:
        try:
            return client.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False
