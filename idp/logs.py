"""Write the log: one JSON object a line on standard error, in UTC, with the request's id. It has ids, no names or secrets.

JSON escapes what users send, so that no line can be forged (OWASP ASVS 16.4.1). Tracebacks have no local variables.
"""

import json
import logging
import sys
import threading
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

from idp.config import Settings

request_id: ContextVar[str] = ContextVar("request", default="")
"""The id in the lines of the request that is under way; empty outside requests."""


class StandardError:
    """Write lines to the present standard error."""

    def msg(self, line: str) -> None:
        """Write one line."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = msg


class FromLibraries(logging.Handler):
    """Take what libraries log: the pool of a lost database, the event loop, Python's own warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line of our log."""
        fields = {"logger": record.name, "message": record.getMessage(), "exc_info": record.exc_info or None}
        structlog.get_logger().log(record.levelno, "library", **fields)


def setup_logs(settings: Settings) -> None:
    """Configure the log of this process."""
    structlog.configure(
        processors=[
            _add_request,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _as_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level)),
        logger_factory=lambda *_: StandardError(),
        cache_logger_on_first_use=False,
    )


def _add_request(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if found := request_id.get():
        event.setdefault("request", found)
    return event


def _as_line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return ENCODER.encode(event)


def take_from_libraries() -> None:
    """Write what libraries and failing threads report as lines of our log. Only for processes of our own."""
    logging.basicConfig(handlers=[FromLibraries()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    threading.excepthook = _note_end_of_thread


def _note_end_of_thread(end: threading.ExceptHookArgs) -> None:
    """Log the exception that ended a thread; Python would print it."""
    name, raised = end.thread.name if end.thread else "", end.exc_value
    structlog.get_logger().error("thread_ended", thread=name, exc_info=raised)


def _as_text(value: Any) -> str:
    """Return a value that is no JSON as its words or the name of its type, never as its contents."""
    return str(value) if isinstance(value, Exception) else type(value).__name__


ENCODER = json.JSONEncoder(sort_keys=True, default=_as_text)
