"""The carrier seam: what the line and a telephone carrier exchange, in the line's own types.

A carrier's adapter is a folder of its own, such as `ivr/twilio`, and app.py chooses it. Three things are exchanged:

* Events. The adapter calls a method for whatever its carrier reports: of `AutomaticLine` for callers in the
  conversation and for outbound calls, of `Handover` for callers who wait and for operators' calls, of `Whispering` for
  supervisors' calls, of `CallbackCalls` for callbacks, of `DirectDial` for operators dialled without the database, of
  `MediaStreams` for live sound that is recognised, of `SoundForks` for sound that is listened to or kept.
* Instructions. Each of these methods returns what its call does next. The adapter renders the instruction as markup
  or carries it out; a docstring says which event follows. What an event needs of the instruction before it
  (`announced`, `round_number`, `tries`, `failures`) the adapter hands back, so that the line keeps nothing in memory.
* Commands. `Carrier` is what the line asks of a call outside of an event. It names turns, attempts, callbacks and
  staff by their ids; URLs, channels, markup and the carrier's own words are the adapter's business.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from speech.listening import Listen

CallStatus = Literal["initiated", "ringing", "in_progress", "completed", "busy", "no_answer", "failed", "cancelled"]
ENDED_STATUSES: frozenset[CallStatus] = frozenset({"completed", "busy", "no_answer", "failed", "cancelled"})

AnsweredBy = Literal["person", "machine"]

QueueExit = Literal["left", "bridged", "failed", "elsewhere"]
"""The way a caller left the queue: by `LeaveQueue`; after talking with an operator; because the carrier could not
queue them; or by hanging up or being redirected, which other events report."""

Question = Literal["no_operator", "operator_gone"]
"""A question to a caller who is in no queue: no operator is present, or the operator has hung up."""

# The telephones of retailers, operators and callers who are called back ring this long, in seconds.
RETAILER_RING_S = 30
OPERATOR_RING_S = 20
CALLER_RING_S = 30
# The wait for a key after a question to somebody listening on a receiver, in seconds.
KEY_WAIT_S = 6
# An operator's call waits this long in the caller's queue, should the caller have left it for a moment, in seconds.
BRIDGE_WAIT_S = 8
# An operator's call checks this often if a caller who is just being sent to the queue has come there, in seconds.
CALLER_CHECK_S = 1
# An operator's call checks this often if its caller is still on hold, in seconds.
HOLD_CHECK_S = 20

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


# --- instructions to a caller in the conversation


@dataclass(frozen=True, slots=True)
class Listening:
    """The way a turn is listened to, besides keys: through the call's open media stream, or by a recording.

    `silence_ms` is how long silence may last before it counts as the answer. `names_finish_key` is true if the carrier
    has named the key that ended keys, or said that none did, in this call: a lone `#` is then told from no key.
    `stream` names a media stream to open
    first, a name that is new in the call. `failures` counts the failures in a row that led here.
    """

    turn_number: int
    listen: Listen
    silence_ms: int
    record: bool = False
    names_finish_key: bool = False
    stream: str | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """Say the sentences, which any key interrupts, and listen. With `hear_out` a key pressed before the last sentence
    is reported as early. Events: `turn_taken`, or `turn_recorded` for a recording."""

    call_key: str
    sentences: tuple[str, ...]
    listening: Listening
    hear_out: bool = False


@dataclass(frozen=True, slots=True)
class KeepListening:
    """Go on listening in silence, `waited_s` into the wait. It is not a turn of its own. With `speaking` the caller is
    speaking or has just spoken, and the wait is to be reported soon. Events as after `Ask`."""

    call_key: str
    listening: Listening
    waited_s: int
    speaking: bool = False


@dataclass(frozen=True, slots=True)
class AwaitReply:
    """Say the sentences and wait for `pause_s` seconds, then report this turn once more, with nothing in it: its reply
    is being made. Event: `turn_taken`."""

    sentences: tuple[str, ...]
    turn_number: int
    pause_s: int


@dataclass(frozen=True, slots=True)
class CollectKeys:
    """Collect the keys after the first one, which ended a recording. Event: `turn_taken` with all keys."""

    listening: Listening
    first: str


@dataclass(frozen=True, slots=True)
class BeginAgain:
    """Say the sentences, wait for `pause_s` seconds, then report the call as started once more."""

    sentences: tuple[str, ...]
    failures: int = 0
    pause_s: int = 0


@dataclass(frozen=True, slots=True)
class TakeTurnAgain:
    """Say the sentences, wait for `pause_s` seconds, then report this turn once more, with nothing in it. Event:
    `turn_taken`."""

    sentences: tuple[str, ...]
    turn_number: int
    failures: int
    pause_s: int = 0


@dataclass(frozen=True, slots=True)
class AnswerAgain:
    """Say the sentences, then report the outbound call as answered once more."""

    sentences: tuple[str, ...]
    attempt_key: str
    failures: int


@dataclass(frozen=True, slots=True)
class EndCall:
    """Say the sentences, then end the call."""

    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Nothing:
    """Do nothing: the event was only a notification."""


# --- instructions to a caller who waits


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """Say the sentences, then put the caller in a queue of their own, named after the call. Events: `queue_round`,
    again and again, and in the end `left_queue`."""

    call_key: str
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueMusic:
    """One round in the queue: the sentences, then music, in which a key may be pressed. Events: `queue_key`, or the
    next `queue_round`, with `announced` and `round_number` of this one."""

    sentences: tuple[str, ...] = ()
    announced: str = ""
    round_number: int = 0


@dataclass(frozen=True, slots=True)
class EnterHold:
    """Say the sentences, then queue the caller for the operator they were talking with. Events: `hold_round`, again and
    again, and in the end `left_queue`."""

    call_key: str
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldMusic:
    """One round on hold: the sentences, then music. Event: the next `hold_round`."""

    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """Leave the queue. Event: `left_queue`."""


@dataclass(frozen=True, slots=True)
class AskKey:
    """Ask a caller who is in no queue for one key. Events: `question_answered`, or `question_unanswered` with
    `round_number` of this one."""

    question: Question
    sentences: tuple[str, ...]
    round_number: int


# --- instructions to an operator's call


@dataclass(frozen=True, slots=True)
class Whisper:
    """Say to the operator who is calling and wait for a key; without one the operator's call ends. Event:
    `operator_key`."""

    attempt_id: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bridge:
    """Connect the operator to the caller who waits in this call's queue, `BRIDGE_WAIT_S` at most. Event:
    `operator_left_caller`, with `tries` of this one."""

    call_key: str
    attempt_id: int
    tries: int


@dataclass(frozen=True, slots=True)
class AwaitCaller:
    """Keep the operator's call until the caller has come to the queue: a carrier need not know a queue before. Event:
    `operator_waited` after `CALLER_CHECK_S`, with `tries` of this one."""

    attempt_id: int
    tries: int


@dataclass(frozen=True, slots=True)
class KeepOperator:
    """Keep the operator's call while the caller is on hold: say the sentences and wait for a key. Events:
    `operator_hold_key`, or `operator_hold_check` after `HOLD_CHECK_S`."""

    attempt_id: int
    sentences: tuple[str, ...] = ()


# --- instructions for a talk that a supervisor whispers into


@dataclass(frozen=True, slots=True)
class JoinTalk:
    """Connect the caller, or with `attempt_id` the operator, to the talk named after the call, which a supervisor can
    join; music until the other one is there. When either leaves, the talk ends for all. Events: `left_talk` for the
    caller, `operator_left_talk` for the operator."""

    call_key: str
    attempt_id: int | None = None


@dataclass(frozen=True, slots=True)
class AskCoach:
    """Say to the supervisor who is to whisper and wait for a key; without one the supervisor's call ends. Event:
    `coach_key`."""

    supervision_id: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AwaitTalk:
    """Keep the supervisor's call for `pause_s` seconds, until the talk can be joined. Event: `coach_waited`."""

    supervision_id: int
    pause_s: int
    tries: int


