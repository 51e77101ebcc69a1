"""A call while it is played: its bridge, what it must have lost at most, and what is heard of it."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from string import ascii_letters
from typing import Any

import httpx2

from services.interviews.model import CallSide
from tests.calls.bridge import Bridge, Packets, has_receiver, serves
from tests.calls.live import LEFT, RIGHT
from tests.calls.marked import PLACE_SECONDS, packets_of, words_of
from tests.calls.sender import Sender
from tests.chaos.cells import Cell, Fault
from tests.chaos.machine import BOUND, Machine
from tests.chaos.recordings import in_call
from tests.chaos.steps import CALLS
from tests.scripts.running import until

SECONDS, BLOW_SECONDS, SLACK_SECONDS = 12.0, 3.0, 0.5
# A page, what waits in order, and how often pages are asked for; and until who is back has found its call.
UNSAVED_SECONDS = 1.0 + 0.2 + 0.3
FOUND_SECONDS = 1.0
ON_ITS_WAY_SECONDS = 0.3
KILLS = (Fault.KILL, Fault.KILL_LATE)
DEAF = {Fault.KILL, Fault.KILL_LATE, Fault.RESTART}


@dataclass
class Talk:
    """A call and who brings it."""

    machine: Machine
    cell: Cell
    call: dict[str, Any]
    bridge: Bridge
    begun: float = 0.0
    hole: tuple[float, float] = (0.0, 0.0)
    told: dict[str, Any] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    @property
    def by_udp(self) -> bool:
        return self.cell.step.stage.endswith("UDP")

    def begin(self) -> None:
        bring = self.bridge.by_udp if self.by_udp else self.bridge.by_socket
        self.begun = time.monotonic()
        self._thread = threading.Thread(target=lambda: asyncio.run(bring(self.begun)), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until all of it was brought."""
        if self._thread is not None:
            self._thread.join(BOUND)

    def strike_and_await_ears(self, strike: Callable[[], None], stands_since: float | None = None) -> None:
        """The blow; from when until when of the call nobody can have taken it in, or had kept what came.

        Nor can anything be kept from when on the database lets commands of its record wait.
        """
        since, blow = datetime.now(UTC), (stands_since or time.monotonic()) - self.begun
        strike()
        if self.is_hit:
            until(partial(serves, self.machine.stack, "rtp" if self.by_udp else "api", since), BOUND)
            unsaved = UNSAVED_SECONDS if self.cell.fault in KILLS else ON_ITS_WAY_SECONDS
            self.hole = (blow - unsaved, time.monotonic() - self.begun + FOUND_SECONDS)

    @property
    def is_hit(self) -> bool:
        """Whether who takes it in went away."""
        return self.cell.fault in DEAF and self.cell.process in ("all", "rtp" if self.by_udp else "api")

    def end(self) -> None:
        """Say that it is over until that is heard; a bridge by a socket says so there first."""
        if not self.by_udp:
            asyncio.run(self.bridge.end_by_socket())
        end = time.monotonic() + BOUND
        while time.monotonic() < end and self.told.get("state") != "completed":
            with suppress(httpx2.HTTPError, ValueError), self.machine.client() as client:
                client.post(f"/api/calls/{self.call['call_id']}/end", timeout=10)
                self.told = client.get(f"/api/calls/{self.call['call_id']}", timeout=10).json()
            time.sleep(0.2)

    def recording(self, side: CallSide) -> str:
        """Its id, as the call's record has it."""
        record = self.machine.database["calls"].find_one({"_id": self.call["call_id"]})
        return str(record["lines"][side.value]["part_id"])

    def says(self, side: CallSide) -> str:
        """What is to be heard of a side: all but what fell into the hole."""
        first, last = self.hole
        words = enumerate(words_of(side, SECONDS))
        places = ((place * PLACE_SECONDS, word) for place, word in words)
        return in_call([word for at, word in places if at + PLACE_SECONDS <= first or at >= last])

    def faults(self) -> Iterator[str]:
        """Where a side is not as long as it was, so that later words are not at their time."""
        most = self.hole[1] - self.hole[0]
        for side in (LEFT, RIGHT):
            seconds = self.told.get(side.value, {}).get("seconds", 0.0)
            if not SECONDS - most - SLACK_SECONDS <= seconds <= SECONDS + SLACK_SECONDS:
                yield f"{side.value}: {seconds} s of {SECONDS} s"


def talk(machine: Machine, cell: Cell, session: str) -> Talk:
    """A call that is to be held, as soon as there are ports for it."""
    by_udp = cell.step.stage.endswith("UDP")
    call: dict[str, Any] = {}

    def has_begun() -> bool:
        with suppress(httpx2.HTTPError, KeyError), machine.client() as client:
            if by_udp and not has_receiver(machine.stack):
                return False
            made = client.post(f"/api/sessions/{session}/calls", json={"question_id": "q1", "rtp": by_udp})
            if made.status_code == 201:
                call.update(made.json())
        return bool(call) and (not by_udp or call["rtp"] is not None)

    until(has_begun, BOUND)
    return Talk(machine, cell, call, Bridge(machine.stack, call, _packets(), machine.user))


def _packets() -> Packets:
    return sorted(
        (each.arrived, side, each.data)
        for side, source in ((LEFT, 1), (RIGHT, 2))
        for each in Sender(ssrc=source).send(packets_of(side, SECONDS))
    )


def misplaced(text: str) -> list[str]:
    """Places of a side that are heard again, or after later ones."""
    places = [
        (word, int(word.lstrip(ascii_letters))) for word in text.split() if word.lstrip(ascii_letters).isdecimal()
    ]
    return [word for (_, before), (word, place) in pairwise(places) if place <= before]


def is_call(cell: Cell) -> bool:
    return cell.step.stage in CALLS
