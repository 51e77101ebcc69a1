"""The interactive documentation in a browser: whole, under the pages' policy, and of this origin's files alone."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.watching import Watched
from tests.system.live import Stack


async def tried_out(page: Page) -> None:
    """What it shows only when it is asked to."""
    await page.get_by_role("button", name="Authorize").click()
    await page.get_by_role("button", name="Close").first.click()
    operation = page.locator("#operations-operations-healthz")
    await operation.locator("button.opblock-summary-control").click()
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()
    await expect(operation.locator(".live-responses-table").get_by_text("200").first).to_be_visible()


async def read(page: Page) -> None:
    """To its end, where its makers are named, with a picture that is theirs."""
    makers = page.get_by_role("link", name="API docs by Redocly")
    await expect(makers).to_be_visible()
    await expect(makers.locator("img")).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "place", "use"), [("/docs", ".opblock-summary-description", tried_out), ("/redoc", "h2", read)]
)
async def test_the_document_is_shown_and_nothing_is_asked_for_elsewhere(
    context: BrowserContext,
    watched: Watched,
    stack: Stack,
    path: str,
    place: str,
    use: Callable[[Page], Awaitable[None]],
) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = await context.new_page()
    await page.goto(path)
    await expect(page.locator(place).get_by_text("Upload Answer").first).to_be_visible()
    await use(page)
    assert {url for url in asked if not url.startswith((stack.url, "data:", "blob:"))} == set()
    assert watched.complaints == []
