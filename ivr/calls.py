"""The turn protocol: every turn of a call is taken exactly once, by whichever worker its request reaches.

A turn has a number, carried in its URL. The call's row says which number is waited for. A request for that number is
processed under the row's lock, and the new state and reply are stored in the same transaction; a request for any other
number - repeated, late, made up - is answered with the current reply and changes nothing.
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
from ivr import recordings
from ivr.models import Call, Heard, Turn
from ivr.operators import tickets
from ivr.serialisation import reply_from_json, reply_to_json, utterance_from_json, utterance_to_json
from ivr.stream_registry import HEARD_OUT_MS, lasts_ms
from ivr.twilio.twiml import FINISH_KEY, is_secret
from orders.book.desk import Desk
from speech.listening import Listen
from speech.utterance import Utterance
from storage import SessionFactory, retried, transaction

log = structlog.get_logger(__name__)

# The carrier's statuses of a call that has ended.
ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})

# A media stream has a heartbeat every two seconds; without one for this long it is gone.
EAR_GONE_AFTER = timedelta(seconds=6)
# The carrier may take this long to open a media stream before it is asked again.
EAR_OPENS_WITHIN = timedelta(seconds=6)
EAR_STARTS_MAX = 3  # in a row, with nothing recognised in between
# Callers end a code with `#`, although its last digit had ended it: within this time that key is no answer.
LATE_FINISH_KEY = timedelta(seconds=3)
# The stream redirects the call to a turn with a pending utterance. A time-out that comes in between leaves the turn to
# that redirect: answered twice, the caller would hear the reply begin, break off, and begin again.
EAR_SENDS_WITHIN = timedelta(seconds=2)
# Speech that lasts longer than this is background noise, such as a radio; in seconds.
SPEAKING_MAX_S = 60


class Conversation(Protocol):
    """The conversation as the line uses it; the module `callflows.conversation` implements it."""

    def begin(self, facts: CallFacts, desk: Desk, /) -> tuple[CallState, Reply]: ...
    def hear(self, state: CallState, heard: Utterance | Silence, desk: Desk, /) -> tuple[CallState, Reply]: ...
    def ended(self, state: CallState, desk: Desk, /) -> None: ...
    def given_back(self, state: CallState, desk: Desk, /) -> tuple[CallState, Reply]: ...


class Understanding(Protocol):
    """The interpretation of keys, as the line uses it."""

    def of_keys(self, listen: Listen, keys: str) -> Utterance: ...


@dataclass(frozen=True, slots=True)
class Present:
    """A snapshot of a call: the turn it waits for, the reply given before it, and the state of its media stream.

    `taken` is true if the current request took the turn before; `over` is true if the call has ended.
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
    """The turn stays open: nothing was recognised yet, but the caller is speaking or still has time to answer."""

    present: Present
    speaking: bool


@dataclass(frozen=True, slots=True)
class Post:
    """A turn request: keys, or the utterance recognised in a recording and its `sound`, or neither. In the last case
    `waited` is the number of seconds without a key, and None asks only for the current reply. `early` is true if the
    keys came before the prompt's question."""

    n: int
    keys: str = ""
    early: bool = False
    utterance: Utterance | None = None
    sound: bytes = b""
    waited: int | None = None


class UnknownCall(LookupError):
    """No call with this id was ever begun here."""


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
        """Begin a call and return its snapshot, in the flow named if one is; a call already begun stays as it is."""
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
            # Two first requests at once on PostgreSQL: the other one began the call.
            return self.present(sid)

    @retried
    def take(self, sid: str, post: Post) -> Present | StillWaiting:
        """Take the turn if it is the one waited for. Raises UnknownCall if the call was never begun."""
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
                # Only speech is recorded, and the keys replace whatever was said before them.
                recordings.forget(session, sid, post.n)
            elif not is_secret(then.listen):
                recordings.keep(session, sid, post.n, post.sound, self._clock())
            return self._turn(session, call, then.listen, heard)

    def present(self, sid: str) -> Present:
        """The call's snapshot. Raises UnknownCall if it was never begun."""
        with transaction(self._sessions) as session:
            return self._present(self._known(session, sid))

    @retried
    def end(self, sid: str, status: str) -> None:
        """Record the end of the call; a second notice of it, or one for an unknown call, changes nothing."""
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
        """Open a ticket for this call, because something is wrong with the line."""
        with transaction(self._sessions) as session:
            if (call := self._locked(session, sid)) is not None and call.ended_at is None:
                tickets.open_ticket(session, sid, "trouble", self._clock())

    @retried
    def signed_in(self, sid: str, customer_code: str) -> None:
        """Record the retailer that an operator identified."""
        with transaction(self._sessions) as session:
            call = self._known(session, sid)
            state = CallState.from_json(call.state)
            state.customer_code, state.signed_in = customer_code, True
            call.state = state.to_json()

    @retried
    def give_back(self, sid: str) -> int:
        """Give the call back to the automatic line, with the order as it now is, and return the turn number it
        continues with. Raises UnknownCall if it was never begun."""
        with transaction(self._sessions) as session:
            call = self._known(session, sid)
            state = CallState.from_json(call.state)
            state.ear = self._hears()
            state, reply = self._conversation.given_back(state, self._open_desk(session))
            return self._go_on(call, state, reply)

    @retried
    def finish(self, sid: str, sentences: tuple[str, ...]) -> int:
        """End a call that an operator has finished, after these sentences; return the turn number it continues with."""
        with transaction(self._sessions) as session:
            call = self._known(session, sid)
            state = CallState.from_json(call.state)
            state.over, state.said, state.saved = "hung_up", sentences, True
            return self._go_on(call, state, Reply(sentences, HangUp()))

    def _go_on(self, call: Call, state: CallState, reply: Reply) -> int:
        call.turn, call.state, call.reply = call.turn + 1, state.to_json(), reply_to_json(reply)
        return call.turn

    def note_ear_start(self, sid: str) -> None:
        """Record that the reply being given asks the carrier to open a media stream."""
        with transaction(self._sessions) as session:
            call = self._known(session, sid)
            call.ear_starts += 1
            call.ear_started_at = self._clock()

    def _is_heard_out(self, session: Session, call: Call, reply: Reply) -> bool:
        """True if all of the reply but its question had time to play: the carrier waits a second before the question,
        and that is the moment to press a key."""
        last = session.scalar(select(Turn.at).where(Turn.call_sid == call.sid, Turn.n == call.turn - 1))
        given_for = self._clock() - (last or call.started_at)
        return given_for >= timedelta(milliseconds=lasts_ms(reply.say[:-1]) - HEARD_OUT_MS)

    def _belongs_to_the_last_answer(self, session: Session, call: Call) -> bool:
        """True if a lone `#` only ends a code or a PIN that was already taken at its last digit."""
        last = session.scalar(select(Turn).where(Turn.call_sid == call.sid, Turn.n == call.turn - 1))
        if last is None or not (last.heard.get("keyed") and last.heard.get("digits")):
            return False
        return self._clock() - last.at < LATE_FINISH_KEY

    def _turn(self, session: Session, call: Call, listen: Listen, heard: Utterance | Silence) -> Present:
        state = CallState.from_json(call.state)
        # The worker that serves the call now may have no recogniser, or have one again.
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
            # A caller stuck on keys because speech recognition is down is not to blame.
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
