"""How often Python looks through all objects for cycles, which holds up every request."""

import gc

NEW_OBJECTS, YOUNG_PASSES, OLD_PASSES = 5_000, 0, 500


def collect_rarely() -> None:
    """Leave alone what is there now, and look through what came since after millions of new objects, not thousands.

    A full pass takes some 0.7 ms for each thousand objects, and a thousand uploads are a quarter of a million. Cycles
    that live as briefly as a request are found among the young. What is in hand comes and goes by some thousands with a
    thousand recorders, and each pass looks at all of it: so no fewer than that are worth one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG_PASSES, OLD_PASSES)
