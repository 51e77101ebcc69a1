"""How log lines look; secrets never reach them, because nothing logs settings or tokens."""

import logging
import sys
from collections.abc import Mapping

import structlog

from app.config import Settings


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
            structlog.processors.format_exc_info,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("httpx", "httpx2", "httpcore2", "openai", "pymongo", "faster_whisper"):
        logging.getLogger(name).setLevel(logging.WARNING)


def warn_of(strangers: Mapping[str, str]) -> None:
    """Say which variables look like a setting and are none."""
    for name, nearest in strangers.items():
        structlog.get_logger(__name__).warning("unknown variable", name=name, meant=nearest)
