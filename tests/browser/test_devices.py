"""The microphone and the device around it: level, limit, screen, sleep, a second tab, a test before the start."""

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.bench import Bench, Line, event, told
from tests.browser.engines import in_both
from tests.system import live

pytestmark = in_both

FAR = "const far = performance.now.bind(performance); window.ahead = 0; performance.now = () => far() + window.ahead;"


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> Bench:
    return await Bench.made(context, stack)


async def events(page: Page, type: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate("(type) => told.filter((event) => event.type === type)", type)
    return found


SUSPENDED = """
window.isSuspended = true;
window.resumed = 0;
Object.defineProperty(AudioContext.prototype, "state", { get: () => (window.isSuspended ? "suspended" : "running") });
AudioContext.prototype.resume = async () => { window.resumed += 1; };
"""


@pytest.mark.long
async def test_what_the_browser_does_not_measure_is_no_silence(bench: Bench) -> None:
    await bench.context.add_init_script(FAR + SUSPENDED)
    page = await bench.page()
    await bench.start(page)
    for _ in range(3):
        await page.evaluate("void (window.ahead += 4900)")
        await page.wait_for_function("(before) => resumed > before", arg=await page.evaluate("resumed"))
    assert await events(page, "quiet") == []
    assert await page.evaluate("levels") == []
    await page.evaluate("void (window.isSuspended = false)")
    await page.wait_for_function("() => levels.length")
    await page.evaluate("recorder.stop()")
    assert await page.evaluate("levels.at(-1)") == 0


TAKEN_AWAY = """
window.isMuted = false;
Object.defineProperty(MediaStreamTrack.prototype, "muted", { get: () => window.isMuted });
"""


@pytest.mark.long
async def test_a_microphone_that_the_system_takes_away_is_silence(bench: Bench) -> None:
    """For a call, say, while which the browser lets nothing be measured either."""
    await bench.context.add_init_script(FAR + SUSPENDED + TAKEN_AWAY)
    page = await bench.page()
    await bench.start(page)
    await page.evaluate("void (window.isMuted = true)")
    await page.wait_for_function("() => levels.at(-1) === 0")
    await page.evaluate("void (window.ahead += 4900)")
    assert (await told(page, "quiet"))["quiet"]
    await page.evaluate("void (window.isMuted = false)")
    await page.wait_for_function("() => told.some(({ type, quiet }) => type === 'quiet' && !quiet)")
    await page.evaluate("recorder.stop()")


STREAMS = """
const open = MediaDevices.prototype.getUserMedia;
window.streams = [];
MediaDevices.prototype.getUserMedia = async function (...given) {
  streams.push(await open.apply(this, given));
  return streams.at(-1);
};
"""


@pytest.mark.long
async def test_a_microphone_that_went_between_two_recordings_is_opened_anew(bench: Bench) -> None:
    await bench.context.add_init_script(STREAMS)
    page = await bench.page(keepMicrophone=True)
    await bench.record(page, 1)
    await bench.record(page, 1, question="q2")
    assert await page.evaluate("streams.length") == 1
    await page.evaluate("streams[0].getTracks().forEach((track) => track.stop())")
    again = await bench.record(page, 1)
    assert await page.evaluate("streams.length") == 2
    assert (again["end"], again["bytes"] > 0) == ("stopped", True)
    assert await page.evaluate("troubles") == []


@pytest.mark.long
async def test_a_browser_that_begins_no_recording_is_said_in_words(bench: Bench) -> None:
    page = await bench.page()
    await page.evaluate(
        "void (MediaRecorder.prototype.start = () => { throw new DOMException('No.', 'NotSupportedError'); })"
    )
    refused = "(answered) => recorder.start(answered).catch(({ name, code }) => [name, code, recorder.state])"
    answered = {"session": bench.session, "question": "q1"}
    assert await page.evaluate(refused, answered) == ["RecorderError", "recording_failed", "idle"]


@pytest.mark.long
async def test_sleep_is_not_counted_and_ends_nothing(bench: Bench) -> None:
    await bench.context.add_init_script(FAR)
    page = await bench.page(maxDuration=50)
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1")
    await page.evaluate("void (window.ahead += 60_000)")
    await page.wait_for_function("() => troubles.length")
    assert [trouble["code"] for trouble in await page.evaluate("troubles")] == ["slept"]
    assert await page.evaluate("recorder.elapsed") < 50
    recorded = await page.evaluate("recorder.stop()")
    assert recorded["end"] == "stopped"
    assert 0.5 < recorded["seconds"] < 50


CLOCK = """async () => {
  const { Clock } = await import("/web/recorder/clock.js");
  const real = performance.now;
  let seconds = 0;
  performance.now = () => 1000 * seconds;
  const clock = new Clock();
  const seen = [];
  for (const step of [1, 1, 60, 1, 4.5, 3600]) {
    seconds += step;
    seen.push([clock.seconds, clock.beat(), clock.seconds]);
  }
  performance.now = real;
  return seen;
}"""


async def test_the_clock_counts_what_was_recorded(bench: Bench) -> None:
    page = await bench.page()
    assert await page.evaluate(CLOCK) == [
        [1, False, 1],
        [2, False, 2],
        [2, True, 2],
        [3, False, 3],
        [7.5, False, 7.5],
        [7.5, True, 7.5],
    ]


LIMIT = """async () => {
  const { Limit } = await import("/web/recorder/limit.js");
  const limit = new Limit({ maxDuration: 100, limitWarnings: [60, 20], maxExtensions: 2, extendSeconds: 30 });
  const warned = [];
  for (let elapsed = 0; elapsed <= limit.seconds; elapsed += 1) {
    if (limit.warns(limit.seconds - elapsed)) warned.push([elapsed, limit.canExtend]);
    if (elapsed === 85 || elapsed === 120) limit.extend();
  }
  const short = new Limit({ maxDuration: 10, limitWarnings: [60, 20], maxExtensions: 0, extendSeconds: 30 });
  return { warned, seconds: limit.seconds, third: limit.extend(), short: [10, 9].map((left) => short.warns(left)) };
}"""


@pytest.mark.long
async def test_the_limit_is_told_once_for_each_warning_and_put_off_as_often_as_may_be(bench: Bench) -> None:
    page = await bench.page()
    assert await page.evaluate(LIMIT) == {
        "warned": [[40, True], [80, True], [86, True], [110, True], [121, False], [140, False]],
        "seconds": 160,
        "third": False,
        "short": [True, False],
    }


@pytest.mark.long
async def test_the_end_by_itself_says_why(bench: Bench) -> None:
    page = await bench.page(maxDuration=8, limitWarnings=[7.5], maxExtensions=1, extendSeconds=1)
    assert not await page.evaluate("recorder.extend()")
    await bench.start(page)
    limit = await told(page, "limit")
    assert limit["canExtend"]
    assert 0 <= limit["remaining"] <= 7.5
    assert await page.evaluate("[recorder.extend(), recorder.extend()]") == [True, False]
    ended = await told(page, "ended")
    assert (ended["reason"], ended["recording"]["state"]) == ("limit", "kept")
    assert ended["recording"]["end"] == "limit"
    assert ended["seconds"] >= 9
    assert [one["canExtend"] for one in await events(page, "limit")] == [True, False]


AWAKE = """
window.locks = [];
const request = async () => {
  if (window.isRefused) throw new DOMException("no", "NotAllowedError");
  const lock = { released: false, release: async () => { lock.released = true; } };
  locks.push(lock);
  return lock;
};
Object.defineProperty(navigator, "wakeLock", { value: { request } });
"""
RETURN = "document.dispatchEvent(new Event('visibilitychange'))"


async def test_the_screen_stays_on_exactly_while_it_records(bench: Bench) -> None:
    await bench.context.add_init_script(AWAKE)
    page = await bench.page()
    await page.evaluate(RETURN)
    assert await page.evaluate("locks") == []
    await bench.start(page)
    await page.wait_for_function("() => locks.length === 1")
    await page.evaluate(RETURN)
    assert await page.evaluate("locks.length") == 1
    await page.evaluate("void (locks[0].released = true)")  # as a browser does when the page is not seen
    await page.evaluate(RETURN)
    await page.wait_for_function("() => locks.length === 2")
    await page.evaluate("recorder.stop()")
    assert await page.evaluate("locks.map((lock) => lock.released)") == [True, True]
    await page.evaluate(RETURN)
    assert await page.evaluate("locks.length") == 2


@pytest.mark.long
@pytest.mark.parametrize("without", ["window.isRefused = true", "delete Navigator.prototype.wakeLock"])
async def test_a_screen_that_may_not_stay_on_changes_nothing(bench: Bench, without: str) -> None:
    await bench.context.add_init_script(f"{AWAKE if 'isRefused' in without else ''}; {without};")
    page = await bench.page()
    await bench.record(page, 0.5)
    await event(page, "accepted")
    assert await page.evaluate("troubles") == []


OPENED = """
window.opened = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (asked) => {
  const stream = await open(asked);
  opened.push(...stream.getTracks());
  return stream;
};
"""


async def test_one_answer_is_recorded_in_one_tab_at_a_time(bench: Bench) -> None:
    await bench.context.add_init_script(OPENED)
    one, two = await bench.page(), await bench.page()
    await bench.start(one)
    seen = await two.wait_for_function("() => heard.find((e) => e.state === 'recording')")
    assert (await seen.json_value())["elsewhere"]
    answered = {"session": bench.session, "question": "q1"}
    said = await two.evaluate("(answered) => recorder.start(answered).catch(({ code }) => code)", answered)
    assert (said, await two.evaluate("recorder.state")) == ("elsewhere", "idle")
    assert await two.evaluate("opened.every((track) => track.readyState === 'ended')")
    await bench.record(two, 0.3, question="q2")
    await one.evaluate("recorder.stop()")
    await bench.record(two, 0.3)


async def test_a_tab_that_is_closed_while_it_records_is_taken_over_by_one_that_was_open_before(bench: Bench) -> None:
    one, two = await bench.page(), await bench.page()
    await bench.start(one)
    await one.wait_for_function("() => recorder.elapsed > 2")
    await one.close()
    assert (await event(two, "accepted"))["recovered"]
    await bench.record(two, 0.3)


async def test_a_tab_that_is_closed_before_anything_was_recorded_leaves_no_mark(bench: Bench) -> None:
    one, two = await bench.page(timeslice=600_000), await bench.page()
    await bench.start(one)
    assert (await event(two, "recording"))["elsewhere"]
    await one.close()
    assert (await event(two, "discarded"))["elsewhere"]


async def test_a_tab_that_is_opened_while_another_records_knows_of_it(bench: Bench) -> None:
    one = await bench.page()
    await bench.start(one)
    await one.wait_for_function("() => recorder.elapsed > 2")
    two = await bench.page()
    assert (await event(two, "recording"))["elsewhere"]
    assert await events(one, "error") == []
    await one.evaluate("recorder.stop()")
    await event(two, "accepted")


@pytest.mark.long
async def test_a_stop_while_it_opens_leaves_the_answer_free(bench: Bench) -> None:
    page = await bench.page()
    answered = {"session": bench.session, "question": "q1"}
    await page.evaluate("(answered) => { void recorder.start(answered); return recorder.stop(); }", answered)
    await bench.record(page, 0.3)
    assert await page.evaluate(HELD) == 0


HELD = "navigator.locks.query().then(({ held }) => held.filter(({ name }) => name.includes('answer')).length)"


async def test_microphones_are_listed_chosen_and_watched(bench: Bench) -> None:
    page = await bench.page()
    await bench.record(page, 0.2)
    devices = await page.evaluate("recorder.devices()")
    assert len(devices) > 0
    assert all(device["label"] and device["deviceId"] for device in devices)
    await page.evaluate("(id) => recorder.choose(id)", devices[-1]["deviceId"])
    await bench.record(page, 0.2, question="q2")
    assert await page.evaluate("recorder.device") == devices[-1]
    await page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    assert (await told(page, "devices"))["devices"] == devices
    await page.evaluate("recorder.choose('unplugged')")
    answered = {"session": bench.session, "question": "q1"}
    assert (
        await page.evaluate("(answered) => recorder.start(answered).catch(({ code }) => code)", answered)
        == "microphone_missing"
    )
    await page.evaluate("recorder.choose(null)")
    await bench.record(page, 0.2)


WHY = """async () => {
  const { isSupported, whyUnsupported, chooseType } = await import("/web/recorder.js");
  const { code, detail } = whyUnsupported() ?? {};
  return [isSupported(), code, detail, chooseType()];
}"""


async def test_a_browser_that_cannot_record_says_why(bench: Bench) -> None:
    await bench.context.add_init_script("delete window.MediaRecorder")
    page = await bench.page()
    cannot = "This browser cannot record. Try another one, or a newer one."
    assert await page.evaluate(WHY) == [False, "unsupported", cannot, ""]
    answered = {"session": bench.session, "question": "q1"}
    assert await page.evaluate("(a) => recorder.start(a).catch(({ message }) => message)", answered) == cannot


EMPTY = """
const real = MediaRecorder.prototype.start;
MediaRecorder.prototype.start = function (slice) {
  window.slice = slice;
  real.call(this, slice);
  this.dispatchEvent(Object.assign(new Event("dataavailable"), { data: new Blob() }));
};
"""


@pytest.mark.long
@pytest.mark.parametrize(("vendor", "timeslice"), [("Google Inc.", 1000), ("Apple Computer, Inc.", 3000)])
async def test_an_empty_piece_is_no_error_and_webkit_gives_fewer(bench: Bench, vendor: str, timeslice: int) -> None:
    vendor_is = f"Object.defineProperty(navigator, 'vendor', {{ value: '{vendor}' }});"
    await bench.context.add_init_script(EMPTY + vendor_is)
    page = await bench.page()
    recorded = await bench.record(page, 0.5)
    accepted = await event(page, "accepted")
    assert accepted["answer"]["bytes"] == recorded["bytes"] > 0
    assert await page.evaluate("slice") == timeslice
    assert await page.evaluate("troubles") == []


TEST = """async (seconds) => {
  const asked = [];
  const ask = async (sound) => { asked.push([sound.size, sound.type]); return { text: "One two.", heard: true }; };
  const { device, sound, ...more } = await recorder.test({ seconds, ask });
  const player = new Audio(URL.createObjectURL(sound));
  await new Promise((resolve, reject) => Object.assign(player, { oncanplaythrough: resolve, onerror: reject }));
  return { ...more, label: device.label, size: sound.size, type: sound.type, asked };
}"""


async def test_a_test_of_the_microphone_stays_in_memory(bench: Bench) -> None:
    line = await Line().on(bench.context)
    requests: list[str] = []
    page = await bench.page()
    page.on("request", lambda request: requests.append(request.url))
    tested = await page.evaluate(TEST, 2)
    assert tested["heard"]
    assert tested["peak"] > 0.5
    assert 2 <= tested["seconds"] < 60
    assert tested["label"]
    assert tested["said"] == {"text": "One two.", "heard": True}
    assert tested["asked"] == [[tested["size"], tested["type"]]]
    assert [event["state"] for event in await events(page, "state")] == ["asking", "testing", "idle"]
    assert await page.evaluate("recorder.recordings({ everyone: true })") == []
    assert [url for url in requests if not url.startswith("blob:")] == []
    assert line.keys == []
    assert await page.evaluate("heard") == []
    assert await events(page, "limit") == []


@pytest.mark.long
async def test_a_test_is_stopped_like_a_recording_and_silence_is_said(bench: Bench) -> None:
    await bench.context.add_init_script(MUTED)
    page = await bench.page()
    await page.evaluate("void (window.testing = recorder.test({ seconds: 100 }))")
    await page.wait_for_function("() => recorder.state === 'testing' && recorder.elapsed > 0.5")
    await page.evaluate("recorder.stop()")
    tested = await page.evaluate("testing.then(({ heard, seconds, said }) => ({ heard, seconds, said }))")
    assert tested["heard"] is False
    assert tested["seconds"] < 100
    assert tested["said"] is None
    await bench.record(page, 0.3)


MUTED = """
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (asked) => {
  const stream = await open(asked);
  for (const track of stream.getAudioTracks()) track.enabled = false;
  return stream;
};
"""
