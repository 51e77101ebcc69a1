"""Every trick of the corpus through a confined process: a clear end, and bounded time, memory and output."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.adapters.av_decoder import protocol
from services.adapters.av_decoder.fork_client import ForkClient
from services.adapters.av_decoder.protocol import Caps
from services.adapters.av_decoder.seccomp import MACHINES, program
from tests import audio
from tests.at_length import long_but
from tests.hostile import corpus, watched
from tests.hostile.watched import Outcome

CAPS = Caps(seconds=60.0, bytes=50 * 1024 * 1024)
MOST_CPU_SECONDS = 2.0
MOST_MEMORY = 200 * 1024 * 1024
MOST_SAMPLES = int((CAPS.seconds + 1) * protocol.RATE)


BY_CHANCE = {"mp3": ("random", "zip bomb"), "id3": ("random", "zip bomb")}


@pytest.fixture(scope="module")
def nursery() -> Iterator[ForkClient]:
    nursery = ForkClient(CAPS)
    yield nursery
    nursery.close()


def check_cost(outcome: Outcome) -> None:
    """No trick comes near the limits: it is refused by a rule, not by the kernel."""
    assert outcome.ending.signal == 0
    assert outcome.kind in (protocol.DONE, protocol.TOO_LONG, protocol.UNREADABLE), "an error that nobody foresaw"
    assert outcome.ending.cpu_seconds < MOST_CPU_SECONDS
    assert outcome.ending.peak_bytes < MOST_MEMORY
    assert outcome.samples <= MOST_SAMPLES


def is_unreadable(outcome: Outcome) -> bool:
    """What AvDecoder calls AudioUnreadable."""
    return outcome.kind == protocol.UNREADABLE or (outcome.kind == protocol.DONE and not outcome.samples)


@pytest.mark.parametrize("name", corpus.texts())
def test_what_is_no_audio_is_unreadable(nursery: ForkClient, name: str) -> None:
    outcome = watched.decode(nursery, corpus.texts()[name])
    check_cost(outcome)
    assert is_unreadable(outcome)


@pytest.mark.parametrize("head", long_but("webm", "ogg", "wav", "mp4", "mp3", of=corpus.HEADS))
def test_a_good_head_on_a_text_is_unreadable(nursery: ForkClient, head: str) -> None:
    for name, body in corpus.texts().items():
        outcome = watched.decode(nursery, corpus.HEADS[head] + body)
        check_cost(outcome)
        # Bytes behind a WAV header without a format, and MP3 frames that chance makes, are no sound either.
        assert is_unreadable(outcome) or head.startswith(corpus.TAKE_ANY_BYTES) or name in BY_CHANCE.get(head, ()), name


@pytest.mark.parametrize("name", corpus.silent_failures())
def test_a_container_without_sound_is_unreadable(nursery: ForkClient, name: str) -> None:
    outcome = watched.decode(nursery, corpus.silent_failures()[name])
    check_cost(outcome)
    assert is_unreadable(outcome)


@pytest.mark.parametrize("name", corpus.odd_but_sound())
def test_what_is_hostile_beside_the_sound_is_passed_over(nursery: ForkClient, name: str) -> None:
    outcome = watched.decode(nursery, corpus.odd_but_sound()[name])
    check_cost(outcome)
    assert outcome.kind == protocol.DONE
    assert 0.9 * protocol.RATE < outcome.samples < 2.2 * protocol.RATE


@pytest.mark.parametrize("name", long_but("91 h of webm", of=corpus.BOMBS))
def test_a_bomb_is_too_long_after_little_work(nursery: ForkClient, name: str) -> None:
    outcome = watched.decode(nursery, corpus.bombs()[name])
    check_cost(outcome)
    assert outcome.kind == protocol.TOO_LONG


@pytest.mark.parametrize("container", long_but("webm", "mp4", of=audio.ENCODERS))
def test_a_cut_recording_ends_well_wherever_it_is_cut(nursery: ForkClient, container: str) -> None:
    outcomes = [watched.decode(nursery, cut) for cut in corpus.cuts(container)]
    for outcome in outcomes:
        check_cost(outcome)
        assert outcome.samples <= 3.2 * protocol.RATE
    assert any(is_unreadable(outcome) for outcome in outcomes)


def test_a_child_is_held_by_the_kernel(nursery: ForkClient) -> None:
    child = nursery.child()
    child.line.setblocking(True)
    kind, size = protocol.HEAD.unpack(child.line.recv(protocol.HEAD.size))
    assert (kind, child.line.recv(size)) == (protocol.READY, protocol.SEALED)
    assert nursery.running is not None
    template = psutil.Process(nursery.running[0].pid)
    (pid,) = [p.pid for p in template.children() if p.status() != psutil.STATUS_ZOMBIE]
    limits = watched.limits_of(pid)
    assert limits["Max cpu time"] == (str(CAPS.cpu_seconds), str(CAPS.cpu_seconds + 1))
    assert [limits[f"Max {name}"] for name in ("open files", "file size", "core file size")] == [("0", "0")] * 3
    # Numpy and the libraries map more than they use; what is added is what counts.
    assert CAPS.memory < int(limits["Max address space"][0]) < CAPS.memory + 2 * 1024**3
    assert (watched.status_of(pid, "Seccomp"), watched.status_of(pid, "NoNewPrivs")) == ("2", "1")
    assert watched.status_of(pid, "Threads") == "1"
    assert watched.open_files(pid) == {"0", "1", "2", "3"}
    child.close()


CONFINED = """
import ctypes, mmap, os, socket, subprocess, sys
from types import SimpleNamespace
from services.adapters.av_decoder.sandbox import enter_sandbox
said, victim, parent = os.dup(1), sys.argv[1], os.getppid()
_exit, libc = os._exit, ctypes.CDLL(None, use_errno=True)
sealed = enter_sandbox(SimpleNamespace(memory=2**28, cpu_seconds=1))
def tried(act):
    try: act()
    except (OSError, MemoryError, ValueError): return "no"
    return "yes"
