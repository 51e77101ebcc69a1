"""Takes on the demo page: no fragment replaces an answer, two tabs know of each other, and what is here can be seen."""

import re

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser.begun import Begun
from tests.browser.bench import UPLOADS
from tests.browser.engines import in_both
from tests.browser.faults import BLOCKED
from tests.browser.watching import Watched, violations
from tests.system.live import Stack
from tests.system.speech import samples

RECORDED = "(least) => document.querySelector('.time').textContent >= least"
LEAVE = """() => {
  const left = new Event("beforeunload", { cancelable: true });
  dispatchEvent(left);
  return left.defaultPrevented;
}"""


@pytest.fixture
async def page(context: BrowserContext, watched: Watched) -> Page:
    watched.may_be_refused = watched.may_be_unreachable = True
    return await context.new_page()


async def record(page: Page, least: str = "0:01") -> None:
    await page.locator(".record").click()
    await expect(page.locator(".record")).to_have_text("Stop")
    await page.wait_for_function(RECORDED, arg=least)


async def refused(route: Route) -> None:
    said = {"type": "/problems/not_audio", "title": "Unsupported Media Type", "status": 415, "code": "not_audio"}
    body = said | {"detail": "This is no recording."}
    await route.fulfill(status=415, content_type="application/problem+json", json=body)


async def answered(page: Page) -> None:
    await page.get_by_label("Upload a file instead").set_input_files(samples()[0].audio)
    await expect(page.locator(".pill").first).to_have_text("Transcribed")


async def test_a_recording_that_is_cut_off_replaces_no_answer_and_is_marked(page: Page, stack: Stack) -> None:
    await Begun.on(page, stack)
    await answered(page)
    said = await page.locator(".said").first.inner_text()
    sent: list[str] = []

    async def passed_on(route: Route) -> None:
        if route.request.headers.get("upload-complete") == "?1":
            sent.append(route.request.url)
        await route.continue_()

    await page.route(UPLOADS, passed_on)
    await record(page, "0:02")
    assert await page.evaluate(LEAVE)
    await page.reload()
    await expect(page.locator(".held")).to_contain_text("A fragment")
    assert await violations(page) == []
    await expect(page.locator(".pill").first).to_have_text("Transcribed")
    await expect(page.locator(".said").first).to_have_text(said)
    await expect(page.locator(".standings .hint").first).to_contain_text("waits for your word")
    here = page.locator("#here")
    await expect(here.locator("summary")).to_have_text("In this browser: 1 recording")
    await here.locator("summary").click()
    await expect(here).to_contain_text("a fragment")
    await page.locator(".held").get_by_role("button", name="Listen").click()
    await expect(page.locator(".held audio")).to_be_visible()
    assert sent == []
    await page.locator(".held").get_by_role("button", name="Use this one").click()
    await expect(page.locator(".held")).to_have_count(0)
    await expect(here.locator("summary")).to_have_text("In this browser: no recordings")
    assert len(sent) == 1


@pytest.mark.long
async def test_what_is_safely_stored_is_shown_and_a_page_that_is_closed_finishes_it(page: Page, stack: Stack) -> None:
    await Begun.on(page, stack)
    await record(page, "0:02")
    await expect(page.locator(".stored")).to_have_text(re.compile(r"0:0[1-9] safely stored"))
    await page.reload()
    await expect(page.locator(".hint").first).to_contain_text("The page was closed while you recorded")
    await expect(page.locator(".pill").first).to_have_text("Transcribed")
    await expect(page.locator(".record")).to_have_text("Record again")


@pytest.mark.long
async def test_a_short_take_counts_only_if_the_candidate_says_so(page: Page, stack: Stack) -> None:
    await Begun.on(page, stack)
    await answered(page)
    await record(page)
    await page.locator(".record").click()
    await expect(page.get_by_text("It does not replace your answer yet.")).to_be_visible()
    await page.get_by_role("button", name="Next").click()
    await page.get_by_role("button", name="Next").click()
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_role("dialog")).to_contain_text("1 recording is waiting for you to say")
    await page.keyboard.press("Escape")
    await page.locator(".standings .name").first.click()
    await page.locator(".held").get_by_role("button", name="Delete this one").click()
    await expect(page.locator(".held")).to_have_count(0)
    await expect(page.locator(".pill").first).to_have_text("Transcribed")
    assert await page.evaluate(LEAVE) is False


