"""What was kept and comes again is known, for as long as it can be that."""

from collections.abc import Iterator

import pytest

from services.calls.packets.resent import NUMBERS, Resent
from services.calls.packets.rtp import RtpPacket

KEPT = [bytes([0xF8]) + number.to_bytes(2, "big") * 6 for number in range(50)]
AFTER = NUMBERS - 20


def packets(first: int, count: int) -> Iterator[RtpPacket]:
    """Of one sender whose every payload is another one, with numbers that come round."""
    for number in range(first, first + count):
        payload = bytes([0xF8]) + number.to_bytes(3, "big") * 4
        yield RtpPacket(111, (AFTER + 1 + number) % NUMBERS, 960 * number, 1, False, payload)


@pytest.mark.parametrize("after", [AFTER, None])
def test_what_is_kept_is_known_once_and_its_numbers_are_new_when_they_come_round(after: int | None) -> None:
    resent = Resent(KEPT, after)
    again = [each._replace(payload=KEPT[number]) for number, each in enumerate(packets(0, len(KEPT)))]
    assert all(resent.has(each) for each in again)
    assert not any(resent.has(each) for each in packets(len(KEPT), NUMBERS + 100))


def test_silence_of_one_payload_is_not_dropped_when_its_numbers_come_round() -> None:
    silence = bytes([0xF8]) + bytes(79)
    resent = Resent([silence] * 50, AFTER)
    said = [each._replace(payload=silence) for each in packets(400, NUMBERS)]
    assert not any(resent.has(each) for each in said)
