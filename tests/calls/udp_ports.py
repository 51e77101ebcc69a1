"""Ports for a receiver of a test's own."""

import random
import socket

from scripts.stack.ports import HIGHEST, LOWEST


def free_ports(count: int) -> tuple[int, int]:
    """A range of UDP ports on loopback that nobody has now, below those that senders get.

    Where it begins is chance: tests beside this one look for theirs too.
    """
    starts = range(LOWEST, HIGHEST - count, 4)
    for first in random.SystemRandom().sample(starts, len(starts)):
        held = []
        try:
            for port in range(first, first + count):
                one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                held.append(one)
                one.bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
        return first, first + count - 1
    raise AssertionError("no ports")
