"""tus-js-client, as it is, in Node: by tus and by the IETF's draft that it speaks."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from tests.cutting_line import cutting_line_to
from tests.hostile.served import Served, serve
from tests.system.resumable import PIECE, accepted, is_the_one_take, parts, recording, session
from tests.system.uploading import Uploaders

pytestmark = pytest.mark.long

DATA = recording(11)
WAYS: dict[str, dict[str, Any]] = {
    "in one": {},
    "in pieces": {"chunkSize": 100_000},
    "in one with its beginning": {"uploadDataDuringCreation": True},
    "in pieces with their beginning": {"uploadDataDuringCreation": True, "chunkSize": 100_000},
    # A stream whose pieces come out even is one that it waits for in vain.
    "a stream of unknown length": {"stream": True, "chunkSize": 90_000, "uploadLengthDeferred": True},
    "a stream in one": {"stream": True, "chunkSize": len(DATA) + 1, "uploadLengthDeferred": True},
    "by other methods": {"chunkSize": 100_000, "overridePatchMethod": True},
}
PROTOCOLS: list[dict[str, Any]] = [{}, {"protocol": "ietf-draft-05"}]


@pytest.fixture(scope="module")
def uploaders(tmp_path_factory: pytest.TempPathFactory) -> Uploaders:
    return Uploaders.into(tmp_path_factory.mktemp("npm") / "uploaders")


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("api"), mongodb_url, redis_url) as served:
        yield served


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "answer.webm"
    path.write_bytes(DATA)
    return path


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["tus", "ietf"])
@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_sending(api: Served, uploaders: Uploaders, file: Path, way: str, protocol: dict[str, Any]) -> None:
    made = session(api)
    told = uploaders.upload(api, file, made, **WAYS[way], **protocol)
    assert told["error"] is None
    assert is_the_one_take(api, made, DATA)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["tus", "ietf"])
def test_cut_after_every_piece(api: Served, uploaders: Uploaders, file: Path, protocol: dict[str, Any]) -> None:
    made = session(api)
    with cutting_line_to(api.port, [PIECE] * (len(DATA) // PIECE)) as line:
        told = uploaders.upload(api, file, made, port=line.port, **protocol)
        assert line.broken > 5
    assert told["error"] is None
    assert is_the_one_take(api, made, DATA)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["tus", "ietf"])
@pytest.mark.parametrize("seed", range(4))
def test_cut_anywhere(api: Served, uploaders: Uploaders, file: Path, seed: int, protocol: dict[str, Any]) -> None:
    chance, made = random.Random(seed), session(api)
    size: dict[str, Any] = {"chunkSize": chance.choice([PIECE, 200_000])} if seed else {}
    with cutting_line_to(api.port, [chance.randrange(1_500, 2 * PIECE) for _ in range(9)]) as line:
        told = uploaders.upload(api, file, made, port=line.port, **size, **protocol)
    assert told["error"] is None
    assert is_the_one_take(api, made, DATA)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["tus", "ietf"])
def test_the_api_is_killed_on_the_way(api: Served, uploaders: Uploaders, file: Path, protocol: dict[str, Any]) -> None:
    made = session(api)
    asked = {"retryDelays": [200] * 300, "chunkSize": 10_000, **protocol}
    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(uploaders.upload, api, file, made, **asked)
        for stored in (1, 200_000, 400_000):
            while not sending.done() and _stored(api, made) < stored:
                time.sleep(0.01)
            if not sending.done():
                api.kill_and_start()
        told = sending.result()
    assert told["error"] is None, told
    assert is_the_one_take(api, made, DATA)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["tus", "ietf"])
def test_a_stored_address_is_gone_on_with_also_after_the_end(
    api: Served, uploaders: Uploaders, file: Path, tmp_path: Path, protocol: dict[str, Any]
) -> None:
    made = session(api)
    stored: dict[str, Any] = {"storage": str(tmp_path / "addresses"), "chunkSize": 100_000, **protocol}
    first = uploaders.upload(api, file, made, stopAt=300_000, **stored)
    assert accepted(api, made) == []
    second = uploaders.upload(api, file, made, resume=True, **stored)
    assert second["url"] == first["url"]
    assert second["requests"][0][0] == "HEAD"
    assert is_the_one_take(api, made, DATA)
    third = uploaders.upload(api, file, made, resume=True, **stored)
    assert (third["error"], [method for method, _ in third["requests"]]) == (None, ["HEAD"])
    assert is_the_one_take(api, made, DATA)


def test_a_stream_of_known_length(api: Served, uploaders: Uploaders, file: Path) -> None:
    """By tus: as the draft's client it does not say of its last piece that it is the last."""
    made = session(api)
    told = uploaders.upload(api, file, made, stream=True, chunkSize=90_000, uploadSize=len(DATA))
    assert told["error"] is None
    assert is_the_one_take(api, made, DATA)


def test_what_is_terminated_is_gone(api: Served, uploaders: Uploaders, file: Path) -> None:
    made = session(api)
    told = uploaders.upload(api, file, made, chunkSize=100_000, stopAt=200_000, terminate=True)
    assert told["terminated"]
    assert ["DELETE", 204] in told["requests"]
    assert [part["state"] for part in parts(api, made)] == ["aborted"]
    with api.client() as client:
        assert client.head(told["url"], headers={"Tus-Resumable": "1.0.0"}).status_code == 410


def test_parallel_parts_are_refused_and_make_no_takes(api: Served, uploaders: Uploaders, file: Path) -> None:
    made = session(api)
    told = uploaders.upload(api, file, made, parallelUploads=3)
    assert told["status"] == 400
    assert "concatenation_refused" in told["error"]
    assert parts(api, made) == []


def test_two_that_send_to_one_upload_make_one_recording(
    api: Served, uploaders: Uploaders, file: Path, tmp_path: Path
) -> None:
    made = session(api)
    stored: dict[str, Any] = {"storage": str(tmp_path / "addresses"), "chunkSize": 20_000}
    uploaders.upload(api, file, made, stopAt=60_000, **stored)
    told: list[str | None] = []

    def sending() -> None:
        told.append(uploaders.upload(api, file, made, resume=True, **stored)["error"])

    threads = [threading.Thread(target=sending) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None in told
    assert is_the_one_take(api, made, DATA)


def _stored(api: Served, session: str) -> int:
    """About how many bytes of it are in the database."""
    found = parts(api, session)
    pieces = api.database["pieces"].find({"recording": {"$in": [ObjectId(part["_id"]) for part in found]}})
    return int(sum(part["arrival"]["folded"] for part in found) + sum(piece["size"] for piece in pieces))


def test_who_is_held_back_goes_on(
    mongodb_url: str, redis_url: str, uploaders: Uploaders, file: Path, tmp_path: Path
) -> None:
    """429 would be the end for it; it is told 503, and on HEAD 423."""
    with serve(tmp_path, mongodb_url, redis_url, RATE_REQUESTS="12/second") as api:
        made = session(api)
        told = uploaders.upload(api, file, made, chunkSize=10_000, retryDelays=[300] * 9)
        assert told["error"] is None, told
        assert any(status == 503 for _, status in told["requests"])
        time.sleep(1.1)
        assert is_the_one_take(api, made, DATA)
