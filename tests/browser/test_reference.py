"""The interactive documentation in a browser: whole, under the pages' policy, and of this origin's files alone."""

import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.watching import Watched
from tests.system.live import Stack

# Redoc would show a picture of its makers from their own server, which the policy forbids.
FORBIDDEN = "https://cdn.redoc.ly/redoc/logo-mini.svg"


@pytest.mark.parametrize(("path", "place"), [("/docs", ".opblock-summary-description"), ("/redoc", "h2")])
async def test_the_document_is_shown_and_nothing_comes_from_elsewhere(
    context: BrowserContext, watched: Watched, stack: Stack, path: str, place: str
) -> None:
    watched.may_be_forbidden = FORBIDDEN
    came: list[str] = []
    context.on("response", lambda response: came.append(response.url))
    page = await context.new_page()
    await page.goto(path)
    await expect(page.locator(place).get_by_text("Upload Answer").first).to_be_visible()
    assert {url for url in came if not url.startswith((stack.url, "data:", "blob:"))} == set()
