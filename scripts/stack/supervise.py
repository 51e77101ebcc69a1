"""Keep processes running by supervisord, and stop them in order."""

import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from scripts.stack import child
from scripts.stack.layout import ROOT, Layout, write_private
from scripts.stack.processes import Process

# The last group stops first, and what is in a group stops together; a second
# for each group on top of these is what a stop takes at most.
GROUPS = {"stores": (("mongod", "valkey"), 3), "house": (("worker", "upkeep", "beat", "api"), 5)}


def configuration(layout: Layout, processes: Iterable[Process], environment: Mapping[str, str]) -> str:
    """The text of supervisord.conf."""
    chosen = {process.name: process for process in processes}
    parts = [_supervisord(layout, environment)]
    for priority, (group, (names, seconds)) in enumerate(GROUPS.items(), 1):
        present = [name for name in names if name in chosen]
        parts += [_program(layout, chosen[name], order, seconds) for order, name in enumerate(present, 1)]
        parts += [_section(f"group:{group}", programs=",".join(present), priority=priority)] if present else []
    return "\n".join(parts)


def start(layout: Layout, processes: Iterable[Process], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Run supervisord in a session of its own, so that no Ctrl-C but only our order stops its processes."""
    write_private(layout.supervisor, configuration(layout, processes, environment))
    daemon = (sys.executable, "-m", "supervisor.supervisord", "-n", "-s", "-c", str(layout.supervisor))
    with layout.log("supervisord-output").open("wb") as output:
        return _spawn(wrapped(layout, Process("supervisord", daemon)), output)


def wrapped(layout: Layout, process: Process) -> list[str]:
    """The command line by which a process notes its pid and ends with its parent."""
    wrapper = [sys.executable, "-I", "-S", str(Path(child.__file__).resolve())]
    return [*wrapper, str(layout.pid_file(process.name)), *process.after, "--", *process.command]


def _spawn(command: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )


def _supervisord(layout: Layout, environment: Mapping[str, str]) -> str:
    return _section(
        "supervisord",
        nodaemon="true",
        logfile=_escaped(str(layout.log("supervisord"))),
        logfile_maxbytes="5MB",
        logfile_backups=1,
        pidfile=_escaped(str(layout.pid_file("supervisord"))),
        childlogdir=_escaped(str(layout.logs)),
        minfds=256,
        environment=_escaped(",".join(f'{key}="{value}"' for key, value in environment.items())),
    )


def _program(layout: Layout, process: Process, order: int, seconds: int) -> str:
    return _section(
        f"program:{process.name}",
        command=_escaped(shlex.join(wrapped(layout, process))),
        directory=_escaped(str(ROOT)),
        priority=order,
        autorestart="true",
        startsecs=1,
        startretries=1_000_000,
        stopwaitsecs=seconds,
        killasgroup="true",
        redirect_stderr="true",
        stdout_logfile=_escaped(str(layout.log(process.name))),
        stdout_logfile_maxbytes="20MB",
        stdout_logfile_backups=1,
    )


def _section(name: str, **values: object) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("%", "%%")
