"""A caller who follows a script: speaks, keys, listens, and reports in a sentence what was not as expected."""

from __future__ import annotations

import time
from collections.abc import Callable

from simulator.call import SimulatedCall
from simulator.events import CallerFinished, DebuggerAlert, Ended, Event, KeyPressed, LeftQueue, Queued, Said
from simulator.pace import Steps
from simulator.script import Expected, Script, ScriptStep

EXPECT_TIMEOUT_MS = 60_000
"""Call time a caller waits for something expected if the script sets no bound, and for a turn to speak."""


class _ExpectationFailed(Exception):
    """Something the script expects did not come."""


class ScriptedCaller:
    """Plays one script in one call: pass the call's events to `hear`, and let `steps` accompany the call."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._heard: list[str] = []
        self._acted_at = time.monotonic()
        self._queued = False
        self._ended: Ended | None = None
        self._problems: list[DebuggerAlert] = []
        self._failure = ""
        self._finished = False

    def hear(self, event: Event) -> None:
        """Remember an event of the call."""
        if isinstance(event, Said):
            self._heard.append(event.text)
        elif isinstance(event, CallerFinished | KeyPressed):
            self._acted_at = time.monotonic()
        elif isinstance(event, Queued | LeftQueue):
            self._queued = isinstance(event, Queued)
        elif isinstance(event, DebuggerAlert):
            self._problems.append(event)
        elif isinstance(event, Ended):
            self._ended = event

    def steps(self, call: SimulatedCall) -> Steps[None]:
        """Act as the script says, 20 ms at a time."""
        try:
            for step in self._script.steps:
                try:
                    yield from self._step(call, step)
                except _ExpectationFailed as failed:
                    self._failure = f"step {step.number}: {failed}"
                    return
            self._finished = True
            # After the last step, the caller listens until the line has finished before hanging up.
            until = call.now_ms + EXPECT_TIMEOUT_MS
            while not (call.awaits_caller or call.ended) and call.now_ms < until:
                yield
        finally:
            call.hang_up()

    def verdict(self) -> str:
        """The result after the call: empty if it went as scripted, else a sentence saying what went wrong."""
        if self._problems:
            first = self._problems[0]
            blame = f"the application answered what Twilio refuses (error {first.code}): {first.message}"
            return f"{blame}; then {self._failure}" if self._failure else blame
        if self._failure:
            return self._failure
        return "" if self._finished else "the call was over before the script was"

    def _step(self, call: SimulatedCall, step: ScriptStep) -> Steps[None]:
        if step.wait_ms:
            yield from self._wait_ms(call, step.wait_ms)
        if step.sound or step.keys:
            if not step.barge_in:
                yield from self._until(
                    call, lambda: call.awaits_caller and bool(self._heard), None, "its turn to speak"
                )
            # Only what is said from now on answers this step.
            self._heard.clear()
            if step.sound:
                call.speak(step.sound, step.words)
            if step.keys:
                call.press(step.keys, step.key_every_ms)
            yield
            yield
            while call.speaking and not call.ended:
                yield
            # The end of the speech is reported with the next 20 ms; the wait for the expected answer starts then.
            yield
        if step.expect and step.within_ms is not None:
            yield from self._until(call, lambda: bool(self._heard), step.within_ms, "an answer")
        for expected in step.expect:
            yield from self._until_said(call, expected)
        if step.queued:
            yield from self._until(call, lambda: self._queued, step.within_ms, "being put into a queue for an operator")
        if step.line_hangs_up:
            yield from self._until(call, lambda: self._ended is not None, step.within_ms, "the line to hang up")
            if self._ended is not None and self._ended.by != "line":
                raise _ExpectationFailed("the call ended, but it was not the line that hung up")
        if step.hang_up:
            call.hang_up()
            yield

    def _until_said(self, call: SimulatedCall, expected: Expected) -> Steps[None]:
        yield from self._until(call, lambda: expected.is_in(self._said()), None, f"«{expected.written}»")

    def _said(self) -> str:
        return "\n".join(self._heard)

    def _wait_ms(self, call: SimulatedCall, duration_ms: int) -> Steps[None]:
        until = call.now_ms + duration_ms
        while call.now_ms < until and not call.ended:
            yield

    def _until(self, call: SimulatedCall, is_met: Callable[[], bool], within_ms: int | None, what: str) -> Steps[None]:
        until = call.now_ms + EXPECT_TIMEOUT_MS
        while not is_met():
            said = f"the line said: {self._said()}" if self._heard else "the line said nothing"
            if call.ended:
                raise _ExpectationFailed(f"waited for {what}, but the call was over; {said}")
            if within_ms is not None and (time.monotonic() - self._acted_at) * 1000 > within_ms:
                raise _ExpectationFailed(f"waited for {what} for {within_ms} ms in vain; {said}")
            if within_ms is None and call.now_ms > until:
                raise _ExpectationFailed(f"waited for {what} for {EXPECT_TIMEOUT_MS // 1000} s in vain; {said}")
            yield
