"""The demo page's corners: its editor, files in place of the microphone, narrow screens, dark ones, lost sessions."""

from typing import Literal

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.watching import Watched, violations
from tests.system.speech import samples, word_error_rate

PHONE = {"width": 360, "height": 740}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture
async def page(context: BrowserContext, watched: Watched) -> Page:
    page = await context.new_page()
    await page.goto("/")
    return page


async def test_questions_are_edited_by_keyboard_alone(page: Page) -> None:
    await page.get_by_role("button", name="Remove question 3").press("Enter")
    await page.get_by_role("button", name="Remove question 2").press("Enter")
    await expect(page.get_by_role("textbox", name="Question 1", exact=True)).to_be_focused()
    await expect(page.get_by_role("button", name="Remove question 1")).to_be_hidden()
    await page.get_by_role("button", name="Add a question").press("Enter")
    good = page.get_by_role("textbox", name="Question 2 What a good answer says, one point a line", exact=True)
    await expect(good).to_be_visible()
    await expect(page.get_by_role("textbox", name="Question 2", exact=True)).to_be_focused()
    await page.keyboard.type("Why do you want this job?")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await expect(page.get_by_text("Question 1 of 2")).to_be_visible()
    await page.get_by_role("button", name="Next").press("Enter")
    await expect(page.get_by_role("heading", name="Why do you want this job?")).to_be_focused()


WHY = "(field) => field.validationMessage"
FAULTS = {
    "Question 1": ("   ", "A question has words."),
    "Question 1 What a good answer says, one point a line": (
        "\n".join(f"point {number}" for number in range(60)),
        "A question has at most 50 points; these are 60.",
    ),
    "Question 2 What a good answer says, one point a line": (
        f"one\n{'x' * 4001}",
        "Point 2 has more than 4000 letters. Shorten it, or make more points of it.",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_what_no_interview_can_be_made_of_is_said_at_its_field(page: Page, name: str) -> None:
    text, why = FAULTS[name]
    field = page.get_by_role("textbox", name=name, exact=True)
    known = await field.input_value()
    await field.fill(text)
    await page.get_by_role("button", name="Start the interview").click()
    await expect(field).to_be_focused()
    assert await field.evaluate(WHY) == why
    await field.fill(known)
    await page.get_by_role("button", name="Start the interview").click()
    await expect(page.get_by_text("Question 1 of 3")).to_be_visible()


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
    await expect(page.get_by_role("dialog")).to_contain_text("2 questions are not answered yet")
    await page.get_by_role("dialog").get_by_role("button", name="Finish").click()
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


async def test_it_fits_a_phone_by_day_and_by_night(page: Page) -> None:
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    await fits(page)
    await page.get_by_role("button", name="Start the interview").click()
    await expect(page.get_by_role("button", name="Record")).to_be_visible()
    await fits(page)


async def fits(page: Page) -> None:
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        assert await page.evaluate(WIDTH) <= PHONE["width"], scheme
        assert await violations(page) == [], scheme


async def test_quotes_are_found_where_they_stand(page: Page) -> None:
    found = await page.evaluate(PIECES)
    sure: dict[str, object] = {"doubt": None, "begins": []}
    assert found == [
        {"text": "I say: ", "points": [], "ends": [], **sure},
        {"text": "locks ", "points": [1], "ends": [], **sure},
        {"text": "are slow", "points": [1, 2], "ends": [1], **sure},
        {"text": " and safe", "points": [2], "ends": [2], **sure},
        {"text": ".", "points": [], "ends": [], **sure},
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


async def test_what_is_doubted_says_so_where_the_words_are(page: Page) -> None:
    await page.evaluate(DOUBTED)
    said = page.locator(".transcript p")
    await expect(said).to_have_text(
        "Locks are slow. [1 s not understood] [unsure] And safely. [said?] Thank you. point 1 [1 s not understood]"
    )
    suspected = page.get_by_text("Thank you.", exact=True)
    assert "never have been said" in (await suspected.get_attribute("title") or "")
    await expect(page.get_by_text("Some of this may never have been said. 57 % could be used")).to_be_visible()
    for verdict, words in DOUBTS.items():
        await expect(page.locator(f"[data-question={verdict}] .hint")).to_have_text(words)
    await expect(page.locator("[data-question=ok] .hint")).to_be_hidden()
    taken = "⚠ Hard to understand: words may be wrong. It was taken for Greek, which is not sure (41 %)."
    await expect(page.locator("[data-question=foreign] .hint")).to_have_text(taken)
    assert await violations(page) == []


DOUBTS = {
    "low_confidence": "⚠ Hard to understand: words may be wrong.",
    "suspected_hallucination": "⚠ Some of this may never have been said.",
    "incomplete": "⚠ Some of what was said could not be understood.",
}
DOUBTED = """async () => {
  const { resultsView } = await import("/web/demo/results.js");
  const { Standings } = await import("/web/demo/standing.js");
  const said = [["Locks are slow.", "ok"], ["", "incomplete"], ["And safely.", "low_confidence"],
    ["Thank you.", "suspected_hallucination"], ["", "incomplete"]];
  const answer = {
    question: "Locks?", status: "completed", no_speech: false, transcript: "Locks are slow. And safely. Thank you.",
    speech_verdict: "suspected_hallucination", usable_share: 0.57, score: 50, file_id: null, model_answer: null,
    feedback: [{ point: "They are safe.", covered: true, quote: "Thank you.", comment: null }],
    segments: said.map(([text, speech_verdict], at) => ({ text, start: at, end: at + 1, speech_verdict })),
  };
  const verdicts = ["ok", "low_confidence", "suspected_hallucination", "incomplete"];
  const asked = [...verdicts, "foreign"].map((id) => ({ id, text: id }));
  const standings = new Standings(asked, { go() {}, choices: () => [] });
  for (const id of verdicts) standings.show(id, null, { ...answer, speech_verdict: id }, []);
  const foreign = { speech_verdict: "low_confidence", language: "el", language_probability: 0.41 };
  standings.show("foreign", null, { ...answer, ...foreign }, []);
  const result = { final_score: 50, scored_count: 1, answers: [answer], not_answered: [] };
  const view = resultsView(result, [], [], { anew() {}, back() {} });
  document.getElementById("stage").replaceChildren(view, standings.element);
}"""
