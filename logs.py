"""Log lines: one JSON object each, or plain text on a terminal; never a PIN, never a whole customer code."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

# What callers key or say is not for logs; a code, a telephone number or a PIN inside a text is cut to its last digits.
_SECRET_KEYS = frozenset({"pin", "keys", "digits", "utterance", "text"})
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z])\+?\d{3,11}(\d{4})(?![0-9A-Za-z])")


def mask(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Stars for what was keyed or said; of every number of seven to fifteen digits only the last four."""
    for key, value in event.items():
        if key in _SECRET_KEYS:
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = _LONG_NUMBER.sub(r"***\1", value)
    return event


def configure_logs() -> None:
    """Send all log lines through one chain that ends with `mask`; may be called again."""
    on_terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # The stream of the moment: tests put others in its place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # The carrier's client logs the addresses and forms of its requests.
    logging.getLogger("twilio.http_client").setLevel(logging.WARNING)