@pytest.mark.long
async def test_what_was_decided_of_a_short_take_is_not_called_undecided(page: Page, stack: Stack) -> None:
    await Begun.on(page, stack)
    await answered(page)
    for choice in ("Delete this one", "Use this one"):
        await record(page)
        await page.locator(".record").click()
        await expect(page.locator(".hint").first).to_contain_text("It does not replace your answer yet.")
        await page.locator(".held").get_by_role("button", name=choice).click()
        await expect(page.locator(".held")).to_have_count(0)
        await expect(page.locator(".hint").first).to_be_empty()
    await expect(page.locator(".pill").first).to_have_text("Transcribed")


@pytest.mark.long
async def test_of_what_the_server_does_not_take_nobody_says_that_it_will_be_the_answer(
    page: Page, stack: Stack
) -> None:
    await Begun.on(page, stack)
    await record(page, "0:02")
    await page.route(UPLOADS, refused)
    await page.reload()
    await expect(page.locator(".pill").first).to_have_text("Not taken")
    await expect(page.locator(".hint").first).to_have_text(
        re.compile(r"The page was closed while you recorded; 0:\d\d were saved\.$")
    )


@pytest.mark.long
@in_both
async def test_two_tabs_on_one_question_know_of_each_other(context: BrowserContext, page: Page, stack: Stack) -> None:
    await Begun.on(page, stack)
    other = await context.new_page()
    await other.goto("/")
    await expect(other.locator(".pill").first).to_have_text("Open")
    await record(page)
    await expect(other.locator(".pill").first).to_have_text("Recording in another tab")
    await expect(other.locator(".notice")).to_have_text("This question is being recorded in another tab.")
    await other.locator(".record").click()
    await expect(other.get_by_text("Stop it there first.")).to_be_visible()
    await page.locator(".record").click()
    await expect(other.locator(".notice")).to_be_empty()
    await expect(other.locator(".pill").first).not_to_have_text("Recording in another tab")


@pytest.mark.long
@in_both
async def test_what_is_here_of_whom_ever_is_listened_to_sent_and_deleted(page: Page, stack: Stack) -> None:
    await page.route(UPLOADS, lambda route: route.abort())
    first = await Begun.on(page, stack)
    await record(page)
    await page.locator(".record").click()
    await expect(page.locator(".pill").first).to_have_text("Kept here, will be sent")
    await page.evaluate("() => localStorage.removeItem('viva-voce-demo-tokens')")
    second = await Begun.on(page, stack)
    assert second.user != first.user
    here = page.locator("#here")
    await expect(here.locator("summary")).to_have_text("In this browser: 1 recording")
    await here.locator("summary").click()
    await expect(here.locator("li")).to_contain_text("An earlier interview, question q1")
    await expect(here.locator("li")).to_contain_text("0:0")
    assert await violations(page) == []
    await here.get_by_role("button", name="Listen").click()
    await expect(here.locator("audio")).to_be_visible()
    await page.unroute(UPLOADS)
    await here.get_by_role("button", name="Try again").click()
    await expect(here.locator("li")).to_contain_text("There is no connection")  # nobody has its guest's key any more
    await here.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    await expect(here.locator("li")).to_have_count(1)
    await here.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete it for ever").click()
    await expect(here.locator("summary")).to_have_text("In this browser: no recordings")


@pytest.mark.long
@in_both
async def test_where_the_site_may_store_nothing_the_interview_goes_on_from_memory(
    context: BrowserContext, page: Page
) -> None:
    await context.add_init_script(BLOCKED)
    await page.route(UPLOADS, lambda route: route.abort())
    await page.goto("/")
    await page.get_by_role("button", name="Start the interview").click()
    await record(page)
    await page.locator(".record").click()
    await expect(page.locator(".pill").first).to_have_text("In this page only")
    await expect(page.locator(".notice")).to_contain_text("leave this page open until all is sent")
    await page.locator("#here summary").click()
    await expect(page.locator("#here li")).to_contain_text("it is gone when the page is closed")
    assert await violations(page) == []
    assert await page.evaluate(LEAVE)
    await page.locator("#here").get_by_role("button", name="Try again").click()
    await page.unroute(UPLOADS)  # from here on it may be sent at any moment by itself
    await expect(page.locator(".pill").first).to_have_text("Transcribed")
    await expect(page.locator(".notice")).to_be_empty()
    assert await page.evaluate(LEAVE) is False
