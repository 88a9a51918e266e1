"""Logs: one JSON object a line on standard error, or readable lines on a terminal. Never a patient's data.

An exception is logged by its type and where it was, with its text only where the text is ours: a library's text may
repeat the values it was given.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_OURS: Final = "hearthline_"


def configure_logs(level: str = "info", form: Literal["auto", "json", "text"] = "auto") -> None:
    """Set up structlog and route the standard library's warnings through it. ``auto`` is text at a terminal and JSON
    elsewhere. What is bound to the context stands in every line: ingest's ``group``, the batches settled together."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_values,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if as_text
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder([]), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("hearthline_backend").setLevel(level.upper())


def _without_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    found = event.pop("exc_info", None)
    error = _exception(found)
    if error is not None:
        event["exception"] = "\n".join(_lines(error))
    return event


def _exception(found: Any) -> BaseException | None:
    if isinstance(found, BaseException):
        return found
    if isinstance(found, tuple):
        return found[1] if isinstance(found[1], BaseException) else None
    return sys.exc_info()[1] if found else None


def _lines(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _lines(cause)
        yield "which led to:"
    yield from _frames(error.__traceback__)
    kind = type(error)
    text = str(error) if kind.__module__.startswith(_OURS) or isinstance(error, OSError) else ""
    yield f"{kind.__module__}.{kind.__qualname__}" + (f": {text}" if text else "")


def _frames(found: TracebackType | None) -> Iterator[str]:
    for frame in traceback.extract_tb(found):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
