"""Several API processes behind one port: a stop, a death and a count of one are those of all."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import httpx2
import psutil
import pytest
from uvicorn import Server

import app.serve
from scripts.stack.layout import ROOT
from tests.hostile.served import Served, serve
from tests.routes.test_metrics import samples
from tests.scripts.running import until
from tests.servers import listens

HEALTH = "viva_http_requests_total{GET,/healthz,200}"


@pytest.fixture
def two(mongodb_url: str, redis_url: str, tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path, mongodb_url, redis_url, API_PROCESSES="2", TMPDIR=str(tmp_path)) as served:
        yield served


def children(served: Served) -> list[psutil.Process]:
    """Those that serve; what Python itself keeps beside them is another matter."""
    found = []
    for child in psutil.Process(served.process.pid).children():
        with suppress(psutil.Error):  # one that has died meanwhile
            found += [child] if "spawn_main" in " ".join(child.cmdline()) else []
    return found


def ask(served: Served, path: str = "/healthz") -> httpx2.Response:
    """On a connection of its own, which any of the processes may take."""
    with served.client("root", admin=True) as client:
        return client.get(path)


def counted(served: Served) -> dict[str, float]:
    answer = ask(served, "/metrics")
    assert answer.status_code == 200, answer.text
    return samples(answer.text)


def test_both_answer_and_what_they_count_is_told_as_one(two: Served) -> None:
    until(lambda: len(children(two)) == 2 and ask(two, "/readyz").status_code == 200)
    before = counted(two).get(HEALTH, 0.0)
    for _ in range(100):
        assert ask(two).status_code == 200
    assert {counted(two)[HEALTH] for _ in range(10)} == {before + 100}
    now = counted(two)
    resident = sum(child.memory_info().rss for child in children(two))
    assert 0.5 < now["process_resident_memory_bytes"] / resident < 2
    assert now["viva_http_uploads_in_flight"] == now["viva_background_waiting{hints}"] == 0


@pytest.mark.long
def test_one_that_dies_is_replaced_and_its_counts_stay(two: Served) -> None:
    until(lambda: len(children(two)) == 2)
    for _ in range(50):
        ask(two)
    before, (first, second) = counted(two)[HEALTH], children(two)
    stays, falls = second.pid, first
    falls.kill()
    for _ in range(50):
        assert ask(two).status_code == 200
    until(lambda: len(children(two)) == 2 and falls.pid not in {child.pid for child in children(two)})
    assert stays in {child.pid for child in children(two)}
    until(lambda: counted(two)["process_resident_memory_bytes"] > 0)
    assert counted(two)[HEALTH] >= before + 50


def test_the_one_that_watches_tells_as_the_others_do_which_has_died(two: Served, tmp_path: Path) -> None:
    until(lambda: len(children(two)) == 2)
    (falls, _), (log,) = children(two), tmp_path.glob("*.log")
    falls.kill()
    until(lambda: f"[{falls.pid}] died" in log.read_text())
    until(lambda: log.read_text().endswith("\n"))
    assert all("event" in json.loads(line) for line in log.read_text().splitlines())


@pytest.mark.long
def test_a_stop_ends_all_and_leaves_nothing(two: Served, tmp_path: Path) -> None:
    until(lambda: len(children(two)) == 2)
    assert list(tmp_path.glob("viva-voce-counts-*"))
    pids = [child.pid for child in children(two)]
    with two.client() as client:
        session = client.post("/api/sessions", json={"questions": [{"id": "q1", "text": "?"}]}).json()["session_id"]
    line = two.line()
    form = b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\n\r\n\x1a\x45\xdf\xa3'
    about = ("Content-Length: 2000000", "Content-Type: multipart/form-data; boundary=b")
    line.send(two.head("POST", f"/api/upload-answer/{session}/q1", *about) + form + bytes(600_000))
    until(lambda: two.database["parts"].count_documents({"state": "uploading"}) == 1)
    two.process.send_signal(signal.SIGTERM)
    answer = line.answer()
    assert answer is not None
    assert (answer.status, answer.code) == (503, "server_leaving")
    assert not listens(two.port)
    assert two.process.wait(60) == 0
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not list(tmp_path.glob("viva-voce-counts-*"))


@pytest.mark.long
def test_those_of_one_that_was_killed_do_not_keep_the_port(two: Served) -> None:
    until(lambda: len(children(two)) == 2)
    os.kill(two.process.pid, signal.SIGKILL)
    two.process.wait(60)
    until(lambda: not listens(two.port))
    with socket.socket() as next_one:
        next_one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        next_one.bind(("127.0.0.1", two.port))


def test_what_no_second_start_would_mend_ends_it_with_a_sentence(tmp_path: Path) -> None:
    command = ["env", "-u", "JWT_SECRET", "-u", "JWKS_URL", "API_PROCESSES=2", sys.executable, "-m", "app.serve"]
    done = subprocess.run([*command, "--port", "0"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 3, done.stderr
    assert "set JWT_SECRET" in done.stderr


# Seconds for which proxies keep a connection on which nothing comes, as they are set at first.
PROXIES = {"nginx": 60, "AWS": 60, "Traefik": 90, "Caddy": 120, "Google": 600}


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_proxy_that_keeps_connections_is_not_hung_up_on(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Server] = []
    monkeypatch.setattr(app.serve, "settings_or_end", lambda _: SimpleNamespace(api_processes=1))
    monkeypatch.setattr(app.serve, "_one", begun.append)
    app.serve.serve()
    (server,) = begun
    assert server.config.timeout_keep_alive > PROXIES[proxy]
