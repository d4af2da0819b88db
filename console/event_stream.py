"""Parts of pages kept up to date by an event stream that sends them whenever they change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from flask import Response, stream_with_context
from flask.typing import ResponseReturnValue

# A stream ends after this long, so that a worker can stop and a session can time out; the browser reconnects.
STREAM_MAX_S = 300
# A comment is sent this often, so that a dead connection is noticed.
KEEPALIVE_S = 15


def stream(render: Callable[[], Mapping[str, str]], interval_s: float) -> Response:
    """An event stream of parts of a page, by event name: rendered every `interval_s` seconds, each sent when it has
    changed."""
    answer = Response(stream_with_context(_events(render, interval_s)), mimetype="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def streamed_response() -> ResponseReturnValue:
    """The response to a change shown by a stream: 204, since the stream sends the changed part. A part in the response
    could arrive after a later event and replace it with an older state."""
    return "", 204


def _events(render: Callable[[], Mapping[str, str]], interval_s: float) -> Iterator[str]:
    shown: dict[str, str] = {}
    began = sent_at = time.monotonic()
    while time.monotonic() - began < STREAM_MAX_S:
        for name, part in render().items():
            if part != shown.get(name):
                shown[name], sent_at = part, time.monotonic()
                yield f"event: {name}\n" + "".join(f"data: {row}\n" for row in part.splitlines()) + "\n"
        if time.monotonic() - sent_at > KEEPALIVE_S:
            sent_at = time.monotonic()
            yield ": still here\n\n"
        time.sleep(interval_s)
