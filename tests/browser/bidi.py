"""Between Playwright and a Firefox: the WebDriver BiDi of both, and what this Firefox has under other names.

Playwright drives a stock Firefox over BiDi, and asks at each context for media features, a command that Firefox does
not know. It is answered here, through the browser's own window, and so are forced colours and reduced motion, which
Playwright asks no Firefox for.
"""

import json
import re
import threading
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

PATIENCE_SECONDS = 60
MEDIA = "emulation.setMediaFeaturesOverride"
DOWNLOADS = ("browsingContext.downloadWillBegin", "browsingContext.downloadEnd")
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
OURS = 10**9
# Of BrowsingContext, the browser's own idea of a tab.
OVERRIDES = {
    "prefers-color-scheme": "prefersColorSchemeOverride",
    "prefers-reduced-motion": "prefersReducedMotionOverride",
    "forced-colors": "forcedColorsOverride",
}
OVERRIDE = """(name, value) => {
  for (const window of Services.wm.getEnumerator("navigator:browser")) {
    for (const { linkedBrowser } of window.gBrowser.tabs) linkedBrowser.browsingContext[name] = value;
  }
}"""


class Door:
    """Where Playwright finds the Firefox that it starts as `program`; one Firefox at a time."""

    def __init__(self, firefox: Path, folder: Path, environment: dict[str, str]) -> None:
        self._log = folder / "firefox.log"
        self._server = serve(self._pass, "127.0.0.1", 0, max_size=None, compression=None)
        self._answers: dict[int, Queue[dict[str, Any]]] = {}
        self._numbers = count(OURS)
        self._firefox: ClientConnection | None = None
        port = self._server.socket.getsockname()[1]
        self.program = folder / "firefox"
        variables = " ".join(f'"{name}={value}"' for name, value in environment.items())
        self.program.write_text(
            f'#!/bin/sh\necho "WebDriver BiDi listening on ws://127.0.0.1:{port}" >&2\n'
            f'exec env {variables} "{firefox}" "$@" 2>"{self._log}"\n'
        )
        self.program.chmod(0o755)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()

    def override(self, feature: str, value: str | None) -> None:
        """A media feature of all pages that are open; None is what the system says."""
        self._in_browser(OVERRIDE, OVERRIDES[feature], value or "none")

    def _in_browser(self, function: str, *values: str) -> None:
        """Call it with the rights of the browser itself."""
        windows = self._command("browsingContext.getTree", {"moz:scope": "chrome"})["contexts"]
        arguments = [{"type": "string", "value": value} for value in values]
        target = {"context": windows[0]["context"]}
        call = {"functionDeclaration": function, "arguments": arguments, "target": target, "awaitPromise": True}
        answer = self._command("script.callFunction", call)
        if answer["type"] != "success":
            raise RuntimeError(f"Firefox: {answer}")

    def _command(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        answers = self._answers[number] = Queue()
        assert self._firefox is not None, "no Firefox has been started"
        self._firefox.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = answers.get(timeout=PATIENCE_SECONDS)
        if answer["type"] == "error":
            raise RuntimeError(f"Firefox: {answer}")
        result: dict[str, Any] = answer["result"]
        return result

    def _pass(self, playwright: ServerConnection) -> None:
        assert playwright.request is not None
        with connect(self._address() + playwright.request.path, max_size=None, compression=None) as firefox:
            self._firefox = firefox
            threading.Thread(target=self._answer, args=(firefox, playwright), daemon=True).start()
            for message in playwright:
                command = json.loads(message)
                if command["method"] == MEDIA:
                    threading.Thread(target=self._emulate, args=(command, playwright), daemon=True).start()
                else:
                    firefox.send(message)

    def _answer(self, firefox: ClientConnection, playwright: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for message in firefox:
                answer = json.loads(message)
                ours = self._answers.pop(answer.get("id"), None)
                if ours is not None:
                    ours.put(answer)
                elif answer.get("method") in DOWNLOADS:
                    playwright.send(json.dumps(_named(answer)))
                else:
                    playwright.send(message)
        playwright.close()

    def _emulate(self, command: dict[str, Any], playwright: ServerConnection) -> None:
        """What is asked of a context that has no page yet is what the preferences say anyway."""
        params = command["params"]
        if "contexts" in params:
            for feature, value in params["features"].items():
                self.override(feature, value)
        playwright.send(json.dumps({"type": "success", "id": command["id"], "result": {}}))

    def _address(self) -> str:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            if self._log.exists() and (found := LISTENING.search(self._log.read_text(errors="replace"))):
                return found[1].rstrip("/")
            time.sleep(0.05)
        raise TimeoutError(f"Firefox did not listen in {PATIENCE_SECONDS} seconds: {self._log.read_text()}")


def _named(event: dict[str, Any]) -> dict[str, Any]:
    """Playwright knows downloads by an id that this Firefox does not give."""
    params = event["params"]
    return {**event, "params": {"download": params["url"], **params}}
