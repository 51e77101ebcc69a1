"""The interactive documentation in a browser: whole, under the pages' policy, and of this origin's files alone."""

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.watching import Watched
from tests.system.house import Stack


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_document_is_shown_and_nothing_comes_from_elsewhere(
    context: BrowserContext, watched: Watched, stack: Stack, path: str
) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = await context.new_page()
    await page.goto(path)
    await expect(page.get_by_text("Upload Answer").first).to_be_visible()
    assert {url for url in asked if not url.startswith((stack.url, "data:", "blob:"))} == set()
