"""The demo page where somebody else answers for the API, or nobody: it goes on, says so, and forgets no interview."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.answers import FOREIGN, Case
from tests.browser.begun import QUESTIONS, Begun
from tests.browser.bench import UPLOADS
from tests.browser.engines import in_both
from tests.browser.watching import Watched, violations
from tests.system.live import Stack
from tests.system.speech import samples

TRACKS = """
  window.tracks = [];
  const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (ask) navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    tracks.push(...stream.getTracks());
    return stream;
  };
"""
NO_CONNECTION = "There is no connection to the server at the moment."
SEEN = (
    "a portal's page", "a page with 401", "a page with 403", "a page with 404", "a page with 413", "a page with 502",
    "an empty answer", "a cut answer", "a gateway's JSON with 401", "another framework's 404",
)  # fmt: skip
STRANGERS = [case for case in FOREIGN if case.name in SEEN]
STATUS, ANALYZE, SESSIONS, TOKENS = "**/transcription-status/*", "**/analyze/*", "**/api/sessions", "**/local/token"


@pytest.fixture
async def page(context: BrowserContext, watched: Watched) -> Page:
    watched.may_be_refused = watched.may_be_unreachable = True
    return await context.new_page()


def gives(case: Case) -> Callable[[Route], Awaitable[None]]:
    async def answer(route: Route) -> None:
        await route.fulfill(status=case.status, headers=case.all_headers, body=case.body)

    return answer


async def silent(_: Route) -> None:
    """No answer, ever."""


@pytest.mark.long
async def test_a_strangers_answer_to_a_poll_takes_no_interview_away(page: Page, stack: Stack) -> None:
    begun = await Begun.on(page, stack)
    for case in STRANGERS:
        await page.route(STATUS, gives(case))
        await page.reload()
        await expect(page.locator(".offline"), case.name).to_contain_text(NO_CONNECTION)
        await expect(page.get_by_role("heading", level=1), case.name).to_have_text(QUESTIONS[0]["text"])
        await page.unroute(STATUS)
    assert await violations(page) == []
    await page.reload()
    await expect(page.locator(".pill").first).to_have_text("Open")
    await expect(page.locator(".offline")).to_be_empty()
    assert (await begun.memory())["session"] == begun.session


@pytest.mark.long
async def test_a_strangers_answer_for_the_scores_is_asked_for_again(page: Page, stack: Stack) -> None:
    await Begun.on(page, stack, stage="results")
    for case in STRANGERS:
        await page.route(ANALYZE, gives(case))
        await page.reload()
        said = page.get_by_text(f"{NO_CONNECTION} It is asked again by itself.")
        await expect(said, case.name).to_be_visible()
        await page.unroute(ANALYZE)
    await page.get_by_role("button", name="Back to the questions").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(QUESTIONS[0]["text"])


@pytest.mark.long
@pytest.mark.parametrize("path", [SESSIONS, TOKENS])
async def test_a_start_that_a_stranger_answers_can_be_tried_again_and_makes_one_interview(
    page: Page, path: str
) -> None:
    keys: list[str] = []
    page.on(
        "request",
        lambda asked: keys.append(asked.headers["idempotency-key"]) if "idempotency-key" in asked.headers else None,
    )
    await page.goto("/")
    start = page.get_by_role("button", name="Start")
    for case in STRANGERS:
        await page.route(path, gives(case))
        await start.click()
        await expect(page.get_by_role("alert"), case.name).to_have_text(NO_CONNECTION)
        await expect(start, case.name).to_have_text("Start the interview")
        await page.unroute(path)
    await start.click()
    await expect(page.get_by_text("Question 1 of 3")).to_be_visible()
    assert len({*keys}) == 1


@pytest.mark.long
async def test_a_server_that_hangs_is_told_of_and_start_comes_back(page: Page) -> None:
    await page.clock.install()
    await page.goto("/")
    await page.route(SESSIONS, silent)
    async with page.expect_request(SESSIONS):
        await page.get_by_role("button", name="Start the interview").click()
    await page.clock.run_for(3000)
    await expect(page.get_by_text("takes its time")).to_be_visible()
    await page.clock.run_for(10_000)
    await expect(page.get_by_role("alert")).to_have_text(NO_CONNECTION)
    await expect(page.get_by_role("button", name="Start the interview")).to_be_visible()


@pytest.mark.long
async def test_what_the_api_itself_calls_lost_is_told_and_left_to_the_candidate(page: Page, stack: Stack) -> None:
    begun = await Begun.on(page, stack)
    await begun.page.goto("/blank")
    gone = Begun(page, "nowhere", begun.user, begun.token)
    await gone.remember("interview", QUESTIONS)
    await page.goto("/")
    await expect(page.get_by_role("heading", name="does not know this interview any more")).to_be_focused()
    assert await violations(page) == []
    assert (await gone.memory())["session"] == "nowhere"
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("heading", name="does not know this interview any more")).to_be_focused()
    await page.get_by_role("button", name="Begin a new interview").click()
    await expect(page.get_by_role("textbox", name="Question 1", exact=True)).to_have_value(QUESTIONS[0]["text"])
    assert "session" not in await gone.memory()


@in_both
async def test_an_interview_that_is_erased_while_one_speaks_is_told_and_the_microphone_let_go(
    page: Page, stack: Stack
) -> None:
    await page.add_init_script(TRACKS)
    begun = await Begun.on(page, stack)
    await expect(page.locator(".pill").first).to_have_text("Open")
    await page.get_by_role("button", name="Record").click()
    await expect(page.get_by_role("button", name="Stop")).to_be_visible()
    await page.wait_for_function("() => tracks.some(({ readyState }) => readyState === 'live')")
    with stack.client(begun.user) as client:
        assert client.delete(f"/api/sessions/{begun.session}").status_code == 202
    await expect(page.get_by_role("heading", name="This interview was erased.")).to_be_focused()
    await page.wait_for_function("() => tracks.every(({ readyState }) => readyState === 'ended')")
    assert await violations(page) == []
    assert (await begun.memory())["session"] == begun.session
    await page.get_by_role("button", name="Begin a new interview").click()
    await page.get_by_role("button", name="Start the interview").click()
    await expect(page.get_by_text("Question 1 of 3")).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize("kept", ["null", '{"token":"x","user":"guest-1","until":1}'])
async def test_a_lost_token_makes_no_other_guest_without_a_word(page: Page, stack: Stack, kept: str) -> None:
    begun = await Begun.on(page, stack)
    await page.evaluate("(kept) => localStorage.setItem('viva-voce-demo-token', kept)", kept)
    await page.reload()
    await expect(page.get_by_role("heading", name="has no key to the interview any more")).to_be_focused()
    assert await violations(page) == []
    assert (await begun.memory())["session"] == begun.session
    await page.get_by_role("button", name="Begin a new interview").click()
    await page.get_by_role("button", name="Start the interview").click()
    await expect(page.get_by_text("Question 1 of 3")).to_be_visible()
    assert (await begun.memory())["user"] != begun.user


async def test_finishing_without_a_connection_says_so_and_leads_back(page: Page, stack: Stack) -> None:
    questions = QUESTIONS[:1]
    await Begun.on(page, stack, questions)
    await expect(page.locator(".pill")).to_have_text("Open")
    for path in (STATUS, UPLOADS, ANALYZE):
        await page.route(path, lambda route: route.abort())
    await page.get_by_label("Upload a file instead").set_input_files(samples()[0].audio)
    await expect(page.locator(".pill")).to_have_text("Kept here, will be sent")
    await page.reload()
    await expect(page.locator(".offline")).to_contain_text(NO_CONNECTION)
    await page.get_by_role("button", name="Finish").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("There is no connection at the moment: 1 recording is kept here.")
    await dialog.get_by_role("button", name="Finish").click()
    await expect(page.get_by_text("1 recording is on the way to the server.")).to_contain_text(NO_CONNECTION)
    assert await violations(page) == []
    await page.get_by_role("button", name="Back to the questions").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(questions[0]["text"])
    for path in (STATUS, UPLOADS, ANALYZE):
        await page.unroute(path)
    await page.reload()
    await expect(page.locator(".pill")).to_have_text("Transcribed")


STANDINGS = """async (events) => {
  const { standingOf } = await import("/web/demo/standing.js");
  return events.map(([local, answer]) => standingOf(local, answer)[1]);
}"""


async def test_where_an_answer_is_is_told_as_it_is(page: Page) -> None:
    await page.goto("/")
    kept = {"state": "kept", "problem": {}, "durable": True}
    told = {
        "Open": [None, None],
        "Sending 42 %": [{"state": "sending", "progress": 0.42}, None],
        "Waiting for the server": [{"state": "sending", "progress": 1}, None],
        "Kept": [{**kept, "problem": None}, None],
        "Kept here, will be sent": [kept, {"status": "completed"}],
        "In this page only": [{**kept, "durable": False}, None],
        "Sent": [{"state": "accepted"}, None],
        "Transcribed": [{"state": "accepted"}, {"status": "completed"}],
        "constructor": [None, {"status": "constructor"}],
    }
    assert await page.evaluate(STANDINGS, list(told.values())) == list(told)
