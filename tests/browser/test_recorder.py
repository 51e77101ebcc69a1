"""The recorder: nothing is lost, nothing is sent twice, and whoever must know is told."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext

from tests.browser.bench import Bench, Line, answers, dead, event, kept
from tests.browser.engines import in_both
from tests.system import live

pytestmark = in_both


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> AsyncIterator[Bench]:
    yield await Bench.made(context, stack)


async def test_what_could_not_be_sent_is_sent_after_a_reload_under_the_same_key(bench: Bench) -> None:
    line = await Line([dead] * 100).on(bench.context)
    page = await bench.page()
    added = await bench.add(page)
    waiting = await page.wait_for_function("() => heard.find((e) => e.problem?.code === 'no_connection')")
    assert (await waiting.json_value())["state"] == "kept"
    line.first.clear()
    await page.reload()
    await bench.open(page)
    accepted = await event(page, "accepted")
    assert accepted["answer"]["bytes"] == added["bytes"]
    assert {*line.keys} == {added["id"]}
    assert await kept(page) == []


async def test_a_page_that_dies_while_it_records_loses_a_second_at_most(bench: Bench) -> None:
    page = await bench.page()
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 3.2")
    await page.close()
    again = await bench.page()
    accepted = await event(again, "accepted")
    assert accepted["recovered"]
    assert accepted["seconds"] > 2
    assert accepted["answer"]["bytes"] == accepted["bytes"] > 0


@pytest.mark.long
async def test_a_recording_that_is_being_made_in_another_tab_is_left_alone(bench: Bench) -> None:
    page = await bench.page()
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1.5")
    other = await bench.page()
    await bench.add(other, question="q2")
    assert (await event(other, "accepted"))["question"] == "q2"
    await page.evaluate("recorder.stop()")
    mine = await page.wait_for_function("() => heard.find((e) => e.state === 'accepted' && e.question === 'q1')")
    assert not (await mine.json_value())["recovered"]


@pytest.mark.long
async def test_two_tabs_send_a_recording_once_and_both_know(bench: Bench) -> None:
    line = await Line([dead]).on(bench.context)
    one, two = await bench.page(), await bench.page()
    added = await bench.add(one)
    await one.wait_for_function("() => heard.some((e) => e.problem)")
    for page in (one, two, one, two):
        await page.evaluate("void recorder.retry()")
    told = [await event(page, "accepted") for page in (one, two)]
    assert [event["id"] for event in told] == [added["id"]] * 2
    assert sorted(event.get("elsewhere", False) for event in told) == [False, True]
    assert line.keys == [added["id"]] * 2  # the one that failed, and one


@pytest.mark.long
async def test_what_the_server_asks_to_wait_is_waited(bench: Bench) -> None:
    line = await Line([answers(429, Retry_After="2")]).on(bench.context)
    page = await bench.page()
    await bench.add(page)
    await event(page, "accepted")
    assert line.times[1] - line.times[0] >= 2
    assert line.keys[0] == line.keys[1]


async def test_a_lasting_refusal_is_told_and_kept_until_it_is_discarded(bench: Bench) -> None:
    line = await Line().on(bench.context)
    page = await bench.page()
    added = await bench.add(page, session="nowhere")
    refused = await event(page, "refused")
    assert (refused["problem"]["status"], refused["problem"]["code"]) == (404, "session_not_found")
    assert [one["state"] for one in await kept(page)] == ["refused"]
    assert len(line.keys) == 1
    assert await page.evaluate("recorder.whenSent().then((left) => left.length)") == 1
    await page.evaluate("(id) => recorder.discard(id)", added["id"])
    assert await kept(page) == []
    await event(page, "discarded")


async def test_a_token_that_is_not_taken_is_asked_for_once_more(bench: Bench) -> None:
    page = await bench.page([f"{bench.token}x", bench.token])
    await bench.add(page)
    await event(page, "accepted")
    assert [one["refresh"] for one in await page.evaluate("asked")] == [False, True]


@pytest.mark.long
async def test_a_later_take_waits_for_the_earlier_one(bench: Bench) -> None:
    line = await Line([answers(503, Retry_After="1")]).on(bench.context)
    page = await bench.page()
    first, second = await bench.add(page), await bench.add(page)
    other = await bench.add(page, question="q2")
    assert await page.evaluate("recorder.whenSent()") == []
    sent = line.keys
    assert sent.index(other["id"]) < sent.index(second["id"])
    assert sent[0] == first["id"] == sent[sent.index(second["id"]) - 1]


@pytest.mark.long
async def test_only_the_servers_own_202_counts(bench: Bench) -> None:
    await Line([answers(200, "<h1>Sign in to this hotel</h1>"), answers(202, "{}")]).on(bench.context)
    page = await bench.page()
    await bench.add(page)
    accepted = await event(page, "accepted")
    assert accepted["attempts"] == 3
    assert accepted["answer"]["file_id"]


async def test_when_the_network_returns_it_goes_on_at_once(bench: Bench) -> None:
    page = await bench.page()
    await bench.context.set_offline(True)
    await bench.add(page)
    await page.wait_for_function("() => heard.some((e) => e.problem?.code === 'no_connection')")
    await page.evaluate(PUT_OFF)  # by itself it would not be tried again for half an hour
    await bench.context.set_offline(False)
    await event(page, "accepted")


PUT_OFF = """async () => {
  const { IndexedStore } = await import("/web/recorder/store.js");
  const store = new IndexedStore("viva-voce");
  const later = { retryAt: Date.now() + 1800_000 };
  for (const { id } of await store.all()) await store.update(id, (one) => ({ ...one, ...later }));
  await store.close();
}"""


@pytest.mark.long
async def test_what_one_owner_left_is_not_sent_for_another(bench: Bench) -> None:
    line = await Line([dead] * 100).on(bench.context)
    page = await bench.page(owner="alice")
    await bench.add(page)
    await page.wait_for_function("() => heard.some((e) => e.problem)")
    await page.close()
    line.first.clear()
    line.keys.clear()
    bobs = await bench.page(owner="bob")
    assert await kept(bobs) == []
    await bench.add(bobs)
    await event(bobs, "accepted")
    assert len(line.keys) == 1
    again = await bench.page(owner="alice")
    await event(again, "accepted")


@pytest.mark.long
async def test_a_recording_ends_by_itself(bench: Bench) -> None:
    page = await bench.page(maxDuration=1.6)
    await bench.start(page)
    accepted = await event(page, "accepted")
    assert 1.5 < accepted["seconds"] < 60
    assert accepted["type"] == "audio/webm;codecs=opus"
    assert await page.evaluate("recorder.state") == "idle"


@pytest.mark.long
async def test_the_level_of_a_recording_is_seen_as_long_as_it_goes_on(bench: Bench) -> None:
    page = await bench.page()
    await bench.start(page)
    await page.wait_for_function(PAINTED)
    await page.wait_for_function("() => Math.max(...levels) > 0.5")
    await page.evaluate("recorder.stop()")
    await event(page, "accepted")
    assert (await page.evaluate("levels")).pop() == 0
    assert not await page.evaluate(PAINTED)


PAINTED = """() => {
  const canvas = document.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some(Boolean);
}"""


async def test_without_a_microphone_it_says_what_to_do(bench: Bench) -> None:
    await bench.context.add_init_script(DENIED)
    page = await bench.page()
    said = await page.evaluate(
        "recorder.start({ session: 's', question: 'q' }).catch(({ code, message }) => [code, message])"
    )
    assert said[0] == "microphone_denied"
    assert "Allow it" in said[1]
    assert await page.evaluate("recorder.state") == "idle"


DENIED = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("Denied.", "NotAllowedError"); };
"""


