"""Long words, long questions, many of them, other scripts, narrow windows, chosen colours: all stays in sight."""

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.begun import Begun
from tests.browser.engines import Engines, in_both
from tests.browser.watching import Watched, violations
from tests.system.live import Stack

# 1280 by 1024 at 100 % with a narrow window, at 200 % and at 400 %; and a small phone.
WINDOWS = [(320, 640), (640, 512), (320, 256), (360, 740)]
WIDTH = "document.documentElement.scrollWidth"
URL = "https://example.com/" + "a-very-long-path/" * 15
LONG: list[dict[str, Any]] = [
    {"id": "url", "text": f"What is behind {URL}?"},
    {"id": "word", "text": "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 3},
    {"id": "much", "text": "Tell us of a time when you had to decide. " * 47},
]
HOSTILE: list[dict[str, Any]] = [
    {"id": id, "text": f"What is {id}?"} for id in ("constructor", "__proto__", "toString", "hasOwnProperty", "valueOf")
]
ARABIC: list[dict[str, Any]] = [
    {"id": "q1", "text": "ما هي العملية وما هو الخيط؟", "language": "ar"},
    {"id": "q2", "text": "Was ist ein Index?", "language": "de"},
]
IN_VIEW = """() => [...document.querySelectorAll(".record, .controls .primary")].every((button) => {
  const { top, bottom, left, right } = button.getBoundingClientRect();
  return top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
})"""


@pytest.fixture
async def page(context: BrowserContext, watched: Watched) -> Page:
    return await context.new_page()


@in_both
async def test_long_words_and_long_questions_leave_the_buttons_where_they_are(page: Page, stack: Stack) -> None:
    await Begun.on(page, stack, LONG)
    for width, height in WINDOWS:
        await page.set_viewport_size({"width": width, "height": height})
        for at in range(len(LONG)):
            await page.locator(".standings .name").nth(at).click()
            await expect(page.locator(".asked")).to_have_text(LONG[at]["text"].strip())
            assert await page.evaluate(WIDTH) <= width, (width, LONG[at]["id"])
            if height > 600:
                await page.evaluate("() => document.querySelector('.record').scrollIntoView({ block: 'nearest' })")
                assert await page.evaluate(IN_VIEW), (width, LONG[at]["id"])
    await expect(page.locator(".asked")).to_have_attribute("tabindex", "0")  # what is scrolled can be reached
    assert await violations(page) == []


@pytest.mark.long
@in_both
async def test_fifty_questions_are_jumped_between_also_after_a_reload(page: Page, stack: Stack) -> None:
    many = [{"id": f"n{at}", "text": f"Number {at} of many?"} for at in range(1, 51)]
    await Begun.on(page, stack, many, at=48)
    rows = page.locator(".standings li")
    await expect(rows).to_have_count(50)
    await expect(rows.last.locator(".pill")).to_have_text("Open")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Number 49 of many?")
    await rows.nth(6).get_by_role("button").click()
    await expect(page.get_by_role("heading", name="Number 7 of many?")).to_be_focused()
    await page.reload()
    await expect(rows).to_have_count(50)
    await expect(rows.nth(6)).to_have_attribute("aria-current", "step")
    await expect(page.get_by_text("Question 7 of 50")).to_be_visible()
    await page.set_viewport_size({"width": 320, "height": 640})
    assert await page.evaluate(WIDTH) <= 320


@in_both
async def test_questions_have_their_language_and_direction(page: Page, stack: Stack) -> None:
    await Begun.on(page, stack, ARABIC)
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_attribute("lang", "ar")
    assert await heading.evaluate("(at) => getComputedStyle(at).direction") == "rtl"
    await page.get_by_role("button", name="Next").click()
    await expect(heading).to_have_attribute("lang", "de")
    assert await heading.evaluate("(at) => getComputedStyle(at).direction") == "ltr"


@pytest.mark.long
async def test_questions_may_have_the_ids_of_what_every_object_has(page: Page, stack: Stack) -> None:
    await Begun.on(page, stack, HOSTILE)
    await expect(page.locator(".pill")).to_have_text(["Open"] * len(HOSTILE))
    await expect(page.locator(".record")).to_have_text("Record")
    await page.get_by_label("Upload a file instead").set_input_files(
        {"name": "letter.wav", "mimeType": "audio/wav", "buffer": b""}
    )
    await expect(page.get_by_text("The file is empty.")).to_be_visible()


WRITTEN = """async () => {
  const { sizeOf } = await import("/web/demo/here.js");
  const { moment, times } = await import("/web/admin/words.js");
  return [sizeOf(17_900), times(12_345, "answer"), moment("2026-11-28T16:52:35Z")];
}"""


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("en-US", ["17.9 kB", "12,345 answers", "Nov 28, 2026, 04:52:35 PM UTC"]),
        ("en-GB", ["17.9 kB", "12,345 answers", "28 Nov 2026, 16:52:35 UTC"]),
        ("de-DE", ["17.9 kB", "12,345 answers", "28 Nov 2026, 16:52:35 UTC"]),
        ("ar-EG", ["17.9 kB", "12,345 answers", "28 Nov 2026, 16:52:35 UTC"]),
    ],
)
async def test_figures_and_moments_are_written_as_the_words_around_them(
    engines: Engines, stack: Stack, locale: str, written: list[str]
) -> None:
    browser = await engines.browser("chromium")
    context = await browser.new_context(base_url=stack.url, locale=locale, timezone_id="UTC")
    page = await context.new_page()
    await page.goto("/")
    await page.clock.set_fixed_time("2026-12-24T12:00:00Z")
    assert await page.evaluate(WRITTEN) == written
    await context.close()


