"""Recorded turns: where the carrier records a caller's answer, a line process fetches and recognises it.

The carrier waits 15 s for an answer to its report and no longer, so the report only queues the recording here, in the
database; the call comes back for the reply once a second. Any line process may recognise any recording.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from callflows.replies import ListenFor
from clock import Clock
from ivr.carrier import Carrier, CarrierError
from ivr.models import Call, RecordedTurn
from ivr.recordings.recordings import sound_of_wav
from ivr.streams.recognition import Recognition
from ivr.streams.stream_registry import StreamRegistry
from ivr.turns.serialisation import reply_from_json
from speech.listening import Listen, is_secret
from speech.utterance import NOTHING
from storage import SessionFactory, read_only, transaction

# A recording that is not to be had within this time counts as not understood. The carrier documents no bound, only that
# a recording may not be there at once.
RECORDING_WAIT: timedelta = timedelta(seconds=20)
# A recording that is not there yet is asked for again after this; one whose process was killed is taken by another.
RETRY_AFTER = timedelta(seconds=0.5)
LEASE = timedelta(seconds=10)
POLL_EVERY_S = 0.2

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Recording:
    call_key: str
    turn_number: int
    recording_id: str
    listen: Listen | None


def enqueue(session: Session, call_key: str, turn_number: int, recording_id: str, now: datetime) -> None:
    """Queue the recording of a turn; one that is queued already stays."""
    if session.get(RecordedTurn, (call_key, turn_number)) is None:
        row = RecordedTurn(call_key=call_key, turn_number=turn_number, recording_id=recording_id)
        row.recorded_at = row.try_at = now
        session.add(row)


class RecordedTurns:
    """Fetches and recognises the recordings of all calls, in the database's order."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        carrier: Carrier,
        recognition: Recognition,
        registry: StreamRegistry,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._recognition = recognition
        self._registry = registry
        self._stopped = threading.Event()

    def start(self) -> None:
        """Recognise recordings in a thread of this process's own, until `stop`."""
        threading.Thread(target=self._run, name="recorded-turns", daemon=True).start()

    def stop(self) -> None:
        """Recognise no more recordings: this process ends."""
        self._stopped.set()

    def recognise_next(self) -> bool:
        """Recognise the recording that has waited longest; False if none waits."""
        if (recording := self._claim()) is None:
            return False
        try:
            wav = self._carrier.recording(recording.recording_id)
        except CarrierError as error:
            log.warning("a turn's recording could not be had", call=recording.call_key, reason=str(error))
            self._finish(recording, b"")
            return True
        if wav is None:
            self._put_off(recording)
        else:
            self._finish(recording, wav)
        return True

    def _run(self) -> None:
        while True:
            try:
                while self.recognise_next():
                    pass
            except Exception as error:
                # The next try is after the lease; in the end the turn counts as not understood.
                level = log.warning if isinstance(error, SQLAlchemyError) else log.error
                level("a recording could not be recognised", exc_info=error)
            if self._stopped.wait(POLL_EVERY_S):
                return

    def _claim(self) -> _Recording | None:
        now = self._clock()
        waiting = select(RecordedTurn).where(RecordedTurn.try_at <= now, RecordedTurn.is_silent.is_(False))
        with read_only(self._sessions) as session:
            row = session.scalar(waiting.order_by(RecordedTurn.try_at).limit(1))
        if row is None:
            return None
        with transaction(self._sessions) as session:
            claimed = session.execute(
                update(RecordedTurn)
                .where(RecordedTurn.call_key == row.call_key, RecordedTurn.turn_number == row.turn_number)
                .where(RecordedTurn.try_at == row.try_at)
                .values(try_at=now + LEASE)
            )
            if not claimed.rowcount:  # type: ignore[attr-defined]
                return None
            call = session.get_one(Call, row.call_key)
            then = reply_from_json(call.reply).then
            is_open = call.turn_number == row.turn_number and call.ended_at is None and isinstance(then, ListenFor)
            listen = then.listen if is_open and isinstance(then, ListenFor) else None
            return _Recording(row.call_key, row.turn_number, row.recording_id, listen)

    def _put_off(self, recording: _Recording) -> None:
        with transaction(self._sessions) as session:
            session.execute(update(RecordedTurn).where(_is(recording)).values(try_at=self._clock() + RETRY_AFTER))

    def _finish(self, recording: _Recording, wav: bytes) -> None:
        if recording.listen is not None:
            utterance = self._recognition.recognise_recording(recording.listen, wav) if wav else NOTHING
            if utterance is None:
                with transaction(self._sessions) as session:
                    session.execute(update(RecordedTurn).where(_is(recording)).values(is_silent=True))
                return
            sound = b"" if is_secret(recording.listen) else sound_of_wav(wav)
            self._registry.store_utterance(recording.call_key, recording.turn_number, utterance, sound)
        with transaction(self._sessions) as session:
            session.execute(delete(RecordedTurn).where(_is(recording)))


def _is(recording: _Recording) -> ColumnElement[bool]:
    return and_(RecordedTurn.call_key == recording.call_key, RecordedTurn.turn_number == recording.turn_number)
