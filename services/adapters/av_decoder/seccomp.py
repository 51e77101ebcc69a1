"""The system calls that are left to a process that decodes: those for memory, its one socket, and its end.

A classic BPF program, handed to the kernel as seccomp(2) says. Whatever is not listed answers EPERM,
so that a decoder that was taken over can start no program, signal no process and change no file.
"""

import ctypes
import platform
import sys
from collections.abc import Iterator
from struct import Struct

SET_NO_NEW_PRIVILEGES, SET_SECCOMP, MODE_FILTER = 38, 22, 2
ALLOW, DENY = 0x7FFF0000, 0x00050001
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER, ARCHITECTURE, THIRD_ARGUMENT = 0, 4, 32
PROT_EXEC = 4
STEP = Struct("=HBBI")

Step = tuple[int, int, int, int]

# Of each machine: its audit number, then the number of each call.
MACHINES = {
    "x86_64": (
        0xC000003E,
        {
            "read": 0, "write": 1, "close": 3, "munmap": 11, "brk": 12, "rt_sigprocmask": 14, "rt_sigreturn": 15,
            "sched_yield": 24, "mremap": 25, "madvise": 28, "sendto": 44, "recvfrom": 45, "getsockname": 51,
            "getpeername": 52, "getsockopt": 55, "exit": 60, "futex": 202, "sched_getaffinity": 204,
            "clock_gettime": 228, "exit_group": 231, "getrandom": 318,
        },
        {"mmap": 9, "mprotect": 10},
    ),
    "aarch64": (
        0xC00000B7,
        {
            "read": 63, "write": 64, "close": 57, "munmap": 215, "brk": 214, "rt_sigprocmask": 135,
            "rt_sigreturn": 139, "sched_yield": 124, "mremap": 216, "madvise": 233, "sendto": 206, "recvfrom": 207,
            "getsockname": 204, "getpeername": 205, "getsockopt": 209, "exit": 93, "futex": 98,
            "sched_getaffinity": 123, "clock_gettime": 113, "exit_group": 94, "getrandom": 278,
        },
        {"mmap": 222, "mprotect": 226},
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def filter_system_calls() -> bool:
    """From here on this process has the listed calls and no others; False where the system cannot do that."""
    steps = program(platform.machine())
    if not steps or sys.byteorder != "little":
        return False
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    packed = b"".join(STEP.pack(*step) for step in steps)
    filter = _Program(len(steps), packed)
    if prctl(SET_NO_NEW_PRIVILEGES, *map(ctypes.c_ulong, (1, 0, 0, 0))):
        return False
    return bool(prctl(SET_SECCOMP, ctypes.c_ulong(MODE_FILTER), ctypes.byref(filter)) == 0)


def program(machine: str) -> list[Step]:
    """The filter for this kind of machine; empty where its numbers are not known."""
    return list(_steps(*MACHINES[machine])) if machine in MACHINES else []


def _steps(architecture: int, calls: dict[str, int], mappings: dict[str, int]) -> Iterator[Step]:
    yield (LOAD, 0, 0, ARCHITECTURE)
    yield (EQUAL, 1, 0, architecture)
    yield (RETURN, 0, 0, DENY)
    yield (LOAD, 0, 0, NUMBER)
    for number in calls.values():
        yield (EQUAL, 0, 1, number)
        yield (RETURN, 0, 0, ALLOW)
    for number in mappings.values():
        yield (EQUAL, 0, 4, number)
        yield (LOAD, 0, 0, THIRD_ARGUMENT)
        yield (ANY_BIT, 0, 1, PROT_EXEC)
        yield (RETURN, 0, 0, DENY)
        yield (RETURN, 0, 0, ALLOW)
    yield (RETURN, 0, 0, DENY)
