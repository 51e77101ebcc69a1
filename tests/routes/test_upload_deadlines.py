"""An upload may be slow, but not silent, and only the client's time counts."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from routes.upload_deadlines import Departure, Patience, patient
from services.errors import ServerLeaving, UploadStalled
from tests.virtual_time import HurriedLoop, hurried

IDLE = 0.1
PATIENCE = Patience(IDLE, 0)


async def pieces(*waits: float) -> AsyncIterator[bytes]:
    for seconds in waits:
        await asyncio.sleep(seconds)
        yield b"abc"


async def read(body: AsyncIterator[bytes], patience: Patience = PATIENCE, working: float = 0.0) -> int:
    size = 0
    async for piece in patient(body, patience):
        size += len(piece)
        await asyncio.sleep(working)
    return size


def test_silence_ends_an_upload_also_after_much_has_come() -> None:
    assert HurriedLoop.runs(read(pieces(*[IDLE / 4] * 12))) == 36
    with pytest.raises(UploadStalled):
        HurriedLoop.runs(read(pieces(*[IDLE / 4] * 12, 60)))


def test_what_is_done_with_a_piece_does_not_count_as_silence() -> None:
    assert HurriedLoop.runs(read(pieces(0, 0, 0), working=3 * IDLE)) == 9


def test_too_little_in_a_while_ends_an_upload() -> None:
    assert HurriedLoop.runs(read(pieces(*[IDLE / 4] * 12), Patience(IDLE, 30))) == 36
    with pytest.raises(UploadStalled, match="too slowly"):
        HurriedLoop.runs(read(pieces(*[IDLE / 4] * 12), Patience(IDLE, 100_000)))


@hurried
async def test_who_is_cancelled_is_cancelled_also_in_a_silence() -> None:
    for seconds in (IDLE / 2, IDLE):
        reading = asyncio.create_task(read(pieces(60)))
        asyncio.get_running_loop().call_later(seconds, reading.cancel)
        with pytest.raises((asyncio.CancelledError, UploadStalled)) as ended:
            await reading
        assert seconds == IDLE or ended.type is asyncio.CancelledError


@hurried
async def test_nobody_is_cancelled_once_the_upload_is_over() -> None:
    async def goes_on(*, whole: bool) -> int:
        body = patient(pieces(0, 0), PATIENCE)
        async for _ in body:
            if not whole:
                break
        del body
        await asyncio.sleep(3 * IDLE)
        return asyncio.current_task().cancelling()  # type: ignore[union-attr]

    assert await asyncio.create_task(goes_on(whole=True)) == 0
    assert await asyncio.create_task(goes_on(whole=False)) == 0


@pytest.mark.parametrize("waits", [[60.0], [IDLE / 4] * 1000])
@hurried
async def test_an_upload_that_outlasts_the_servers_stop_is_ended_with_its_own_problem(waits: list[float]) -> None:
    departure = Departure()
    reading = asyncio.create_task(read(pieces(*waits), Patience(30, 0, departure)))
    await asyncio.sleep(0)
    departure.begin(2 * IDLE)
    with pytest.raises(ServerLeaving):
        await reading
    with pytest.raises(ServerLeaving):
        await read(pieces(0), Patience(30, 0, departure))


@hurried
async def test_an_upload_that_ends_before_the_server_does_is_taken() -> None:
    departure = Departure()
    departure.begin(60)
    assert await read(pieces(0, 0), Patience(30, 0, departure)) == 6


@hurried
async def test_a_server_that_waits_without_end_ends_no_upload() -> None:
    departure = Departure()
    departure.begin(None)
    assert await read(pieces(IDLE, IDLE), Patience(30, 0, departure)) == 6


@hurried
async def test_each_piece_may_be_waited_for_by_a_task_of_its_own() -> None:
    body = patient(pieces(0, IDLE / 4, 60), PATIENCE)
    for _ in range(2):
        assert await asyncio.create_task(anext(body)) == b"abc"  # type: ignore[arg-type]
    with pytest.raises(UploadStalled):
        await asyncio.wait_for(asyncio.create_task(anext(body)), 20 * IDLE)  # type: ignore[arg-type]
