"""The fault kit of the package, put into the pages of a test."""

import json
import re
from functools import cache
from typing import Any

from playwright.async_api import BrowserContext, Page

from scripts.stack.layout import ROOT

FUNCTION = re.compile(r"^export (function (\w+)\(.*?^})", re.MULTILINE | re.DOTALL)
# What any document can be given, also one that is blank.
BLOCKED = """for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
  Object.defineProperty(globalThis, name, { get() { throw new DOMException("blocked", "SecurityError"); } });
}"""
PUT = """async ([name, given]) => {
  const kit = await import("/web/faults.js");
  (globalThis.faults ??= {})[name] = kit[name](...given);
}"""


async def put(page: Page, name: str, *given: Any) -> None:
    """From now on this page has the fault."""
    await page.evaluate(PUT, [name, given])


async def take_away(page: Page, name: str) -> None:
    await page.evaluate("(name) => faults[name]()", name)


async def put_first(context: BrowserContext, name: str, *given: Any) -> None:
    """Every page of the context has the fault before its own code runs."""
    values = ", ".join(json.dumps(value) for value in given)
    await context.add_init_script(f"(globalThis.faults ??= {{}}).{name} = ({functions()[name]})({values});")


@cache
def functions() -> dict[str, str]:
    """The text of each function of the kit, which stands alone."""
    texts = (path.read_text() for path in sorted((ROOT / "web" / "faults").glob("*.js")))
    return {name: function for text in texts for function, name in FUNCTION.findall(text)}
