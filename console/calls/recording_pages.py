"""The recordings of callers' turns, played by staff who may hear recordings and by the operator with the call."""

from __future__ import annotations

import io

from flask import Blueprint, abort, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from console.language import _
from ivr.operators.models import Ticket
from ivr.recordings import recording_of, wav_of_sound
from ivr.services import services
from storage import read_only


def recording_routes() -> Blueprint:
    """The recording of a turn."""
    routes = Blueprint("recordings", __name__, url_prefix="/calls/<call_key>/turns/<int:turn_number>")

    @routes.get("/sound.wav")
    @requires_task("see_day")
    def sound(call_key: str, turn_number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            if not _may_hear(session, call_key):
                abort(403, _("您的岗位没有这一页的权限。需要的话，请找主任。"))
            kept = recording_of(session, call_key, turn_number)
        if kept is None:
            abort(404)
        return playable(kept)

    return routes


def playable(sound: bytes) -> ResponseReturnValue:
    """A recording as WAV; range requests are served, so that the browser can seek."""
    return send_file(io.BytesIO(wav_of_sound(sound)), mimetype="audio/wav", conditional=True, etag=False)


def _may_hear(session: Session, call_key: str) -> bool:
    """True if the role may hear recordings, or the operator has taken this call and not finished it."""
    if may("hear_recordings"):
        return True
    mine = select(Ticket.id).where(Ticket.call_key == call_key, Ticket.state == "taken", Ticket.taken_by == staff().id)
    return session.scalar(mine) is not None
