"""The fault kit: each fault is what it says in both browsers, and the recorder outlives it."""

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.bench import Bench, event
from tests.browser.engines import in_both
from tests.browser.faults import put, put_first, take_away
from tests.system import live

pytestmark = in_both

ASKED = """async () => {
  const kit = await import("/web/faults.js");
  const faults = {
    offline: "offline", unreachable: "unreachable", lost: "answer lost", hangs: "hangs",
    portal: kit.PORTAL, empty: kit.EMPTY, cut: kit.CUT,
    refused: kit.page(403), gone: kit.page(404), large: kit.page(413), gateway: kit.page(502),
    busy: kit.problem(429, "too_many", { "Retry-After": "7" }),
  };
  const byFetch = async (fault) => {
    const signal = fault === "hangs" ? AbortSignal.timeout(200) : undefined;
    const answer = await fetch("/healthz?x", { signal });
    const [type, wait] = [answer.headers.get("Content-Type"), answer.headers.get("Retry-After")];
    return [answer.status, type, wait, (await answer.text()).length];
  };
  const byRequest = (fault) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", "/healthz?x");
    request.onload = () => {
      const [type, wait] = [request.getResponseHeader("Content-Type"), request.getResponseHeader("Retry-After")];
      resolve([request.status, type, wait, request.responseText.length]);
    };
    request.onerror = () => reject(new TypeError(String(request.status)));
    request.onabort = () => reject(new DOMException("", "TimeoutError"));
    request.send();
    if (fault === "hangs") setTimeout(() => request.abort(), 200);
  });
  const told = {};
  for (const [name, fault] of Object.entries(faults)) {
    for (const ask of [byFetch, byRequest]) {
      const undo = kit.network([{ path: "/healthz?", method: "GET", fault, times: 1 }]);
      const got = await ask(fault).catch((error) => error.name);
      (told[name] ??= []).push(got, (await fetch("/healthz?x")).status, navigator.onLine);
      undo();
    }
  }
  return [told, navigator.onLine];
}"""


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> Bench:
    return await Bench.made(context, stack)


@pytest.mark.long
async def test_a_network_does_what_its_rules_say_by_fetch_and_by_request(bench: Bench) -> None:
    page = await bench.page()
    told, is_online = await page.evaluate(ASKED)
    assert is_online
    html, own = "text/html; charset=utf-8", "application/problem+json"
    lengths = {name: both[0][3] for name, both in told.items() if isinstance(both[0], list)}
    assert all(length > 50 for name, length in lengths.items() if name != "empty")
    expected: dict[str, Any] = {
        **dict.fromkeys(("offline", "unreachable", "lost", "cut"), "TypeError"),
        "hangs": "TimeoutError",
        "portal": [200, html, None, lengths["portal"]],
        "empty": [200, "application/json", None, 0],
        "refused": [403, html, None, lengths["refused"]],
        "gone": [404, html, None, lengths["gone"]],
        "large": [413, html, None, lengths["large"]],
        "gateway": [502, html, None, lengths["gateway"]],
        "busy": [429, own, "7", lengths["busy"]],
    }
    assert told == {name: [got, 200, name != "offline"] * 2 for name, got in expected.items()}


async def test_a_recording_outlives_every_fault_of_the_network_and_is_taken_once(bench: Bench) -> None:
    page = await bench.page(stallSeconds=1)
    given = await page.evaluate(RULES)
    await put(page, "network", given)
    added = await bench.add(page)
    for tries, _ in enumerate(given, 1):
        await page.wait_for_function("(tries) => heard.some((e) => e.problem && e.attempts === tries)", arg=tries)
        await page.evaluate("recorder.retry()")
    accepted = await event(page, "accepted")
    assert accepted["id"] == added["id"]
    assert accepted["attempts"] > len(given)
    assert accepted["answer"]["take"] == 1


RULES = """async () => {
  const { PORTAL, EMPTY, CUT, page, problem } = await import("/web/faults.js");
  const busy = problem(503, "overloaded", { "Retry-After": "0" });
  const pages = [401, 403, 404, 413, 502].map(page);
  const faults = ["unreachable", "hangs", "answer lost", PORTAL, EMPTY, CUT, ...pages, busy];
  return faults.map((fault) => ({ path: "/api/upload-answer/", fault, times: 1 }));
}"""


@pytest.mark.long
async def test_what_is_offline_goes_on_when_the_fault_is_taken_away(bench: Bench) -> None:
    page = await bench.page()
    await put(page, "network", [{"fault": "offline"}])
    await bench.add(page)
    await page.wait_for_function("() => heard.some((e) => e.problem)")
    await take_away(page, "network")
    await event(page, "accepted")


@pytest.mark.long
@pytest.mark.parametrize("fault", ["storageFull", "storageBlocked"])
async def test_where_nothing_can_be_stored_it_is_sent_all_the_same(bench: Bench, fault: str) -> None:
    await put_first(bench.context, fault)
    page = await bench.page()
    added = await bench.add(page)
    assert not added["durable"]
    await event(page, "accepted")


@pytest.mark.long
async def test_a_site_without_data_of_its_own_is_refused_everything(bench: Bench) -> None:
    page = await bench.page()
    await put(page, "storageBlocked")
    assert await page.evaluate(REFUSED) == ["SecurityError"] * 4
    await take_away(page, "storageBlocked")
    assert await page.evaluate(REFUSED) == ["nothing"] * 4


