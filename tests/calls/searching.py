"""How long property tests of calls look, and that they look at the same places each time."""

from hypothesis import settings

searched = settings(deadline=None, max_examples=60, derandomize=True)
