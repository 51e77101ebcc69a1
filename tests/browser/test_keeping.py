"""What is kept in the browser: never more is claimed than is there, and all of it can be found."""

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.bench import Bench, Line, dead, event, kept
from tests.browser.engines import in_both
from tests.system import live

pytestmark = in_both


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> Bench:
    return await Bench.made(context, stack)


FULL = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...given) {
  if (window.isFull) throw new DOMException("Quota exceeded.", "QuotaExceededError");
  return put.apply(this, given);
};
"""
WARNS = """() => {
  const leaving = new Event("beforeunload", { cancelable: true });
  dispatchEvent(leaving);
  return leaving.defaultPrevented;
}"""
PROBLEMS = "troubles.map(({ code, detail }) => [code, detail])"


async def warns(page: Page) -> bool:
    return bool(await page.evaluate(WARNS))


@pytest.mark.long
async def test_a_full_disk_is_said_and_the_page_is_not_left_unasked(bench: Bench) -> None:
    await bench.context.add_init_script(FULL)
    line = await Line([dead] * 100).on(bench.context)
    page = await bench.page()
    durable = await bench.record(page, 1, question="q2")
    assert durable["durable"]
    assert await page.evaluate("recorder.isDurable")
    assert not await warns(page)
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1.5")
    await page.evaluate("void (window.isFull = true)")
    await page.wait_for_function("() => troubles.length")
    ended = await page.evaluate("recorder.stop()")
    assert (ended["durable"], ended["state"]) == (False, "kept")
    assert [one["durable"] for one in await kept(page)] == [True, False]
    full = "This browser has no room left. Leave this page open until all is sent."
    assert await page.evaluate(PROBLEMS) == [["storage_full", full]]
    assert not await page.evaluate("recorder.isDurable")
    assert await warns(page)
    await page.evaluate("void (window.isFull = false)")
    line.first.clear()
    await page.evaluate("recorder.retry()")
    assert await page.evaluate("recorder.whenSent()") == []
    sent = await page.wait_for_function(
        "(id) => heard.find((e) => e.id === id && e.state === 'accepted') ?? null", arg=ended["id"]
    )
    assert (await sent.json_value())["answer"]["bytes"] == ended["bytes"] > 0
    assert await page.evaluate("recorder.isDurable")
    assert not await warns(page)


CONNECTIONS = """
const begin = IDBDatabase.prototype.transaction;
const [opened, cut] = [new Set(), new Set()];
window.cutConnections = () => opened.forEach((one) => cut.add(one));
"""
CLOSING = """
IDBDatabase.prototype.transaction = function (...given) {
  if (cut.has(this)) throw new DOMException("The database connection is closing.", "InvalidStateError");
  return begin.apply(opened.add(this) && this, given);
};
"""
LOST = """
IDBDatabase.prototype.transaction = function (...given) {
  const tx = begin.apply(opened.add(this) && this, given);
  if (!cut.has(this)) return tx;
  Object.defineProperty(tx, "error", { value: new DOMException("The connection is lost.", "UnknownError") });
  queueMicrotask(() => tx.abort());
  return tx;
};
"""


@pytest.mark.long
@pytest.mark.parametrize("how", [CLOSING, LOST])
async def test_a_connection_that_the_browser_cuts_is_made_anew(bench: Bench, how: str) -> None:
    """As WebKit does with pages that were in the background."""
    await bench.context.add_init_script(f"{{ {CONNECTIONS} {how} }}")
    await Line([dead] * 100).on(bench.context)
    page = await bench.page()
    await bench.record(page, 1, question="q2")
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1.5")
    await page.evaluate("cutConnections()")
    await page.wait_for_function("() => recorder.elapsed > 3.5")
    ended = await page.evaluate("recorder.stop()")
    assert (ended["durable"], ended["state"]) == (True, "kept")
    assert await page.evaluate(PROBLEMS) == []
    await page.reload()
    await bench.open(page)
    again = {one["id"]: one["bytes"] for one in await kept(page)}
    assert len(again) == 2
    assert again[ended["id"]] == ended["bytes"] > 0
    assert await page.evaluate("async (id) => (await recorder.audio(id)).size", ended["id"]) == ended["bytes"]


SILENT = """
const begin = IDBDatabase.prototype.transaction;
const nothing = new Proxy(() => nothing, { get: () => nothing, set: () => true });
IDBDatabase.prototype.transaction = function (...given) {
  return window.isMute ? nothing : begin.apply(this, given);
};
const later = window.setTimeout;
window.setTimeout = (act, wait, ...given) => later(act, window.isMute && wait === 10_000 ? 50 : wait, ...given);
"""


@pytest.mark.long
async def test_a_storage_that_falls_silent_holds_no_recording_up(bench: Bench) -> None:
    """As WebKit's does while a page that sleeps in the background holds all of it."""
    await bench.context.add_init_script(f"{{ {SILENT} }}")
    page = await bench.page()
    await bench.start(page)
    await page.wait_for_function("() => told.some((e) => e.type === 'stored')")
    await page.evaluate("void (window.isMute = true)")
    await page.wait_for_function("() => troubles.length")
    ended = await page.evaluate("recorder.stop()")
    assert (ended["durable"], ended["state"]) == (False, "kept")
    assert (await event(page, "accepted"))["answer"]["bytes"] == ended["bytes"] > 0
    assert [code for code, _ in await page.evaluate(PROBLEMS)] == ["storage_failed"]
    assert len(bench.accepted()) == 1


