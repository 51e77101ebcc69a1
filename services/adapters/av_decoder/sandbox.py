"""Takes from the running process what decoding does not need."""

import os
import resource
from pathlib import Path

from services.adapters.av_decoder.protocol import Caps
from services.adapters.av_decoder.seccomp import filter_system_calls


def enter_sandbox(caps: Caps) -> bool:
    """From here on no file or socket can be opened, and memory and time are short.

    True if system calls are filtered too, which the kernel must know how to do.
    """
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    os.close(quiet)
    os.chdir("/")
    _limit(resource.RLIMIT_AS, _mapped() + caps.memory)
    _limit(resource.RLIMIT_CPU, caps.cpu_seconds, spare=1)
    for what in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        _limit(what, 0)
    return filter_system_calls()


def _mapped() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _limit(what: int, most: int, spare: int = 0) -> None:
    """Passing `most` gives a signal of its own (SIGXCPU); passing what is spared beyond it, SIGKILL."""
    hard = resource.getrlimit(what)[1]
    soft, hard = (n if hard == resource.RLIM_INFINITY else min(n, hard) for n in (most, most + spare))
    resource.setrlimit(what, (soft, hard))
