"""A recorded call cannot be imported: a sentence says why."""

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from scripts.import_call import import_call
from scripts.stack import ports

CALL = "scripts/demo/answer-1.webm"


def run(*arguments: str) -> Result:
    app = Typer()
    app.command()(import_call)
    return CliRunner().invoke(app, [CALL, "--token", "t", *arguments], env={"COLUMNS": "200"})


@pytest.mark.parametrize("url", ["http://[::1", "127.0.0.1:8000", "ftp://somewhere", "http://", "http://a:b"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    end = run("--url", url)
    assert (end.exit_code, "write it like http://127.0.0.1:8000" in end.stderr) == (2, True)


def test_where_nobody_answers_the_address_is_named() -> None:
    url = f"http://127.0.0.1:{ports.choose()}"
    end = run("--url", url)
    assert (end.exit_code, f"{url} is not reached" in end.stderr) == (1, True)


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    end = run("--keep", str(tmp_path / "file" / "folder"))
    assert (end.exit_code, "Not a directory" in end.stderr) == (2, True)
