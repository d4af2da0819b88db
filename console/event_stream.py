"""Parts of pages kept up to date by an event stream that sends them whenever they change.

A page's route checks who asks, as any route does, and answers with an `EventStream`. A line process keeps it open
(`console.held_open`); a web process sends the present parts and ends, and the browser asks again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from flask import Response, stream_with_context
from flask.typing import ResponseReturnValue

from console.authentication import staff
from console.language import chosen

# A browser opens a stream that has ended again after this long.
RETRY_MS = 500

Content = TypeVar("Content")


class LiveParts(Protocol[Content]):
    """The parts of a page that change while it is open, for everybody who looks at it."""

    @property
    def interval_s(self) -> float:
        """The seconds between two readings."""

    def read(self, viewers: Collection[int]) -> Content:
        """Read what is shown to these staff members, once for all of them."""

    def render(self, content: Content, viewer: int) -> Mapping[str, str]:
        """The parts by event name, as this staff member sees them."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The staff member and the language a page is shown to; equal viewers see the same."""

    staff_id: int
    language: str


class EventStream(Response):
    """An event stream of a page's parts, for the signed-in staff member."""

    def __init__(self, live: LiveParts[Any]) -> None:
        self.live = live
        self.viewer = Viewer(staff().id, chosen())
        super().__init__(stream_with_context(self._present_parts()), mimetype="text/event-stream")
        # Proxies other than ours hold parts back without it.
        self.headers["X-Accel-Buffering"] = "no"

    def _present_parts(self) -> Iterator[str]:
        content = self.live.read({self.viewer.staff_id})
        for name, part in self.live.render(content, self.viewer.staff_id).items():
            yield event(name, part)


def event(name: str, part: str) -> str:
    """A part of a page as an event."""
    # Without a row of data a browser drops the event.
    return (
        f"event: {name}\n" + "".join(f"data: {row}\n" for row in part.splitlines() or [""]) + f"retry: {RETRY_MS}\n\n"
    )


def streamed_response() -> ResponseReturnValue:
    """The response to a change shown by a stream: 204, since the stream sends the changed part. A part in the response
    could arrive after a later event and replace it with an older state."""
    return "", 204
