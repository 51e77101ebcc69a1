"""Run a module as a command that Ctrl-C ends at once and in silence while it is still being loaded.

`python -m scripts.promptly MODULE ARGUMENT ...`; what the module does with signals once it runs is its own matter.
"""

import runpy
import signal
import sys


def main() -> None:
    """Become the module."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
