"""A figure that may be a second old."""

import asyncio
from dataclasses import dataclass, field

import pytest

from services.errors import StoreUnavailable
from services.lately import Lately


@dataclass
class Store:
    """A store whose figure counts how often it was read; it answers once it may."""

    now: float = 0.0
    reads: int = 0
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    troubles: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers.set()

    def figure(self) -> Lately[int]:
        return Lately(read=self._read, clock=lambda: self.now)

    async def _read(self) -> int:
        self.reads += 1
        number = self.reads
        await self.answers.wait()
        if self.troubles:
            raise self.troubles.pop()
        return number


async def test_it_is_read_once_a_second_for_all_who_ask() -> None:
    store = Store()
    figure = store.figure()
    assert await asyncio.gather(*(figure.get() for _ in range(5))) == [1] * 5
    store.now = 0.99
    assert (await figure.get(), await figure.roughly()) == (1, 1)
    store.now = 1.0
    assert await figure.get() == 2
    assert await figure.again() == 3


async def test_who_may_have_it_roughly_does_not_wait_while_it_is_read_again() -> None:
    store = Store()
    figure = store.figure()
    assert await figure.roughly() == 1
    store.now = 1.5
    store.answers.clear()
    for _ in range(3):
        assert await figure.roughly() == 1
        await asyncio.sleep(0)
    assert store.reads == 2
    exactly = asyncio.ensure_future(figure.get())
    store.answers.set()
    assert await exactly == 2
    assert await figure.roughly() == 2


@pytest.mark.parametrize("now", [2.0, 60.0])
async def test_what_is_twice_as_old_as_it_should_be_is_waited_for(now: float) -> None:
    store = Store()
    figure = store.figure()
    assert await figure.roughly() == 1
    store.now = now
    store.answers.clear()
    roughly = asyncio.ensure_future(figure.roughly())
    await asyncio.sleep(0)
    assert not roughly.done()
    store.answers.set()
    assert await roughly == 2


async def test_what_could_not_be_read_is_read_again_and_told_of_once_nothing_is_known() -> None:
    store = Store()
    figure = store.figure()
    assert await figure.roughly() == 1
    store.now, store.troubles = 1.0, [StoreUnavailable()]
    for _ in range(2):
        assert await figure.roughly() == 1
        await asyncio.sleep(0)
    assert store.reads == 3
    store.now, store.troubles = 5.0, [StoreUnavailable(), StoreUnavailable()]
    for act in (figure.roughly, figure.get):
        with pytest.raises(StoreUnavailable):
            await act()
