"""The dashboard says what is wrong, and says nothing of what it does not see."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Literal

import pytest
from playwright.async_api import expect

from services.interviews.model import CallId, PartId
from services.interviews.spoken import Told
from services.operations.readings import Arriving, Reading, Talking
from tests.browser.desk import FAULTS, NARROW, Q1, Desk, at_a_desk, clean
from tests.browser.engines import Engines, in_both
from tests.browser.faults import BLOCKED

pytestmark = in_both

HIDE = "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
HIDE += "document.dispatchEvent(new Event('visibilitychange'))"
ERASE = """async (path) => {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem("viva-voce-admin-token")}` };
  return (await fetch(path, { method: "DELETE", headers })).status;
}"""
DEED = """async (entry) => {
  const { audit } = await import("/web/admin/lists.js");
  return audit.of.item({ id: 1, who: "root", at: new Date().toISOString(), request_id: "r", ...entry }).textContent;
}"""
SHOW = "delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
async def desk(engines: Engines, browser_name: str) -> AsyncIterator[Desk]:
    async with at_a_desk(engines, browser_name) as desk:
        yield desk


async def test_that_all_is_well_is_said_with_how_many_failed(desk: Desk) -> None:
    desk.ends(completed=97, failed=3)
    await desk.open()
    await expect(desk.verdict).to_have_text(
        "All is well: nothing is stuck, and every part answers. 3 of 100 answers (3 %) failed within the hour."
    )
    await expect(desk.page).to_have_title("All well · Operations · Viva Voce")
    await expect(desk.tile("Failed in an hour")).to_contain_text("3 % of 100 that ended")
    await expect(desk.tile("In work")).to_contain_text("taken on by 1 worker · 2 transcribed at once")


async def test_what_arrives_and_calls_are_told_of(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    now = Talking(number=3, with_ports=2, ending=1, receivers=1, places=10)
    honest = desk.api.house.overview.gauges.read

    async def read() -> Reading:
        pieces = Arriving(number=4, bytes=2_500_000, oldest_seconds=80.0)
        return replace(await honest(), talking=now, arriving=pieces)

    monkeypatch.setattr(desk.api.house.overview.gauges, "read", read)
    await desk.open()
    await expect(desk.tile("Arriving")).to_contain_text("4 in pieces · 2.5 MB so far · oldest 80 s")
    await expect(desk.tile("Calls")).to_contain_text("1 ending · 8 of 10 places by UDP free")
    await expect(desk.tile("Calls")).to_have_class("tile")
    now = replace(now, receivers=0, places=0)
    desk.api.house.overview._until = float("-inf")
    await desk.looks()
    await expect(desk.tile("Calls")).to_contain_text("nobody takes in what is sent by UDP")
    await expect(desk.tile("Calls")).to_have_class("tile bad")


async def test_an_answer_that_is_recorded_is_shown_as_such_and_cannot_be_failed(desk: Desk) -> None:
    await desk.page.set_viewport_size(NARROW)
    session = desk.session()
    told = Told(part_id=PartId("0" * 24), take=1, seconds=16.0, received=40.5, call_id=CallId("a-call"))
    desk.api.house.memory.utterances_told[session.id, Q1] = told
    await desk.open()
    await desk.page.get_by_label("Session, user, or how a title begins").fill(session.id)
    await desk.page.keyboard.press("Enter")
    answer = desk.page.locator("#answers li")
    await expect(answer.locator(".pill")).to_have_text("recording")
    await expect(answer).to_contain_text("16 of 40 s heard")
    await expect(answer).to_contain_text("call a-call")
    await expect(answer.get_by_role("button")).to_have_count(0)
    await clean(desk.page)


async def test_of_a_session_that_is_erased_nothing_is_shown_any_more(desk: Desk) -> None:
    session = desk.session(title="Planted")
    await desk.page.set_viewport_size(NARROW)
    desk.watched.may_be_refused = True
    await desk.open()
    await desk.page.get_by_label("Session, user, or how a title begins").fill(session.id)
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("#session-title")).to_have_text("Planted")
    await expect(desk.page.locator("#audit")).to_contain_text(f"read session {session.id} of {session.user_id}")
    assert await desk.page.evaluate(ERASE, f"/api/sessions/{session.id}") == 202
    await desk.looks()
    await expect(desk.page.get_by_role("alert")).to_contain_text("This session was erased")
    await expect(desk.page.locator("#session")).to_be_hidden()
    await expect(desk.page.get_by_text("Planted")).to_have_count(0)
    await clean(desk.page)


async def test_what_has_no_user_any_more_is_told_without_one(desk: Desk) -> None:
    await desk.open()
    said = await desk.page.evaluate(DEED, {"action": "read", "on": {"session_id": "s1"}})
    assert "read session s1" in said
    assert "undefined" not in said


@pytest.mark.parametrize("token", ["eyJhbGci…", "€", "two words"])
async def test_a_token_that_was_not_copied_whole_is_told_and_asks_nobody(desk: Desk, token: str) -> None:
    await desk.page.goto("/admin")
    await desk.enter(token)
    await expect(desk.page.get_by_role("alert")).to_contain_text("This is no token")
    await expect(desk.page.get_by_label("Admin token")).to_be_focused()
    assert await desk.page.evaluate("sessionStorage.length") == 0
    await desk.works()
    await desk.enter("Bearer admin")
    await expect(desk.page.get_by_role("heading", name="How things stand")).to_be_focused()


@pytest.mark.long
async def test_that_a_quarter_fails_is_no_good_state(desk: Desk) -> None:
    await desk.page.set_viewport_size(NARROW)
    desk.ends(completed=3, failed=1)
    await desk.open()
    told = "1 of 4 answers (25 %) that ended within the hour failed, mostly for engine unavailable."
    await expect(desk.verdict).to_have_text(told)
    await expect(desk.verdict).to_have_class("verdict bad")
    await expect(desk.page).to_have_title("▲ 1 trouble · Operations · Viva Voce")
    await expect(desk.tile("Failed in an hour")).to_have_class("tile bad")
    await clean(desk.page)


@pytest.mark.long
async def test_what_failed_within_the_day_is_in_the_verdict_too(desk: Desk) -> None:
    desk.ends(completed=5, failed=5, seconds_ago=7000)
    house = desk.api.house
    house.memory.clock.advance(-7000 + 120)
    await house.trends.note()
    house.memory.clock.advance(7000 - 120)
    desk.ends(completed=3)
    await desk.open()
    await expect(desk.verdict).to_contain_text("5 of 10 answers (50 %) that ended within the day failed")


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_is_not_seen_is_not_said_to_be_well(desk: Desk, fault: str) -> None:
    await desk.page.set_viewport_size(NARROW)
    await desk.open()
    await expect(desk.page).to_have_title("All well · Operations · Viva Voce")
    await desk.breaks(fault)
    await desk.page.clock.fast_forward(16_000)
    await expect(desk.verdict).to_have_class("verdict blind")
    await expect(desk.verdict).to_contain_text(re.compile(r"^Blind: .*What is shown is how things stood at .*\d"))
    if fault == "mongodb":
        await expect(desk.verdict).to_contain_text("The database did not answer in time.")
    await expect(desk.page).to_have_title(re.compile(r"^Blind for 1\d s · Operations"))
    await expect(desk.page.locator("#part-figures")).to_have_class("old")
    await expect(desk.page.locator("#age-figures")).to_contain_text(re.compile(r"^1\d s old, of "))
    await clean(desk.page)
    await desk.page.clock.fast_forward(60_000)
    await expect(desk.page).to_have_title(re.compile(r"^Blind for (7\d|8\d) s · Operations"))
    await desk.heals()
    await desk.page.clock.fast_forward(60_000)
    await expect(desk.page).to_have_title("All well · Operations · Viva Voce")
    await expect(desk.page.locator(".old")).to_have_count(0)


@pytest.mark.long
async def test_one_list_that_does_not_come_makes_nothing_else_old(desk: Desk) -> None:
    await desk.open()
    await desk.breaks("mongodb", "**/api/admin/failed?*")
    await desk.looks()
    await expect(desk.page.locator("#part-failed")).to_have_class(re.compile("old"))
    await expect(desk.page.locator("#age-failed")).to_contain_text("The database did not answer in time.")
    await expect(desk.page.locator(".old")).to_have_count(1)
    await expect(desk.verdict).to_have_class("verdict well")


@pytest.mark.long
@pytest.mark.parametrize("fault", ["api", "portal"])
async def test_before_anything_is_seen_that_is_said_and_the_token_stays(desk: Desk, fault: str) -> None:
    await desk.page.set_viewport_size(NARROW)
    await desk.open()
    await desk.breaks(fault)
    await desk.page.reload()
    await expect(desk.page.get_by_role("heading", name="Nothing is seen yet")).to_be_visible()
    await expect(desk.page.locator("#dark-why")).to_contain_text("no connection")
    await expect(desk.page).to_have_title("Blind · Operations · Viva Voce")
    await clean(desk.page)
    await desk.heals()
    await desk.page.clock.fast_forward(60_000)
    await expect(desk.page.get_by_role("heading", name="How things stand")).to_be_focused()


@pytest.mark.long
async def test_only_the_api_itself_has_a_token_forgotten(desk: Desk) -> None:
    desk.watched.may_be_refused = True
    await desk.page.set_viewport_size(NARROW)
    await desk.page.goto("/admin")
    await desk.enter("alice")
    await expect(desk.page.get_by_role("alert")).to_contain_text("role admin")
    assert await desk.page.evaluate("sessionStorage.length") == 0
    await clean(desk.page)


@pytest.mark.long
async def test_a_page_that_nobody_sees_says_nothing_of_how_things_stand(desk: Desk) -> None:
    await desk.open()
    await desk.page.evaluate(HIDE)
    await expect(desk.page).to_have_title("Paused · Operations · Viva Voce")
    desk.ends(completed=1, failed=3)
    await desk.page.clock.fast_forward(60_000)
    await expect(desk.page).to_have_title("Paused · Operations · Viva Voce")
    await desk.page.evaluate(SHOW)
    await expect(desk.page).to_have_title("▲ 1 trouble · Operations · Viva Voce")


async def test_trends_are_drawn_and_also_said(desk: Desk, engines: Engines) -> None:
    await desk.page.set_viewport_size(NARROW)
    desk.ends(completed=6, failed=2)
    desk.api.house.memory.clock.advance(90)
    await desk.open()
    drawn = desk.page.locator("#trends").get_by_role("img")
    await expect(drawn).to_have_count(4)
    await expect(drawn.first).to_have_attribute("aria-label", re.compile(r"^8 recordings in the last hour"))
    await expect(drawn.nth(2)).to_have_attribute("aria-label", re.compile(r"^2 answers in the last hour"))
    await desk.page.get_by_role("radio", name="Last day").check()
    await expect(drawn.first).to_have_attribute("aria-label", re.compile(r"Of \d\d in 96 spans nothing is known\.$"))
    await desk.page.get_by_text("As a table").click()
    table = desk.page.get_by_role("table", name="What came and went in the last day")
    await expect(table.get_by_role("row")).to_have_count(25)
    await expect(table.get_by_role("row").nth(1)).to_contain_text("8")
    await clean(desk.page)
    await engines.emulate(desk.page, forced_colors="active")
    await clean(desk.page)


async def test_the_way_to_grafana_is_there_where_there_is_one(desk: Desk) -> None:
    await desk.open()
    await expect(desk.page.get_by_role("link", name="Grafana")).to_have_attribute(
        "href", "https://grafana.example/d/viva"
    )


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_read_on_a_phone_by_day_and_by_night(
    desk: Desk, engines: Engines, scheme: Literal["light", "dark"]
) -> None:
    await desk.page.set_viewport_size(NARROW)
    await engines.emulate(desk.page, color_scheme=scheme)
    await desk.page.goto("/admin")
    await clean(desk.page)
    desk.ends(completed=2, failed=2)
    await desk.open()
    await desk.page.locator("#failed").get_by_role("button", name="q1, take 1").first.click()
    await expect(desk.page.locator("#session-title")).to_be_focused()
    await clean(desk.page)
    await desk.breaks("api")
    await desk.page.clock.fast_forward(16_000)
    await expect(desk.verdict).to_have_class("verdict blind")
    await clean(desk.page)


async def test_all_that_narrows_a_list_is_seen_and_stands_in_line(desk: Desk) -> None:
    await desk.open()
    await desk.page.get_by_text("By state and time").click()
    for form in ("#find", "#sieve"):
        fields = desk.page.locator(f"{form} [name]")
        for number in range(await fields.count()):
            await expect(fields.nth(number)).to_be_visible()
    rows = await desk.page.locator("#sieve .field > [name]").evaluate_all(EDGES)
    assert len({top for top, _ in rows}) == len(set(map(tuple, rows)))


EDGES = """(fields) => fields.map((field) => {
  const { top, bottom } = field.getBoundingClientRect();
  return [Math.round(top), Math.round(bottom)];
})"""


@pytest.mark.parametrize("button", ["Count what it would do", "Sweep now"])
async def test_of_a_sweep_that_fails_nothing_is_said_to_go_on(desk: Desk, button: str) -> None:
    await desk.open()
    await desk.breaks("mongodb", "**/api/admin/sweep")
    await desk.page.get_by_role("button", name=button).press("Enter")
    if button == "Sweep now":
        await desk.page.get_by_role("dialog").get_by_role("button", name="Sweep", exact=True).press("Enter")
    await expect(desk.page.get_by_role("alert")).to_contain_text("The database did not answer in time")
    await expect(desk.page.locator("#swept")).to_be_empty()
    await expect(desk.page.get_by_role("button", name=button)).to_be_enabled()
    await expect(desk.page.get_by_role("button", name=button)).to_be_focused()
    await desk.heals("**/api/admin/sweep")
    await desk.page.get_by_role("button", name="Count what it would do").press("Enter")
    await expect(desk.page.locator("#swept")).to_contain_text("Would be done")


async def test_where_the_site_may_store_nothing_it_works_until_it_is_loaded_anew(desk: Desk) -> None:
    await desk.page.add_init_script(BLOCKED)
    await desk.open()
    await desk.page.get_by_role("button", name="Forget the token").click()
    await expect(desk.page.get_by_label("Admin token")).to_be_focused()
    await desk.page.reload()
    await expect(desk.page.get_by_label("Admin token")).to_be_visible()
