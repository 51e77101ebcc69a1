"""The Node that Playwright's driver brings."""

import subprocess
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

from scripts.stack.layout import ROOT


def node() -> Path:
    return Path(str(compute_driver_executable()[0]))


def run_module(text: str, folder: Path = ROOT / "web") -> str:
    """What this module says; it must end by itself, with nothing left open."""
    command = [str(node()), "--input-type=module", "--eval", text]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
