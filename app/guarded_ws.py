"""uvicorn's WebSocket protocol for sockets on which only the server has something to say, and for recorders' sockets.

Run by `uvicorn --ws app.guarded_ws:GuardedWebSocket`. Without it a client may send messages of 16 MB, which are kept
until they are read, and small ones without end, each of which is taken apart; each socket keeps buffers for
compression, which what is told here does not need; tickets appear in the log, and a server that stops closes sockets
itself before the wiring can say why, and a line that broke looks like a client that has closed it.
"""

import logging
import time
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol

from app.guarded_http import LEAVE, answer
from app.slow_readers import LEAVING_SECONDS, Draining
from routes.prefix import RECORDERS

MOST_BYTES = 4096
MOST_MESSAGES = 32
MOST_BYTES_IN_ALL = 16 * 1024
TOLD = "send nothing"
CLOSING_SECONDS = 2.0
MOST_FRAME_BYTES = 1024 * 1024
MOST_FRAMING = 8
BARE_BYTES = 12
MOST_BARE, BARE_A_SECOND = 512, 8.0
BROKEN = 1006

log = logging.getLogger(__name__)
log.setLevel(logging.WARNING)


class Frugal(ServerProtocol):
    """Takes few frames that bring next to nothing, as pings and empty pieces of a message: each is taken apart by
    itself, and nobody else has his turn before all that came together are.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.bare, self.begun = 0, time.monotonic()

    def recv_frame(self, frame: Frame) -> None:
        if len(frame.data) < BARE_BYTES:
            self.bare += 1
            if self.bare > MOST_BARE + BARE_A_SECOND * (time.monotonic() - self.begun):
                raise ProtocolError(TOLD)
        super().recv_frame(frame)


class GuardedWebSocket(Draining, WebSocketsSansIOProtocol):
    """A socket that takes little, and little altogether, and that the wiring itself closes when the server stops.

    A recorder's takes messages of up to a megabyte, one after the other as they are dealt with, without end; but no
    more beside them than they could need.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = log
        self.conn = Frugal(max_size=MOST_BYTES, logger=log)
        self.close_timeout = CLOSING_SECONDS
        self.messages = self.bytes_in_all = 0
        self.most_bytes = MOST_BYTES_IN_ALL
        self.records = False

    def handle_connect(self, event: Request) -> None:
        if event.path.startswith(RECORDERS):
            self.records, self.most_bytes = True, MOST_BYTES_IN_ALL + MOST_FRAME_BYTES
            self.conn.max_message_size = MOST_FRAME_BYTES
        super().handle_connect(event)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.conn.close_rcvd is None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": BROKEN})
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated:
            self.bytes_in_all += len(data)
        if self.bytes_in_all <= self.most_bytes:
            super().data_received(data)
            self._hang_up_without_handshake()
        elif not self.transport.is_closing():
            self._refuse()

    def _hang_up_without_handshake(self) -> None:
        """uvicorn waits on where none can be read, for as long as the client likes, and stumbles as it stops."""
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self.transport.write(answer(HTTPStatus.BAD_REQUEST))
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        self.messages += 1
        if self.records:
            self.most_bytes += MOST_FRAMING * sum(map(len, self.frames))
        if self.messages <= MOST_MESSAGES or self.records:
            super().send_receive_event_to_app()
        elif not self.transport.is_closing():
            self._refuse()

    def _refuse(self) -> None:
        if not self.close_sent:
            self.conn.fail(CloseCode.POLICY_VIOLATION, TOLD)
            self.handle_parser_exception()
        self.transport.close()

    def shutdown(self) -> None:
        leave = self.app_state.get(LEAVE)
        if leave is None or self.close_sent or not self.handshake_complete:
            super().shutdown()
            return
        leave(self.config.timeout_graceful_shutdown)
        self.close_timeout = LEAVING_SECONDS
        self.loop.call_later(2 * LEAVING_SECONDS, self._end)

    def _end(self) -> None:
        if not self.disconnected:
            super().shutdown()
