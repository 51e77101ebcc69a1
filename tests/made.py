"""Recordings by their names, each made when it is first asked for: who only collects the tests makes none."""

from collections.abc import Callable, Iterator, Mapping


class Made(Mapping[str, bytes]):
    def __init__(self, makers: Mapping[str, Callable[[], bytes]]) -> None:
        self._makers = makers
        self._made: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> bytes:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __or__(self, other: "Made") -> "Made":
        return Made({**{name: self._getter(name) for name in self}, **{name: other._getter(name) for name in other}})

    def _getter(self, name: str) -> Callable[[], bytes]:
        return lambda: self[name]
