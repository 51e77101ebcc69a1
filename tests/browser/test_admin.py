"""The dashboard in a browser: a token opens it, and what is stuck is ended and retried with a click."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.desk import faults
from tests.browser.watching import Watched
from tests.system.live import Stack, create, upload, wait_for
from tests.system.speech import samples, word_error_rate

SAMPLE = samples()[0]
WHY = "The recording hangs the engine."


@contextmanager
def standing_still(stack: Stack) -> Iterator[None]:
    """Nothing is taken on while the worker stands still."""
    worker = stack.running.layout.read_pids()["worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


@pytest.fixture
async def page(context: BrowserContext, watched: Watched) -> Page:
    page = await context.new_page()
    await page.goto("/admin")
    return page


async def enter(page: Page, token: str) -> None:
    await page.get_by_label("Admin token").fill(token)
    await page.keyboard.press("Enter")


async def opened(page: Page, stack: Stack) -> Page:
    await enter(page, stack.token("root", admin=True))
    await expect(page.get_by_role("heading", name="How things stand")).to_be_focused()
    return page


async def find(page: Page, session: str) -> Locator:
    """The answers of the session."""
    await page.get_by_label("Session, user, or how a title begins").fill(session)
    await page.keyboard.press("Enter")
    await expect(page.locator("#session-title")).to_be_focused()
    return page.locator("#answers li")


async def test_an_answer_is_failed_with_a_reason_and_retried_with_a_click(page: Page, stack: Stack) -> None:
    with stack.client() as alice:
        session = create(alice, SAMPLE.question)
        with standing_still(stack):
            upload(alice, session, SAMPLE.id, SAMPLE.audio.read_bytes())
            answer = (await find(await opened(page, stack), session)).first
            await expect(answer.locator(".pill")).to_have_text("queued")
            await answer.get_by_role("button", name="Fail answer").press("Enter")
            await expect(page.get_by_role("dialog")).to_be_visible()
            assert await faults(page) == []
            await page.get_by_role("textbox", name="Reason").fill(WHY)
            await page.get_by_role("button", name="Fail the answer").click()
            await expect(answer.locator(".pill")).to_have_text("failed")
        assert wait_for(alice, session, SAMPLE.id)["error"] == {"code": "failed_by_operator", "sentence": WHY}
        await expect(page.locator("#reasons")).to_contain_text("failed by operator")
        failed = page.locator("#failed li", has_text=session)
        await expect(failed).to_contain_text(WHY)
        await failed.get_by_role("button", name="Retry answer").click()
        await expect(answer.locator(".pill")).to_have_text("completed")
        await expect(failed).to_have_count(0)
        heard = wait_for(alice, session, SAMPLE.id)["transcript"]
    assert word_error_rate(SAMPLE.said, heard) < 0.2
    told = page.locator("#audit li", has_text=session)
    await expect(told.filter(has_text="read ").first).to_be_visible()
    log = told.filter(has_not_text="read ")
    await expect(log).to_have_count(2)
    await expect(log.first).to_contain_text("failed → queued")
    await expect(log.last).to_contain_text(WHY)
    assert await faults(page) == []


@pytest.mark.long
async def test_what_failed_of_one_user_is_retried_together_and_completed(page: Page, stack: Stack) -> None:
    with stack.client("carol") as carol, stack.client("root", admin=True) as root:
        with standing_still(stack):
            sessions = [create(carol, SAMPLE.question) for _ in range(2)]
            for session in sessions:
                upload(carol, session, SAMPLE.id, SAMPLE.audio.read_bytes())
                where = f"/api/admin/answers/{session}/{SAMPLE.id}/fail"
                root.post(where, json={"reason": WHY}).raise_for_status()
            await opened(page, stack)
            await page.locator("#sieve").get_by_label("User").fill("carol")
            await page.get_by_role("button", name="Filter").click()
            await expect(page.locator("#failed-count")).to_have_text("2 failures")
            await page.get_by_role("button", name="Retry all that fit").click()
            await page.get_by_role("dialog", name="Retry 2 answers?").get_by_role("button", name="Retry 2").click()
            await expect(page.locator("#retry-result")).to_have_text("2 answers wait again.")
        for session in sessions:
            heard = wait_for(carol, session, SAMPLE.id)
            assert word_error_rate(SAMPLE.said, heard["transcript"]) < 0.2
    await expect(page.locator("#failed")).to_have_text("Nothing has failed that fits.")
    await expect(page.locator("#audit li", has_text="one of 2")).to_have_count(2)
    assert await faults(page) == []


async def test_a_reason_must_be_given_and_nothing_is_done_without_it(page: Page, stack: Stack) -> None:
    with stack.client() as alice, standing_still(stack):
        session = create(alice, SAMPLE.question)
        upload(alice, session, SAMPLE.id, SAMPLE.audio.read_bytes())
        answer = (await find(await opened(page, stack), session)).first
        await answer.get_by_role("button", name="Fail answer").click()
        reason = page.get_by_role("textbox", name="Reason")
        for nothing in ("", "   "):
            await reason.fill(nothing)
            await page.get_by_role("button", name="Fail the answer").click()
            await expect(page.get_by_role("dialog")).to_be_visible()
            await expect(reason).to_be_focused()
        assert await reason.evaluate("(field) => field.validationMessage") == "Say why, in words."
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        assert alice.get(f"/api/transcription-status/{session}/{SAMPLE.id}").json()["status"] == "queued"


async def test_the_sweep_counts_and_sweeps(page: Page, stack: Stack) -> None:
    await opened(page, stack)
    swept = page.locator("#swept")
    await page.get_by_role("button", name="Count what it would do").click()
    await expect(swept).to_contain_text("Would be done")
    await page.get_by_role("button", name="Sweep now").click()
    await page.get_by_role("dialog").get_by_role("button", name="Sweep", exact=True).click()
    await expect(swept.get_by_role("columnheader", name="Done", exact=True)).to_be_visible()
    await expect(page.locator("#audit li").first).to_contain_text("sweep")


async def test_only_an_admins_token_opens_it_and_it_stays_in_the_tab(
    page: Page, context: BrowserContext, stack: Stack, watched: Watched
) -> None:
    watched.may_be_refused = True
    await enter(page, stack.token("alice"))
    await expect(page.get_by_role("alert")).to_contain_text("role admin")
    await enter(page, "nonsense")
    await expect(page.get_by_role("alert")).to_contain_text("not valid")
    await opened(page, stack)
    await expect(page.get_by_role("alert")).to_be_hidden()
    await page.reload()
    await expect(page.get_by_role("heading", name="How things stand")).to_be_visible()
    assert await page.evaluate("localStorage.length") == 0
    other = await context.new_page()
    await other.goto("/admin")
    await expect(other.get_by_label("Admin token")).to_be_focused()
    await page.get_by_role("button", name="Forget the token").click()
    await expect(page.get_by_label("Admin token")).to_be_focused()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_it_looks_again_by_itself_and_rests_while_it_is_not_seen(page: Page, stack: Stack) -> None:
    await page.clock.install()
    await opened(page, stack)
    looks: list[str] = []
    page.on("request", lambda request: looks.append(request.url))
    async with page.expect_response("**/api/admin/overview"):
        await page.clock.run_for(6000)
    await expect(page.locator("#pulse")).to_contain_text("Updated")
    await page.evaluate(HIDE)
    await expect(page.locator("#pulse")).to_contain_text("Paused")
    looks.clear()
    await page.clock.run_for(60_000)
    assert looks == []
    async with page.expect_response("**/api/admin/overview"):
        await page.evaluate(SHOW)
    await expect(page.locator("#pulse")).to_contain_text("Updated")


HIDE = "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
HIDE += "document.dispatchEvent(new Event('visibilitychange'))"
SHOW = "delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))"


NAMES = ["constructor", "__proto__", "hasOwnProperty", "toString"]
TEXTS = ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "\u202egnorw\u202c", "{{7*7}} ${7*7}"]


async def test_ids_and_texts_that_mean_no_good_are_shown_as_what_they_are(page: Page, stack: Stack) -> None:
    shown: list[str] = []
    page.on("dialog", lambda dialog: shown.append(dialog.message))
    questions = [{"id": name, "text": text} for name, text in zip(NAMES, TEXTS, strict=True)]
    with stack.client() as alice:
        session = alice.post("/api/sessions", json={"questions": questions, "title": TEXTS[0]}).json()["session_id"]
        upload(alice, session, "__proto__", SAMPLE.audio.read_bytes())
        wait_for(alice, session, "__proto__")
    answers = await find(await opened(page, stack), session)
    await expect(page.locator("#session-title")).to_have_text(TEXTS[0])
    for name, text in zip(NAMES, TEXTS, strict=True):
        item = answers.filter(has_text=f"{name}: {text}")
        await expect(item).to_contain_text("completed" if name == "__proto__" else "Not answered yet.")
    assert not await page.locator("#answers img, #answers script").count()
    assert not shown
