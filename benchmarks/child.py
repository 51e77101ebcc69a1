"""A process that does jobs on demand: one line of JSON in, one out."""

import asyncio
import json
import select
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import uvloop

from scripts.stack.layout import ROOT

Job = dict[str, Any]
Handle = Callable[[Job], Awaitable[Job]]
Opened = Callable[[], AbstractAsyncContextManager[Handle]]


class ChildFailed(Exception):
    """The process ended before it had answered; it has said why on standard error."""


class Child:
    """The side that gives the jobs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process

    def ask(self, job: Job, meanwhile: Callable[[], None]) -> Job:
        """The answer to a job, with something to do again and again until it comes."""
        self.begin(job)
        return self.end(meanwhile)

    def begin(self, job: Job) -> None:
        """Give a job and do not wait."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()

    def end(self, meanwhile: Callable[[], None]) -> Job:
        """The answer to the job that was begun."""
        assert self._process.stdout
        while not select.select([self._process.stdout], [], [], 0.02)[0]:
            meanwhile()
        line = self._process.stdout.readline()
        if not line:
            raise ChildFailed(f"{self._process.args!r} ended")
        answer: Job = json.loads(line)
        return answer


@contextmanager
def child(module: str, settings: Mapping[str, str] | None = None) -> Iterator[Child]:
    """Run a module of this package; in a session of its own, so that Ctrl-C reaches it through us."""
    named = [f"{name}={value}" for name, value in (settings or {}).items()]
    process = subprocess.Popen(
        ["env", *named, sys.executable, "-m", f"benchmarks.{module}"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        yield Child(process)
    finally:
        process.terminate()
        process.communicate()


def serve(opened: Opened) -> None:
    """The side that does the jobs, until there are no more."""
    uvloop.run(_serve(opened))


async def _serve(opened: Opened) -> None:
    async with opened() as handle:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await handle(json.loads(line))), flush=True)


async def in_turns(jobs: list[Callable[[int], Awaitable[None]]], at_once: int) -> None:
    """Do the jobs, so many at once; each is told in which of the lanes it runs."""
    waiting = iter(jobs)

    async def lane(number: int) -> None:
        for job in waiting:
            await job(number)

    async with asyncio.TaskGroup() as group:
        for number in range(at_once):
            group.create_task(lane(number))