@pytest.mark.long
@in_both
async def test_chosen_colours_leave_every_sign_visible(
    page: Page, stack: Stack, engines: Engines, watched: Watched
) -> None:
    await Begun.on(page, stack)
    await engines.emulate(page, forced_colors="active")
    dot = page.locator(".record")
    shown = await dot.evaluate(
        "(at) => [getComputedStyle(at, '::before').borderTopColor, getComputedStyle(at).backgroundColor]"
    )
    assert shown[0] != shown[1]
    assert await page.locator(".pill").first.evaluate("(at) => getComputedStyle(at).borderTopStyle") == "solid"
    # How far the colours are apart is the choice of who chose them, or the browser's.
    assert [fault for fault in await violations(page) if not fault.startswith("color-contrast")] == []


@pytest.mark.long
@in_both
async def test_answers_are_read_aloud_in_their_own_language(page: Page) -> None:
    await page.goto("/")
    await page.evaluate(RESULTS)
    said = page.locator(".transcript")
    await expect(said.first).to_have_attribute("lang", "ar")
    await expect(said.last).to_have_attribute("lang", "de")
    assert await said.first.evaluate("(at) => getComputedStyle(at).direction") == "rtl"
    assert await violations(page) == []


@pytest.mark.parametrize("text", ["W" * 300, "Tell us all of it. " * 90], ids=["word", "much"])
@in_both
async def test_a_long_question_leaves_the_score_beside_it_whole(page: Page, text: str) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto("/")
    await page.evaluate(RESULTS)
    await page.locator(".answer h2").evaluate_all(SAY, text)
    await page.locator(".score").first.evaluate(
        "(score) => { score.className = 'pill none'; score.textContent = 'No score'; }"
    )
    assert await page.evaluate(WIDTH) <= 320
    cut = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map(({ textContent }) => textContent)"
    assert await page.locator(".answer header span").evaluate_all(cut) == []


@in_both
async def test_what_a_call_comes_to_breaks_no_word_on_a_phone(page: Page) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto("/")
    await page.locator("#call summary").click()
    words = page.locator(".sums dd").first
    await expect(words).to_contain_text("median")
    lines = await words.evaluate("(at) => at.getClientRects()[0].height / parseFloat(getComputedStyle(at).lineHeight)")
    assert lines < 2.5


SAY = "(all, text) => { for (const heading of all) heading.textContent = text; }"
RESULTS = """async () => {
  const { resultsView } = await import("/web/demo/results.js");
  const answer = (language, transcript) => ({
    question: "?", status: "completed", no_speech: false, transcript, language, speech_verdict: "ok", score: 50,
    file_id: null, model_answer: null, feedback: [{ point: transcript, covered: true, quote: transcript }],
  });
  const answers = [answer("ar", "لكل عملية ذاكرة خاصة بها"), answer("de", "Jeder Prozess hat eigenen Speicher")];
  const result = { final_score: 50, scored_count: 2, answers, not_answered: [] };
  document.getElementById("stage").replaceChildren(resultsView(result, [], [], { anew() {}, back() {} }));
}"""
