"""One browser of each kind and one stack for all tests of the folder; a context, with nothing stored, for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.engines import PATIENCE_MILLISECONDS, Engines
from tests.browser.microphone import Microphone, sentences
from tests.browser.programs import NoProgram
from tests.browser.stack import running_stack
from tests.browser.watching import Watched
from tests.system import live


@pytest.fixture(scope="package")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Microphone:
    made = Microphone(tmp_path_factory.mktemp("microphone") / "heard.wav")
    made.hears(sentences()[0].sound)
    return made


@pytest.fixture(scope="package")
async def engines(
    request: pytest.FixtureRequest, microphone: Microphone, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Engines]:
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    say = reporter.write_line if reporter else print
    async with Engines.ready(microphone, tmp_path_factory.mktemp("browsers"), say) as engines:
        yield engines


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Stack]:
    """With the smallest model: what is shown here is what becomes of a text, whoever heard it."""
    with running_stack(tmp_path_factory.mktemp("stack"), "SPEECH_MODEL=tiny.en") as stack:
        yield stack


@pytest.fixture
def browser_name(request: pytest.FixtureRequest) -> str:
    """Chromium, where a test asks for no other: `in_both` and `in_firefox` of tests.browser.engines do."""
    return str(getattr(request, "param", "chromium"))


@pytest.fixture
async def context(engines: Engines, browser_name: str, stack: live.Stack) -> AsyncIterator[BrowserContext]:
    try:
        context = await engines.context(browser_name, stack.url)
    except NoProgram as none:
        pytest.fail(str(none), pytrace=False)
    yield context
    await context.close()


@pytest.fixture
async def watched(context: BrowserContext) -> AsyncIterator[Watched]:
    """Sees what any page of the context complains of; what is not expected fails the test."""
    watched = Watched.over(context)
    yield watched
    assert watched.complaints == []
