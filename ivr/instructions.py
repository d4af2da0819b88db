"""The instructions of the line to a call, whatever its carrier.

Each event that a carrier's adapter reports is answered with the instruction that the call carries out next. The adapter
renders it as markup or carries it out; a docstring says which event follows. What an event needs of the instruction
before it (`announced`, `round_number`, `tries`, `failures`) the adapter hands back, so that the line keeps nothing in
memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speech.listening import Listen

Question = Literal["no_operator", "operator_gone"]
"""A question to a caller who is in no queue: no operator is present, or the operator has hung up."""

# The wait for a key after a question to somebody listening on a receiver, in seconds.
KEY_WAIT_S = 6
# An operator's call waits this long in the caller's queue, should the caller have left it for a moment, in seconds.
BRIDGE_WAIT_S = 8
# An operator's call checks this often if a caller who is just being sent to the queue has come there, in seconds.
CALLER_CHECK_S = 1
# An operator's call checks this often if its caller is still on hold, in seconds.
HOLD_CHECK_S = 20


# --- instructions to a caller in the conversation


@dataclass(frozen=True, slots=True)
class Listening:
    """The way a turn is listened to, besides keys: through the call's open media stream, or by a recording.

    `silence_ms` is how long silence may last before it counts as the answer. `names_finish_key` is true if the carrier
    has named the key that ended keys, or said that none did, in this call: a lone `#` is then told from no key.
    `stream` names a media stream to open first, a name that is new in the call. `failures` counts the failures in a row
    that led here.
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
