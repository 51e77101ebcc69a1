"""Recordings whose keys the keyring has not are told of, once."""

from services.recordings.keys import KEPT_SECONDS
from services.recordings.missing_keys import MissingKeys
from services.recordings.ports.keyring import EpochId, EpochKey, Identity
from tests.fakes.keyring import FakeEpochs, FakeKeyring
from tests.fakes.memory import KeyringContent, Memory
from tests.logs import captured

FIRST, SECOND = EpochId("00000001-0000000a"), EpochId("00000002-00000000")


async def test_what_becomes_missing_is_told_once_and_found_again_when_it_is_back() -> None:
    memory, now = Memory(), 0.0
    content = KeyringContent(identity=Identity("k", "d"), keys={FIRST: EpochKey(FIRST, b"1" * 32)})
    missing = MissingKeys(keyring=FakeKeyring(content), journal=FakeEpochs(memory), clock=lambda: now)
    memory.files |= {"one": {"epoch": FIRST}, "plain": {}}  # type: ignore[dict-item]
    assert await missing.look() == set()
    memory.files["two"] = {"epoch": SECOND}  # type: ignore[index]
    assert await missing.look() == set(), "it was looked at just now"
    now += KEPT_SECONDS
    with captured() as logs:
        assert await missing.look() == {SECOND}
        now += KEPT_SECONDS
        assert await missing.look() == {SECOND}
    assert [(log["event"], log["epochs"]) for log in logs] == [
        ("recordings need keys that the keyring has not", [SECOND])
    ]
    content.keys[SECOND] = EpochKey(SECOND, b"2" * 32)
    now += KEPT_SECONDS
    assert await missing.look() == set()
