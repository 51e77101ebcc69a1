"""Run a mongod, and let of its log only that through which holds nothing of what is stored.

It writes whole commands into its log, with questions, transcripts and secrets in them: those that are slow, which an
option ends, and those that fail, which none does. Runs as a file of its own, in the place of the program:
    python -I -S reticent.py PROGRAM ARGUMENT ...
"""

import json
import os
import sys
from collections.abc import Iterable
from typing import IO, Any

# What these say of a command or of a document, they say in `attr`.
TELL_COMMANDS = frozenset({"COMMAND", "QUERY", "WRITE", "INDEX", "TXN"})
HARMLESS = frozenset({"code", "codeName", "ns", "namespace", "durationMillis", "error"})
HOLD_DATA = frozenset({"errmsg", "keyValue", "cmd", "command", "originatingCommand", "stats", "doc", "query", "filter"})


def harmless(line: str) -> str:
    """The line without what may be somebody's; one that is no entry is left as it is."""
    try:
        entry = json.loads(line)
        attributes = entry.get("attr", {})
    except (ValueError, AttributeError):
        return line
    if entry.get("c") in TELL_COMMANDS:
        attributes = {name: value for name, value in attributes.items() if name in HARMLESS}
    return json.dumps({**entry, "attr": _without_data(attributes)}) + "\n"


def _without_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_data(each) for name, each in value.items() if name not in HOLD_DATA}
    return [_without_data(each) for each in value] if isinstance(value, list) else value


def pass_on(source: Iterable[str], target: IO[str]) -> None:
    for line in source:
        target.write(harmless(line))
        target.flush()


def main(command: list[str]) -> None:
    """Become the program; its output goes through a child, which ends with it."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        pass_on(os.fdopen(reading, errors="replace"), sys.stdout)
        os._exit(0)
    os.close(reading)
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    os.close(writing)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
