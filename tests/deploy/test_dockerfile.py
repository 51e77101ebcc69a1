"""What a linter for Dockerfiles finds, and that it would find something."""

import subprocess
import sys
from pathlib import Path

from scripts.stack.layout import ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")


def lint(text: str) -> list[str]:
    command = [str(HADOLINT), "--no-color", "--failure-threshold", "style", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300)
    assert not done.stderr
    return done.stdout.splitlines()


def test_the_linter_finds_nothing() -> None:
    assert lint((ROOT / "Dockerfile").read_text()) == []


def test_it_would_find_what_is_wrong() -> None:
    found = lint("FROM python:latest\nRUN cd /tmp && sudo pip install celery\n")
    assert {line.split()[1] for line in found} >= {"DL3003", "DL3004", "DL3007"}
