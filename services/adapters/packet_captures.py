"""UDP out of .pcap and .pcapng files."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dpkt

from services.calls.packets.captured import Captured, Flow

NULL, LOOPBACK = 0, 108
RAW = (12, 14, 101, 228, 229)
COOKED, COOKED_2 = 113, 276
ETHERNET = 1
DAMAGE = (dpkt.Error, ValueError, IndexError, KeyError, struct.error)


class CaptureUnreadable(Exception):
    """A file is no capture, or one of a kind of network that is not known; the message says what to do."""


def read(path: Path) -> Iterator[Captured]:
    """Every whole datagram in the file, in its order; what is no UDP, or only a fragment, is passed over.

    CaptureUnreadable, also in the middle, where the file is cut off behind at least a header.
    """
    with path.open("rb") as file:
        try:
            reader = dpkt.pcap.UniversalReader(file)
            link = reader.datalink()
        except DAMAGE as error:
            raise CaptureUnreadable(f"{path.name} is neither .pcap nor .pcapng; save the capture as one") from error
        if link not in _NETWORKS:
            raise CaptureUnreadable(
                f"{path.name} was captured on a link of type {link}, which is not read here; "
                "capture on Ethernet, on loopback or on `any`"
            )
        try:
            for at, frame in reader:
                datagram = _datagram(link, frame)
                if datagram is not None:
                    yield Captured(float(at), *datagram)
        except DAMAGE as error:
            raise CaptureUnreadable(f"{path.name} is damaged: {error}") from error


def _ethernet(frame: bytes) -> Any:
    return dpkt.ethernet.Ethernet(frame).data


def _raw(frame: bytes) -> Any:
    return dpkt.ip6.IP6(frame) if frame[0] >> 4 == 6 else dpkt.ip.IP(frame)


_NETWORKS: dict[int, Any] = {
    ETHERNET: _ethernet,
    NULL: lambda frame: _raw(frame[4:]),
    LOOPBACK: lambda frame: _raw(frame[4:]),
    COOKED: lambda frame: dpkt.sll.SLL(frame).data,
    COOKED_2: lambda frame: dpkt.sll2.SLL2(frame).data,
} | dict.fromkeys(RAW, _raw)


def _datagram(link: int, frame: bytes) -> tuple[Flow, bytes] | None:
    try:
        packet = _NETWORKS[link](frame)
    except DAMAGE:
        return None
    if not isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6) or not isinstance(packet.data, dpkt.udp.UDP):
        return None
    udp = packet.data
    if udp.ulen != len(udp.data) + 8 or getattr(packet, "mf", 0):
        return None
    family = socket.AF_INET if isinstance(packet, dpkt.ip.IP) else socket.AF_INET6
    source, target = (socket.inet_ntop(family, address) for address in (packet.src, packet.dst))
    return Flow(source, udp.sport, target, udp.dport), bytes(udp.data)
