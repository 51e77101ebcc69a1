"""The demo's call: what it sends, and, at length, that it is a conversation in the end with nothing left of it."""

import socket
import subprocess
import sys
import time
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from scripts.calls.sample import RATE, sample_call
from scripts.calls.sending import PACKET_SECONDS, PAYLOAD_TYPE, Sender, coded
from scripts.calls.show import show_conversation
from scripts.demo_call import PORTS_OF_CALLS, free_ports
from scripts.stack.layout import ROOT
from services.calls.packets.opus import samples
from services.calls.packets.rtp import RtpPacket, parse

SHORT = sample_call().left[: RATE // 2]


def received(lost: float) -> tuple[Sender, list[RtpPacket]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        sender = Sender(line.getsockname(), SHORT, 7, lost)
        sender.start(time.monotonic())
        sender.stop_at_end()
        line.setblocking(False)
        found = []
        while True:
            try:
                found.append(parse(line.recv(2000)))
            except BlockingIOError:
                return sender, found


def test_a_side_is_sent_as_rtp_with_opus() -> None:
    sender, packets = received(0.0)
    assert sender.sent == len(packets) == len(list(coded(SHORT)))
    assert [packet.sequence for packet in packets] == list(range(len(packets)))
    assert [packet.timestamp for packet in packets] == [960 * number for number in range(len(packets))]
    assert {(packet.payload_type, packet.ssrc) for packet in packets} == {(PAYLOAD_TYPE, 7)}
    assert {samples(packet.payload) for packet in packets} == {round(PACKET_SECONDS * RATE)}


def test_of_its_packets_as_many_are_lost_as_is_said() -> None:
    sender, packets = received(50.0)
    assert sender.lost > 0
    assert sender.sent == len(packets)
    assert sender.sent + sender.lost == len(list(coded(SHORT)))
    assert received(50.0)[1] == packets, "each time the same"


def test_ports_are_free_and_even() -> None:
    first = free_ports()
    assert first % 2 == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", first + PORTS_OF_CALLS - 1))


def test_a_conversation_is_printed_with_latencies_and_warnings() -> None:
    side: Any = {"warnings": []}
    turn: Any = {"interrupts": False, "words": None, "end": 9.0}
    conversation: Any = {
        "turns": [
            {**turn, "speaker": "right", "start": 61.0, "text": "Why [bold]?"},
            {**turn, "speaker": "left", "start": 63.5, "text": ""},
            {**turn, "speaker": "right", "start": 64.0, "text": "Hm", "interrupts": True},
        ],
        "responses": [{"asked_until": 62.0, "answered_at": 63.5, "latency": 1.5}],
        "response_latency": 1.5,
        "talk_ratio": 0.25,
        "overlap_seconds": 0.4,
        "left": {**side, "warnings": ["one_channel"]},
        "right": side,
        "warnings": ["side_silent"],
    }
    told = StringIO()
    show_conversation(Console(file=told, width=120), conversation, ("Ann", "Bob"))
    texts = ("1:01.0", "Why [bold]?", "1.50 s", "(not understood)", "interrupts", "25% of the talk", "0.4 s of both")
    assert [text for text in texts if text not in told.getvalue()] == []
    assert "On one side nobody speaks." in told.getvalue()
    assert "the right side is empty" in told.getvalue()


@pytest.mark.long
def test_the_call_is_heard_and_nothing_is_left() -> None:
    command = [sys.executable, "-m", "scripts.demo_call"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "The conversation" in ran.stdout
    assert "no audio is left" in ran.stdout
