"""The recordings of callers' turns, played by staff who may hear recordings and by the operator with the call."""

from __future__ import annotations

import io

from flask import Blueprint, abort, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.authentication import may, only_for, staff
from console.language import _
from console.services import room
from ivr.operators.models import Ticket
from ivr.recordings import sound_of, wav_of_sound
from storage import reading


def recording_routes() -> Blueprint:
    """The recording of a turn."""
    routes = Blueprint("recordings", __name__, url_prefix="/calls/<sid>/turns/<int:n>")

    @routes.get("/sound.wav")
    @only_for("see_day")
    def sound(sid: str, n: int) -> ResponseReturnValue:
        with reading(room().sessions) as session:
            if not _may_hear(session, sid):
                abort(403, _("您的岗位没有这一页的权限。需要的话，请找主任。"))
            kept = sound_of(session, sid, n)
        if kept is None:
            abort(404)
        return playable(kept)

    return routes


def playable(sound: bytes) -> ResponseReturnValue:
    """A recording as WAV; range requests are served, so that the browser can seek."""
    return send_file(io.BytesIO(wav_of_sound(sound)), mimetype="audio/wav", conditional=True, etag=False)


def _may_hear(session: Session, sid: str) -> bool:
    """True if the role may hear recordings, or the operator has taken this call and not finished it."""
    if may("hear_recordings"):
        return True
    mine = select(Ticket.id).where(Ticket.call_sid == sid, Ticket.state == "taken", Ticket.taken_by == staff().id)
    return session.scalar(mine) is not None
