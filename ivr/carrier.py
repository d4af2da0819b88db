"""The carrier seam: what the line and a telephone carrier exchange, in the line's own types.

A carrier's adapter is a folder of its own, such as `ivr/twilio`, and app.py chooses it. Three things are exchanged:

* Events. The adapter calls a method for whatever its carrier reports: of `AutomaticLine` for callers in the
  conversation and for outbound calls, of `Handover` for callers who wait and for operators' calls, of `Whispering` for
  supervisors' calls, of `CallbackCalls` for callbacks, of `DirectDial` for operators dialled without the database, of
  `MediaStreams` for live sound that is recognised, of `SoundForks` for sound that is listened to or kept.
* Instructions (`ivr.instructions`). Each of these methods returns what its call does next.
* Commands. `Carrier` is what the line asks of a call outside of an event. It names turns, attempts, callbacks and
  staff by their ids; URLs, channels, markup and the carrier's own words are the adapter's business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

CallStatus = Literal["initiated", "ringing", "in_progress", "completed", "busy", "no_answer", "failed", "cancelled"]
ENDED_STATUSES: frozenset[CallStatus] = frozenset({"completed", "busy", "no_answer", "failed", "cancelled"})

AnsweredBy = Literal["person", "machine"]

QueueExit = Literal["left", "bridged", "failed", "elsewhere"]
"""The way a caller left the queue: by `LeaveQueue`; after talking with an operator; because the carrier could not
queue them; or by hanging up or being redirected, which other events report."""

# The telephones of retailers, operators and callers who are called back ring this long, in seconds.
RETAILER_RING_S = 30
OPERATOR_RING_S = 20
CALLER_RING_S = 30

_BROWSER = "browser:"


class CarrierError(RuntimeError):
    """The carrier could not be asked, or refused; the message names the operation."""


class CarrierRefused(CarrierError):
    """The carrier rejected the request and will not carry it out."""


class CarrierBusy(CarrierError):
    """The carrier has had too many requests and has not done this one; it may be asked again after `retry_after_s`
    seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def browser_address(identity: str) -> str:
    """The address at which the browser telephone registered under this identity is dialled; any other address is a
    telephone number."""
    return f"{_BROWSER}{identity}"


def browser_identity(address: str) -> str | None:
    """The identity of the browser telephone at this address, or None for a telephone number."""
    return address.removeprefix(_BROWSER) if address.startswith(_BROWSER) else None


@dataclass(frozen=True, slots=True)
class BrowserTelephone:
    """The carrier's telephone for a page: its script, a file under the console's `static/vendor`; the adapter that
    drives it, a file under `static/telephones`; and the other sites that it connects to and plays sound from, as the
    page's security policy names them."""

    script: str
    adapter: str
    connects_to: tuple[str, ...] = ()
    plays_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberAtCarrier:
    """A telephone number of ours as it is set up at the carrier. `problem` says what is set up otherwise than the line
    needs it, and what to set; empty if nothing is."""

    number: str
    problem: str = ""


class Carrier(Protocol):
    """The commands the line gives a carrier. Every method raises CarrierError if the carrier cannot be asked, or
    fails."""

    def check(self) -> None:
        """Check that the carrier can be reached and our account is active."""
        ...

    def numbers(self) -> list[NumberAtCarrier]:
        """The numbers of our account."""
        ...

    def clock_ahead_s(self, now: datetime) -> float:
        """The seconds by which `now` is ahead of the carrier's clock, to within one."""
        ...

    @property
    def voices(self) -> Collection[str]:
        """The names of the voices the carrier is known to have for the line's language."""
        ...

    # --- calls in progress

    @property
    def redirects_at_once(self) -> bool:
        """True if a redirected call reports its turn within milliseconds, so that nothing is won by taking the turn
        while the redirect is on its way."""
        ...

    def warm_up(self) -> None:
        """Make ready to carry out the next command without delay, as a call has begun that will soon need one."""
        ...

    def redirect_to_turn(self, call_key: str, turn_number: int) -> None:
        """Break off what is played to the caller and report this turn, with nothing in it. Event: `turn_taken`."""
        ...

    def redirect_to_queue(self, call_key: str) -> None:
        """Send the caller to the queue, whatever they are doing. Event: `sent_to_queue`."""
        ...

    def redirect_to_hold(self, call_key: str) -> None:
        """Put the caller on hold. Event: `sent_to_hold`."""
        ...

    def redirect_to_talk(self, call_key: str) -> None:
        """Send the caller, who talks with an operator, to the same talk as one that a supervisor can join. Event:
        `sent_to_talk`; the operator follows at `operator_left_caller`."""
        ...

    def dial_coach(self, address: str, line: str, supervision_id: int) -> str:
        """Dial a supervisor at this address who is to whisper, from this line, and return the call's key. Events:
        `coach_answered` and `coach_call_ended`."""
        ...

    def reconnect_operator(self, operator_call_key: str, attempt_id: int) -> None:
        """Connect the operator to their caller again. Event: `operator_reconnects`."""
        ...

    def end_call(self, call_key: str) -> None:
        """End a call that rings or was answered."""
        ...

    def fork_sound(self, call_key: str, fork_id: int) -> None:
        """Send the sound of the call, both sides, to the line from now on, whatever the call does. Events: those of
        `SoundForks`, with this fork; it ends with the call, or when the line closes it."""
        ...

    def delete_queue(self, queue_id: str) -> None:
        """Delete the queue with this id of the carrier's, which its caller has left."""
        ...

    # --- outbound calls

    def dial_retailer(self, phone: str, line: str, attempt_key: str) -> str:
        """Call a retailer from this line, find out if a machine answers, and return the call's key. Events:
        `outbound_answered` and `outbound_status`. Raises CarrierRefused if no call is placed, and CarrierBusy if none
        is placed yet; after any other CarrierError it may have been."""
        ...

    def find_call(self, phone: str, line: str, since: datetime) -> str | None:
        """The key of the latest call to this number from this line that is not older than `since`, or None."""
        ...

    def status(self, call_key: str) -> CallStatus | None:
        """The call's status, or None if the carrier knows no such call."""
        ...

    def cancel_ringing(self, call_key: str) -> None:
        """End the call if it is still ringing; one that was answered goes on."""
        ...

    # --- operators

    def dial_operator(self, address: str, line: str, attempt_id: int) -> str:
        """Dial an operator at this address for a ring attempt, from this line, and return the call's key. Events:
        `operator_answered` and `operator_call_ended`."""
        ...

    def dial_operator_for_callback(self, address: str, line: str, callback_id: int, staff_id: int) -> str:
        """Dial an operator at this address for a callback, from this line, and return the call's key. Event:
        `answered` of the callback."""
        ...

    @property
    def has_extensions(self) -> bool:
        """True if operators may have desk telephones that are dialled by an extension, such as 8001."""
        ...

    @property
    def browser_telephone(self) -> BrowserTelephone | None:
        """The carrier's telephone for operators' browsers, or None if none is set up."""
        ...

    def browser_credentials(self, identity: str) -> Mapping[str, object]:
        """The credentials with which a browser telephone can be called under this identity, and can call nobody, as
        its adapter reads them."""
        ...

    # --- recordings

    def recording(self, recording_id: str) -> bytes | None:
        """The recording as a WAV file, or None if it is not there yet; empty if there will never be one."""
        ...
