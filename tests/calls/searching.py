"""How long property tests of calls look, and that they look at the same places each time."""

from hypothesis import settings

from tests.at_length import examples

searched = settings(deadline=None, max_examples=examples(60), derandomize=True)
