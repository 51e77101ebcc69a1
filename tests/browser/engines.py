"""Both browsers of the tests, each started when a test first asks for it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright

from tests.browser import firefox
from tests.browser.bidi import Door
from tests.browser.chromium import with_microphone
from tests.browser.microphone import Microphone
from tests.browser.programs import CHROMIUM, FIREFOX, PULSEAUDIO
from tests.browser.sound import silent_card

# A machine that runs the whole suite at once is slow; nothing here waits so long when all is well.
PATIENCE_MILLISECONDS = 60_000
Say = Callable[[str], None]
NAMES = ("chromium", "firefox")

# What Chromium shows, Firefox repeats among the tests that take longer.
_firefox = pytest.param("firefox", marks=(pytest.mark.long, pytest.mark.firefox))
in_both = pytest.mark.parametrize("browser_name", ["chromium", _firefox], indirect=True)
in_firefox = pytest.mark.parametrize("browser_name", [_firefox], indirect=True)


class Engines:
    """Starts a browser once, and makes contexts of it that hear the microphone."""

    def __init__(
        self, playwright: Playwright, microphone: Microphone, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._playwright = playwright
        self._microphone = microphone
        self._folder = folder
        self._say = say
        self._open = AsyncExitStack()
        self._browsers: dict[str, Browser] = {}
        self._door: Door | None = None

    @classmethod
    @asynccontextmanager
    async def ready(cls, microphone: Microphone, folder: Path, say: Say) -> AsyncIterator["Engines"]:
        async with async_playwright() as playwright:
            engines = cls(playwright, microphone, folder, say)
            async with engines._open:
                yield engines

    async def context(self, name: str, url: str) -> BrowserContext:
        browser = await self.browser(name)
        context = await browser.new_context(base_url=url, viewport={"width": 1100, "height": 800})
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        if name == "firefox":
            await firefox.let_hear(context, self._microphone)
        return context

    @asynccontextmanager
    async def lasting(self, url: str, profile: Path) -> AsyncIterator[BrowserContext]:
        """A Chromium of its own, which finds again what was stored under the profile."""
        context = await self._playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM.find(self._say),
            args=with_microphone(self._microphone.file),
            timeout=PATIENCE_MILLISECONDS,
            base_url=url,
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        try:
            yield context
        finally:
            await context.close()

    async def browser(self, name: str) -> Browser:
        if name not in self._browsers:
            start = {"chromium": self._chromium, "firefox": self._firefox}[name]
            self._browsers[name] = await start()
            self._open.push_async_callback(self._browsers[name].close)
        return self._browsers[name]

    async def emulate(
        self,
        page: Page,
        *,
        color_scheme: Literal["light", "dark"] | None = None,
        reduced_motion: Literal["reduce", "no-preference"] | None = None,
        forced_colors: Literal["active", "none"] | None = None,
    ) -> None:
        """Media features of the page; in Firefox, of all pages that are open."""
        if page.context.browser is not self._browsers.get("firefox"):
            given = {"color_scheme": color_scheme, "reduced_motion": reduced_motion, "forced_colors": forced_colors}
            await page.emulate_media(**{name: value for name, value in given.items() if value})  # type: ignore[arg-type]
            return
        assert self._door is not None
        wanted = {
            "prefers-color-scheme": color_scheme,
            "prefers-reduced-motion": reduced_motion,
            "forced-colors": forced_colors,
        }
        for feature, value in wanted.items():
            if value is not None:
                self._door.override(feature, value)

    async def _chromium(self) -> Browser:
        return await self._playwright.chromium.launch(
            executable_path=CHROMIUM.find(self._say),
            args=with_microphone(self._microphone.file),
            timeout=PATIENCE_MILLISECONDS,
        )

    async def _firefox(self) -> Browser:
        program, pulseaudio = FIREFOX.find(self._say), PULSEAUDIO.find(self._say)
        sound = self._open.enter_context(silent_card(pulseaudio, self._folder))
        self._door = self._open.enter_context(Door(program, self._folder, sound))
        return await firefox.launch(self._playwright, self._door, PATIENCE_MILLISECONDS)
