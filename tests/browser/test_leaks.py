"""A page that records all day does not grow."""

import asyncio

import pytest
from playwright.async_api import BrowserContext

from tests.browser.bench import Bench
from tests.system import live

HELD = "navigator.locks.query().then(({ held }) => held.filter(({ name }) => !name.includes('outbox')).length)"


@pytest.mark.long
async def test_twenty_recordings_leave_nothing_open(context: BrowserContext, stack: live.Stack) -> None:
    bench = await Bench.made(context, stack)
    page = await bench.page()
    session = await bench.context.new_cdp_session(page)
    await session.send("Performance.enable")

    async def listeners() -> int:
        await session.send("HeapProfiler.collectGarbage")
        metrics = (await session.send("Performance.getMetrics"))["metrics"]
        return int(next(one["value"] for one in metrics if one["name"] == "JSEventListeners"))

    await bench.record(page, 0.1)
    before = await listeners()
    for _ in range(20):
        await bench.record(page, 0.1, question="q2")
    async with asyncio.timeout(60):
        while await listeners() > before:  # what is still being sent hears of its end
            await asyncio.sleep(0.2)
    assert await page.evaluate(HELD) == 0
