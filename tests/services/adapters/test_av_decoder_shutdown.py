"""Decoding while Celery shuts its worker down, which it does under a default timeout for all new sockets."""

import socket

import pytest

from services.adapters.av_decoder import AvDecoder
from tests.audio import arriving, encoded


async def test_a_good_recording_is_decoded_under_a_default_socket_timeout() -> None:
    decoder = AvDecoder(60.0, 50_000_000)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(5.0)
    try:
        heard = await decoder.decode(arriving(encoded("webm", 3.0)))
    finally:
        socket.setdefaulttimeout(before)
        await decoder.close()
    assert heard.duration == pytest.approx(3.0, abs=0.1)
