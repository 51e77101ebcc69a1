"""A Chromium to test with: the one that is named, the one that is there, or the one that the system's packages have."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from pydantic_settings import BaseSettings

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NONE = (
    "The tests in tests/browser need a browser and found none. Install Debian's chromium "
    "(apt-get install chromium), or name one: CHROMIUM=/path/to/chrome make test"
)
QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class BrowserSettings(BaseSettings):
    """What the tests of this folder read from the environment."""

    chromium: Path | None = None


class NoBrowser(Exception):
    """There is none, and none could be installed."""


def find_chromium(say: Callable[[str], None]) -> Path:
    """The browser's program; NoBrowser, with what to do, if there is none."""
    named = BrowserSettings().chromium
    if named is not None:
        if not named.is_file():
            raise NoBrowser(f"CHROMIUM names {named}, which is not there. Name a browser's program, or unset it.")
        return named
    found = _on_path() or (_install(say) and _on_path())
    if not found:
        raise NoBrowser(NONE)
    return Path(found)


def with_microphone(recording: Path) -> list[str]:
    """Flags for a browser that hears this file, from its start each time the microphone is opened."""
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    return [*QUIET, *fake, f"--use-file-for-fake-audio-capture={recording}%noloop"]


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _install(say: Callable[[str], None]) -> bool:
    """Try once, where that needs to ask nobody."""
    if os.getuid() != 0 or not shutil.which("apt-get"):
        return False
    say("No browser is installed: installing Debian's chromium for tests/browser ...")
    install = ("apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core")
    runs = [subprocess.run(command, capture_output=True) for command in (("apt-get", "update", "-qq"), install)]
    return runs[-1].returncode == 0
