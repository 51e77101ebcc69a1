"""UDP out of .pcap and .pcapng files."""

import socket
import struct
from collections.abc import Iterator
from os import SEEK_CUR
from pathlib import Path
from typing import Any, BinaryIO, Literal

import dpkt

from services.calls.packets.captured import Captured, Flow

NULL, LOOPBACK = 0, 108
RAW = (12, 14, 101, 228, 229)
COOKED, COOKED_2 = 113, 276
ETHERNET = 1
SECTION, LITTLE_ENDIAN, INTERFACE = b"\n\r\r\n", b"\x4d\x3c\x2b\x1a", 1
DAMAGE = (dpkt.Error, ValueError, IndexError, KeyError, struct.error)


class CaptureUnreadable(Exception):
    """A file is no capture, or one of a kind of network that is not known; the message says what to do."""


def read(path: Path) -> Iterator[Captured]:
    """Every whole datagram in the file, in its order; what is no UDP, or only a fragment, is passed over.

    CaptureUnreadable, also in the middle, where the file is cut off behind at least a header.
    """
    with path.open("rb") as file:
        try:
            link = dpkt.pcap.UniversalReader(file).datalink()
            others = _links_beside(file, link)
            reader = dpkt.pcap.UniversalReader(file)
        except DAMAGE as error:
            raise CaptureUnreadable(f"{path.name} is neither .pcap nor .pcapng; save the capture as one") from error
        if link not in _NETWORKS:
            raise CaptureUnreadable(
                f"{path.name} was captured on a link of type {link}, which is not read here; "
                "capture on Ethernet, on loopback or on `any`"
            )
        if others:
            raise CaptureUnreadable(
                f"{path.name} holds interfaces of different kinds; save the one with the call as a capture of its own"
            )
        try:
            for at, frame in reader:
                datagram = _datagram(link, frame)
                if datagram is not None:
                    yield Captured(float(at), *datagram)
        except DAMAGE as error:
            raise CaptureUnreadable(f"{path.name} is damaged: {error}") from error


def _links_beside(file: BinaryIO, link: int) -> set[int]:
    """Other kinds of links in a .pcapng of several interfaces, of which its reader knows the first alone."""
    file.seek(0)
    start = file.read(12)
    found: set[int] = set()
    if start[:4] == SECTION:
        order: Literal["little", "big"] = "little" if start[8:12] == LITTLE_ENDIAN else "big"
        file.seek(0)
        while len(head := file.read(12)) == 12:
            kind, size = (int.from_bytes(head[at : at + 4], order) for at in (0, 4))
            if kind == INTERFACE:
                found.add(int.from_bytes(head[8:10], order))
            if size < 12:
                break
            file.seek(size - 12, SEEK_CUR)
    file.seek(0)
    return found - {link}


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
