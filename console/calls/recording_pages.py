"""The recordings of callers' turns and of whole calls, played by staff who may hear recordings and by the operator with
the call."""

from __future__ import annotations

import io

from flask import Blueprint, abort, jsonify, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from console.language import _
from ivr.call_sound.whole_call import WholeCall, whole_call
from ivr.operators.models import Ticket
from ivr.recordings.recordings import recording_of, wav_of_samples, wav_of_sound
from ivr.services import services
from speech.sound.audio import LINE_RATE
from storage import read_only

# As many as the widest page has columns of two pixels.
PEAKS = 600


def recording_routes() -> Blueprint:
    """The recording of a turn, and that of a whole call with its waveform."""
    routes = Blueprint("recordings", __name__, url_prefix="/calls/<call_key>")

    @routes.get("/turns/<int:turn_number>/sound.wav")
    @requires_task("see_day")
    def sound(call_key: str, turn_number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            _check_may_hear(session, call_key)
            kept = recording_of(session, call_key, turn_number)
        if kept is None:
            abort(404)
        return playable(kept)

    @routes.get("/sound.wav")
    @requires_task("see_day")
    def call_sound(call_key: str) -> ResponseReturnValue:
        return _wav(wav_of_samples(_whole_call(call_key).samples))

    @routes.get("/waveform")
    @requires_task("see_day")
    def waveform(call_key: str) -> ResponseReturnValue:
        """The loudness of the whole call's recording from its beginning to its end, and what is where in it."""
        whole = _whole_call(call_key)
        return jsonify(
            seconds=len(whole.samples) / LINE_RATE,
            peaks=whole.peaks(PEAKS),
            segments=[
                {"kind": one.kind, "begins": one.begins_s, "ends": one.ends_s, "turn": one.turn_number}
                for one in whole.segments
            ],
        )

    return routes


def playable(sound: bytes) -> ResponseReturnValue:
    """A recording as WAV; range requests are served, so that the browser can seek."""
    return _wav(wav_of_sound(sound))


def _wav(wav: bytes) -> ResponseReturnValue:
    return send_file(io.BytesIO(wav), mimetype="audio/wav", conditional=True, etag=False)


def _whole_call(call_key: str) -> WholeCall:
    """The call's whole recording; 404 without one."""
    with read_only(services().sessions) as session:
        _check_may_hear(session, call_key)
        whole = whole_call(session, call_key)
    if not whole.segments:
        abort(404)
    return whole


def _check_may_hear(session: Session, call_key: str) -> None:
    if not _may_hear(session, call_key):
        abort(403, _("您的岗位没有这一页的权限。需要的话，请找主任。"))


def _may_hear(session: Session, call_key: str) -> bool:
    """True if the role may hear recordings, or the operator has taken this call and not finished it."""
    if may("hear_recordings"):
        return True
    mine = select(Ticket.id).where(Ticket.call_key == call_key, Ticket.state == "taken", Ticket.taken_by == staff().id)
    return session.scalar(mine) is not None