@pytest.mark.long
async def test_where_nothing_can_be_stored_it_is_sent_all_the_same(bench: Bench) -> None:
    await bench.context.add_init_script("indexedDB.open = () => { throw new DOMException('no', 'SecurityError'); }")
    page = await bench.page()
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1.5")
    await page.wait_for_function("() => !recorder.isDurable")
    assert not (await page.evaluate("recorder.stop()"))["durable"]
    accepted = await event(page, "accepted")
    assert accepted["answer"]["bytes"] == accepted["bytes"] > 0
    assert await page.evaluate("recorder.isDurable")  # for nothing is left
    assert [trouble["code"] for trouble in await page.evaluate("troubles")] == ["storage_failed"]


async def test_stop_while_the_browser_still_asks_leaves_the_microphone_off(bench: Bench) -> None:
    page = await bench.page()
    await page.evaluate(
        "(answered) => { void recorder.start(answered); return recorder.stop(); }", {"session": "s", "question": "q"}
    )
    await page.evaluate("new Promise((resolve) => setTimeout(resolve, 300))")
    assert await page.evaluate("recorder.state") == "idle"
    await bench.start(page)
    assert await page.evaluate("recorder.state") == "recording"


async def test_who_is_not_heard_for_four_seconds_is_told_and_told_again_when_it_is_over(bench: Bench) -> None:
    page = await bench.page()
    assert await page.evaluate(QUIET) == [[4.5, True], [6.0, False]]


QUIET = """async () => {
  const { listenForQuiet } = await import("/web/recorder/level.js");
  const [told, real] = [[], performance.now];
  let seconds = 0;
  performance.now = () => 1000 * seconds;
  const hear = listenForQuiet((quiet) => told.push([seconds, quiet]));
  for (; seconds < 8; seconds += 0.5) hear(seconds < 0.5 || seconds >= 6 ? 0.6 : 0.05);
  performance.now = real;
  return told;
}"""
