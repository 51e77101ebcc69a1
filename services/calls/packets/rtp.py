"""RTP's header, after RFC 3550 §5.1, and what else comes to a port that expects it (RFC 7983)."""

import struct
from enum import StrEnum
from typing import NamedTuple

VERSION = 2
HEADER = struct.Struct("!BBHII")
WORD = 4
COMFORT_NOISE = 13
FIRST_DYNAMIC = 96


class Oddity(StrEnum):
    """Why a datagram is no sound of this side."""

    SHORT = "short"
    VERSION = "version"
    STUN = "stun"
    DTLS = "dtls"
    CUT = "cut"
    PADDING = "padding"
    RTCP = "rtcp"
    EMPTY = "empty"
    COMFORT_NOISE = "comfort_noise"
    PAYLOAD_TYPE = "payload_type"
    NOT_OPUS = "not_opus"
    ENCRYPTED = "encrypted"


class Odd(Exception):
    """A datagram that is no RTP packet; what it is instead."""

    def __init__(self, oddity: Oddity) -> None:
        super().__init__(oddity)
        self.oddity = oddity


class Older(NamedTuple):
    """The sound of a packet before another one, by as many places and so much of its timestamp."""

    places: int
    before: int
    payload: bytes


class RtpPacket(NamedTuple):
    """What is said of a payload; header extensions, contributing sources and padding are left out of it.

    What it repeats of packets before it are `older` sounds.
    """

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes
    older: tuple[Older, ...] = ()


def signed(difference: int, bits: int) -> int:
    """A difference of two numbers that wrap, as the shorter way between them."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram on a port with both is RTCP (RFC 5761 §4)."""
    return len(data) >= 2 and data[0] >> 6 == VERSION and 192 <= data[1] <= 223


def parse(data: bytes) -> RtpPacket:
    """The packet that a datagram is; Odd where it is none."""
    size = len(data)
    if size < HEADER.size:
        raise Odd(Oddity.SHORT)
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != VERSION:
        raise Odd(_other(first))
    start = HEADER.size + WORD * (first & 0x0F)
    if first & 0x10:
        if start + WORD > size:
            raise Odd(Oddity.CUT)
        start += WORD + WORD * int.from_bytes(data[start + 2 : start + 4])
    if start > size:
        raise Odd(Oddity.CUT)
    end = size
    if first & 0x20:
        padding = data[-1]
        if not 0 < padding <= size - start:
            raise Odd(Oddity.PADDING)
        end -= padding
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, second > 0x7F, bytes(data[start:end]))


def _other(first: int) -> Oddity:
    if first <= 3:
        return Oddity.STUN
    return Oddity.DTLS if 20 <= first <= 63 else Oddity.VERSION
