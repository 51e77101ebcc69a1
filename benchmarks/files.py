"""How many files and sockets a process may have open."""

import resource

NEEDED = 4096


class TooFewFiles(Exception):
    """The system does not let a process open as many sockets as a benchmark needs."""


def open_many(needed: int = NEEDED) -> None:
    """Raise the soft limit, here and for what is started from here; TooFewFiles if the hard limit is in the way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooFewFiles(
            f"A thousand uploads at once need {needed} open files, and the hard limit is {hard}. "
            f"Raise it (ulimit -Hn {needed} as root, or LimitNOFILE of the service) and run this again."
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
