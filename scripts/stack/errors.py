"""What can keep a stack from running.

StackError
  ProgramMissing    a server is not there, or cannot start here
  StateInUse        another stack has the folder
  PortTaken         something else listens there
  KeepsDying        a process ends again and again
"""


class StackError(Exception):
    """The stack cannot run; the message says why and what to do."""


class ProgramMissing(StackError):
    """A server is not there, or cannot start on this system."""


class StateInUse(StackError):
    """Another running stack has the state folder."""


class PortTaken(StackError):
    """Something else listens on the API's port."""


class KeepsDying(StackError):
    """A process ends again and again; the message carries the end of its log."""
