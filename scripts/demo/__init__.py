"""The demo: a spoken interview through a stack of its own."""