acts = {
    "read": lambda: open("/etc/hostname"), "socket": socket.socket, "memory": lambda: bytearray(2 ** 30),
    "unlink": lambda: os.unlink(victim), "rename": lambda: os.rename(victim, victim + "x"),
    "chmod": lambda: os.chmod(victim, 0), "mkdir": lambda: os.mkdir(victim + "d"), "kill": lambda: os.kill(parent, 0),
    "exec": lambda: os.execv("/bin/true", ["true"]), "fork": os.fork, "pipe": os.pipe,
    "code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "priority": lambda: os.nice(1), "limits": lambda: __import__("resource").setrlimit(7, (9, 9)),
}
os.write(said, repr((sealed, {name: tried(act) for name, act in acts.items()})).encode())
"""


def test_a_confined_process_can_change_nothing_outside_itself(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    done = subprocess.run([sys.executable, "-c", CONFINED, victim], capture_output=True, text=True, check=False)
    sealed, tried = eval(done.stdout)
    assert sealed
    assert set(tried.values()) == {"no"}, tried
    assert victim.read_text() == "mine"


def test_a_confined_process_that_uses_up_its_time_gets_a_signal_of_its_own() -> None:
    endless = CONFINED.partition("acts =")[0] + "while True: pass"
    done = subprocess.run([sys.executable, "-c", endless, "-"], capture_output=True, check=False, timeout=300)
    assert done.returncode == -signal.SIGXCPU


def test_the_filter_is_written_for_each_machine_and_for_no_other() -> None:
    assert program("riscv64") == []
    for machine, (_, calls, mappings) in MACHINES.items():
        assert len(program(machine)) == 5 + 2 * len(calls) + 5 * len(mappings)
        assert not {"openat", "socket", "connect", "execve", "clone", "kill", "ptrace"} & {*calls, *mappings}