@dataclass(frozen=True, slots=True)
class Coach:
    """Connect the supervisor to the talk named after the call, heard by nobody but the operator with this call. Event:
    `coach_left`, with `tries` of this one."""

    supervision_id: int
    call_key: str
    operator_call_key: str
    tries: int


@dataclass(frozen=True, slots=True)
class DialNumber:
    """Say the sentences to a caller, then dial an operator at this number from the caller's own call and connect them
    once the operator has agreed, `OPERATOR_RING_S` of ringing at most. Events: `answered` of the direct dial for the
    operator's call, and in the end `over`, with `tried` of this one."""

    sentences: tuple[str, ...]
    number: str
    tried: int


@dataclass(frozen=True, slots=True)
class WhisperDirectly:
    """Say to the operator who is dialled directly and wait for a key; without one the operator's call ends. Event:
    `key_pressed` of the direct dial."""

    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WhisperCallback:
    """Say to the operator who is to be called back and wait for a key; without one the operator's call ends. Event:
    `key_pressed` of the callback."""

    callback_id: int
    staff_id: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DialCaller:
    """Dial the caller from this line and connect the operator. Event: `over` of the callback."""

    callback_id: int
    staff_id: int
    phone: str
    line: str


Instruction = (
    Ask
    | KeepListening
    | AwaitReply
    | CollectKeys
    | BeginAgain
    | TakeTurnAgain
    | AnswerAgain
    | EndCall
    | Nothing
    | EnterQueue
    | QueueMusic
    | EnterHold
    | HoldMusic
    | LeaveQueue
    | AskKey
    | Whisper
    | AwaitCaller
    | Bridge
    | KeepOperator
    | JoinTalk
    | AskCoach
    | AwaitTalk
    | Coach
    | DialNumber
    | WhisperDirectly
    | WhisperCallback
    | DialCaller
)


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
