"""Logs go to stderr: lines for a person at a terminal, JSON for a journal. Never with patient data."""

import logging
import sys

import structlog


def configure_logs(level: str, *, as_json: bool = False) -> None:
    """Set structlog up once per process; ``level`` is ``debug``, ``info``, ``warning`` or ``error``."""
    person = sys.stderr.isatty() and not as_json
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([] if person else [structlog.processors.format_exc_info]),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if person
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
