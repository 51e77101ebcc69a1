"""What the use cases need to know of how the store came by its primary."""

from typing import NewType, Protocol

Election = NewType("Election", object)


class Elections(Protocol):
    """A write that only the primary has confirmed is lost where another is elected before a majority has it.

    Where none was, it is as safe as the newest write that a majority has confirmed: the log is copied in order.
    """

    def none_since(self, last: Election | None) -> bool:
        """Whether all that was written since this election went to its primary; False where that is not known."""
