"""A stack on a disk that takes nothing more says so, and what to do."""

import errno
import os
from pathlib import Path

import pytest

from app.config import StackSettings
from scripts.stack import leftovers, ports, supervise
from scripts.stack import stack as module
from scripts.stack.errors import StackError
from scripts.stack.layout import Layout


def fails(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("holder", "name"), [(Layout, "write_env"), (leftovers, "end_all"), (supervise, "start"), (module, "write_private")]
)
def test_a_full_disk_is_a_sentence_that_says_what_to_do(
    holder: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder, name, fails)
    monkeypatch.setattr(os, "umask", lambda _: 0)
    settings = StackSettings(state_dir=tmp_path / "state", port=ports.choose())
    with pytest.raises(StackError, match=r"No space left on device\. Free some space there"), module.opened(settings):
        pass


def test_while_it_runs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "umask", lambda _: 0)
    monkeypatch.setattr(supervise, "start", lambda *_, **__: None)
    settings = StackSettings(state_dir=tmp_path / "state", port=ports.choose())
    with pytest.raises(StackError, match="Nothing can be written"), module.opened(settings):
        fails()
