"""A slip of the finger or a dead page replaces no answer by itself."""

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.bench import Bench, Line, dead, event, kept
from tests.browser.engines import in_both
from tests.system import live

pytestmark = in_both

WRITTEN = """async () => {
  const { IndexedStore } = await import("/web/recorder/store.js");
  const store = new IndexedStore("viva-voce");
  const all = await store.all();
  await store.close();
  return all.some(({ state, bytes }) => state === "recording" && bytes > 0);
}"""
ALL_ACCEPTED = "heard.filter((e) => e.state === 'accepted').map((e) => e.id)"
ACCEPTED = "(id) => heard.find((e) => e.id === id && e.state === 'accepted') ?? null"


async def written(page: Page) -> None:
    """Something of the recording that is being made is in the browser's store."""
    while not await page.evaluate(WRITTEN):
        await page.wait_for_timeout(100)


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> Bench:
    return await Bench.made(context, stack)


async def test_a_short_take_waits_for_a_yes(bench: Bench) -> None:
    await Line().on(bench.context)
    page = await bench.page()
    first = await bench.record(page, 4)
    await page.wait_for_function(ACCEPTED, arg=first["id"])
    short = await bench.record(page, 0.5)
    assert (short["state"], short["end"]) == ("held", "stopped")
    assert [one["state"] for one in await page.evaluate("recorder.whenSent()")] == ["held"]
    await page.evaluate("recorder.retry()")  # of what waits, not of what is asked about
    assert await page.evaluate("recorder.whenSent().then(([one]) => one.state)") == "held"
    assert await page.evaluate(ALL_ACCEPTED) == [first["id"]]
    await bench.none_arriving()  # it would be waited for
    await page.evaluate("(id) => recorder.confirm(id)", short["id"])
    await page.wait_for_function(ACCEPTED, arg=short["id"])
    assert await page.evaluate(ALL_ACCEPTED) == [first["id"], short["id"]]
    assert [part["bytes"] for part in bench.accepted()] == [first["bytes"], short["bytes"]]


@pytest.mark.long
async def test_a_take_that_is_as_whole_as_the_first_replaces_it(bench: Bench) -> None:
    page = await bench.page()
    first = await bench.record(page, 2)
    second = await bench.record(page, 2)
    other = await bench.record(page, 0.5, question="q2")
    assert [one["state"] for one in (first, second, other)] == ["kept"] * 3
    assert await page.evaluate("recorder.whenSent()") == []


@pytest.mark.long
async def test_a_fragment_of_a_dead_page_replaces_nothing(bench: Bench) -> None:
    await Line().on(bench.context)
    page = await bench.page(warnBeforeLeaving=False)
    first = await bench.record(page, 1)
    await page.wait_for_function(ACCEPTED, arg=first["id"])
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 2.2")  # longer than the first, and cut off
    await written(page)
    await page.reload()
    await bench.open(page)
    held = await event(page, "held")
    assert (held["recovered"], held["end"]) == (True, "page_left")
    await page.reload()
    await bench.open(page)
    [same] = await kept(page)
    assert (same["id"], same["state"]) == (held["id"], "held")
    await page.evaluate("(id) => recorder.discard(id)", held["id"])
    assert await kept(page) == []
    await bench.none_arriving()
    assert [part["bytes"] for part in bench.accepted()] == [first["bytes"]]


@pytest.mark.long
async def test_a_fragment_does_not_overtake_a_take_that_is_not_sent_yet(bench: Bench) -> None:
    await Line([dead] * 100).on(bench.context)
    page = await bench.page(warnBeforeLeaving=False)
    await bench.record(page, 1)
    await bench.start(page)
    await written(page)
    await page.reload()
    await bench.open(page)
    await event(page, "held")
    assert [one["state"] for one in await kept(page)] == ["kept", "held"]


@pytest.mark.long
@pytest.mark.parametrize(("replaces", "state"), [(True, "held"), (60, "held"), (1.5, "kept"), (False, "kept")])
async def test_what_only_the_server_has_is_not_replaced_either(
    bench: Bench, replaces: bool | float, state: str
) -> None:
    page = await bench.page()
    assert (await bench.record(page, 1, replaces=replaces))["state"] == state


@pytest.mark.long
async def test_a_take_that_loses_its_microphone_is_no_whole_one(bench: Bench) -> None:
    page = await bench.page()
    await bench.record(page, 1)
    await page.evaluate("import('/web/faults.js').then(({ microphoneLost }) => void microphoneLost({ after: 2 }))")
    await bench.start(page)
    held = await event(page, "held")
    assert held["end"] == "microphone_lost"
    assert await page.evaluate("told.filter(({ type }) => type === 'ended').map(({ reason }) => reason)") == [
        "stopped",
        "microphone_lost",
    ]


@pytest.mark.long
async def test_a_file_is_chosen_on_purpose(bench: Bench) -> None:
    page = await bench.page()
    await bench.record(page, 3)
    added = await bench.add(page)
    await page.wait_for_function(ACCEPTED, arg=added["id"])
