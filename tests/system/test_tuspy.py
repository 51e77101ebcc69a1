"""tuspy, the Python client of tus, as it is: with checksums, cut anywhere, and with the API killed in between."""

import hashlib
import io
import random
from collections.abc import Iterator
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed
from tusclient.uploader.uploader import Uploader

from tests.cutting_line import cutting_line_to
from tests.hostile.served import Served, serve
from tests.system.resumable import PIECE, is_the_one_take, recording, session

DATA = recording()


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("tuspy"), mongodb_url, redis_url) as served:
        yield served


def uploader(api: Served, session: str, port: int = 0, **options: Any) -> Uploader:
    client = TusClient(f"http://127.0.0.1:{port or api.port}/api/uploads")
    client.set_headers({"Authorization": f"Bearer {api.token()}"})
    said = {"session_id": session, "question_id": "q1", "filetype": "audio/webm"}
    more = {"upload_checksum": True, "chunk_size": PIECE, **options}
    return client.uploader(file_stream=io.BytesIO(DATA), metadata=said, **more)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_every_piece_under_a_checksum(api: Served, algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Uploader, "CHECKSUM_ALGORITHM_PAIR", (algorithm, getattr(hashlib, algorithm)))
    made = session(api)
    uploader(api, made).upload()
    assert is_the_one_take(api, made, DATA)


def test_all_of_it_in_one_request(api: Served) -> None:
    made = session(api)
    sending = uploader(api, made, chunk_size=10**9, upload_checksum=False)
    sending.upload()
    assert sending.get_offset() == len(DATA)
    assert is_the_one_take(api, made, DATA)


def test_cut_after_every_piece(api: Served) -> None:
    made = session(api)
    with cutting_line_to(api.port, [PIECE] * (len(DATA) // PIECE)) as line:
        uploader(api, made, line.port, chunk_size=10**9, upload_checksum=False, retries=50, retry_delay=0).upload()
        assert line.broken > 5
    assert is_the_one_take(api, made, DATA)


@pytest.mark.parametrize("seed", range(3))
def test_cut_anywhere(api: Served, seed: int) -> None:
    chance, made = random.Random(seed), session(api)
    with cutting_line_to(api.port, [chance.randrange(1, 2 * PIECE) for _ in range(12)]) as line:
        options: dict[str, Any] = {
            "chunk_size": chance.choice([10**9, PIECE, 100_000]),
            "upload_checksum": seed == 1,
        }
        where = _begun(uploader(api, made, **options))
        _sent_until_it_is_through(api, made, line.port, where, options)
    assert is_the_one_take(api, made, DATA)


@pytest.mark.long
def test_the_api_is_killed_after_every_other_piece(api: Served) -> None:
    made = session(api)
    sending = uploader(api, made, chunk_size=2 * PIECE)
    while sending.offset < len(DATA):
        sending.upload_chunk()  # type: ignore[no-untyped-call]
        if sending.offset % (4 * PIECE) == 0:
            api.kill_and_start()
            assert sending.get_offset() == sending.offset
    assert is_the_one_take(api, made, DATA)


@pytest.mark.long
def test_a_finished_one_that_is_begun_again_from_its_address_is_finished(api: Served) -> None:
    made = session(api)
    first = uploader(api, made)
    first.upload()
    again = uploader(api, made, url=first.url)
    assert again.offset == len(DATA)
    again.upload()
    assert is_the_one_take(api, made, DATA)


def _begun(sending: Uploader) -> str:
    sending.set_url(sending.create_url())
    return str(sending.url)


def _sent_until_it_is_through(api: Served, made: str, port: int, where: str, options: dict[str, Any]) -> None:
    through = where.replace(f":{api.port}/", f":{port}/")
    for _ in range(60):
        try:
            uploader(api, made, port, url=through, **options).upload()
        except (TusCommunicationError, TusUploadFailed):
            continue
        return
    raise AssertionError("it did not get through")
