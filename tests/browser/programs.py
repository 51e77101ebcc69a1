"""The programs that the tests of this folder drive: the one that is named, that is there, or that Debian packages."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic_settings import BaseSettings


class ProgramSettings(BaseSettings):
    """What the tests of this folder read from the environment."""

    chromium: Path | None = None
    firefox: Path | None = None
    pulseaudio: Path | None = None


class NoProgram(Exception):
    """There is none, and none could be installed."""


@dataclass(frozen=True)
class Wanted:
    """A program: the setting that names one, its names on the path, and Debian's packages that bring it."""

    setting: str
    names: tuple[str, ...]
    packages: tuple[str, ...]

    def find(self, say: Callable[[str], None]) -> Path:
        """The program's path; NoProgram, with what to do, if there is none."""
        named: Path | None = getattr(ProgramSettings(), self.setting)
        variable = self.setting.upper()
        if named is not None:
            if not named.is_file():
                raise NoProgram(f"{variable} names {named}, which is not there. Name a program that is, or unset it.")
            return named
        found = self._on_path() or (self._install(say) and self._on_path())
        if not found:
            raise NoProgram(
                f"The tests in tests/browser need {self.names[0]} and found none. Install Debian's "
                f"(apt-get install {self.packages[0]}), or name one: {variable}=/path/to/{self.names[0]} make test"
            )
        return Path(found)

    def _on_path(self) -> str | None:
        return next((path for name in self.names if (path := shutil.which(name))), None)

    def _install(self, say: Callable[[str], None]) -> bool:
        """Try once, where that needs to ask nobody."""
        if os.getuid() != 0 or not shutil.which("apt-get"):
            return False
        say(f"There is no {self.names[0]}: installing Debian's {self.packages[0]} for tests/browser ...")
        install = ("apt-get", "install", "-qq", "-y", "--no-install-recommends", *self.packages)
        runs = [subprocess.run(command, capture_output=True) for command in (("apt-get", "update", "-qq"), install)]
        return runs[-1].returncode == 0


CHROMIUM = Wanted(
    "chromium",
    ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    ("chromium", "fonts-dejavu-core"),
)
FIREFOX = Wanted("firefox", ("firefox-esr", "firefox"), ("firefox-esr", "fonts-dejavu-core"))
PULSEAUDIO = Wanted("pulseaudio", ("pulseaudio",), ("pulseaudio",))
