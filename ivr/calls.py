"""The turn protocol: every turn of a call is taken exactly once, by whichever worker its post reaches.

A turn has a number, carried in its address. The call's row says which number is waited for. A post for that number,
under the row's lock, is heard, and its state and reply are stored in the same transaction; a post for any other number
- repeated, late, made up - is answered with the present reply and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callflows.replies import HangUp, ListenFor, Reply, Transfer
from callflows.state import CallFacts, CallState, Silence
from clock import Clock
from ivr import recordings, tickets
from ivr.ears import HEARD_OUT_MS, lasts_ms
from ivr.stored import reply_from_json, reply_to_json, utterance_from_json, utterance_to_json
from ivr.tables import Call, Heard, Turn
from ivr.twiml import FINISH_KEY, is_secret
from orders.desk import Desk
from speech.listening import Listen
from speech.utterance import Utterance
from storage import SessionFactory, retried, transaction

log = structlog.get_logger(__name__)

# The carrier's words for a call that is over.
ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})

# The media socket says that it is there every two seconds; one that has not for this long is gone.
EAR_GONE_AFTER = timedelta(seconds=6)
# How long the carrier may take to open a media socket before it is asked again.
EAR_OPENS_WITHIN = timedelta(seconds=6)
EAR_STARTS_MAX = 3  # in a row, without anything heard
# Who keys a code ends it with `#`, though its last digit had ended it: until then that key is no answer.
LATE_FINISH_KEY = timedelta(seconds=3)
# A turn that has been heard is sent for by its ear. A time-out that comes in between leaves it to that: answered twice,
# the caller would hear the reply begin, break off, and begin again.
EAR_SENDS_WITHIN = timedelta(seconds=2)
# After this long a caller "in the middle of an utterance" is a radio, in seconds.
SPEAKING_MAX_S = 60


class Conversation(Protocol):
    """What the line needs of a conversation; the module `callflows.conversation` is one."""

    def begin(self, facts: CallFacts, desk: Desk, /) -> tuple[CallState, Reply]: ...
    def hear(self, state: CallState, heard: Utterance | Silence, desk: Desk, /) -> tuple[CallState, Reply]: ...
    def ended(self, state: CallState, desk: Desk, /) -> None: ...
    def given_back(self, state: CallState, desk: Desk, /) -> tuple[CallState, Reply]: ...


class Understanding(Protocol):
    """What the line needs to make sense of keys."""

    def of_keys(self, listen: Listen, keys: str) -> Utterance: ...


@dataclass(frozen=True, slots=True)
class Present:
    """Where a call stands: the turn it waits for, the reply that was given before it, and how its ear is doing.

    `taken` says that the post at hand was the one that brought it here. `over` says that the call has ended.
    """

    sid: str
    n: int
    reply: Reply
    taken: bool = False
    over: bool = False
    ear_alive: bool = False
    ear_due: bool = False
    ear_given_up: bool = False


@dataclass(frozen=True, slots=True)
class StillWaiting:
    """Nothing was heard yet, but the wait is not over: the caller is speaking, or may still think."""

    present: Present
    speaking: bool


@dataclass(frozen=True, slots=True)
class Post:
    """What a post brought for turn `n`: keys, or what a recording was heard to say and its `sound`, or neither; in the
    last case `waited` is for how many seconds nothing was keyed, and None asks only for the present reply. `early` says
    that the keys came before the prompt's question."""

    n: int
    keys: str = ""
    early: bool = False
    utterance: Utterance | None = None
    sound: bytes = b""
    waited: int | None = None


class UnknownCall(LookupError):
    """No call of this id was ever begun here."""


