"""The processes of the local stack: each runs, and the API answers."""

from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path

import httpx2

from app.finding import Finding, failing, ok
from scripts.stack.layout import Layout
from scripts.stack.leftovers import is_ours

LOOK_SECONDS = 3.0
STOPPED = ("T", "t")


def looked_at(layout: Layout) -> list[Finding]:
    """Of a stack that runs: a line for its processes, and one for what its API answers."""
    return [processes(layout), api(layout)]


def processes(layout: Layout) -> Finding:
    """Whether all that the supervisor was told to run is there, and is not stopped."""
    pids, wanted = layout.read_pids(), ["supervisord", *_told_to_run(layout)]
    gone = [name for name in wanted if name not in pids or not is_ours(pids[name], layout)]
    stopped = _stopped({name: pids[name] for name in wanted if name not in gone})
    if gone:
        logs = ", ".join(str(layout.log(name)) for name in gone)
        todo = f"It is started anew by itself; where that does not last, the end of its log says why: {logs}"
        return failing("Processes", f"not running: {', '.join(gone)}", todo)
    if stopped:
        todo = f"Somebody stopped it. Let it go on: kill -CONT {' '.join(map(str, stopped))}"
        return failing("Processes", f"standing still: {', '.join(stopped.values())}", todo)
    return ok("Processes", f"all {len(wanted)} run")


def api(layout: Layout) -> Finding:
    """Whether the API answers, and what it says of itself."""
    url = f"http://127.0.0.1:{_port(layout)}"
    try:
        answer = httpx2.get(f"{url}/readyz", timeout=LOOK_SECONDS, trust_env=False)
        told = answer.json()
    except httpx2.ConnectError:
        return failing("API", f"nothing listens at {url}", f"The end of its log says why: {layout.log('api')}")
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
        todo = f"Look into {layout.log('api')}. If it stays so, end it ({_end_it(layout)}): it is started anew."
        return failing("API", f"no answer at {url} within {LOOK_SECONDS:.0f} s", todo)
    down = [name for name, state in told.items() if state == "down"] if isinstance(told, dict) else []
    if answer.status_code != 200:
        todo = "It takes no answers. See the lines about what is down, and the end of its log."
        return failing("API", f"not ready: {', '.join(down) or answer.status_code}", todo)
    return ok("API", f"answers at {url}")


def _told_to_run(layout: Layout) -> list[str]:
    told = ConfigParser(interpolation=None)
    try:
        told.read(layout.supervisor)
    except (Error, OSError, ValueError):
        return []
    return [name for kind, _, name in (section.partition(":") for section in told.sections()) if kind == "program"]


def _stopped(pids: Mapping[str, int]) -> dict[int, str]:
    """Who stands still, by its number: a process of the stack, or one of those that it has begun."""
    there = {int(entry.name): _stat(entry) for entry in Path("/proc").iterdir() if entry.name.isdecimal()}
    owners = {pid: name for name, pid in pids.items()}

    def owner(pid: int) -> str | None:
        while pid not in owners and pid in there:
            pid = there[pid][1]
        return owners.get(pid)

    found = {pid: owner(pid) for pid, (state, _) in there.items() if state in STOPPED}
    return {pid: name if pid == pids[name] else f"one of {name}" for pid, name in found.items() if name}


def _stat(entry: Path) -> tuple[str, int]:
    """Its state, and who has begun it."""
    try:
        state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return "", 0
    return state, int(parent)


def _port(layout: Layout) -> str:
    words = layout.read_command("api")
    return words[words.index("--port") + 1] if "--port" in words[:-1] else "?"


def _end_it(layout: Layout) -> str:
    return f"kill {layout.read_pids().get('api', '')}".strip()
