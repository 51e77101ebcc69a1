"""The demo, up to the stack that it plays on."""

import io
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import AutoReconnect
from rich.console import Console
from typer import Typer
from typer.testing import CliRunner, Result

from scripts.demo import __main__ as module
from scripts.demo import show
from scripts.demo.__main__ import demo
from scripts.demo.interview import of_one, the_demo
from services.errors import StoreUnavailable
from services.recordings.ports.keyring import KeyringTrouble


def run(*arguments: str) -> Result:
    app = Typer()
    app.command()(demo)
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(("make", "sentence"), [(None, "There is no file"), ("file", "is empty"), ("dir", "no file")])
def test_a_recording_that_cannot_be_read_is_a_sentence(tmp_path: Path, make: str | None, sentence: str) -> None:
    path = tmp_path / "own.wav"
    if make == "file":
        path.touch()
    elif make == "dir":
        path.mkdir()
    result = run("--audio", str(path))
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (AutoReconnect("127.0.0.1:1: connection closed"), "run this again. AutoReconnect: 127.0.0.1:1"),
        (StoreUnavailable(), "run this again. StoreUnavailable"),
        (KeyringTrouble("The keyring is away."), "run this again. KeyringTrouble: The keyring is away."),
    ],
)
def test_what_breaks_on_the_way_is_a_sentence(
    trouble: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise trouble

    monkeypatch.setattr(module, "_play", breaks)
    monkeypatch.setattr(module, "Signals", object)
    result = run()
    assert (result.exit_code, sentence in result.stderr) == (1, True)


def test_the_demo_has_its_recordings() -> None:
    interview = the_demo()
    assert len(interview.answers) == 3
    assert all(spoken.audio.is_file() and spoken.question["key_points"] for spoken in interview.answers)


def test_a_recording_of_ones_own_is_one_question(tmp_path: Path) -> None:
    (tmp_path / "own.wav").write_bytes(b"RIFF")
    assert [spoken.audio.name for spoken in of_one(tmp_path / "own.wav").answers] == ["own.wav"]


def answer(**changes: Any) -> dict[str, Any]:
    shown = {"question": "Why?", "transcript": "[sic] because", "score": 50.0, "unscored_reason": None, "error": None}
    feedback = [{"point": "a cause", "covered": True, "quote": "because"}, {"point": "b", "covered": False}]
    return {
        **shown,
        "language": "en",
        "language_probability": 0.71,
        "duration_seconds": 2.0,
        "warnings": [],
        "feedback": feedback,
        **changes,
    }


def printed(result: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=120)
    show.show_scores(console, result)
    show.show_recording(console, result["answers"][0])
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_transcript_score_and_quote_are_shown() -> None:
    text = printed({"answers": [answer()], "final_score": 50.0, "scored_count": 1})
    for word in ("[sic] because", "50.0", "“because”", "Words per minute", "60", "en (71% sure)"):
        assert word in text


def test_a_failed_answer_says_why() -> None:
    failed = answer(
        transcript=None, score=None, unscored_reason="failed", feedback=[], language=None,
        language_probability=None, duration_seconds=None,
        error={"code": "audio_unreadable", "sentence": "It is not sound."},
    )  # fmt: skip
    assert "It is not sound." in printed({"answers": [failed], "final_score": None, "scored_count": 0})
