"""What a recording leaves behind in the page when it is sent: nothing."""

import pytest
from playwright.async_api import BrowserContext, CDPSession, Page

from tests.browser.bench import Bench
from tests.system import live

pytestmark = pytest.mark.soak

# What the browser itself keeps of code that runs often is there after the first.
WARM, MEASURED = 25, 20
# Less than the sound or the levels of one recording, or what describes it, would be.
MOST_BYTES_EACH = 2_500
MOST_LOOKS = 600
RECORD = """async ({ session, times }) => {
  for (let at = 0; at < times; at += 1) {
    await recorder.start({ session, question: "q1" });
    while (recorder.elapsed < 0.25) await new Promise((resolve) => setTimeout(resolve, 20));
    await recorder.stop();
    await recorder.whenSent();
  }
  for (const told of [heard, asked, troubles, levels]) told.length = 0;
}"""


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> Bench:
    return await Bench.made(context, stack)


async def test_twenty_recordings_leave_no_listeners_and_no_memory_behind(bench: Bench) -> None:
    page = await bench.page()
    session = await bench.context.new_cdp_session(page)
    await session.send("Performance.enable")
    await page.evaluate(RECORD, {"session": bench.session, "times": WARM})
    before = await settled(page, session)
    await page.evaluate(RECORD, {"session": bench.session, "times": MEASURED})
    after = await settled(page, session)
    for counted in ("JSEventListeners", "Nodes", "Documents"):
        assert after[counted] == before[counted], counted
    grown = after["JSHeapUsedSize"] - before["JSHeapUsedSize"]
    print(f"{MEASURED} recordings: {grown} bytes more, {after['JSEventListeners']} listeners as before.")
    assert grown < MEASURED * MOST_BYTES_EACH


async def settled(page: Page, session: CDPSession) -> dict[str, int]:
    """What there is once the last AudioContext is gone, which Chromium clears away seconds after it was closed."""
    for _ in range(MOST_LOOKS):
        await session.send("HeapProfiler.collectGarbage")
        metrics = (await session.send("Performance.getMetrics"))["metrics"]
        counted = {metric["name"]: int(metric["value"]) for metric in metrics}
        if not counted["AudioHandlers"]:
            return counted
        await page.wait_for_timeout(100)
    raise AssertionError(f"{counted['AudioHandlers']} parts of an AudioContext are still there.")
