"""A thread that computes is no reason for the loop to wait."""

import sys

from app.thread_turns import take_short_turns


def test_who_computes_gives_way_sooner_than_by_default() -> None:
    before = sys.getswitchinterval()
    try:
        take_short_turns()
        assert sys.getswitchinterval() < before / 2
    finally:
        sys.setswitchinterval(before)
