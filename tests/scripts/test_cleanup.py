"""The sweep as a command ends with a sentence, whatever MongoDB says."""

from typing import Any

import pytest
import typer
from pymongo.errors import OperationFailure

from scripts import cleanup
from services.errors import StoreUnavailable

UNAUTHORIZED = OperationFailure("not authorized on viva_voce", 13, {"codeName": "Unauthorized"})


@pytest.mark.parametrize(
    ("trouble", "said"), [(StoreUnavailable(), "did not answer"), (UNAUTHORIZED, "refused: Unauthorized")]
)
def test_what_is_in_the_way_is_a_sentence_and_ends_with_1(
    trouble: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise trouble

    monkeypatch.setenv("KEYRING_DIR", "/nowhere")
    monkeypatch.setattr(cleanup, "clean", fails)
    monkeypatch.setattr(cleanup, "configure_logs", lambda _: None)
    with pytest.raises(typer.Exit) as end:
        cleanup.main()
    assert end.value.exit_code == 1
    assert said in capsys.readouterr().err.replace("\n", " ")
