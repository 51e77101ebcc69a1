"""Keep processes running by supervisord, and stop them in order."""

import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from scripts.stack import child, forgiving
from scripts.stack.layout import ROOT, Layout, write_private
from scripts.stack.processes import Process

# The house stops first, and what is in a group stops together; a second for
# each group on top of these is what a stop takes at most.
STORES, STORES_SECONDS = ("mongod", "valkey"), 3
HOUSE_SECONDS = 5


def configuration(layout: Layout, processes: Iterable[Process]) -> str:
    """The text of supervisord.conf."""
    chosen = list(processes)
    stores = [process for process in chosen if process.name in STORES]
    house = [process for process in chosen if process.name not in STORES]
    parts = [_supervisord(layout)]
    parts += _group(layout, "stores", 1, stores, STORES_SECONDS)
    parts += _group(layout, "house", 2, house, HOUSE_SECONDS)
    return "\n".join(parts)


def _group(layout: Layout, name: str, priority: int, processes: list[Process], seconds: int) -> list[str]:
    """Its programs, in the order of their start, and the group itself."""
    if not processes:
        return []
    programs = [_program(layout, process, order, seconds) for order, process in enumerate(processes, 1)]
    return [*programs, _section(f"group:{name}", programs=",".join(p.name for p in processes), priority=priority)]


def start(layout: Layout, processes: Iterable[Process], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Run supervisord in a session of its own, so that no Ctrl-C but only our order stops its processes."""
    layout.write_settings(environment)
    write_private(layout.supervisor, configuration(layout, processes))
    written = (
        sys.executable,
        "-I",
        "-S",
        str(Path(forgiving.__file__).resolve()),
        str(layout.log("supervisord-output")),
    )
    daemon = (sys.executable, "-m", "supervisor.supervisord", "-n", "-s", "-c", str(layout.supervisor))
    return _spawn(wrapped(layout, Process("supervisord", (*written, *daemon))))


def wrapped(layout: Layout, process: Process) -> list[str]:
    """The command line by which a process notes its pid, ends with its parent and takes on the stack's settings."""
    wrapper = [sys.executable, "-I", "-S", str(Path(child.__file__).resolve())]
    files = (str(layout.pid_file(process.name)), str(layout.settings))
    return [*wrapper, *files, *process.after, "--", *process.command]


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


def _supervisord(layout: Layout) -> str:
    return _section(
        "supervisord",
        nodaemon="true",
        logfile=_escaped(str(layout.log("supervisord"))),
        logfile_maxbytes="5MB",
        logfile_backups=1,
        pidfile=_escaped(str(layout.pid_file("supervisord"))),
        childlogdir=_escaped(str(layout.logs)),
        minfds=256,
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
        stdout_logfile=_escaped(_escaped(str(layout.log(process.name)))),  # this one is expanded twice
        stdout_logfile_maxbytes="20MB",
        stdout_logfile_backups=1,
    )


def _section(name: str, **values: object) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("%", "%%")
