"""How the tests start Firefox, and how it hears.

It is the distribution's own, driven over WebDriver BiDi; `tests/browser/bidi.py` stands between. Locators, init
scripts, routes, offline, files, downloads, dialogs, the clock and several pages work as in Chromium. What does not:

- `route.request.post_data` is always None, and an aborted route is NS_ERROR_ABORT, whatever its reason.
- Requests of a page that is unloaded may not be routed. What must break a connection in the middle of a body is
  `tests/stalling_proxy.py`, a line to the server that falls silent or is cut.
- The console tells nothing of requests that failed. Breaches of a policy come as errors of the page.
- A page that is not in front is not focused, so that `to_be_focused` needs `page.bring_to_front()` once there are two.
- The header Permissions-Policy is not known to Firefox.
- Media features of `new_context` are not taken; `tests.browser.engines.emulate` sets them on a page, in both browsers.
"""

import base64
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Playwright

from tests.browser.bidi import Door
from tests.browser.microphone import Microphone

PREFERENCES: dict[str, str | float | bool] = {
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "layout.css.prefers-color-scheme.content-override": 1,  # light
}
# Through the browser's own window what BiDi has no command for is done.
ARGUMENTS = ["--remote-allow-system-access"]
HEARING = Path(__file__).with_name("hearing.js")


async def launch(playwright: Playwright, door: Door, patience: float) -> Browser:
    return await playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=door.program,
        args=ARGUMENTS,
        firefox_user_prefs=PREFERENCES,
        timeout=patience,
    )


async def let_hear(context: BrowserContext, microphone: Microphone) -> None:
    """The pages' microphone says what is in the file; MediaRecorder, which records it, is Firefox's own."""
    await context.expose_function("heardNow", lambda: base64.b64encode(microphone.file.read_bytes()).decode())
    await context.add_init_script(path=HEARING)
