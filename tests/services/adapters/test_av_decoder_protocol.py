"""What a decoding process says is believed only so far: a stranger's bytes may speak through it."""

import asyncio
import socket

import pytest

from services.adapters.av_decoder import protocol
from services.adapters.av_decoder.dialogue import Dialogue, Slot, Whole
from services.adapters.av_decoder.protocol import Order, Planned
from services.errors import AudioTooLong, AudioUnreadable
from services.interviews.transcript import Flaw
from tests.audio import arriving

FLAWS = (Flaw(code="gap", at=1.5, seconds=0.25), Flaw(code="joined", at=0.0), Flaw(code="truncated"))


def test_what_is_planned_comes_over_as_it_is() -> None:
    planned = Planned(16_000, FLAWS, b'["a plan"]')
    assert protocol.planned_of(planned.body()) == planned


def test_a_plan_that_is_too_long_to_be_kept_is_none() -> None:
    planned = Planned(16_000, FLAWS, b" " * (protocol.LARGEST_PLAN + 1))
    assert protocol.planned_of(planned.body()) == Planned(16_000, FLAWS, b"")


@pytest.mark.parametrize(
    "flaws",
    [
        b"1",
        b'["gap"]',
        b'[["gap"]]',
        b'[["gap", 1, 2, 3]]',
        b'[["<script>", 1, 2]]',
        b'[[7, 1, 2]]',
        b'[["gap", "1", 2]]',
        b'[["gap", NaN, 2]]',
        b'[["gap", -1, 2]]',
        b'[["gap", 1, 1e300]]',
        b'[["' + b"g" * 41 + b'", 1, 2]]',
    ],
)  # fmt: skip
def test_what_is_no_list_of_flaws_is_refused(flaws: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        protocol.planned_of(b"[1, " + flaws + b', "[]"]')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"1",
        b"[1]",
        b'[0, [], "[]"]',
        b'[1.5, [], "[]"]',
        b'[true, [], "[]"]',
        b'[1, [], null]',
        b'[1, [], "\xe4"]',
        b"[" * 50_000,
    ],
)  # fmt: skip
async def test_what_no_child_says_that_is_well_is_no_recording(body: bytes) -> None:
    with pytest.raises(AudioUnreadable):
        await told(protocol.message(protocol.PLAN, body))


GOOD = protocol.message(protocol.PLAN, Planned(2, (), b"[]").body())


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (protocol.message(protocol.SAMPLES, b"\0\0\0"), AudioUnreadable),
        (protocol.message(protocol.SAMPLES, bytes(40_000)) * 2, AudioTooLong),
        (protocol.message(protocol.PLAN, b"[]"), AudioUnreadable),
        (protocol.message(protocol.NEED, bytes(3)), AudioUnreadable),
        (protocol.message(protocol.NEED, bytes(protocol.RANGE.size)), AudioUnreadable),
        (protocol.HEAD.pack(protocol.SAMPLES, 2**31), AudioUnreadable),
    ],
)
async def test_what_comes_behind_a_plan_is_believed_as_little(said: bytes, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        await told(GOOD + said)


async def test_more_samples_than_may_be_are_refused_before_the_first_of_them() -> None:
    with pytest.raises(AudioTooLong):
        await told(protocol.message(protocol.PLAN, Planned(99_999, (), b"[]").body()))


async def told(said: bytes) -> list[bytes]:
    """What the worker makes of it, of a recording of a quarter of a second at most."""
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        far.sendall(said)
        far.shutdown(socket.SHUT_WR)
        dialogue = Dialogue(near, Slot(asyncio.Semaphore(1)), Whole(arriving(b"x"), 100))
        return [block async for block in (await dialogue.begun(Order(0.25))).blocks()]
