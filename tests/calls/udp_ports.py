"""Ports for a receiver of a test's own."""

import socket


def free_ports(count: int) -> tuple[int, int]:
    """A range of UDP ports on loopback that nobody has now."""
    for first in range(42_000, 60_000, count):
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
