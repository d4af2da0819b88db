"""An event loop whose clock jumps to the next moment at which something happens, and work that is done at once."""

from __future__ import annotations

import asyncio
import inspect
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

# In the loop's time, which costs nothing.
PATIENCE_S = 300

T = TypeVar("T")
P = ParamSpec("P")


class _NeverWaits(selectors.DefaultSelector):
    """A selector that passes the time instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("nothing will ever happen any more")
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """The loop: hours pass in it as soon as nobody has anything to do."""

    def __init__(self) -> None:
        self._passing = _NeverWaits()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.now


class AtOnce(Executor):
    """Threads of which there are none: whatever is submitted is done before anything else."""

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


def play(loop: JumpingLoop, story: Coroutine[Any, Any, None]) -> None:
    """Run this to its end, and whatever is left of it afterwards."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(story)


async def until(condition: Callable[[], object], what: str) -> None:
    """Let time pass until this holds. AssertionError if it does not come to."""
    for _tenth in range(PATIENCE_S * 10):
        if condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")


class _HasLoop(Protocol):
    loop: JumpingLoop


def played(story: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The story as a test, played on the loop of its first fixture."""
    first = next(iter(inspect.signature(story).parameters))

    @wraps(story)
    def test(**fixtures: Any) -> None:
        place: _HasLoop = fixtures[first]
        play(place.loop, story(**fixtures))

    return test
