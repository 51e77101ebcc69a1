"""How log lines look; secrets never reach them, because nothing logs settings or tokens."""

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType

import structlog
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from app.config import Settings

# As pydantic tells of a value, and as FastAPI does.
VALUES = re.compile(
    r"(?<=input_value=).*?(?=, input_type=)|(?<='input': ).*?(?=, 'ctx': |, 'url': |\}$)", re.DOTALL | re.MULTILINE
)
USER = re.compile(r"(?<=/api/users/).+?(?=/data$|$)")


def configure_logs(settings: Settings) -> None:
    """Send structlog's and the standard library's lines the same way, to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_json = settings.log_format == "json"
    renderer = structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(told),
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(in_a_line)
    handler.addFilter(without_query)
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("httpx", "httpx2", "httpcore2", "openai", "pymongo", "faster_whisper"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for logger in map(logging.getLogger, ("uvicorn", "uvicorn.error", "uvicorn.access")):
        if logger.handlers:  # one that has none was turned off
            logger.handlers.clear()
            logger.propagate = True


def told(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """An error with its way, and nothing of the values that a validation repeats: they are what people said."""
    return VALUES.sub("…", "".join(traceback.format_exception(*exc_info))).rstrip()


def in_a_line(record: logging.LogRecord) -> bool:
    """Of a broker that is away Celery tells with its stack, many times a minute: a line says as much."""
    error = record.exc_info[1] if record.exc_info else None
    if record.name.startswith(("celery", "kombu")) and error is not None and _is_of_connection(error):
        said = record.getMessage().strip().partition("\n")[0]
        record.msg, record.args, record.exc_info, record.exc_text = said, (), None, None
        record.stack_info = None
    return True


def without_query(record: logging.LogRecord) -> bool:
    """A ticket stands in the query of who cannot send a header: where uvicorn tells of requests, it tells of paths."""
    if record.name == "uvicorn.access" and isinstance(record.args, tuple):
        record.args = tuple(_impersonal(one.partition("?")[0]) if isinstance(one, str) else one for one in record.args)
    return True


def _impersonal(path: str) -> str:
    """Whom an erasure is about is in no line."""
    return USER.sub("…", path)


def _is_of_connection(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError | RedisError | OperationalError):
            return True
        error = error.__cause__ or error.__context__
    return False


def warn_of_unused(unused: Mapping[str, str]) -> None:
    """Say which settings do nothing here, and why."""
    for name, reason in unused.items():
        structlog.get_logger(__name__).warning("setting not used", name=name, reason=reason)


def warn_of(strangers: Mapping[str, str]) -> None:
    """Say which variables look like a setting and are none."""
    for name, nearest in strangers.items():
        structlog.get_logger(__name__).warning("unknown variable", name=name, meant=nearest)
