"""The doctor on real servers, well and in every way in which they can be made ill here."""

import asyncio
import gc
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase

from app.config import Settings
from app.engines import speech_kind
from app.finding import Finding, State, ok, worst
from app.keys import key_store
from scripts.doctor import broker, work
from scripts.doctor import database as mongodb
from scripts.doctor.__main__ import main as doctor
from scripts.doctor.__main__ import show
from scripts.doctor.examine import examine
from scripts.doctor.listing import Setting
from scripts.stack.layout import ROOT, Layout
from scripts.stack.programs import find_mongod
from services.adapters.mongo import oplog
from services.adapters.mongo.client import open_client
from services.adapters.mongo.counters import MongoCounters
from services.adapters.mongo.workers import MongoWorkers
from services.adapters.receipt_keys import new_key
from services.recordings.ports.workers import WorkerSign
from tests import servers
from tests.openai_server import OpenAIServer, fails
from tests.scripts.running import until
from tests.servers import free_port

SECRET = "s" * 40
OUT_OF_DISK_SPACE, UNAUTHORIZED = 14031, 13
AS_IN_ANY_TEST = {"Redis persistence", "Cache disk", "MongoDB disk", "MongoDB version"}

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def found(findings: list[Finding], check: str) -> Finding:
    (finding,) = [each for each in findings if each.check == check]
    assert bool(finding.todo) == (finding.state is not State.OK), "whatever is not well says what to do"
    return finding


@pytest.fixture
async def settings(
    database: AsyncDatabase[dict[str, Any]], mongodb_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Settings]:
    """A house in which all is well, but for a Redis that keeps nothing."""
    await MongoWorkers(database).seen(WorkerSign("w", "local/tiny.en", 2))
    await MongoCounters(database).swept("sweep", {})
    settings = Settings(
        mongodb_url=mongodb_url,
        mongodb_database=database.name,
        redis_url=redis_url,
        jwt_secret=SECRET,
        speech_engine="local",
        speech_model="tiny.en",
        cache_dir=tmp_path,
        keyring_dir=tmp_path / "keys",
        receipt_keys=_receipt_keys(tmp_path / "receipt-keys"),
    )
    await key_store(settings, database).begin()
    yield settings


def _receipt_keys(folder: Path) -> Path:
    folder.mkdir()
    (folder / "1.pem").write_bytes(new_key())
    return folder


def changed(settings: Settings, **values: Any) -> Settings:
    return Settings(**{**settings.model_dump(), **values})


async def test_a_well_house_is_well(settings: Settings) -> None:
    findings = await examine(settings)
    assert {each.check for each in findings if each.state is not State.OK} <= AS_IN_ANY_TEST
    assert worst(findings) is not State.FAILING
    assert len(findings) == len({each.check for each in findings}) >= 16


async def test_it_leaves_nothing_in_the_database(settings: Settings, database: AsyncDatabase[dict[str, Any]]) -> None:
    before = set(await database.list_collection_names())
    await asyncio.gather(examine(settings), examine(settings))
    assert set(await database.list_collection_names()) == before


# A client of the driver that is closed while it connects to a dead address forgets a socket.
forgets_sockets = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def forgotten() -> Iterator[None]:
    yield
    gc.collect()


