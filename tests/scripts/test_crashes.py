"""What keeps dying is told from what dies once, with what it said in this run."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.stack.crashes import STARTS_TOO_MANY, WITHIN_SECONDS, Crashes
from scripts.stack.errors import KeepsDying
from scripts.stack.layout import Layout


@dataclass
class House:
    layout: Layout
    now: float = 0.0
    pid: int = 100

    def restarts(self, said: str, seconds: float = 1.0) -> None:
        self.now += seconds
        self.pid += 1
        self.layout.pid_file("rtp").write_text(str(self.pid))
        with self.layout.log("rtp").open("a") as log:
            log.write(f"{said}\n")


@pytest.fixture
def house(tmp_path: Path) -> House:
    layout = Layout.at(tmp_path)
    layout.make()
    return House(layout)


def watched(house: House) -> Crashes:
    return Crashes(house.layout, lambda: house.now)


def test_what_an_earlier_run_wrote_is_not_why_this_one_dies(house: House) -> None:
    house.restarts("of another day")
    crashes = watched(house)
    for _ in range(STARTS_TOO_MANY - 1):
        house.restarts("Set RTP_PORTS to others.", seconds=WITHIN_SECONDS)
        crashes.check()
    house.restarts("Set RTP_PORTS to others.")
    with pytest.raises(KeepsDying) as told:
        crashes.check()
    assert str(told.value).splitlines()[1:] == ["Set RTP_PORTS to others."]


def test_a_log_that_was_begun_anew_is_read_from_its_beginning(house: House) -> None:
    house.restarts("of another day, and long")
    crashes = watched(house)
    house.layout.log("rtp").write_text("")
    said: list[str] = []
    for _ in range(STARTS_TOO_MANY):
        house.restarts("short")
        said += crashes.news()
    assert [each.splitlines()[1:] for each in said] == [["short"]]


def test_it_is_told_once_and_again_after_it_has_stood(house: House) -> None:
    crashes = watched(house)
    told = 0
    for _ in range(2 * STARTS_TOO_MANY):
        house.restarts("gone")
        told += len(list(crashes.news()))
    assert told == 1
    house.now += WITHIN_SECONDS
    assert list(crashes.news()) == []
    for _ in range(STARTS_TOO_MANY):
        house.restarts("gone")
        told += len(list(crashes.news()))
    assert told == 2


def test_what_dies_now_and_then_does_not_keep_dying(house: House) -> None:
    crashes = watched(house)
    for _ in range(3 * STARTS_TOO_MANY):
        house.restarts("killed", seconds=WITHIN_SECONDS / 3)
        assert list(crashes.news()) == []


def test_the_last_words_of_mongod_are_told_and_not_its_backtrace(house: House) -> None:
    frames = [f'{{"s": "I", "msg": "Frame", "attr": {{"frame": {{"a": "{number:X}"}}}}}}' for number in range(60)]
    end = ['{"s": "F", "msg": "Fatal assertion", "attr": {"error": "28: No space left on device"}}']
    crashes = watched(house)
    for _ in range(STARTS_TOO_MANY):
        house.restarts("\n".join([*end, '{"s": "I", "msg": "BACKTRACE", "attr": {}}', *frames]))
        told = list(crashes.news())
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert "Frame" not in told[0]
