"""Run a module of others as a command that Ctrl-C ends with a line, as it ends the commands of this package.

`python -m scripts.promptly MODULE ARGUMENT ...`; what the module does with signals once it runs is its own matter.
"""

import runpy
import sys


def main() -> None:
    """Become the module."""
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
