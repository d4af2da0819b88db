"""Parts of pages that keep themselves up to date: sent whenever they change, to whoever is looking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from flask import Response, stream_with_context
from flask.typing import ResponseReturnValue

# A stream is ended now and then, so that a worker can go down and a session can run out; the browser opens another.
STREAM_MAX_S = 300
# Something is sent this often, so that a connection that died is noticed.
SIGN_OF_LIFE_S = 15


def stream(render: Callable[[], Mapping[str, str]], every_s: float) -> Response:
    """Parts of a page, by the names of their events, as an event stream: rendered anew so often, each sent when it is
    another."""
    answer = Response(stream_with_context(_events(render, every_s)), mimetype="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def told_by_the_stream() -> ResponseReturnValue:
    """The answer to a change of such a part: nothing, since the stream tells of it. An answer of its own could come
    after a later event, and the page would go on showing what was before that."""
    return "", 204


def _events(render: Callable[[], Mapping[str, str]], every_s: float) -> Iterator[str]:
    shown: dict[str, str] = {}
    began = told = time.monotonic()
    while time.monotonic() - began < STREAM_MAX_S:
        for name, part in render().items():
            if part != shown.get(name):
                shown[name], told = part, time.monotonic()
                yield f"event: {name}\n" + "".join(f"data: {row}\n" for row in part.splitlines()) + "\n"
        if time.monotonic() - told > SIGN_OF_LIFE_S:
            told = time.monotonic()
            yield ": still here\n\n"
        time.sleep(every_s)
