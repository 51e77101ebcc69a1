"""Log lines: one of JSON each, whoever writes them."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable

import pytest
from celery.beat import SchedulingError
from fastapi.exceptions import ResponseValidationError
from kombu.exceptions import OperationalError
from pydantic import BaseModel
from redis.exceptions import ConnectionError as RedisAway

from app.logs import in_a_line, told, without_query
from scripts.stack.layout import ROOT

SCRIPT = """
import logging, logging.config, warnings
from uvicorn.config import LOGGING_CONFIG
from app.config import Settings
from app.logs import configure_logs, told
logging.config.dictConfig(LOGGING_CONFIG)
configure_logs(Settings())
logging.getLogger("uvicorn.error").info("Started server process [%d]", 7, extra={"color_message": "x"})
logging.getLogger("uvicorn.access").warning("odd")
warnings.warn("two\\nlines")
logging.getLogger("celery.beat").info("beat: Starting...")
"""


def test_uvicorns_lines_and_warnings_are_json_too() -> None:
    command = ["env", "LOG_FORMAT=json", sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert [event.partition("\n")[0].split(": ")[-1] for event in events] == [
        "Started server process [7]", "odd", "two", "Starting..."
    ]  # fmt: skip
    assert done.stdout == ""


def record(name: str, error: BaseException, message: str = "Message Error: %s\n%s") -> logging.LogRecord:
    stack = "  File x\n" * 100
    return logging.LogRecord(name, logging.ERROR, "f", 1, message, ("lost", stack), (type(error), error, None))


def caused(by: BaseException) -> SchedulingError:
    error = SchedulingError("sweep could not be sent")
    error.__cause__ = by
    return error


@pytest.mark.parametrize("error", [OSError(), RedisAway(), OperationalError(), caused(RedisAway())])
def test_a_broker_that_is_away_is_told_in_a_line(error: BaseException) -> None:
    told = record("celery.beat", error)
    assert in_a_line(told)
    assert (told.getMessage(), told.exc_info) == ("Message Error: lost", None)


@pytest.mark.parametrize(("name", "error"), [("celery.beat", KeyError()), ("app.worker", OSError())])
def test_any_other_error_keeps_its_trace(name: str, error: BaseException) -> None:
    told = record(name, error)
    assert in_a_line(told)
    assert told.exc_info is not None
    assert "File x" in told.getMessage()


REQUESTS = """
import logging
from uvicorn import Config
from app.config import Settings
from app.logs import configure_logs
Config("app.main:create_app", access_log=%s)
configure_logs(Settings())
access = logging.getLogger("uvicorn.access")
if access.hasHandlers():
    access.info('%%s - "%%s %%s HTTP/%%s" %%d', "127.0.0.1:1", "GET", "/events?ticket=planted", "1.1", 200)
"""


@pytest.mark.parametrize(("asked", "told"), [(False, []), (True, ['127.0.0.1:1 - "GET /events HTTP/1.1" 200'])])
def test_requests_are_told_of_if_asked_for_and_never_with_their_query(asked: bool, told: list[str]) -> None:
    command = ["env", "LOG_FORMAT=json", sys.executable, "-c", REQUESTS % asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == told


SAID = "what\nAnn said"


class _Shown(BaseModel):
    take: int


def _of_pydantic() -> None:
    _Shown.model_validate({"take": SAID})


def _of_fastapi() -> None:
    raise ResponseValidationError([{"type": "int_parsing", "loc": ("take",), "msg": "no", "input": SAID}])


@pytest.mark.parametrize("fail", [_of_pydantic, _of_fastapi])
def test_a_value_that_does_not_fit_is_in_no_line(fail: Callable[[], None]) -> None:
    with pytest.raises(Exception) as caught:
        fail()
    text = told((caught.type, caught.value, caught.tb))
    assert "Ann" not in text
    assert "ValidationError" in text
    assert "take" in text


def test_whom_an_erasure_is_about_is_in_no_line() -> None:
    path = "/api/users/https%3A//idp.example/ann/data"
    record = logging.LogRecord("uvicorn.access", 20, "", 0, "%s %s", ("DELETE", f"{path}?x=1"), None)
    assert without_query(record) and record.getMessage() == "DELETE /api/users/…/data"
