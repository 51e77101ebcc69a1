"""UDP is read out of captures of every usual kind of link, and which of its flows are calls."""

import io
import random
import socket
from pathlib import Path
from typing import Any

import dpkt
import pytest

from services.adapters.packet_captures import CaptureUnreadable, read
from services.calls.packets.captured import Captured, Flow, carried, of
from services.calls.packets.side import Side
from tests.calls.sender import Datagram, Sender, sender_report, taken
from tests.calls.stream import written
from tests.services.calls.packets.test_networks import told_apart

LEFT = Flow("10.0.0.1", 4000, "10.0.0.9", 5000)
RIGHT = Flow("fd00::2", 4002, "fd00::9", 5004)
BEGAN = 1_700_000_000.0
WRITERS = {"pcap": dpkt.pcap.Writer, "pcapng": dpkt.pcapng.Writer}


def network_packet(flow: Flow, data: bytes) -> Any:
    udp = dpkt.udp.UDP(sport=flow.source_port, dport=flow.target_port, data=data, ulen=8 + len(data))
    if ":" in flow.source:
        source, target = (socket.inet_pton(socket.AF_INET6, host) for host in (flow.source, flow.target))
        return dpkt.ip6.IP6(src=source, dst=target, nxt=17, data=udp, plen=len(udp))
    source, target = (socket.inet_aton(host) for host in (flow.source, flow.target))
    return dpkt.ip.IP(src=source, dst=target, p=17, data=udp, len=20 + len(udp))


def ethernet(packet: Any) -> bytes:
    kind = 0x86DD if isinstance(packet, dpkt.ip6.IP6) else 0x0800
    return bytes(dpkt.ethernet.Ethernet(type=kind, data=packet))


def in_vlan(packet: Any) -> bytes:
    frame = ethernet(packet)
    return frame[:12] + b"\x81\x00\x00\x07" + frame[12:]


def cooked(packet: Any) -> bytes:
    kind = 0x86DD if isinstance(packet, dpkt.ip6.IP6) else 0x0800
    return bytes(dpkt.sll.SLL(ethtype=kind)) + bytes(packet)


def cooked_2(packet: Any) -> bytes:
    kind = 0x86DD if isinstance(packet, dpkt.ip6.IP6) else 0x0800
    return bytes(dpkt.sll2.SLL2(ethtype=kind)) + bytes(packet)


LINKS: dict[str, tuple[int, Any]] = {
    "ethernet": (1, ethernet),
    "vlan": (1, in_vlan),
    "loopback": (0, lambda packet: b"\x02\x00\x00\x00" + bytes(packet)),
    "raw": (101, bytes),
    "cooked": (113, cooked),
    "cooked 2": (276, cooked_2),
}


def conversation() -> list[Captured]:
    left = [Captured(BEGAN + at, LEFT, data) for at, data in Sender().send(told_apart(31, 100))]
    right = [Captured(BEGAN + at, RIGHT, data) for at, data in Sender(ssrc=8, begins=0.5).send(told_apart(30, 100))]
    reports = LEFT._replace(source_port=4001, target_port=5001)
    name = Flow("10.0.0.1", 3333, "10.0.0.2", 53)
    others = [Captured(BEGAN + 0.3, reports, sender_report(0.3, 1)), Captured(BEGAN + 0.4, name, b"\x80" * 40)]
    return sorted(left + right + others)


def capture(path: Path, datagrams: list[Captured], *, kind: str = "pcap", link: str = "ethernet") -> Path:
    number, framed = LINKS[link]
    with path.open("wb") as file:
        writer = WRITERS[kind](file, linktype=number) if kind == "pcap" else _pcapng(file, number)
        for at, flow, data in datagrams:
            writer.writepkt(framed(network_packet(flow, data)), at)
    return path


def _pcapng(file: io.BufferedWriter, link: int) -> Any:
    return dpkt.pcapng.Writer(file, idb=dpkt.pcapng.InterfaceDescriptionBlockLE(linktype=link))


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("link", LINKS)
def test_every_datagram_is_read_with_its_time_and_its_flow(tmp_path: Path, kind: str, link: str) -> None:
    sent = conversation()
    found = list(read(capture(tmp_path / "call", sent, kind=kind, link=link)))
    assert [each[1:] for each in found] == [each[1:] for each in sent]
    assert all(abs(one.at - other.at) < 1e-5 for one, other in zip(found, sent, strict=True))


def test_flows_that_carry_rtp_are_found_in_the_order_in_which_they_begin(tmp_path: Path) -> None:
    flows = carried(read(capture(tmp_path / "call.pcap", conversation())))
    assert [(each.flow, each.packets, each.sources) for each in flows] == [(LEFT, 100, {0x5EED}), (RIGHT, 100, {8})]
    assert [dict(each.payload_types) for each in flows] == [{111: 100}, {111: 100}]
    assert str(flows[0].flow) == "10.0.0.1:4000 > 10.0.0.9:5000"


def test_a_flow_becomes_a_side_with_its_reports(tmp_path: Path) -> None:
    path = capture(tmp_path / "call.pcap", conversation())
    side = Side()
    stream = taken((Datagram(each.at - BEGAN, each.data) for each in of(read(path), LEFT)), side)
    assert [each.packet for each in written(stream)] == told_apart(31, 100)
    assert side.counts.reports == 1


def test_what_is_no_capture_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(CaptureUnreadable, match="save the capture as one"):
        list(read(path))


def test_a_link_that_is_not_known_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "call.pcap"
    with path.open("wb") as file:
        dpkt.pcap.Writer(file, linktype=147)
    with pytest.raises(CaptureUnreadable, match="a link of type 147"):
        list(read(path))


def test_interfaces_of_different_kinds_are_told_so(tmp_path: Path) -> None:
    first = capture(tmp_path / "first", conversation()[:5], kind="pcapng").read_bytes()
    path = tmp_path / "call.pcapng"
    path.write_bytes(first + bytes(dpkt.pcapng.InterfaceDescriptionBlockLE(linktype=1)))
    assert len(list(read(path))) == 5
    path.write_bytes(first + bytes(dpkt.pcapng.InterfaceDescriptionBlockLE(linktype=113)))
    with pytest.raises(CaptureUnreadable, match="interfaces of different kinds"):
        list(read(path))


def test_what_is_no_whole_datagram_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "call.pcap"
    whole = ethernet(network_packet(LEFT, b"whole"))
    fragment = network_packet(LEFT, b"first of two")
    fragment.mf = 1
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for frame in (b"", whole[:20], whole[:-2], ethernet(fragment), whole):
            writer.writepkt(frame, BEGAN)
    assert [each.data for each in read(path)] == [b"whole"]


@pytest.mark.parametrize("kind", WRITERS)
def test_damage_is_told_or_passed_over(tmp_path: Path, kind: str) -> None:
    path = capture(tmp_path / "call", conversation()[:40], kind=kind)
    data, chance = path.read_bytes(), random.Random(6)
    for _ in range(300):
        spoilt = bytearray(data[: chance.randrange(len(data))])
        for _ in range(min(len(spoilt), 3)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        path.write_bytes(bytes(spoilt))
        try:
            list(carried(read(path)))
        except CaptureUnreadable as unreadable:
            assert path.name in str(unreadable)
