"""One recording through the engine that the settings ask for, from the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.weights import find_weights
from scripts.stack.layout import ROOT
from tests.openai_server import OpenAIServer

ANSWER = ROOT / "scripts" / "demo" / "answer-1.webm"


def hear(tmp_path: Path, file: Path = ANSWER, **environment: str) -> subprocess.CompletedProcess[str]:
    own = [f"{name}={value}" for name, value in {"CACHE_DIR": str(tmp_path), **environment}.items()]
    command = ["env", *own, sys.executable, "-m", "scripts.hear", str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_it_says_what_is_loaded_where_and_how_fast_and_what_is_said(tmp_path: Path) -> None:
    done = hear(tmp_path, SPEECH_MODEL="tiny.en", SPEECH_DEVICE="cpu", SPEECH_ENGINE="local")
    first, second, text = done.stdout.splitlines()
    assert first.startswith("local/tiny.en on cpu (int8), ")
    assert "22.2 s of sound" in second
    assert "without" in text or "index" in text


@pytest.mark.long
def test_a_folder_of_ones_own_is_taken_and_nothing_is_fetched(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(find_weights("tiny.en", tmp_path), folder)
    done = hear(tmp_path, SPEECH_MODEL=str(folder), SPEECH_OFFLINE="1", SPEECH_ENGINE="local", SPEECH_DEVICE="cpu")
    assert done.stdout.startswith(f"local/{folder} on cpu (int8), ")
    assert "index" in done.stdout


@pytest.mark.long
def test_it_asks_the_hosted_engine_too(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        done = hear(tmp_path, OPENAI_API_KEY="k", OPENAI_BASE_URL=server.url)
    assert done.stdout.splitlines()[0].startswith("openai/gpt-transcribe; ready")
    assert done.stdout.splitlines()[-1] == server.text


@pytest.mark.long
def test_what_it_cannot_do_is_one_sentence(tmp_path: Path) -> None:
    done = hear(tmp_path, SPEECH_MODEL="large-v3", SPEECH_OFFLINE="1", SPEECH_ENGINE="local")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "SPEECH_OFFLINE" in done.stderr
    done = hear(tmp_path, ROOT / "README.md", SPEECH_MODEL="tiny.en", SPEECH_ENGINE="local")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


WARNS = """
from pathlib import Path
import structlog
from scripts import hear
async def warns(settings, data):
    structlog.get_logger().warning("planted")
hear._heard = warns
hear.main(Path("README.md"))
"""


def test_what_is_logged_stands_apart_from_what_is_heard() -> None:
    command = ["env", "SPEECH_ENGINE=local", sys.executable, "-c", WARNS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    assert (done.stdout, json.loads(done.stderr)["event"]) == ("", "planted")
