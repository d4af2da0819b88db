"""Log lines: one JSON object each, or plain text on a terminal; never a PIN, never a whole customer code.

What libraries log by Python's own logging goes through the same chain. A line written while a request of the carrier's
is answered, or a stream is listened to, carries the call and the turn.
"""

from __future__ import annotations

import logging
import re
import sys
from contextlib import suppress
from typing import Any, Literal

import structlog

# Callers' keys and words do not belong in logs; a code or a telephone number inside a text is cut to its last digits.
_SECRET_KEYS = frozenset({"pin", "keys", "digits", "utterance", "text"})
# `%2B` is the plus sign in an address, as in those of requests that failed. Hexadecimal ids are left as they are.
_LONG_NUMBER = re.compile(r"(?:%2[Bb]|(?<![0-9A-Za-z])\+?)\d{3,11}(\d{4})(?![0-9A-Za-z])")


def mask(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace keyed and spoken input by stars, and every number of seven to fifteen digits by its last four."""
    for key, value in event.items():
        if key in _SECRET_KEYS:
            event[key] = "***"
        else:
            event[key] = _masked(value)
    return event


def _masked(value: Any) -> Any:
    """The value with its long numbers masked, however deep they are. A number counts as its digits."""
    match value:
        case bool() | float() | None:
            return value
        case str():
            return _LONG_NUMBER.sub(r"***\1", value)
        case int():
            return _LONG_NUMBER.sub(r"***\1", str(value)) if abs(value) >= 10**10 else value
        case dict():
            return {_masked(name): "***" if name in _SECRET_KEYS else _masked(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(one) for one in value]
        case _:
            return _LONG_NUMBER.sub(r"***\1", str(value))


class _Stderr:
    """Standard error, looked up at each line, because tests replace it; a line that cannot be written is lost: on a
    full disk a caller is to be answered all the same."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logs(format: Literal["auto", "json", "text"] = "auto") -> None:
    """Send all log lines through one chain that ends with `mask`; may be called again. They are JSON, or text: with
    "auto" on a terminal only."""
    as_text = format == "text" or (format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        mask,
    ]
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if as_text else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Looked up at each call, because tests replace sys.stderr.
        logger_factory=lambda *_: structlog.PrintLogger(_Stderr()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    _take_library_logs(
        structlog.stdlib.ProcessorFormatter(processors=[_without_record, render], foreign_pre_chain=shared)
    )
    # The carrier's client logs the addresses and forms of its requests.
    logging.getLogger("twilio.http_client").setLevel(logging.WARNING)


def _take_library_logs(formatter: logging.Formatter) -> None:
    root = logging.getLogger()
    handler = next((one for one in root.handlers if isinstance(getattr(one, "stream", None), _Stderr)), None)
    if handler is None:
        handler = logging.StreamHandler(_Stderr())
        handler.setLevel(logging.WARNING)
        root.addHandler(handler)
    handler.setFormatter(formatter)


def _without_record(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(_logger, _method, event)