@pytest.mark.long
async def test_the_page_is_not_left_unasked_while_it_records(bench: Bench) -> None:
    page = await bench.page()
    assert not await warns(page)
    await bench.start(page)
    assert await warns(page)
    await page.evaluate("recorder.stop()")
    assert not await warns(page)


BLOCKED = """
const refuse = () => { throw new DOMException("The operation is insecure.", "SecurityError"); };
Object.defineProperty(window, "indexedDB", { get: refuse });
Object.defineProperty(window, "localStorage", { get: refuse });
window.BroadcastChannel = class { constructor() { refuse(); } };
navigator.locks.request = async () => refuse();
"""


@pytest.mark.long
async def test_where_site_data_is_blocked_it_works_from_memory(bench: Bench) -> None:
    await bench.context.add_init_script(BLOCKED)
    page = await bench.page()
    recorded = await bench.record(page, 1)
    assert not recorded["durable"]
    accepted = await event(page, "accepted")
    assert accepted["answer"]["bytes"] == recorded["bytes"] > 0
    assert [code for code, _ in await page.evaluate(PROBLEMS)] == ["storage_failed"]
    assert await kept(page) == []
    short = await bench.record(page, 0.3, replaces=60)
    assert short["state"] == "held"


@pytest.mark.long
async def test_what_is_in_memory_alone_is_sent_by_the_next_recorder_of_the_page(bench: Bench) -> None:
    await bench.context.add_init_script(BLOCKED)
    line = await Line([dead] * 100).on(bench.context)
    page = await bench.page()
    recorded = await bench.record(page, 1)
    await page.wait_for_function("() => heard.some((e) => e.problem)")
    await page.evaluate("recorder.close()")
    assert await warns(page)
    line.first.clear()
    await bench.open(page)
    accepted = await event(page, "accepted")
    assert (accepted["id"], accepted["answer"]["bytes"]) == (recorded["id"], recorded["bytes"])
    assert not await warns(page)


HANGS = """
indexedDB.open = () => ({});
const later = window.setTimeout;
window.setTimeout = (act, wait, ...given) => later(act, wait === 10_000 ? 50 : wait, ...given);
"""


@pytest.mark.long
async def test_a_storage_that_never_opens_holds_nothing_up(bench: Bench) -> None:
    await bench.context.add_init_script(HANGS)
    page = await bench.page()
    recorded = await bench.record(page, 1)
    assert not recorded["durable"]
    assert (await event(page, "accepted"))["answer"]["bytes"] == recorded["bytes"] > 0
    assert [code for code, _ in await page.evaluate(PROBLEMS)] == ["storage_failed"]


async def test_what_is_being_kept_is_on_its_way_too(bench: Bench) -> None:
    page = await bench.page()
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1")
    left = await page.evaluate("(void recorder.stop(), recorder.whenSent())")
    assert (left, await kept(page)) == ([], [])
    assert await page.evaluate("heard.at(-1).state") == "accepted"


