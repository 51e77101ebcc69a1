"""Elections of the store's primary, in memory."""

from services.interviews.ports import Election
from tests.fakes.memory import Memory


class FakeElections:
    """One is held whenever a test counts it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def none_since(self, last: Election | None) -> bool:
        return last == Election(self._memory.elections)
