"""The demo page's corners: its editor, files in place of the microphone, narrow screens, dark ones, lost sessions."""

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.watching import Watched, serious_faults
from tests.system.speech import samples, word_error_rate

PHONE = {"width": 360, "height": 740}
WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture
async def page(context: BrowserContext, watched: Watched) -> Page:
    page = await context.new_page()
    await page.goto("/")
    return page


async def test_questions_are_edited_by_keyboard_alone(page: Page) -> None:
    await page.get_by_role("button", name="Remove question 3").press("Enter")
    await page.get_by_role("button", name="Remove question 2").press("Enter")
    await expect(page.get_by_role("textbox", name="Question 1")).to_be_focused()
    await expect(page.get_by_role("button", name="Remove question 1")).to_be_hidden()
    await page.get_by_role("button", name="Add a question").press("Enter")
    await expect(page.get_by_role("textbox", name="Question 2")).to_be_focused()
    await page.keyboard.type("Why do you want this job?")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await expect(page.get_by_text("Question 1 of 2")).to_be_visible()
    await page.get_by_role("button", name="Next").press("Enter")
    await expect(page.get_by_role("heading", name="Why do you want this job?")).to_be_focused()


async def test_a_file_takes_the_place_of_the_microphone(page: Page, watched: Watched) -> None:
    watched.may_be_refused = True
    await page.route("**/tickets", lambda route: route.fulfill(status=404))  # nothing is pushed: it asks instead
    sample = samples()[0]
    await page.get_by_role("button", name="Start the interview").click()
    await page.get_by_label("Upload a file instead").set_input_files(sample.audio)
    row = page.locator(".standings li").first
    await expect(row.locator(".pill")).to_have_text("Transcribed")
    assert word_error_rate(sample.said, await row.locator(".said").inner_text()) < 0.2
    await expect(page.get_by_text("Answer 1 is transcribed.")).to_be_attached()
    await page.get_by_label("Upload a file instead").set_input_files(
        {"name": "letter.wav", "mimeType": "audio/wav", "buffer": b"Dear madam"}
    )
    await expect(row.locator(".pill")).to_have_text("Not taken")
    await expect(row.locator(".said")).to_contain_text("no audio file that is accepted")
    for _ in range(2):
        await page.get_by_role("button", name="Next").click()
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_text("1 recording not taken")).to_be_visible()
    await expect(page.get_by_text("2 questions not answered")).to_be_visible()


async def test_what_was_not_taken_can_be_discarded(page: Page, watched: Watched) -> None:
    watched.may_be_refused = True
    await page.get_by_role("button", name="Start the interview").click()
    await page.get_by_label("Upload a file instead").set_input_files(
        {"name": "letter.wav", "mimeType": "audio/wav", "buffer": b"Dear madam"}
    )
    row = page.locator(".standings li").first
    await row.get_by_role("button", name="Discard").click()
    await expect(row.locator(".pill")).to_have_text("Open")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_a_phone_by_day_and_by_night(page: Page, scheme: str) -> None:
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert await page.evaluate(WIDTH) <= PHONE["width"]
    assert await serious_faults(page) == []
    await page.get_by_role("button", name="Start the interview").click()
    await expect(page.get_by_role("button", name="Record")).to_be_visible()
    assert await page.evaluate(WIDTH) <= PHONE["width"]
    assert await serious_faults(page) == []


async def test_an_interview_that_is_gone_makes_room_for_a_new_one(page: Page, watched: Watched) -> None:
    watched.may_be_refused = True
    await page.evaluate("localStorage['viva-voce-demo'] = JSON.stringify(" + GONE + ")")
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("Start a new one")
    await expect(page.get_by_role("textbox", name="Question 1")).to_have_value("Kept?")


GONE = "{ stage: 'interview', session: 'nowhere', at: 0, questions: [{ id: 'q1', text: 'Kept?', key_points: [] }] }"


async def test_quotes_are_found_where_they_stand(page: Page) -> None:
    found = await page.evaluate(PIECES)
    assert found == [
        {"text": "I say: ", "points": [], "ends": []},
        {"text": "locks ", "points": [1], "ends": []},
        {"text": "are slow", "points": [1, 2], "ends": [1]},
        {"text": " and safe", "points": [2], "ends": [2]},
        {"text": ".", "points": [], "ends": []},
    ]


PIECES = """async () => {
  const { pieces } = await import("/web/demo/quotes.js");
  return pieces("I say: locks are slow and safe.", [
    { covered: true, quote: "locks are slow" },
    { covered: true, quote: "are slow and safe" },
    { covered: false, quote: null },
    { covered: false, quote: "I say" },
  ]);
}"""