class Calls:
    """The calls of one line, in the database."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        conversation: Conversation,
        open_desk: Callable[[Session], Desk],
        understanding: Callable[[Session], Understanding],
        hears: Callable[[], bool],
        ear_fails: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._conversation = conversation
        self._open_desk = open_desk
        self._understanding = understanding
        self._hears = hears
        self._ear_fails = ear_fails

    @retried
    def begin(self, sid: str, caller: str, called: str, flow: str = "") -> Present:
        """A new call's first reply, in a flow of its own where one is named; for a call already begun, the present
        one."""
        try:
            with transaction(self._sessions) as session:
                call = self._locked(session, sid)
                if call is None:
                    facts = CallFacts(call_key=sid, caller=caller, called=called, ear=self._hears(), flow=flow)
                    state, reply = self._conversation.begin(facts, self._open_desk(session))
                    call = Call(
                        sid=sid,
                        caller=caller,
                        called=called,
                        started_at=self._clock(),
                        turn=1,
                        state=state.to_json(),
                        reply=reply_to_json(reply),
                        ear_starts=0,
                    )
                    session.add(call)
                    session.flush()
                    self._hand_over(session, call, reply)
                return self._present(call)
        except IntegrityError:
            # Two first posts at once on PostgreSQL: the other one began the call.
            return self.present(sid)

    @retried
    def take(self, sid: str, post: Post) -> Present | StillWaiting:
        """Take turn `post.n` if it is the one waited for. UnknownCall where the call was never begun."""
        with transaction(self._sessions) as session:
            call = self._known(session, sid)
            present = self._present(call)
            then = present.reply.then
            if present.over or post.n != present.n or not isinstance(then, ListenFor):
                return present
            heard: Utterance | Silence
            if post.keys == FINISH_KEY and self._belongs_to_the_last_answer(session, call):
                return present
            if post.keys:
                early = post.early and not self._is_heard_out(session, call, present.reply)
                heard = replace(self._understanding(session).of_keys(then.listen, post.keys), early=early)
            elif post.utterance is not None:
                heard = post.utterance
            elif (from_ear := session.get(Heard, (sid, post.n))) is not None and from_ear.utterance is not None:
                if post.waited is not None and present.ear_alive and self._clock() - from_ear.at < EAR_SENDS_WITHIN:
                    return StillWaiting(present, speaking=True)
                heard = utterance_from_json(from_ear.utterance)
            elif post.waited is None:
                return present
            elif from_ear is not None and present.ear_alive and post.waited < SPEAKING_MAX_S:
                return StillWaiting(present, speaking=True)
            elif post.waited * 1000 < then.silence_ms:
                return StillWaiting(present, speaking=False)
            else:
                heard = Silence()
            if post.keys:
                # Only what was said is kept, and keys were pressed instead of whatever was said before them.
                recordings.forget(session, sid, post.n)
            elif not is_secret(then.listen):
                recordings.keep(session, sid, post.n, post.sound, self._clock())
            return self._turn(session, call, then.listen, heard)

    def present(self, sid: str) -> Present:
        """Where the call stands. UnknownCall where it was never begun."""
        with transaction(self._sessions) as session:
            return self._present(self._known(session, sid))

    @retried
    def end(self, sid: str, status: str) -> None:
        """The call is over; a second notice of it, or one for an unknown call, changes nothing."""
        with transaction(self._sessions) as session:
            call = self._locked(session, sid)
            if call is None or call.ended_at is not None:
                return
            self._conversation.ended(CallState.from_json(call.state), self._open_desk(session))
            call.ended_at, call.end_status = self._clock(), status
            tickets.caller_gone(session, sid, self._clock())
            log.info("call ended", call=sid, status=status, turns=call.turn)

    @retried
    def needs_a_person(self, sid: str) -> None:
        """Something is wrong with the line, so this call goes to an operator."""
        with transaction(self._sessions) as session:
            if (call := self._locked(session, sid)) is not None and call.ended_at is None:
                tickets.open_ticket(session, sid, "trouble", self._clock())

    @retried
    def signed_in(self, sid: str, customer_code: str) -> None:
        """An operator has found out who is calling."""
        with transaction(self._sessions) as session:
            call = self._known(session, sid)
            state = CallState.from_json(call.state)
            state.customer_code, state.signed_in = customer_code, True
            call.state = state.to_json()

    @retried
    def give_back(self, sid: str) -> int:
        """An operator gives the call back to the automatic line, with the order as it now is: the turn it goes on
        with. UnknownCall where it was never begun."""
        with transaction(self._sessions) as session:
            call = self._known(session, sid)
            state = CallState.from_json(call.state)
            state.ear = self._hears()
            state, reply = self._conversation.given_back(state, self._open_desk(session))
            return self._go_on(call, state, reply)

    @retried
    def finish(self, sid: str, sentences: tuple[str, ...]) -> int:
        """An operator is done with the call: it hears these, and ends. The turn it goes on with."""
        with transaction(self._sessions) as session:
            call = self._known(session, sid)
            state = CallState.from_json(call.state)
            state.over, state.said, state.saved = "hung_up", sentences, True
            return self._go_on(call, state, Reply(sentences, HangUp()))

    def _go_on(self, call: Call, state: CallState, reply: Reply) -> int:
        call.turn, call.state, call.reply = call.turn + 1, state.to_json(), reply_to_json(reply)
        return call.turn

    def note_ear_start(self, sid: str) -> None:
        """The reply being given asks the carrier to open a media socket."""
        with transaction(self._sessions) as session:
            call = self._known(session, sid)
            call.ear_starts += 1
            call.ear_started_at = self._clock()

    def _is_heard_out(self, session: Session, call: Call, reply: Reply) -> bool:
        """Whether there was time for all but the reply's question: the carrier waits a second before that is said, and
        then is the moment to press a key."""
        last = session.scalar(select(Turn.at).where(Turn.call_sid == call.sid, Turn.n == call.turn - 1))
        given_for = self._clock() - (last or call.started_at)
        return given_for >= timedelta(milliseconds=lasts_ms(reply.say[:-1]) - HEARD_OUT_MS)

    def _belongs_to_the_last_answer(self, session: Session, call: Call) -> bool:
        """Whether a lone `#` only ends a code or a PIN that had already been taken at its last digit."""
        last = session.scalar(select(Turn).where(Turn.call_sid == call.sid, Turn.n == call.turn - 1))
        if last is None or not (last.heard.get("keyed") and last.heard.get("digits")):
            return False
        return self._clock() - last.at < LATE_FINISH_KEY

    def _turn(self, session: Session, call: Call, listen: Listen, heard: Utterance | Silence) -> Present:
        state = CallState.from_json(call.state)
        # A worker that took the call over may have no ear, or have one again.
        state.ear = self._hears()
        state, reply = self._conversation.hear(state, heard, self._open_desk(session))
        stored = reply_to_json(reply)
        turn = Turn(call_sid=call.sid, n=call.turn, heard=_to_keep(listen, heard), reply=stored, at=self._clock())
        session.add(turn)
        call.turn, call.state, call.reply = call.turn + 1, state.to_json(), stored
        session.flush()
        self._hand_over(session, call, reply)
        return self._present(call, taken=True)

    def _hand_over(self, session: Session, call: Call, reply: Reply) -> None:
        if isinstance(reply.then, Transfer):
            reason = reply.then.reason
            # Who got stuck on keys because the line, which should hear, does not, is not to blame.
            if reason == "stuck" and (self._ear_fails() or call.ear_starts >= EAR_STARTS_MAX):
                reason = "ear_down"
            tickets.open_ticket(session, call.sid, reason, self._clock())

    def _present(self, call: Call, *, taken: bool = False) -> Present:
        now = self._clock()
        alive = _within(call.ear_alive_at, EAR_GONE_AFTER, now)
        opening = _within(call.ear_started_at, EAR_OPENS_WITHIN, now)
        return Present(
            sid=call.sid,
            n=call.turn,
            reply=reply_from_json(call.reply),
            taken=taken,
            over=call.ended_at is not None,
            ear_alive=alive,
            ear_due=not alive and not opening and call.ear_starts < EAR_STARTS_MAX,
            ear_given_up=not alive and not opening and call.ear_starts >= EAR_STARTS_MAX,
        )

    def _known(self, session: Session, sid: str) -> Call:
        if (call := self._locked(session, sid)) is None:
            raise UnknownCall(sid)
        return call

    def _locked(self, session: Session, sid: str) -> Call | None:
        return session.scalar(select(Call).where(Call.sid == sid).with_for_update())


def _within(moment: datetime | None, span: timedelta, now: datetime) -> bool:
    return moment is not None and now - moment < span


def _to_keep(listen: Listen, heard: Utterance | Silence) -> dict[str, Any]:
    if isinstance(heard, Silence):
        return {"silence": True}
    kept = utterance_to_json(heard)
    if is_secret(listen):
        kept["digits"] = ["*" * len(digits) for digits in heard.digits]
        kept["text"] = "*" * len(heard.text)
    return kept
