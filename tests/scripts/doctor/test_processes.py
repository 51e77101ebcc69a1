"""The processes of a local stack: what is gone, stands still or answers nothing is named, with what to do."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest

from app.finding import State
from scripts.doctor import processes
from scripts.stack import ports, supervise
from scripts.stack.layout import Layout
from scripts.stack.leftovers import MARK
from scripts.stack.processes import Process
from tests import loopback
from tests.scripts.running import until

SLEEPS = "import time; time.sleep(600)"
BEGINS = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPS!r}])"


class Ready(loopback.Handler):
    def answer(self) -> None:
        self.give(HTTPStatus.OK, b'{"status":"ok","redis":"down"}')


class NotReady(loopback.Handler):
    def answer(self) -> None:
        self.give(HTTPStatus.SERVICE_UNAVAILABLE, b'{"status":"failing","mongodb":"down","redis":"ok"}')


class Silent(loopback.Handler):
    def answer(self) -> None:
        self.give(HTTPStatus.OK, b"<html>")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.at(tmp_path / "state")
    layout.make()
    told = [Process("api", ("true",)), Process("beat", ("true",))]
    layout.supervisor.write_text(supervise.configuration(layout, told))
    return layout


@contextmanager
def running(layout: Layout, *names: str, port: str = "1", does: str = SLEEPS) -> Iterator[dict[str, int]]:
    own = dict(os.environ) | {MARK: str(layout.root)}  # noqa: TID251
    began = {
        name: subprocess.Popen([sys.executable, "-c", does, "--port", port], env=own, start_new_session=True)
        for name in names
    }
    try:
        for name, process in began.items():
            layout.pid_file(name).write_text(str(process.pid))
            until(lambda name=name: "--port" in layout.read_command(name))  # type: ignore[misc]
        yield {name: process.pid for name, process in began.items()}
    finally:
        for process in began.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def children(pid: int) -> list[int]:
    begun = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return list(map(int, begun))


def test_all_that_is_to_run_does(layout: Layout) -> None:
    with running(layout, "supervisord", "api", "beat"):
        assert processes.processes(layout).said == "all 3 run"


def test_who_is_gone_is_named_with_its_log(layout: Layout) -> None:
    with running(layout, "supervisord", "api"):
        layout.pid_file("beat").write_text(str(os.getpid()))  # now another program's
        found = processes.processes(layout)
    assert (found.state, found.said) == (State.FAILING, "not running: beat")
    assert str(layout.log("beat")) in found.todo


def test_who_stands_still_is_named_with_what_lets_it_go_on(layout: Layout) -> None:
    with running(layout, "supervisord", "api", "beat") as pids:
        os.kill(pids["api"], signal.SIGSTOP)
        until(lambda: processes.processes(layout).state is State.FAILING)
        found = processes.processes(layout)
        os.kill(pids["api"], signal.SIGCONT)
    assert (found.said, f"kill -CONT {pids['api']}" in found.todo) == ("standing still: api", True)


def test_of_several_that_one_has_begun_who_stands_still_is_found(layout: Layout) -> None:
    with running(layout, "supervisord", "api", "beat", does=BEGINS) as pids:
        until(lambda: bool(children(pids["api"])))
        (child,) = children(pids["api"])
        os.kill(child, signal.SIGSTOP)
        until(lambda: processes.processes(layout).state is State.FAILING)
        found = processes.processes(layout)
    assert (found.said, found.todo.endswith(f"kill -CONT {child}")) == ("standing still: one of api", True)


@pytest.mark.parametrize(
    ("handler", "state", "said"),
    [
        (Ready, State.OK, "answers at"),
        (NotReady, State.FAILING, "not ready: mongodb"),
        (Silent, State.FAILING, "no ans"),
    ],
)
def test_the_api_is_asked_where_it_was_told_to_listen(
    layout: Layout, handler: type[loopback.Handler], state: State, said: str
) -> None:
    with loopback.serving(handler) as url, running(layout, "api", port=url.rpartition(":")[2].rstrip("/")):
        found = processes.api(layout)
    assert (found.state, said in found.said, bool(found.todo)) == (state, True, state is not State.OK)


def test_where_nothing_listens_its_log_is_named(layout: Layout) -> None:
    with running(layout, "api", port=str(ports.choose())):
        found = processes.api(layout)
    assert (found.state, str(layout.log("api")) in found.todo) == (State.FAILING, True)
    assert processes.api(layout).state is State.FAILING, "and where it does not run at all"
