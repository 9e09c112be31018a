"""Logging: structlog over the standard library, plain lines for people or JSON for machines."""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

import structlog


class CurrentStderr(logging.StreamHandler[TextIO]):
    """Write to what `sys.stderr` is at that moment, which a captured and since closed stream is not."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)  # StreamHandler's own would assign the stream

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The standard error of now."""
        return sys.stderr


def configure_logging(level: str | None = None, form: str | None = None) -> None:
    """Set up logging for an entry point; libraries and stages only ever call `get_logger`.

    `level` and `form` ("console" or "json") default to LOG_LEVEL and LOG_FORMAT.
    """
    level = (level or os.environ.get("LOG_LEVEL", "INFO")).upper()
    form = form or os.environ.get("LOG_FORMAT", "console")
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    logging.basicConfig(level=level, format="%(message)s", handlers=[CurrentStderr()], force=True)
    for chatty in ("botocore", "boto3", "urllib3", "s3transfer", "yoyo"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A module-level logger; pass facts as keyword fields (`run_id`, `retailer_id`, `business_date`)."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
