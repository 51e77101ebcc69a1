"""How often Python looks through all objects for cycles, which holds up every request."""

import gc

NEW_OBJECTS, YOUNG_PASSES, OLD_PASSES = 300, 4, 4_000


def collect_rarely() -> None:
    """Leave alone what is there now, and look through what came since after millions of new objects, not thousands.

    A full pass takes some 0.7 ms for each thousand objects, and a thousand uploads are a quarter of a million. Cycles
    that live as briefly as a request are found among the young, as ever.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG_PASSES, OLD_PASSES)