@pytest.mark.long
@forgets_sockets
@pytest.mark.usefixtures("forgotten")
async def test_a_mongodb_that_is_not_there_is_failing_and_the_rest_is_still_looked_at(settings: Settings) -> None:
    port = free_port()
    findings = await examine(changed(settings, mongodb_url=f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"))
    assert found(findings, "MongoDB").state is State.FAILING
    assert (
        found(findings, "MongoDB").said
        == f"not reached: 127.0.0.1:{port}: [Errno 111] Connect call failed ('127.0.0.1', {port})"
    )
    assert {"Redis", "Speech engine", "Cache disk"} < {each.check for each in findings}


@forgets_sockets
@pytest.mark.usefixtures("forgotten")
async def test_a_server_without_a_replica_set_is_failing(tmp_path: Path) -> None:
    port = free_port()
    command: list[str | Path] = [
        find_mongod(),
        "--dbpath",
        tmp_path,
        "--port",
        str(port),
        "--bind_ip",
        "127.0.0.1",
        "--nounixsocket",
    ]
    with servers.running([*command, "--quiet"], tmp_path / "log", lambda: servers.listens(port)):
        for url in (f"mongodb://127.0.0.1:{port}/?replicaSet=rs0", f"mongodb://127.0.0.1:{port}/"):
            (finding,) = await mongodb.reached(url)
            assert finding.state is State.FAILING
            assert "--replSet" in finding.todo


async def test_a_replica_set_of_another_name_is_told_apart(mongodb_url: str) -> None:
    (finding,) = await mongodb.reached(mongodb_url.replace("replicaSet=rs0", "replicaSet=other"))
    assert (finding.state, "rs0" in finding.said) == (State.FAILING, True)


async def test_a_wrong_password_is_told_from_a_set_without_a_primary(mongodb_url: str) -> None:
    (finding,) = await mongodb.reached(mongodb_url.replace("//", "//viva_voce:wrong@"))
    assert finding.state is State.FAILING
    assert "Authentication failed" in finding.said and "password" in finding.todo


@contextmanager
def refused(mongodb_url: str, command: str, code: int) -> Iterator[None]:
    fault = {"failCommands": [command], "errorCode": code}
    with MongoClient[dict[str, Any]](mongodb_url) as admin:
        admin.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": fault})
        try:
            yield
        finally:
            admin.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


async def test_a_user_who_may_not_read_is_failing(settings: Settings, mongodb_url: str) -> None:
    with refused(mongodb_url, "find", UNAUTHORIZED):
        findings = await examine(settings)
    work = found(findings, "Work")
    assert work.state is State.FAILING and "refused" in work.said and "rights" in work.todo


async def test_writes_that_are_not_confirmed_are_failing(settings: Settings, mongodb_url: str) -> None:
    with refused(mongodb_url, "insert", OUT_OF_DISK_SPACE):
        findings = await examine(settings)
    assert found(findings, "MongoDB writes").state is State.FAILING
    assert found(findings, "Indexes").state is State.OK


async def test_a_missing_index_is_failing(settings: Settings, database: AsyncDatabase[dict[str, Any]]) -> None:
    await database["parts"].drop_index("silent")
    finding = found(await examine(settings), "Indexes")
    assert (finding.state, finding.said) == (State.FAILING, "missing: parts.silent")


@pytest.mark.parametrize(("seconds", "expected"), [(-60, "warning"), (7, "warning"), (0, "ok")])
async def test_clocks_that_differ_are_a_warning(settings: Settings, seconds: int, expected: str) -> None:
    findings = await examine(settings, lambda: mongodb.now() + timedelta(seconds=seconds))
    assert found(findings, "Clocks").state == expected


async def test_how_long_what_is_kept_is_said(settings: Settings) -> None:
    finding = found(await examine(settings), "Retention")
    assert (finding.state, finding.said) == (State.OK, "deliveries 30 days (RETAIN_DELIVERIES_DAYS)")


async def _no_worker(mongo: AsyncDatabase[dict[str, Any]]) -> None:
    await mongo["workers"].delete_many({})


async def _no_sweep(mongo: AsyncDatabase[dict[str, Any]]) -> None:
    await mongo["counters"].delete_many({})


async def _old_queued(mongo: AsyncDatabase[dict[str, Any]]) -> None:
    await _part(mongo, {"state": "queued", "created_at": {"$subtract": ["$$NOW", 2_000_000]}})


async def _silent_claim(mongo: AsyncDatabase[dict[str, Any]]) -> None:
    at = {"$subtract": ["$$NOW", 600_000]}
    await _part(mongo, {"state": "processing", "deliveries": 1, "created_at": at, "heartbeat_at": at})


async def _late_erasure(mongo: AsyncDatabase[dict[str, Any]]) -> None:
    await mongo["erasures"].insert_one({"_id": "u-1", "state": "running", "created_at": LONG_AGO, "waits": "uploads"})


async def _held_erasure(mongo: AsyncDatabase[dict[str, Any]]) -> None:
    await mongo["erasures"].insert_one({"_id": "u-1", "state": "running", "created_at": LONG_AGO, "waits": "hold"})


async def _session_that_is_back(mongo: AsyncDatabase[dict[str, Any]]) -> None:
    over = {"_id": "s-back", "session_id": "back", "state": "done", "created_at": LONG_AGO}
    await mongo["erasures"].insert_one(over)
    await mongo["interview_sessions"].insert_one({"_id": "back"})


async def _part(mongo: AsyncDatabase[dict[str, Any]], what: dict[str, Any]) -> None:
    await mongo["parts"].update_one({"_id": "p"}, [{"$set": what}], upsert=True)


@pytest.mark.parametrize(
    ("harm", "check", "expected"),
    [
        (_no_worker, "Workers", "failing"),
        (_no_sweep, "Sweep", "warning"),
        (_old_queued, "Queue", "failing"),
        (_silent_claim, "In work", "failing"),
        (_late_erasure, "Erasures", "failing"),
        (_held_erasure, "Erasures", "ok"),
        (_session_that_is_back, "Erased sessions", "failing"),
    ],
)
async def test_work_that_is_stuck_is_seen(
    settings: Settings,
    database: AsyncDatabase[dict[str, Any]],
    harm: Callable[[AsyncDatabase[dict[str, Any]]], Awaitable[None]],
    check: str,
    expected: str,
) -> None:
    await harm(database)
    assert found(await examine(settings), check).state == expected


async def test_without_redis_it_is_a_warning(settings: Settings) -> None:
    findings = await examine(changed(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    assert found(findings, "Redis").state is State.WARNING
    assert worst(findings) is State.WARNING


@pytest.mark.parametrize(
    ("options", "persistence", "memory"),
    [
        ((), "warning", "ok"),
        (("--appendonly", "yes"), "ok", "ok"),
        (("--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"), "ok", "warning"),
    ],
)
async def test_a_redis_that_forgets_is_a_warning(
    tmp_path: Path, options: tuple[str, ...], persistence: str, memory: str
) -> None:
    with servers.valkey(tmp_path, *options) as url:
        findings = await broker.looked_at(url)
    assert [each.state for each in findings] == ["ok", persistence, memory]


@pytest.mark.parametrize(
    ("option", "why"), [(("--maxmemory", "1"), "maxmemory"), (("--replicaof", f"127.0.0.1 {free_port()}"), "read only")]
)
async def test_a_redis_that_takes_nothing_is_failing(tmp_path: Path, option: tuple[str, ...], why: str) -> None:
    with servers.valkey(tmp_path, "--appendonly", "yes", *option) as url:
        finding = found(await broker.looked_at(url), "Redis")
    assert (finding.state, why in finding.said) == (State.FAILING, True)


async def test_how_far_back_the_oplog_reaches_is_said(
    settings: Settings, mongodb_url: str, mongo: AsyncMongoClient[dict[str, Any]]
) -> None:
    finding = found(await examine(settings), "MongoDB oplog")
    assert (finding.state, "min back" in finding.said) == (State.OK, True)
    reached = await oplog.reach(mongo)
    assert reached is not None and timedelta(0) < reached < timedelta(hours=12)
    unauthorized = {"failCommands": ["find"], "errorCode": 13, "appName": "viva-voce-unauthorized"}
    await mongo.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=unauthorized)
    try:
        async with open_client(mongodb_url, "unauthorized") as client:
            assert await oplog.reach(client) is None
    finally:
        await mongo.admin.command("configureFailPoint", "failCommand", mode="off")
    assert "cannot be told" in oplog.told(None)
    assert oplog.told(timedelta(hours=30, minutes=7)).startswith("it reaches 30 h 7 min back")


async def test_weights_that_are_missing_or_damaged_are_failing(settings: Settings, tmp_path: Path) -> None:
    today = mongodb.now().date()
    (finding,) = await speech_kind(settings).look(today)
    assert (finding.state, "tiny.en" in finding.said) == (State.OK, True)
    (finding,) = await speech_kind(changed(settings, speech_model=str(tmp_path / "nowhere"))).look(today)
    assert (finding.state, "SPEECH_MODEL" in finding.todo) == (State.FAILING, True)


async def test_a_model_that_is_to_be_fetched_is_told(settings: Settings, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    today, large = mongodb.now().date(), changed(settings, speech_model="large-v3", cache_dir=cache)
    (finding,) = await speech_kind(large).look(today)
    assert (finding.state, "fetches it" in finding.todo) == (State.WARNING, True)
    (finding,) = await speech_kind(changed(large, speech_offline=True)).look(today)
    assert (finding.state, "SPEECH_OFFLINE" in finding.todo) == (State.FAILING, True)
    assert list(cache.iterdir()) == []


async def test_a_device_that_is_not_here_is_failing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 0)
    (finding,) = await speech_kind(changed(settings, speech_device="cuda")).look(mongodb.now().date())
    assert (finding.state, "SPEECH_DEVICE" in finding.todo) == (State.FAILING, True)


def test_what_the_workers_have_loaded_is_said_once() -> None:
    said = "local/base on cpu (int8), 14.0 × real time a thread"
    signs = [WorkerSign("a", said, 2), WorkerSign("b", said, 2), WorkerSign("c", "openai/whisper-1", 8)]
    assert [finding.said for finding in work.engines(signs)] == [said, "openai/whisper-1"]


async def test_the_hosted_engine_is_asked(settings: Settings) -> None:
    today = mongodb.now().date()

    async def look(**values: Any) -> State:
        hosted = changed(settings, speech_engine="openai", **values)
        return found(await speech_kind(hosted).look(today), "Speech engine").state

    with OpenAIServer() as server:
        assert await look(openai_api_key="sk-x", openai_base_url=server.url) is State.OK
        server.script(fails(401))
        assert await look(openai_api_key="sk-x", openai_base_url=server.url) is State.FAILING
        server.script(fails(503))
        assert await look(openai_api_key="sk-x", openai_base_url=server.url) is State.WARNING
        server.script(fails(404))
        assert await look(openai_api_key="sk-x", openai_base_url=server.url) is State.OK
        assert await look(openai_api_key=None, openai_base_url=server.url) is State.FAILING
    assert await look(openai_api_key="sk-x", openai_base_url=f"http://127.0.0.1:{free_port()}/v1") is State.FAILING


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = [f"{name}={value}" for name, value in environment.items()]
    command = ["env", "COLUMNS=200", *own, sys.executable, "-m", "scripts.doctor", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.mark.long
def test_the_command_on_the_environment(settings: Settings, tmp_path: Path) -> None:
    names = (
        "mongodb_url",
        "mongodb_database",
        "redis_url",
        "speech_engine",
        "speech_model",
        "cache_dir",
        "keyring_dir",
    )
    environment = {name.upper(): str(getattr(settings, name)) for name in names}
    done = run(**environment, JWT_SECRET=SECRET)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Redis persistence" in done.stdout and "Set appendonly yes" in done.stdout
    done = run("--json", **environment, JWT_SECRET="short")
    report = json.loads(done.stdout)
    assert (done.returncode, report["state"]) == (1, "failing")
    assert {each["check"]: each["state"] for each in report["checks"]}["Bearer tokens"] == "failing"
    assert SECRET not in done.stdout + done.stderr


def report(done: subprocess.CompletedProcess[str]) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """The states of the checks, and of each setting its value and where it came from."""
    told = json.loads(done.stdout)
    states = {each["check"]: each["state"] for each in told["checks"]}
    return states, {each["name"]: (each["value"], each["source"]) for each in told["settings"]}


def test_without_a_stack_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    with pytest.raises(typer.Exit) as ended:
        doctor(stack=True)
    assert (ended.value.exit_code, "No stack was ever started" in capsys.readouterr().err) == (1, True)


@pytest.mark.long
def test_a_stack_is_judged_by_its_own_settings_and_not_by_those_of_who_asks(settings: Settings, tmp_path: Path) -> None:
    state = Layout.at(tmp_path / "state")
    state.make()
    known = {"MONGODB_URL": settings.mongodb_url, "MONGODB_DATABASE": settings.mongodb_database}
    known["KEYRING_DIR"] = str(settings.keyring_dir)
    state.write_env({**known, "REDIS_URL": settings.redis_url, "JWT_SECRET": SECRET})
    wrong = {"MONGODB_URL": "mongodb://127.0.0.1:1", "SPEECH_MODEL": "/nowhere", "LEASE_SECONDS": "never"}
    done = run("--stack", "--json", STATE_DIR=str(state.root), **wrong)
    assert done.returncode == 0, done.stdout + done.stderr
    states, told = report(done)
    assert (states["MongoDB"], states["Stack"]) == ("ok", "warning")
    assert told["MONGODB_URL"] == (settings.mongodb_url.partition("?")[0], str(state.env))
    assert told["SPEECH_MODEL"] == ("base", "default")
    assert not list(state.cache.iterdir()), "who looks joins no model"
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.long
def test_a_stack_that_runs_is_judged_by_what_its_processes_were_given(settings: Settings, tmp_path: Path) -> None:
    state = Layout.at(tmp_path / "state")
    state.make()
    given = {"MONGODB_URL": settings.mongodb_url, "REDIS_URL": settings.redis_url, "JWT_SECRET": SECRET}
    state.write_env(given)
    command = ["env", *(f"{name}={value}" for name, value in given.items()), "SPEECH_MODEL=tiny.en", "sleep", "600"]
    with subprocess.Popen(command) as worker:
        state.pid_file("worker").write_text(str(worker.pid))
        try:
            until(lambda: "SPEECH_MODEL" in state.read_environment("worker"))
            done = run("--stack", "--json", STATE_DIR=str(state.root), SPEECH_MODEL="base")
        finally:
            worker.kill()
    states, told = report(done)
    assert "Stack" not in states
    assert told["SPEECH_MODEL"] == ("tiny.en", "environment of `make up`")
    assert told["JWT_SECRET"] == ("set", str(state.settings))


def test_settings_that_cannot_be_are_failing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEASE_SECONDS", "10")
    monkeypatch.setenv("OPENAI_TIMEOUT_SECONDS", "50")
    with pytest.raises(typer.Exit) as ended:
        doctor(as_json=True)
    (check,) = json.loads(capsys.readouterr().out)["checks"]
    assert (ended.value.exit_code, check["check"], check["state"]) == (1, "Settings", "failing")
    assert "LEASE_SECONDS" in check["said"]


def test_what_is_set_is_listed_with_its_source_and_without_secrets(settings: Settings) -> None:
    key, password = "sk-planted-key", "planted-password"
    done = run(
        "--json",
        MONGODB_URL=settings.mongodb_url,
        REDIS_URL=f"redis://:{password}@127.0.0.1:1/0",
        JWT_SECRET=SECRET,
        OPENAI_API_KEY=key,
        MONGODB_URI="x",
        PROCESS="upkeep",
    )
    _, told = report(done)
    assert told["REDIS_URL"] == ("redis://127.0.0.1:1/0", "environment")
    assert told["OPENAI_API_KEY"] == told["JWT_SECRET"] == ("set", "environment")
    assert told["LEASE_SECONDS"] == ("60.0", "default")
    assert set(told) == {name.upper() for name in Settings.model_fields}
    assert not [word for word in (SECRET, key, password) if word in done.stdout + done.stderr]
    (strange,) = [each for each in json.loads(done.stdout)["checks"] if "MONGODB_URI" in each["said"]]
    assert (strange["state"], strange["todo"]) == ("warning", "Did you mean MONGODB_URL?")


ENGINE, TOKENS = {"Speech engine", "Cache disk"}, {"Bearer tokens", "Metrics token"}


@pytest.mark.parametrize(
    ("process", "left_out"),
    [("all", set()), ("api", ENGINE), ("worker", TOKENS), ("upkeep", ENGINE | TOKENS), ("beat", ENGINE | TOKENS)],
)
async def test_a_process_is_judged_by_what_it_needs(settings: Settings, process: str, left_out: set[str]) -> None:
    checks = {each.check for each in await examine(changed(settings, process=process))}
    assert (ENGINE | TOKENS) - checks == left_out


def test_make_doctor_is_the_command_on_the_stack() -> None:
    done = subprocess.run(["make", "-n", "doctor"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert "-m scripts.doctor --stack" in done.stdout


async def test_a_disk_with_less_free_than_pieces_are_taken_with_is_failing(settings: Settings) -> None:
    asks_much = settings.model_copy(update={"least_free_megabytes": 10**9})
    assert "LEAST_FREE_MEGABYTES" in found(await examine(asks_much), "MongoDB disk").todo


def test_folders_and_addresses_are_told_to_their_end_however_narrow_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = "/srv/viva-voce/" + "a-long-name/" * 8 + "keys"
    monkeypatch.setenv("COLUMNS", "80")
    show([ok("Keyring", f"in {folder}: 1 key")], [Setting("KEYRING_DIR", folder, f"{folder}/settings")])
    shown = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if line.startswith("│")]
    checks, listed = ([row for row in rows if len(row) == width] for width in (4, 3))
    assert folder in "".join(row[2] for row in checks)
    assert ["".join(row[column] for row in listed) for column in (1, 2)] == [folder, f"{folder}/settings"]
