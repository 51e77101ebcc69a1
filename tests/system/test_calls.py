"""A call on real processes, whose bridge goes away; the kill matrix has what becomes of it when they are broken."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from tests.calls.bridge import Bridge, has_receiver
from tests.calls.live import LEFT, sent
from tests.scripts.running import until
from tests.system.live import Stack, create

PATIENCE = 90.0


def begin(stack: Stack) -> dict[str, Any]:
    """A call, as soon as there are ports for it."""
    with stack.client() as client:
        session = create(client, {"id": "q1", "text": "?"})
        until(lambda: has_receiver(stack), PATIENCE)
        made = client.post(f"/api/sessions/{session}/calls", json={"question_id": "q1"})
        assert made.status_code == 201, made.text
        told: dict[str, Any] = made.json()
        return told


async def test_a_call_whose_bridge_is_gone_ends_by_itself(stack: Stack) -> None:
    call = await asyncio.to_thread(begin, stack)
    packets = sorted((each.arrived, LEFT, each.data) for each in sent(2.0))
    bridge = Bridge(stack, call, packets)
    await bridge.by_udp(time.monotonic())

    def seen() -> dict[str, Any]:
        with stack.client() as client:
            told: dict[str, Any] = client.get(f"/api/calls/{call['call_id']}").json()
            return told

    await asyncio.to_thread(until, lambda: seen()["state"] == "completed", PATIENCE)
    told = await asyncio.to_thread(seen)
    assert told["warnings"] == ["side_empty"]
    left, right = told["left"], told["right"]
    assert (left["packets"] + left["skipped"], left["lost"], right["state"]) == (100, 0, "empty")
    assert json.dumps(told)


def test_the_process_is_one_of_the_stacks_own(stack: Stack) -> None:
    assert {"rtp", "api", "upkeep"} <= stack.running.layout.read_pids().keys()
    assert Path(stack.running.layout.log("rtp")).exists()
