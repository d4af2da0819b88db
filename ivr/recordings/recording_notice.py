"""The notice that a call is recorded: said once, ahead of the first reply after which anything is recorded.

That holds for every way of recording, from the media stream and by the carrier, and for calls in both directions. What
operators and callers say to each other is recorded where the caller was told in short that the call is, or where nobody
is told; the full notice names the operator as the way not to be recorded.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from callflows.prompts import load_prompts
from callflows.state import OUTBOUND
from ivr.models import Call, TurnRow
from ivr.turns.serialisation import reply_from_json, reply_to_json
from orders.department_rules import RecordingNotice, recording_days, recording_notice
from speech.sound.audio import LINE_RATE

NOBODY_IS_TOLD = 0


def tell(session: Session, call: Call, *, by_carrier: bool) -> None:
    """Put the notice ahead of the call's present reply where it is due.

    It is not if it was said before or is said to nobody, or if nothing will be recorded. What the carrier records
    counts also where the department keeps none of it.
    """
    if call.recording_told_in is not None:
        return
    notice = recording_notice(session)
    if notice == "off":
        call.recording_told_in = NOBODY_IS_TOLD
    elif by_carrier or recording_days(session) > 0:
        reply = reply_from_json(call.reply)
        sentence = _sentence(notice, outbound=call.state.get("flow") == OUTBOUND)
        call.reply = reply_to_json(replace(reply, say=(sentence, *reply.say)))
        call.recording_told_in = call.turn_number


def _sentence(notice: RecordingNotice, *, outbound: bool) -> str:
    prompts = load_prompts()
    if notice == "full":
        return prompts.text("recording_notice.outbound_full" if outbound else "recording_notice.caller_full")
    return prompts.text("recording_notice.outbound_short" if outbound else "recording_notice.caller_short")


def may_be_kept(session: Session, call: Call, sound: bytes, notice_ms: int, now: datetime) -> bool:
    """True if this sound of the present turn, which ends now, may be kept: the notice, which takes `notice_ms` if it
    was said in this turn, was over before it began."""
    if recording_notice(session) == "off" or call.recording_told_in == NOBODY_IS_TOLD:
        return True
    if call.recording_told_in != call.turn_number:
        return call.recording_told_in is not None
    sound_s = len(sound) / LINE_RATE
    return now - given_at(session, call) >= timedelta(milliseconds=notice_ms, seconds=sound_s)


def covers_talk(session: Session, call: Call) -> bool:
    """True if a talk of this call with an operator may be kept: the caller was told shortly that the call is recorded,
    or nobody is told. The full notice says that what is said to an operator is not recorded."""
    notice = recording_notice(session)
    return notice == "off" or (notice == "short" and call.recording_told_in is not None)


def given_at(session: Session, call: Call) -> datetime:
    """The time at which the call's present reply was given."""
    last = select(TurnRow.taken_at).where(
        TurnRow.call_key == call.call_key, TurnRow.turn_number == call.turn_number - 1
    )
    return session.scalar(last) or call.started_at
