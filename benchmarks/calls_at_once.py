"""How many calls one process takes in by UDP on one core, stored as they come, and what each of them takes."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import psutil
from pymongo import MongoClient

from benchmarks import stack
from benchmarks.calls import connect
from benchmarks.child import Child, ChildFailed, child
from benchmarks.files import open_many
from benchmarks.processor import Spending
from benchmarks.results import NO_GOAL, Result, summary
from benchmarks.run import Run
from benchmarks.stack import DATABASE, UNLIMITED, Place
from scripts.stack import processes
from scripts.stack.processes import Process
from services.calls.model import PORTS_OF_CALL

MEMORY_GOAL = "<= 1.5"
MB = 1_000_000
LADDER = (10, 25, 50, 75, 100, 125, 150, 200, 250, 300, 400, 500)
SECONDS, LEAST_SECONDS = 30.0, 6.0
READY_SECONDS, SETTLE_SECONDS, END_SECONDS = 60.0, 2.0, 120.0
LATEST_SENDER_SECONDS = 0.2
PACKETS_A_SECOND = 100
USUAL = 50
RTP_CORE = 0
SIDES = ("left", "right")
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Step:
    """So many calls at once: what was sent and counted of them, and what the process took for each."""

    calls: int
    sent: int
    counted: int
    lost: int
    behind: float
    core: float
    memory: float

    @property
    def is_whole(self) -> bool:
        return self.counted == self.sent and self.lost == 0

    @property
    def is_fair(self) -> bool:
        """Whether the sender kept its time, so that what is missing was not missing before."""
        return self.behind < LATEST_SENDER_SECONDS


def run(watch: Run) -> Iterator[Result]:
    """Ever more calls, until packets are missing, or the sender does not keep up."""
    open_many()
    first = _free_ports(PORTS_OF_CALL * LADDER[-1])
    settings = {
        "RTP_PORTS": f"{first}-{first + PORTS_OF_CALL * LADDER[-1] - 1}",
        "MAX_ARRIVALS_PER_USER": UNLIMITED,
        "CALL_SILENCE_SECONDS": "3600",
    }
    with stack.opened(watch, beside=_receiver, settings=settings) as here, child("call_senders") as senders:
        steps = _climbed(watch, here, senders)
    whole = [step for step in steps if step.is_whole]
    if not whole:
        raise ChildFailed(f"of {steps[0].calls} calls {steps[0].sent - steps[0].counted} packets are missing")
    best = whole[-1]
    yield _at_once(steps, best)
    usual = min(whole, key=lambda step: abs(step.calls - USUAL))
    took = f"{usual.calls} calls of two sides at once for {_seconds(watch):.0f} s, pages stored as they come"
    yield summary("calls, processor of a call", NO_GOAL, "% of a core", [100 * usual.core], took)
    each = f"{took}; resident, beyond what the process has without a call"
    yield summary("calls, memory of a call that is stored", MEMORY_GOAL, "MB", [usual.memory], each)


def _at_once(steps: list[Step], best: Step) -> Result:
    after = steps[-1]
    if after is best:
        why = "the longest ladder"
    elif after.is_fair:
        why = f"with {after.calls} calls {after.sent - after.counted} of {after.sent:,} packets were not counted"
    else:
        why = f"with {after.calls} calls the sender was {1000 * after.behind:.0f} ms behind its time"
    note = f"{best.sent:,} packets sent, {best.counted:,} counted, {best.core * best.calls:.0%} of its one core; {why}"
    return summary("calls at once without loss", NO_GOAL, "calls of two sides", [best.calls], note)


def _climbed(watch: Run, here: Place, senders: Child) -> list[Step]:
    """The steps up to the first that is not whole."""
    receiver = _apart(here, senders)
    most = LADDER[-1] * watch.options.scale
    steps: list[Step] = []
    idle = 0.0
    with connect(here.url, here.token()) as http:
        for calls in (each for each in LADDER if each <= max(most, LADDER[0])):
            idle = idle or _resident(receiver)
            with watch.waiting(f"{calls} calls at once"):
                steps.append(_step(watch, here, http, senders, receiver, calls, idle))
            here.empty()
            if not steps[-1].is_whole:
                break
    return steps


def _apart(here: Place, senders: Child) -> psutil.Process:
    """The receiver, which has one core for itself where there are more."""
    pids = here.layout.read_pids()
    receiver = psutil.Process(pids["rtp"])
    others = sorted(set(range(psutil.cpu_count() or 1)) - {RTP_CORE}) or [RTP_CORE]
    for pid in {*pids.values(), senders.pid} - {receiver.pid}:
        psutil.Process(pid).cpu_affinity(others)
    receiver.cpu_affinity([RTP_CORE])
    return receiver


def _step(
    watch: Run, here: Place, http: httpx2.Client, senders: Child, receiver: psutil.Process, calls: int, idle: float
) -> Step:
    begun = _begin(http, calls)
    addresses = [[call["rtp"][side]["host"], call["rtp"][side]["port"]] for call in begun for side in SIDES]
    spending = Spending({"rtp": receiver.pid})
    seconds, peak = _seconds(watch), 0.0

    def look() -> None:
        nonlocal peak
        peak = max(peak, _resident(receiver))
        watch.pause()

    spending.start()
    found = senders.ask({"addresses": addresses, "seconds": seconds}, look)
    watch.signals.pause(SETTLE_SECONDS)
    spending.stop()
    counted, lost = _ended(here, http, [call["call_id"] for call in begun])
    return Step(
        calls=calls,
        sent=found["sent"],
        counted=counted,
        lost=lost,
        behind=found["behind"],
        core=spending.spent["rtp"] / (found["sent"] / PACKETS_A_SECOND),
        memory=(peak - idle) / calls,
    )


def _begin(http: httpx2.Client, calls: int) -> list[dict[str, Any]]:
    """So many calls, as soon as the receiver has ports for them."""
    begun: list[dict[str, Any]] = []
    end = time.monotonic() + READY_SECONDS
    while len(begun) < calls:
        questions = [{"id": "q1", "text": "?"}]
        session = http.post("/api/sessions", json={"questions": questions}).json()["session_id"]
        call: dict[str, Any] = http.post(f"/api/sessions/{session}/calls", json={"question_id": "q1"}).json()
        if call.get("rtp"):
            begun.append(call)
        elif time.monotonic() > end:
            raise ChildFailed(f"no ports for call {len(begun) + 1}: {call}")
    return begun


def _ended(here: Place, http: httpx2.Client, ids: list[str]) -> tuple[int, int]:
    """Once all have ended: how many packets were counted, whatever became of them; how many came too late or not."""
    for id in ids:
        http.post(f"/api/calls/{id}/end").raise_for_status()
    end = time.monotonic() + END_SECONDS
    with MongoClient[dict[str, Any]](here.mongodb_url) as client:
        calls = client[DATABASE]["calls"]
        while calls.count_documents({"_id": {"$in": ids}, "state": {"$ne": "ended"}}):
            if time.monotonic() > end:
                raise ChildFailed("calls do not end")
            time.sleep(0.1)
        tallies = [line["tally"] for call in calls.find({"_id": {"$in": ids}}) for line in call["lines"].values()]
        calls.delete_many({})
    counted = sum(tally["packets"] + tally["skipped"] + tally["late"] for tally in tallies)
    return counted, sum(tally["lost"] + tally["late"] for tally in tallies)


def _seconds(watch: Run) -> float:
    return max(LEAST_SECONDS, SECONDS * watch.options.scale)


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / MB


def _receiver(place: Place) -> Iterator[Process]:
    yield processes.rtp(place.servers)


def _free_ports(count: int) -> int:
    """The first of so many UDP ports that nobody has, one of the others being tried for each hundred."""
    for first in range(42_000, 65_000 - count, 500):
        with suppress(OSError):
            for port in range(first, first + count, 100):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                    one.bind((HOST, port))
            return first
    raise ChildFailed(f"no {count} UDP ports in a row are free")
