"""A stack on a disk that takes nothing more says so, and what to do."""

import errno
import os
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from wave import open as open_wave

import pytest

from app.config import StackSettings
from scripts.stack import child, leftovers, ports, supervise
from scripts.stack import stack as module
from scripts.stack.errors import StackError
from scripts.stack.layout import Layout
from tests.openai_server import OpenAIServer
from tests.openai_server import fails as refuses
from tests.scripts.running import until
from tests.system import live

MOST = 8
NOISE_SECONDS = 1200


def wav(seconds: int) -> bytes:
    """Noise, which no disk makes smaller."""
    file = BytesIO()
    with open_wave(file, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(16_000)
        target.writeframes(os.urandom(seconds * 32_000))
    return file.getvalue()


def fails(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("holder", "name"), [(Layout, "write_env"), (leftovers, "end_all"), (supervise, "start"), (module, "write_private")]
)
def test_a_full_disk_is_a_sentence_that_says_what_to_do(
    holder: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, name, fails)
    monkeypatch.setattr(os, "umask", lambda _: 0)
    settings = StackSettings(state_dir=tmp_path / "state", port=ports.choose())
    with pytest.raises(StackError, match=r"No space left on device\. Free some space there"), module.opened(settings):
        pass


def test_a_pid_is_noted_over_the_one_before_where_there_is_no_room_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = tmp_path / "valkey.pid"
    noted.write_text("12345678901")
    monkeypatch.setattr(os, "replace", fails)
    child.note_pid(str(noted))
    assert int(noted.read_text()) == os.getpid()


def test_while_it_runs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "umask", lambda _: 0)
    monkeypatch.setattr(supervise, "start", lambda *_, **__: None)
    settings = StackSettings(state_dir=tmp_path / "state", port=ports.choose())
    with pytest.raises(StackError, match="Nothing can be written"), module.opened(settings):
        fails()


def small_disk(folder: Path) -> bool:
    """A file system of 420 MB in the folder, where that is allowed."""
    command: list[str | Path] = ["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", folder]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    if not small_disk(tmp_path):
        pytest.skip("needs the right to mount a file system")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.mark.soak
def test_a_stack_whose_disk_fills_answers_every_upload_and_goes_on_with_more_room(small: Path) -> None:
    """Of as many as it takes, none is cut off; what it accepted is there afterwards."""
    with OpenAIServer() as server, live.stack(small, OPENAI_API_KEY="sk-x", OPENAI_BASE_URL=server.url) as stack:
        server.script(*[refuses(503)] * 1000)  # so that the recordings stay
        with stack.client() as client:
            asked: list[dict[str, object]] = [{"id": f"q{number}", "text": "?"} for number in range(MOST)]
            session, pids = live.create(client, *asked), stack.running.layout.read_pids()
            audio = {"audio": ("a.wav", wav(NOISE_SECONDS))}
            where = f"/api/upload-answer/{session}"
            answers = [client.post(f"{where}/q{number}", files=audio).status_code for number in range(MOST)]
            assert set(answers) == {202, 503}
            assert client.get("/readyz").status_code == 503
            subprocess.run(["mount", "-o", "remount,size=900m", small], check=True)
            until(lambda: client.get("/readyz").status_code == 200, 120)
            kept = client.get(f"/api/sessions/{session}").json()["answers"]
            assert len(kept) == answers.count(202)
        assert stack.running.layout.read_pids()["api"] == pids["api"], "the API was there all the while"
        assert stack.running.process.poll() is None
