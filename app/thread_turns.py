"""How long another thread may hold up the API's loop.

The loop lets go of Python with each read and write, and a thread that computes, as the one that rings for workers does
when many are rung for, keeps it for five milliseconds each time.
"""

import sys

SECONDS = 0.001


def take_short_turns() -> None:
    """Have a thread that computes give way to others after a millisecond."""
    sys.setswitchinterval(SECONDS)
