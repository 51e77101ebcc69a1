"""The examples of docs/recorder.md work as they stand; the React one is built and run by test_installed.py."""

import re
from dataclasses import dataclass

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser import examples
from tests.browser.bench import Bench, Line, dead, event, kept
from tests.browser.engines import in_both
from tests.browser.watching import Watched
from tests.system import live

STRICT = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
SCRIPT = re.compile(r'<script type="module">(.*?)</script>', re.DOTALL)


@dataclass
class Site:
    """A site of the reader's own, on which the example is."""

    bench: Bench
    policy: str | None = None

    async def opened(self) -> Page:
        for path, answer in {"own-page": self._page, "own.js": self._script, "my/token": self._token}.items():
            await self.bench.context.route(f"**/{path}", answer)
        page = await self.bench.context.new_page()
        await page.goto("/own-page")
        return page

    @property
    def _example(self) -> str:
        return examples.PAGE.replace("SESSION", self.bench.session)

    async def _page(self, route: Route) -> None:
        example = SCRIPT.sub('<script type="module" src="/own.js"></script>', self._example)
        policy = {"Content-Security-Policy": self.policy} if self.policy else {}
        body = f'<!doctype html><link rel="icon" href="data:,">{example if self.policy else self._example}'
        await route.fulfill(body=body, content_type="text/html", headers=policy)

    async def _script(self, route: Route) -> None:
        found = SCRIPT.search(self._example)
        assert found is not None
        await route.fulfill(body=found[1], content_type="text/javascript")

    async def _token(self, route: Route) -> None:
        await route.fulfill(body=self.bench.token, content_type="text/plain")


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> Bench:
    return await Bench.made(context, stack)


@in_both
@pytest.mark.parametrize("policy", [None, STRICT], ids=["plain", "strict"])
async def test_the_page_records_and_sends(bench: Bench, watched: Watched, policy: str | None) -> None:
    page = await Site(bench, policy).opened()
    await page.get_by_role("button", name="Record").click()
    await expect(page.get_by_role("status")).to_have_text("Recording, 1 s")
    await page.get_by_role("button", name="Next").click()
    await expect(page.get_by_role("status")).to_have_text("q1: accepted")


async def run(page: Page, example: str, told: str = "") -> None:
    """The example as a module of the page; `told` is behind it."""

    async def script(route: Route) -> None:
        await route.fulfill(body=f"{example}\n{told}", content_type="text/javascript")

    await page.route("**/own.js", script)
    await page.evaluate("import('/own.js').then(() => {})")


@pytest.mark.long
async def test_a_take_that_is_held_is_asked_about(bench: Bench) -> None:
    page = await bench.page()
    await run(page, examples.HELD)
    await page.evaluate("void (window.confirm = (asked) => { window.asking = asked; return true; })")
    await bench.record(page, 2)
    short = await bench.record(page, 0.2)
    await page.wait_for_function("(id) => heard.some((e) => e.id === id && e.state === 'accepted')", arg=short["id"])
    assert await page.evaluate("asking") == "Replace your answer by this one of 0 seconds?"


LIST = """() => {
  window.list = document.body;
  window.button = (textContent, onclick) => Object.assign(document.createElement("button"), { textContent, onclick });
}"""


@pytest.mark.long
async def test_what_is_here_is_listed_heard_and_deleted(bench: Bench) -> None:
    line = await Line([dead] * 100).on(bench.context)
    page = await bench.page()
    await bench.add(page)
    await bench.add(page, question="q2")
    await page.evaluate(LIST)
    await run(page, examples.LEFT)
    await page.wait_for_function("() => [...document.querySelectorAll('audio')].every((one) => one.readyState > 1)")
    assert await page.locator("audio").count() == 2
    await page.get_by_role("button", name="Delete").last.click()
    await event(page, "discarded")
    line.first.clear()
    await page.get_by_role("button", name="Try again").first.click()
    assert (await event(page, "accepted"))["question"] == "q1"
    assert await kept(page) == []


@pytest.mark.long
async def test_the_microphone_is_tested(bench: Bench) -> None:
    async def listened(route: Route) -> None:
        assert route.request.headers["content-type"].startswith("audio/")
        await route.fulfill(json={"text": "Can you hear me?", "heard": True, "seconds": 4.1})

    page = await bench.page()
    await bench.context.route("**/api/microphone-test", listened)
    await page.evaluate("void (window.token = async () => 'token')")
    await run(page, examples.TEST, "window.tested = { heard, said, label: device.label, size: sound.size };")
    tested = await page.evaluate("tested")
    assert (tested["heard"], tested["said"]["text"]) == (True, "Can you hear me?")
    assert tested["label"]
    assert tested["size"] > 0


async def test_the_faults_are_met_and_outlived(bench: Bench) -> None:
    page = await bench.page(stallSeconds=1)
    await run(page, examples.FAULTS)
    await bench.add(page)
    for tries in range(1, 4):
        await page.wait_for_function("(tries) => heard.some((e) => e.problem && e.attempts === tries)", arg=tries)
        await page.evaluate("recorder.retry()")
    assert (await event(page, "accepted"))["attempts"] > 3


def test_every_example_is_run() -> None:
    assert [language for language, _ in examples.EXAMPLES] == ["html", "jsx", "js", "js", "js", "js"]
