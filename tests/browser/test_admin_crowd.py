"""The dashboard with 2,000 sessions and 500 failures, on a phone and by keyboard."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from services.interviews.model import Evaluation, Mark, PartState, Status, UserId, answer_of
from services.interviews.transcript import silence
from services.operations.ports.audit_log import Action, Outcome
from tests.browser.desk import NARROW, Desk, at_a_desk, clean
from tests.browser.engines import Engines, in_both
from tests.in_memory import Q1

pytestmark = in_both

SESSIONS, FAILURES = 2000, 500
HOUR = 3600.0


@pytest.fixture
async def desk(engines: Engines, browser_name: str) -> AsyncIterator[Desk]:
    async with at_a_desk(engines, browser_name) as desk:
        await desk.page.set_viewport_size(NARROW)
        yield desk


@pytest.fixture
async def crowd(desk: Desk) -> Desk:
    for index in range(FAILURES):
        code = "worker_lost" if index % 10 == 0 else "engine_unavailable"
        desk.ended(PartState.FAILED, code, seconds_ago=60.0 * index)
    for _ in range(SESSIONS - FAILURES):
        desk.session()
    await desk.open()
    return desk


async def look_for(page: Page, **wanted: str) -> None:
    """Narrow the failures to this reason, this user, these times."""
    names = {"user": "User", "since": "Failed from", "until": "Failed before"}
    form = page.locator("#sieve")
    for name, value in wanted.items():
        if name == "reason":
            await form.get_by_label("Reason").select_option(value)
        else:
            await form.get_by_label(names[name]).fill(value)
    await form.get_by_role("button", name="Filter").click()


@pytest.mark.long
async def test_sessions_are_paged_with_how_many_there_are(crowd: Desk) -> None:
    page = crowd.page
    await page.get_by_role("button", name="Find", exact=True).click()
    count = page.locator("#found-count")
    await expect(count).to_have_text("20 of over 1,000 sessions")
    await page.get_by_role("button", name="More sessions").click()
    await expect(count).to_have_text("70 of over 1,000 sessions")
    await page.get_by_label("Session, user, or how a title begins").fill("user1")
    await page.keyboard.press("Enter")
    await expect(count).to_have_text("20 of 500 sessions")
    await clean(page)
    await page.locator("#find").get_by_role("button", name="Clear").click()
    await expect(page.locator("#finding")).to_be_hidden()


async def test_sessions_are_found_by_how_they_stand_and_when_they_were_made(crowd: Desk) -> None:
    page = crowd.page
    waits = crowd.session(2, title="The one that waits")
    part = replace(crowd.ended(PartState.COMPLETED), session_id=waits.id, state=PartState.QUEUED)
    crowd.show(waits, answer_of(part))
    await page.get_by_text("By state and time").click()
    await page.get_by_label("State").select_option("an answer waits or is in work")
    await page.get_by_role("button", name="Find", exact=True).click()
    await expect(page.locator("#session-title")).to_be_focused()
    await expect(page.locator("#session-title")).to_have_text("The one that waits")
    await page.get_by_label("State").select_option("any state")
    await page.get_by_label("Made from").fill("2030-01-01T00:00")
    await page.get_by_role("button", name="Find", exact=True).click()
    await expect(page.locator("#found")).to_have_text("No session fits.")
    await clean(page)


@pytest.mark.long
async def test_the_search_is_above_everything_that_may_be_long(crowd: Desk) -> None:
    sought = await crowd.page.locator("#sought").bounding_box()
    height = await crowd.page.evaluate("document.documentElement.scrollHeight")
    assert sought is not None and sought["y"] < NARROW["height"]
    assert height < 12 * NARROW["height"], "500 failures push nothing out of reach"


async def test_failures_are_narrowed_and_paged(crowd: Desk) -> None:
    page = crowd.page
    count, items = page.locator("#failed-count"), page.locator("#failed > li")
    await expect(count).to_have_text("20 of 500 failures")
    await page.get_by_role("button", name="Older failures").click()
    await expect(count).to_have_text("70 of 500 failures")
    await crowd.looks()
    await expect(items).to_have_count(70)
    await look_for(page, reason="worker_lost")
    await expect(count).to_have_text("20 of 50 failures")
    await look_for(page, user="user1")
    await expect(count).to_have_text(re.compile(r"^20 of 2\d failures$|^2\d failures$|^20 of 25 failures$"))
    await look_for(page, user="nobody")
    await expect(items).to_have_text(["Nothing has failed that fits."])
    await page.locator("#sieve").get_by_role("button", name="Clear").click()
    await expect(count).to_have_text("20 of 500 failures")
    await look_for(page, since="2030-01-01T00:00")
    await expect(items).to_have_text(["Nothing has failed that fits."])
    await clean(page)


@pytest.mark.long
async def test_all_that_fit_are_retried_by_keyboard_up_to_a_bound_that_is_told(crowd: Desk) -> None:
    page, house = crowd.page, crowd.api.house
    before = set(house.memory.rows)
    await page.get_by_role("button", name="Retry all that fit").focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Retry 200 answers?")
    await expect(dialog).to_contain_text("180 × engine unavailable")
    await expect(dialog).to_contain_text("20 × worker lost")
    await expect(dialog).to_contain_text("200 at once")
    await expect(dialog.get_by_role("listitem")).to_have_count(200)
    await clean(page)
    await dialog.get_by_role("button", name="Retry 200").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#retry-result")).to_have_text("200 answers wait again.")
    await expect(page.locator("#failed-count")).to_have_text("20 of 300 failures")
    queued = [part.id for part in (row.part for row in house.memory.rows.values()) if part.state is PartState.QUEUED]
    assert len(queued) == 200 and set(queued) <= before
    done = [e for e in house.audit_log.entries if e.deed.action is Action.RETRY]
    assert [e.outcome for e in done] == [Outcome.DONE] * 200
    assert {e.deed.on["among"] for e in done} == {20}
    assert sorted(house.doorbell.to_transcribe) == sorted(queued)
    await expect(page.locator("#audit li").first).to_contain_text("one of 20")


@pytest.mark.long
async def test_nothing_is_retried_where_one_thinks_better_of_it(desk: Desk) -> None:
    desk.ends(failed=3)
    await desk.open()
    await desk.page.get_by_role("button", name="Retry all that fit").click()
    await expect(desk.page.get_by_role("dialog", name="Retry 3 answers?")).to_be_visible()
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.get_by_role("dialog")).to_be_hidden()
    await expect(desk.page.get_by_role("button", name="Retry all that fit")).to_be_focused()
    assert {row.part.state for row in desk.api.house.memory.rows.values()} == {PartState.FAILED}


@pytest.mark.long
async def test_what_was_not_retried_is_told_with_why(desk: Desk) -> None:
    first, second, third = (desk.ended(PartState.FAILED, "worker_lost") for _ in range(3))
    await desk.open()
    await desk.page.get_by_role("button", name="Retry all that fit").click()
    await expect(desk.page.get_by_role("dialog", name="Retry 3 answers?")).to_be_visible()
    await desk.api.house.interventions.retry(second.id)
    row = desk.api.house.memory.rows[third.id]
    row.part = replace(row.part, keep_audio=False)
    await desk.page.get_by_role("button", name="Retry 3").click()
    told = "1 answer waits again. 2 were not retried: 1 recording gone, 1 not failed."
    await expect(desk.page.locator("#retry-result")).to_have_text(told)
    assert desk.api.house.part(first.id).state is PartState.QUEUED


@pytest.mark.long
async def test_the_focus_stays_in_the_list_where_an_entry_leaves_it(desk: Desk) -> None:
    desk.ends(failed=3)
    await desk.open()
    await desk.page.locator("#failed").get_by_role("button", name="Retry answer").nth(1).press("Enter")
    await expect(desk.page.locator("#failed > li")).to_have_count(2)
    assert await desk.page.evaluate("document.querySelector('#failed').contains(document.activeElement)")


@pytest.mark.long
async def test_answers_that_no_scorer_could_be_had_for_are_scored_anew(desk: Desk) -> None:
    page, house = desk.page, desk.api.house
    session = desk.session(title="\u0648\u0627\u062c\u0647\u0629", user_id=UserId("user9"))
    part = replace(desk.ended(PartState.COMPLETED), session_id=session.id, question_id=Q1)
    house.memory.rows[part.id].part = part
    unscored = replace(answer_of(part, silence(1.0)), mark=Mark.UNSCORED, status=Status.COMPLETED)
    desk.show(session, replace(unscored, evaluation=Evaluation(score=None, reason="scorer_unavailable", scorer="x")))
    await desk.open()
    await page.get_by_label("Session, user, or how a title begins").fill(session.id)
    await page.keyboard.press("Enter")
    await expect(page.locator("#session-title")).to_be_focused()
    assert await page.locator("#session-title").get_attribute("dir") == "auto"
    await expect(page.locator("#answers")).to_contain_text("unscored: scorer unavailable")
    await clean(page)
    await page.get_by_role("button", name="Score answer q1").press("Enter")
    await expect(page.locator("#announce")).to_contain_text("Answer q1 will be scored anew.")
    assert house.doorbell.to_score == [part.id]
    assert house.memory.rows[part.id].to_score
    await page.get_by_role("button", name="Close the session").click()
    await expect(page.locator("#sought")).to_be_focused()


FOCUS_ORDER = ["sought", "Find", "Clear", "By state and time", "span-hour", "As a table", "code", "of-user"]
FOCUSED = """() => {
  const at = document.activeElement;
  return at.id && at.tagName !== "BUTTON" ? at.id : at.textContent.trim();
}"""


@pytest.mark.long
async def test_by_keyboard_one_comes_to_everything_from_the_top(desk: Desk) -> None:
    await desk.open()
    found: list[str] = []
    for _ in range(60):
        await desk.page.keyboard.press("Tab")
        found.append(await desk.page.evaluate(FOCUSED))
        if found[-1] == "Sweep now":
            break
    wanted = [*FOCUS_ORDER, "Filter", "Retry all that fit …", "Count what it would do", "Sweep now"]
    assert [name for name in found if name in wanted and name != "Clear"] == [n for n in wanted if n != "Clear"]


@pytest.mark.long
async def test_names_and_reasons_that_mean_no_good_are_shown_as_what_they_are(desk: Desk) -> None:
    shown: list[str] = []
    desk.page.on("dialog", lambda dialog: shown.append(dialog.message))
    for name in ("__proto__", "constructor", "<img src=x onerror=alert(1)>"):
        desk.ended(PartState.FAILED, name, user_id=UserId(name), title=name)
    await desk.open()
    for name in ("  proto  ", "constructor", "<img src=x onerror=alert(1)>"):
        await expect(desk.page.locator("#reasons")).to_contain_text(name.strip())
    await expect(desk.page.locator("#failed > li")).to_have_count(3)
    await expect(desk.page.locator("#failed")).to_contain_text("user __proto__")
    await desk.page.get_by_role("button", name="Retry all that fit").click()
    await expect(desk.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(3)
    await clean(desk.page)
    assert not await desk.page.locator("main img, dialog img").count()
    assert not shown
