"""The Python client's resumable uploads through a real API: cut anywhere, killed, and gone on with elsewhere."""

import random
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from client import VivaVoce, resuming
from tests.cutting_line import cutting_line_to
from tests.hostile.served import Served, serve
from tests.system.resumable import PIECE, is_the_one_take, recording, session

DATA = recording(9)


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("resuming"), mongodb_url, redis_url) as served:
        yield served


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "PIECE_BYTES", 100_000)


def client(api: Served, port: int | None = None, **options: object) -> VivaVoce:
    pause = {"pause": lambda _: None, **options}
    return VivaVoce(f"http://127.0.0.1:{port or api.port}", api.token(), **pause)  # type: ignore[arg-type]


def test_progress_is_told_of_what_is_stored(api: Served) -> None:
    made, told = session(api), list[tuple[int, int]]()
    with client(api) as calls:
        answer = calls.upload(made, "q1", DATA, progress=lambda *of: told.append(of))
    assert (answer["take"], answer["bytes"]) == (1, len(DATA))
    assert told == [(stored, len(DATA)) for stored in (*range(0, len(DATA), 100_000), len(DATA))]
    assert is_the_one_take(api, made, DATA)


@pytest.mark.parametrize("seed", range(3))
def test_cut_anywhere(api: Served, seed: int) -> None:
    chance, made = random.Random(seed), session(api)
    with cutting_line_to(api.port, [chance.randrange(600, 90_000) for _ in range(9)]) as line:
        with client(api, line.port, tries=30) as calls:
            calls.upload(made, "q1", DATA, resume=True)
        assert line.broken > 3
    assert is_the_one_take(api, made, DATA)


def test_the_api_is_killed_in_between_and_another_process_goes_on(api: Served, tmp_path: Path) -> None:
    made, note = session(api), tmp_path / "answer.upload"
    audio = tmp_path / "answer.webm"
    audio.write_bytes(DATA)
    killed: list[int] = []

    def kill(stored: int, _: int) -> None:
        if stored >= PIECE and not killed:
            killed.append(stored)
            api.process.kill()

    with client(api, tries=2) as calls, pytest.raises(httpx2.TransportError):
        calls.upload(made, "q1", audio, resume=note, progress=kill)
    api.kill_and_start()
    told: list[int] = []
    with client(api) as calls:
        calls.upload(made, "q1", audio, resume=note, progress=lambda stored, _: told.append(stored))
    assert told[0] >= killed[0]
    assert not note.exists()
    assert is_the_one_take(api, made, DATA)
