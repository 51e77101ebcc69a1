"""What the tests of this folder rely on is so in both browsers."""

import httpx2
import pytest
from playwright.async_api import BrowserContext, Dialog, Page, Route

from tests.browser.engines import Engines, in_both
from tests.browser.watching import Watched
from tests.stalling_proxy import line_to
from tests.system.live import Stack

PAGE = "<!doctype html><title>Here</title><main>{}</main>"


@pytest.fixture
async def page(context: BrowserContext) -> Page:
    async def shown(route: Route) -> None:
        policy = {"Content-Security-Policy": "img-src 'none'"} if "strict" in route.request.url else {}
        await route.fulfill(body=PAGE.format("<h1>Here</h1>"), content_type="text/html", headers=policy)

    await context.route("**/here*", shown)
    page = await context.new_page()
    await page.goto("/here")
    return page


@in_both
async def test_media_features_are_taken(page: Page, engines: Engines) -> None:
    assert await page.evaluate(SEEN) == [False, False, False]
    await engines.emulate(page, color_scheme="dark", reduced_motion="reduce", forced_colors="active")
    assert await page.evaluate(SEEN) == [True, True, True]
    await engines.emulate(page, color_scheme="light", reduced_motion="no-preference", forced_colors="none")
    assert await page.evaluate(SEEN) == [False, False, False]
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate(SEEN) == [True, False, False]


SEEN = """["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)", "(forced-colors: active)"].map(
  (query) => matchMedia(query).matches)"""


@in_both
async def test_what_the_network_does_is_decided_by_a_route(page: Page, context: BrowserContext) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=403, body="<h1>No</h1>", content_type="text/html", headers={"Retry-After": "7"})

    await page.route("**/dead", lambda route: route.abort("connectionreset"))
    await page.route("**/refused", refuse)
    assert await page.evaluate("fetch('/dead').then(() => 'answered', () => 'no answer')") == "no answer"
    asked = "fetch('/refused', { method: 'POST', body: new FormData() })"
    told = await page.evaluate(f"{asked}.then(async (r) => [r.status, r.headers.get('retry-after'), await r.text()])")
    assert told == [403, "7", "<h1>No</h1>"]
    await context.set_offline(True)
    assert not await page.evaluate("navigator.onLine")
    assert await page.evaluate("fetch('/healthz').then(() => 'answered', () => 'no answer')") == "no answer"
    await context.set_offline(False)
    assert await page.evaluate("navigator.onLine")
    assert await page.evaluate("fetch('/healthz').then((r) => r.status)") == 200


@in_both
async def test_a_line_to_the_server_can_fall_silent(context: BrowserContext, stack: Stack) -> None:
    with line_to(httpx2.URL(stack.url).port or 80) as line:
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{line.port}/healthz")
        line.silence()
        asked = "fetch('/healthz', { signal: AbortSignal.timeout(700) }).then(() => 'answered', ({ name }) => name)"
        assert await page.evaluate(asked) == "TimeoutError"
        line.speak()
        assert await page.evaluate("fetch('/healthz').then((answer) => answer.status)") == 200


@in_both
async def test_what_pages_complain_of_is_seen(page: Page, watched: Watched) -> None:
    await page.goto("/here-strict")
    await page.evaluate("document.body.append(Object.assign(new Image(), { src: '/x.png' }))")
    await page.evaluate("setTimeout(() => { throw new TypeError('thrown') }); console.warn('warned')")
    for expected in ("x.png", "thrown", "warned"):
        while not any(expected in complaint for complaint in watched.complaints):
            await page.wait_for_timeout(20)
    watched.complaints.clear()


@in_both
async def test_the_clock_files_downloads_and_dialogs_are_there(page: Page) -> None:
    await page.evaluate(FORM)
    await page.get_by_label("File").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"read"})
    assert await page.evaluate("document.querySelector('input').files[0].text()") == "read"
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Save").click()
    saved = await (await coming.value).path()
    assert saved.read_text() == "kept"
    said: list[str] = []

    async def accept(dialog: Dialog) -> None:
        said.append(dialog.message)
        await dialog.accept()

    page.on("dialog", accept)
    assert await page.evaluate("confirm('Sure?')")
    assert said == ["Sure?"]
    await page.clock.install()
    await page.evaluate("setTimeout(() => (document.title = 'later'), 60_000)")
    await page.clock.run_for(60_001)
    assert await page.title() == "later"


FORM = """document.body.innerHTML = `<label>File <input type="file"></label>
  <a download="kept.txt" href="${URL.createObjectURL(new Blob(["kept"]))}">Save</a>`"""


@in_both
async def test_leaving_can_be_asked_about(page: Page, context: BrowserContext) -> None:
    asked: list[str] = []
    await page.evaluate("addEventListener('beforeunload', (event) => event.preventDefault())")
    await page.locator("h1").click()

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", stay)
    await page.goto("/here-again")
    assert asked == ["beforeunload"]


@in_both
async def test_the_microphone_says_what_is_in_the_file_and_a_level_is_seen(page: Page) -> None:
    told = await page.evaluate(LISTEN)
    assert told["bytes"] > 2000
    assert told["loudest"] > 0.05
    assert told["state"] == "running"


LISTEN = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const audio = new AudioContext();
  const analyser = audio.createAnalyser();
  audio.createMediaStreamSource(stream).connect(analyser);
  const machine = new MediaRecorder(stream, { mimeType: "audio/webm;codecs=opus" });
  let [bytes, loudest] = [0, 0];
  machine.ondataavailable = ({ data }) => (bytes += data.size);
  machine.start(200);
  const samples = new Float32Array(analyser.fftSize);
  while (bytes <= 2000 || loudest <= 0.05) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, ...samples);
  }
  machine.stop();
  await new Promise((resolve) => (machine.onstop = resolve));
  for (const track of stream.getTracks()) track.stop();
  return { bytes, loudest, state: audio.state };
}"""
