"""How many connections a process may hold: a shell often allows 1024 files, though the system allows many more."""

import resource


def allow_many() -> None:
    """Raise the soft limit of open files to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
