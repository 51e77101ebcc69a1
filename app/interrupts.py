"""Ctrl-C ends a command with a line, also while it is being loaded."""

import sys
from types import TracebackType


def end_commands_with_a_line() -> None:
    """To be called by a package as it is loaded: does nothing unless one of its modules is being run as a command."""
    if sys.argv[:1] == ["-m"]:  # stands there as long as Python looks for the module
        sys.excepthook = _told


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody has caught. Python then ends by the signal, which is 130 to a shell."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("\nStopped.\n")
    else:
        sys.__excepthook__(kind, error, trace)
