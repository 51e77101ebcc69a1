"""Ports on loopback."""

import random
import socket
from collections.abc import Collection

# Below the range from which outgoing connections get theirs: a server that is
# started again must find its port free.
LOWEST, HIGHEST = 20000, 30000


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
            server.listen(1)
        except OSError:
            return False
    return True


def choose(before: int | None = None, *, taken: Collection[int | None] = ()) -> int:
    """The port that was used before if it is free, else another free one; none that is given away already."""
    if before and before not in taken and is_free(before):
        return before
    return next(port for port in _some() if port not in taken and is_free(port))


def several(count: int) -> list[int]:
    """So many free ports, each another."""
    found: list[int] = []
    for _ in range(count):
        found.append(choose(taken=found))
    return found


def _some() -> list[int]:
    return random.SystemRandom().sample(range(LOWEST, HIGHEST), 200)
