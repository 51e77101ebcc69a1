"""The sample call on two lanes: by mouse, by keyboard and for screen readers, in both browsers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from scripts.calls.sample import sample_call
from scripts.stack.layout import ROOT
from tests.browser.engines import in_both
from tests.browser.node import run_module
from tests.browser.watching import Watched, violations
from tests.system.speech import word_error_rate

FOLDER = ROOT / "web" / "timeline"
SAMPLE: dict[str, Any] = json.loads((FOLDER / "sample.json").read_text("utf-8"))
TURNS = SAMPLE["turns"]
SECONDS = SAMPLE["left"]["duration_seconds"]


@pytest.fixture
async def page(context: BrowserContext, watched: Watched) -> Page:
    page = await context.new_page()
    await page.goto("/")
    return page


async def opened(page: Page) -> None:
    await page.get_by_text("A call with two sides", exact=True).click()
    await expect(page.get_by_role("slider", name="Moment of the call")).to_be_visible()


def moment_of(word: dict[str, Any]) -> float:
    return float(word["start"] + word["end"]) / 2


BEGINS = """(buttons) => buttons.map((button) => {
  const words = document.createRange();
  words.selectNodeContents(button);
  return words.getBoundingClientRect().left >= button.getBoundingClientRect().left;
})"""


@in_both
async def test_what_is_longer_than_its_turn_is_seen_from_its_first_word(page: Page) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await opened(page)
    assert await page.locator(".turn").evaluate_all(BEGINS) == [True] * len(TURNS)


@in_both
async def test_there_is_a_lane_for_each_side_with_its_turns_where_they_are(page: Page) -> None:
    await opened(page)
    assert await violations(page) == []
    for name, side in (("Interviewer", "right"), ("Candidate", "left")):
        buttons = page.get_by_role("list", name=name).get_by_role("button")
        own = [turn for turn in TURNS if turn["speaker"] == side]
        await expect(buttons).to_have_count(len(own))
        for number, turn in enumerate(own):
            await expect(buttons.nth(number)).to_have_accessible_name(
                re.compile(f"^{name} at .*{re.escape(turn['text'])}$")
            )
            place = await buttons.nth(number).evaluate(
                "(at) => [parseFloat(at.style.left), parseFloat(at.style.width)]"
            )
            assert place[0] == pytest.approx(100 * turn["start"] / SECONDS, abs=0.1)
            assert place[1] == pytest.approx(100 * (turn["end"] - turn["start"]) / SECONDS, abs=0.1)
    await expect(page.get_by_text(f"{SAMPLE['response_latency']:.1f} s, in the median")).to_be_visible()


@in_both
async def test_the_words_under_the_mouse_are_shown_and_left_again(page: Page) -> None:
    await opened(page)
    word = TURNS[0]["words"][3]
    lanes = page.get_by_role("group", name="Who speaks when")
    await lanes.scroll_into_view_if_needed()
    box = await lanes.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * moment_of(word) / SECONDS, box["y"] + 10)
    await expect(page.locator(".under mark")).to_have_text(word["text"])
    await page.mouse.move(box["x"], box["y"] - 40)
    await expect(page.locator(".under")).to_contain_text("0:00.0: nobody speaks.")


@in_both
async def test_by_keyboard_the_cursor_goes_through_the_call_and_says_where_it_is(page: Page) -> None:
    await opened(page)
    slider = page.get_by_role("slider", name="Moment of the call")
    await slider.focus()
    for _ in range(int(10 * moment_of(TURNS[0]["words"][0]))):
        await page.keyboard.press("ArrowRight")
    spoken = await slider.get_attribute("aria-valuetext")
    assert spoken is not None
    assert spoken.endswith(f"Interviewer: {TURNS[0]['words'][0]['text']}")
    await page.keyboard.press("Home")
    await expect(slider).to_have_attribute("aria-valuetext", "0:00.0, nobody speaks")


@in_both
async def test_a_turn_that_is_chosen_is_gone_to(page: Page) -> None:
    await opened(page)
    second = page.get_by_role("list", name="Candidate").get_by_role("button").first
    await second.focus()
    await page.keyboard.press("Enter")
    turn = next(turn for turn in TURNS if turn["speaker"] == "left")
    await page.wait_for_function(
        "(start) => document.querySelector('.timeline audio').currentTime >= start - 0.05", arg=turn["start"]
    )
    await expect(page.locator(".under")).to_contain_text("Candidate:")


@in_both
async def test_where_the_sample_does_not_come_that_is_said_and_it_may_be_opened_again(
    page: Page, watched: Watched
) -> None:
    watched.may_be_refused = True

    async def gone(route: Route) -> None:
        await route.fulfill(status=502, body="<html>")

    await page.route("**/sample.json", gone)
    await page.get_by_text("A call with two sides", exact=True).click()
    await expect(page.get_by_text("The sample could not be loaded.")).to_be_visible()
    await page.unroute("**/sample.json")
    await page.get_by_text("A call with two sides", exact=True).click()
    await opened(page)


def test_the_sample_is_what_was_put_together() -> None:
    lines = sample_call().lines
    assert [turn["speaker"] for turn in TURNS] == [line.speaker for line in lines]
    for turn, line in zip(TURNS, lines, strict=True):
        assert turn["start"] == pytest.approx(line.start, abs=0.1)
        assert word_error_rate(line.said, turn["text"]) < 0.3
    assert (FOLDER / "sample.webm").stat().st_size < 200_000


def test_what_is_said_at_a_moment_is_one_turn_or_both_or_none() -> None:
    text = """
import { going, said, tenths, waited, wordAt } from "./timeline/moments.js";
const word = (text, start) => ({ text, start, end: start + 1 });
const words = [word("a", 2), word("b", 3.5)];
const left = { speaker: "left", start: 2, end: 5, text: "a b", interrupts: false, words };
const right = { speaker: "right", start: 4, end: 6, text: "no times", interrupts: true, words: [] };
const call = { turns: [left, right], responses: [{ answered_at: 2, latency: 0.62 }] };
console.log(JSON.stringify([
  [1, 2, 4.5, 5, 6].map((at) => going(call, at).length), [2, 3.4, 3.5].map((at) => wordAt(left, at)),
  waited(call, left), waited(call, right), said(call, 4.5), said(call, 61), tenths(119.96), wordAt(right, 5),
]));
"""
    found = json.loads(run_module(text))
    assert found[:2] == [[0, 1, 2, 1, 0], [0, 0, 1]]
    assert found[2:4] == ["after 0.6 seconds", "while the other side speaks"]
    assert found[4] == "0:04.5, Candidate: b, Interviewer: no times"
    assert found[5:] == ["1:01.0, nobody speaks", "2:00.0", -1]


def test_every_file_of_it_is_there() -> None:
    names = {path.name for path in Path(FOLDER).iterdir()}
    assert names == {"moments.js", "timeline.js", "sample.js", "sample.json", "sample.webm"}