REFUSED = """() => Promise.all([
  async () => indexedDB.open("x"),
  async () => localStorage.length,
  async () => sessionStorage.length,
  async () => navigator.locks.request("x", () => {}),
].map((act) => act().then(() => "nothing", ({ name }) => name)))"""


@pytest.mark.long
async def test_a_disk_fills_up_while_it_is_written(bench: Bench) -> None:
    page = await bench.page()
    await put(page, "storageFull", {"after": 1})
    assert await page.evaluate(WRITES) == ["written", "QuotaExceededError", True]
    await take_away(page, "storageFull")
    assert await page.evaluate(WRITES) == ["written", "written", False]


WRITES = """async () => {
  const database = await new Promise((resolve) => {
    const asked = indexedDB.open("fills-up", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("all");
    asked.onsuccess = () => resolve(asked.result);
  });
  const write = (key) => new Promise((resolve) => {
    const tx = database.transaction("all", "readwrite");
    tx.oncomplete = () => resolve("written");
    tx.onabort = () => resolve(tx.error.name);
    tx.objectStore("all").put(key, key);
  });
  const told = [await write("a"), await write("b")];
  const { usage, quota } = await navigator.storage.estimate();
  return [...told, quota <= usage];
}"""


async def started(page: Page) -> str:
    asked = "recorder.start({ session: 's', question: 'q' }).then(() => recorder.state, ({ code }) => code)"
    return str(await page.evaluate(asked))


MICROPHONES = {
    "microphoneDenied": "microphone_denied",
    "microphoneMissing": "microphone_missing",
    "microphoneBusy": "microphone_busy",
    "insecurePage": "insecure_page",
    "recordingUnknown": "unsupported",
}


@pytest.mark.long
async def test_a_microphone_that_is_not_given_is_told_and_works_afterwards(bench: Bench) -> None:
    page = await bench.page()
    for fault, code in MICROPHONES.items():
        await put(page, fault)
        assert (fault, await started(page)) == (fault, code)
        await take_away(page, fault)
    assert await started(page) == "recording"


@pytest.mark.long
async def test_a_microphone_is_waited_for_until_it_is_answered(bench: Bench) -> None:
    page = await bench.page()
    await put(page, "microphoneAsks")
    await page.evaluate(f"void recorder.start({{ session: '{bench.session}', question: 'q1' }})")
    assert await page.evaluate("recorder.state") == "asking"
    await take_away(page, "microphoneAsks")
    await page.wait_for_function("() => recorder.state === 'recording'")


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "code"), [("microphoneLost", "microphone_lost"), ("recordingFails", "recording_failed")]
)
async def test_what_ends_too_early_is_kept_and_sent(bench: Bench, fault: str, code: str) -> None:
    page = await bench.page()
    await put(page, fault, {"after": 1.2})
    await bench.start(page)
    accepted = await event(page, "accepted")
    assert accepted["answer"]["bytes"] == accepted["bytes"] > 0
    assert code in [trouble["code"] for trouble in await page.evaluate("troubles")]


@pytest.mark.long
async def test_pieces_without_bytes_are_no_error(bench: Bench) -> None:
    page = await bench.page(timeslice=200)
    await put(page, "piecesEmpty")
    await bench.start(page)
    await page.wait_for_function("() => recorder.elapsed > 1.5")
    await page.evaluate("recorder.stop()")
    accepted = await event(page, "accepted")
    assert accepted["answer"]["bytes"] == accepted["bytes"] > 0
    assert await page.evaluate("troubles") == []


@pytest.mark.long
async def test_silence_sleep_suspended_levels_and_other_devices_are_what_they_say(bench: Bench) -> None:
    page = await bench.page()
    assert await page.evaluate(MACHINE) == {
        "silent": 0,
        "suspended": "suspended",
        "slept": True,
        "awake": True,
        "devices": ["Headset"],
        "changes": 2,
        "permission": "denied",
    }


MACHINE = """async () => {
  const kit = await import("/web/faults.js");
  const told = {};
  const silent = kit.microphoneSilent();
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  silent();
  const audio = new AudioContext();
  const analyser = audio.createAnalyser();
  audio.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  told.silent = 0;
  for (let at = 0; at < 10; at += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    analyser.getFloatTimeDomainData(samples);
    told.silent = Math.max(told.silent, ...samples);
  }
  stream.getTracks().forEach((track) => track.stop());
  await audio.close();
  const suspended = kit.levelSuspended();
  const still = new AudioContext();
  void still.resume();
  await new Promise((resolve) => setTimeout(resolve, 300));
  told.suspended = still.state;
  await still.close();
  suspended();
  const [then, ran] = [Date.now(), performance.now()];
  const awake = kit.clockJumps({ seconds: 60 });
  told.slept = Date.now() - then >= 60_000 && performance.now() - ran >= 60_000;
  awake();
  told.awake = Date.now() - then < 60_000 && performance.now() - ran < 60_000;
  told.changes = 0;
  navigator.mediaDevices.addEventListener("devicechange", () => (told.changes += 1));
  const unplug = kit.devices([{ deviceId: "a", label: "Headset" }]);
  told.devices = (await navigator.mediaDevices.enumerateDevices()).map(({ label }) => label);
  unplug();
  const allow = kit.microphoneDenied();
  told.permission = (await navigator.permissions.query({ name: "microphone" })).state;
  allow();
  return told;
}"""


@pytest.mark.long
async def test_a_site_whose_data_is_deleted_under_it_goes_on(bench: Bench) -> None:
    page = await bench.page()
    await page.evaluate("recorder.recordings()")
    await put(page, "storageCleared")
    await bench.add(page)
    await event(page, "accepted")