CLEARED = """async () => {
  const { IndexedStore } = await import("/web/recorder/store.js");
  const store = new IndexedStore("viva-voce");
  for (const { id } of await store.all()) await store.remove(id);
  await store.close();
}"""


@pytest.mark.long
async def test_site_data_that_is_deleted_while_it_records_takes_nothing_along(bench: Bench) -> None:
    page = await bench.page(timeslice=400)
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1.5")
    await page.evaluate(CLEARED)
    ended = await page.evaluate("recorder.stop()")
    accepted = await event(page, "accepted")
    assert accepted["answer"]["bytes"] == ended["bytes"] > 0


LISTEN = """async (id) => {
  const sound = await recorder.audio(id);
  const player = new Audio(URL.createObjectURL(sound));
  await new Promise((resolve, reject) => Object.assign(player, { oncanplaythrough: resolve, onerror: reject }));
  return [sound.size, sound.type];
}"""


@pytest.mark.long
async def test_everything_in_this_browser_is_found_whoever_left_it(bench: Bench) -> None:
    line = await Line([dead] * 100).on(bench.context)
    alices = await bench.page(owner="alice")
    left = await bench.record(alices, 1)
    other = await bench.add(alices, question="q2")
    await alices.close()
    page = await bench.page([bench.token, bench.token], owner="bob")
    assert await kept(page) == []
    found = await page.evaluate("recorder.recordings({ everyone: true })")
    assert [(one["id"], one["owner"]) for one in found] == [(left["id"], "alice"), (other["id"], "alice")]
    assert await page.evaluate(LISTEN, left["id"]) == [left["bytes"], left["type"]]
    assert await page.evaluate("recorder.audio('nothing')") is None
    await page.evaluate("(id) => recorder.discard(id)", other["id"])
    line.first.clear()
    await page.evaluate("(id) => recorder.retry(id)", left["id"])
    accepted = await event(page, "accepted")
    assert (accepted["id"], accepted["owner"]) == (left["id"], "alice")
    assert {one["owner"] for one in await page.evaluate("asked")} == {"alice"}
    assert await page.evaluate("recorder.recordings({ everyone: true })") == []


RACE = """async ({ session, times }) => {
  for (let at = 0; at < times; at += 1) void recorder.retry();
  await recorder.whenSent(session);
  for (let at = 0; at < times; at += 1) await recorder.retry();
  return recorder.recordings();
}"""


@pytest.mark.long
async def test_nothing_that_was_sent_comes_back_whoever_changes_it_meanwhile(bench: Bench) -> None:
    line = await Line([dead]).on(bench.context)
    page = await bench.page()
    added = await bench.add(page)
    await page.wait_for_function("() => heard.some((e) => e.problem)")
    assert await page.evaluate(RACE, {"session": bench.session, "times": 20}) == []
    assert line.keys == [added["id"]] * 2
    accepted = await event(page, "accepted")
    assert accepted["attempts"] == 2


async def test_what_was_accepted_leaves_no_sound_behind(bench: Bench) -> None:
    page = await bench.page()
    await bench.record(page, 1)
    await event(page, "accepted")
    left: list[dict[str, Any]] = await page.evaluate(LEFT)
    assert [one["state"] for one in left] == ["accepted"]
    assert [one["size"] for one in left] == [0]


LEFT = """async () => {
  const { IndexedStore } = await import("/web/recorder/store.js");
  const store = new IndexedStore("viva-voce");
  const all = await store.all();
  const found = await Promise.all(all.map(async ({ id, state }) => ({ state, size: (await store.data(id, "")).size })));
  await store.close();
  return found;
}"""


@pytest.mark.long
async def test_a_token_that_never_comes_holds_nothing_up_for_ever(bench: Bench) -> None:
    page = await bench.page([bench.token, bench.token], stallSeconds=0.3)
    await page.evaluate("void (window.isSilent = true)")
    await bench.add(page)
    lost = await page.wait_for_function("() => heard.find((e) => e.problem) ?? null")
    assert (await lost.json_value())["problem"]["code"] == "no_connection"
    await page.evaluate("void (window.isSilent = false)")
    await event(page, "accepted")
