"""What pages complain of: errors on the console, exceptions, breaches of the Content-Security-Policy."""

import re
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page

# A browser puts these on the console by itself.
UNREACHABLE = re.compile(r"net::ERR_")
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of [45]\d\d")


@dataclass
class Watched:
    may_be_unreachable: bool = False
    may_be_refused: bool = False
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def over(cls, context: BrowserContext) -> "Watched":
        watched = cls()
        context.on("console", lambda message: watched.note(message.type, message.text))
        context.on("weberror", lambda error: watched.note("error", str(error.error)))
        return watched

    def note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not self._expects(text):
            self.complaints.append(text)

    def _expects(self, text: str) -> bool:
        is_unreachable = self.may_be_unreachable and UNREACHABLE.search(text)
        return bool(is_unreachable or (self.may_be_refused and REFUSED.search(text)))


async def serious_faults(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using the page."""
    return [fault for impact, fault in await _found(page) if impact in ("serious", "critical")]


async def violations(page: Page) -> list[str]:
    """Everything that axe-core finds."""
    return [fault for _, fault in await _found(page)]


async def _found(page: Page) -> list[tuple[str, str]]:
    found: list[dict[str, Any]] = (await Axe().run(page)).response["violations"]
    each = ((fault, node) for fault in found for node in fault["nodes"])
    return [(fault["impact"], f"{fault['id']}: {node['html']} {node['failureSummary']}") for fault, node in each]
