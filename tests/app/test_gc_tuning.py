"""Full passes are rare, and yet no cycle of a request stays."""

import subprocess
import sys

from scripts.stack.layout import ROOT

SHOWN = """
import gc, weakref
from app.gc_tuning import collect_rarely

class Cycle:
    def __init__(self):
        self.itself = self

collect_rarely()
full = []
gc.callbacks.append(lambda phase, info: full.append(phase) if info["generation"] == 2 else None)
made = [weakref.ref(Cycle()) for _ in range(100_000)]
kept = [[] for _ in range(400_000)]
print(len(full), sum(cycle() is not None for cycle in made))
"""


def test_what_waits_is_not_looked_through_again_and_again_and_young_cycles_go() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    ).stdout
    full, left = map(int, shown.split())
    assert full == 0
    assert left < 1000  # those that a pass met while they were being made
