"""One browser and one stack for all tests of the folder; a context, with nothing stored, for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from tests.browser.chromium import NoBrowser, find_chromium, with_microphone
from tests.browser.microphone import Microphone, sentences
from tests.browser.stack import running_stack
from tests.browser.watching import Watched
from tests.system import live

# A machine that runs the whole suite at once is slow; nothing here waits so long when all is well.
PATIENCE_MILLISECONDS = 60_000


@pytest.fixture(scope="package")
def program(request: pytest.FixtureRequest) -> Path:
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    try:
        return find_chromium(reporter.write_line if reporter else print)
    except NoBrowser as none:
        pytest.fail(str(none), pytrace=False)


@pytest.fixture(scope="package")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Microphone:
    made = Microphone(tmp_path_factory.mktemp("microphone") / "heard.wav")
    made.hears(sentences()[0].sound)
    return made


@pytest.fixture(scope="package")
async def browser(program: Path, microphone: Microphone) -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with async_playwright() as playwright:
        flags = with_microphone(microphone.file)
        browser = await playwright.chromium.launch(executable_path=program, args=flags, timeout=PATIENCE_MILLISECONDS)
        yield browser
        await browser.close()


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
async def context(browser: Browser, stack: live.Stack) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(base_url=stack.url, viewport={"width": 1100, "height": 800})
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    yield context
    await context.close()


@pytest.fixture
async def watched(context: BrowserContext) -> AsyncIterator[Watched]:
    """Sees what any page of the context complains of; what is not expected fails the test."""
    watched = Watched.over(context)
    yield watched
    assert watched.complaints == []
