"""A recording is sent while it is made: whatever breaks on the way, what the server has is what was recorded."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.bench import Bench, event
from tests.browser.engines import Engines, in_both
from tests.browser.faults import put, put_first, take_away
from tests.system import live

HEARD = """
const start = MediaRecorder.prototype.start;
window.pieces = [];
MediaRecorder.prototype.start = function (...given) {
  this.addEventListener("dataavailable", ({ data }) => pieces.push(data));
  return start.apply(this, given);
};
window.sum = async (blobs) => {
  const digest = await crypto.subtle.digest("SHA-256", await new Blob(blobs).arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
};
"""
STORED = "(seconds) => told.some((e) => e.type === 'stored' && e.storedSeconds > seconds)"
KEPT_SUM = """async () => {
  const { IndexedStore } = await import("/web/recorder/store.js");
  const store = new IndexedStore("viva-voce");
  const [{ id, type, bytes }] = await store.all();
  const sound = await store.data(id, type);
  await store.close();
  return [await sum([sound]), bytes];
}"""
SENT = """() => {
  const real = window.fetch;
  window.sent = 0;
  window.fetch = (url, given) => {
    if (given?.method === "PATCH") window.sent += given.body?.size ?? 0;
    return real(url, given);
  };
}"""
RULES = """async () => {
  const { PORTAL, EMPTY, page, problem } = await import("/web/faults.js");
  const faults = [PORTAL, EMPTY, page(404), page(410), page(502), problem(503, "x", { "Retry-After": "0" })];
  const every = [...faults, "unreachable", "answer lost"].map((fault) => ({ fault, times: 1 }));
  const to = (method, path) => every.map((rule) => ({ ...rule, method, path }));
  return [...to("POST", "/api/uploads"), ...to("PATCH", "/api/uploads/"), ...to("GET", "/api/uploads/")];
}"""


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> Bench:
    await context.add_init_script(HEARD)
    return await Bench.made(context, stack)


async def recording(bench: Bench, page: Page, stored: float = 0.5) -> None:
    """It records, and so many seconds of it are at the server."""
    await bench.start(page)
    await page.wait_for_function(STORED, arg=stored)


async def stops(page: Page) -> tuple[dict[str, Any], str]:
    """The recording as it was accepted, and the sum of what the browser gave."""
    await page.evaluate("recorder.stop()")
    return await event(page, "accepted"), await page.evaluate("sum(pieces)")


def is_the_one_take(bench: Bench, sha256: str, bytes: int) -> bool:
    return [(part["sha256"], part["bytes"]) for part in bench.accepted()] == [(sha256, bytes)]


@in_both
async def test_what_is_recorded_is_stored_before_it_ends(bench: Bench) -> None:
    page = await bench.page(timeslice=300)
    await recording(bench, page, 1)
    assert await page.evaluate("recorder.state") == "recording"
    assert bench.arriving()[0]["offset"] > 0
    ended, sha256 = await stops(page)
    assert is_the_one_take(bench, sha256, ended["bytes"])
    assert ended["answer"]["bytes"] == ended["storedBytes"] == ended["bytes"]
    assert ended["storedSeconds"] == ended["seconds"]
    stored = await page.evaluate("told.filter((e) => e.type === 'stored').map((e) => [e.storedBytes, e.bytes])")
    assert stored == sorted(stored)
    assert all(there <= here for there, here in stored)


@pytest.mark.long
@in_both
async def test_a_network_that_is_gone_for_a_while_costs_nothing(bench: Bench) -> None:
    page = await bench.page(timeslice=300)
    await recording(bench, page)
    await bench.context.set_offline(True)
    before = await page.evaluate("recorder.elapsed")
    await page.wait_for_function("(before) => recorder.elapsed > before + 2", arg=before)
    await bench.context.set_offline(False)
    await page.wait_for_function(STORED, arg=before + 1)
    ended, sha256 = await stops(page)
    assert is_the_one_take(bench, sha256, ended["bytes"])


@in_both
async def test_a_reload_in_the_middle_sends_the_rest_and_nothing_twice(bench: Bench) -> None:
    page = await bench.page(timeslice=300, warnBeforeLeaving=False)
    await recording(bench, page)
    await page.evaluate("void Object.defineProperty(window, 'fetch', { value: () => new Promise(() => {}) })")
    at = await page.evaluate("recorder.elapsed")
    await page.wait_for_function("(at) => recorder.elapsed > at + 1.5", arg=at)
    await page.reload()
    [sha256, bytes] = await page.evaluate(KEPT_SUM)
    [there] = bench.arriving()
    await page.evaluate(SENT)
    await bench.open(page)
    ended = await event(page, "accepted")
    assert (ended["recovered"], ended["end"], ended["bytes"]) == (True, "page_left", bytes)
    assert is_the_one_take(bench, sha256, bytes)
    assert await page.evaluate("sent") == bytes - there["offset"] > 0


@pytest.mark.long
@in_both
async def test_what_the_server_forgot_is_sent_as_a_whole_once(bench: Bench) -> None:
    page = await bench.page(timeslice=300)
    wholes: list[str] = []
    page.on("request", lambda request: wholes.append(request.url) if "/upload-answer/" in request.url else None)
    await recording(bench, page)
    with bench.stack.client() as client:
        for one in bench.arriving():
            gone = client.delete(f"/api/uploads/{one['upload_id']}", headers={"Tus-Resumable": "1.0.0"})
            assert gone.status_code == 204
    at = await page.evaluate("recorder.elapsed")
    await page.wait_for_function("(at) => recorder.elapsed > at + 1", arg=at)
    ended, sha256 = await stops(page)
    assert is_the_one_take(bench, sha256, ended["bytes"])
    assert len(wholes) == 1


@pytest.mark.long
@in_both
async def test_where_nothing_can_be_kept_it_is_sent_while_it_is_made_all_the_same(bench: Bench) -> None:
    await put_first(bench.context, "storageBlocked")
    page = await bench.page(timeslice=300)
    await recording(bench, page, 1)
    ended, sha256 = await stops(page)
    assert is_the_one_take(bench, sha256, ended["bytes"])
    assert not ended["durable"]


@pytest.mark.long
@in_both
@pytest.mark.parametrize("options", [{}, {"sendWhileRecording": False}], ids=["no such door", "not wanted"])
async def test_without_the_door_it_is_sent_when_it_has_ended(bench: Bench, options: dict[str, Any]) -> None:
    page = await bench.page(timeslice=300, **options)
    absent = await page.evaluate("import('/web/faults.js').then(({ problem }) => problem(404, 'not_found'))")
    await put(page, "network", [{"path": "/api/uploads", "fault": absent}])
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1.2")
    ended, sha256 = await stops(page)
    assert ended["whole"]
    assert is_the_one_take(bench, sha256, ended["bytes"])


@pytest.mark.long
@in_both
async def test_strangers_answers_on_the_way_count_for_nothing(bench: Bench) -> None:
    page = await bench.page(timeslice=300, stallSeconds=2)
    await put(page, "network", await page.evaluate(RULES))
    await page.evaluate("void setInterval(() => dispatchEvent(new Event('online')), 200)")  # no waiting between tries
    await bench.start(page)
    await page.wait_for_function(STORED, arg=3)
    await take_away(page, "network")
    ended, sha256 = await stops(page)
    assert not ended["whole"]
    assert is_the_one_take(bench, sha256, ended["bytes"])


@pytest.mark.long
@in_both
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_an_api_that_comes_back_goes_on(bench: Bench, number: signal.Signals) -> None:
    page = await bench.page(timeslice=300)
    await recording(bench, page)
    before = bench.stack.running.layout.read_pids()["api"]
    os.kill(before, number)
    at = await page.evaluate("recorder.elapsed")
    await page.wait_for_function(STORED, arg=at + 1)
    ended, sha256 = await stops(page)
    assert is_the_one_take(bench, sha256, ended["bytes"])


@pytest.mark.long
async def test_a_browser_that_is_closed_in_the_middle_goes_on_when_it_is_opened_again(
    engines: Engines, stack: live.Stack, tmp_path: Path
) -> None:
    async with engines.lasting(stack.url, tmp_path / "profile") as context:
        await context.add_init_script(HEARD)
        bench = await Bench.made(context, stack)
        page = await bench.page(timeslice=300, warnBeforeLeaving=False)
        await recording(bench, page)
        await put(page, "network", [{"fault": "unreachable"}])
        at = await page.evaluate("recorder.elapsed")
        await page.wait_for_function("(at) => recorder.elapsed > at + 1", arg=at)
    assert bench.accepted() == []
    async with engines.lasting(stack.url, tmp_path / "profile") as context:
        await context.add_init_script(HEARD)
        again = await Bench.made(context, stack)
        page = await context.new_page()
        await page.goto("/bench")
        [sha256, bytes] = await page.evaluate(KEPT_SUM)
        await again.open(page)
        await event(page, "accepted")
    assert is_the_one_take(bench, sha256, bytes)


@pytest.mark.long
@in_both
async def test_an_earlier_take_goes_first(bench: Bench) -> None:
    page = await bench.page(timeslice=300)
    await put(page, "network", [{"path": "/api/upload", "fault": "unreachable"}])
    first = await bench.record(page, 1)
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1.5")
    await take_away(page, "network")
    await page.evaluate("recorder.retry()")
    await event(page, "accepted")
    second = await page.evaluate("recorder.stop()")
    assert await page.evaluate("recorder.whenSent()") == []
    assert [part["bytes"] for part in bench.accepted()] == [first["bytes"], second["bytes"]]
