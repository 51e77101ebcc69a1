"""The local engine: how exact it is, how fast, whether it is the same each time, and what it loses or invents."""

from benchmarks.engine.whole import run

__all__ = ["run"]
