"""Listening to a live call from its page: the page asks for the sound again and again, and plays it."""

from __future__ import annotations

import base64

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from console.authentication import requires_task, staff
from console.language import _
from console.numbers import parse_whole
from ivr.services import services


def listening_routes() -> Blueprint:
    """The routes of a page that listens to a call."""
    routes = Blueprint("listening", __name__, url_prefix="/calls/<call_key>/listening")

    @routes.post("/begin")
    @requires_task("listen_in")
    def begin(call_key: str) -> ResponseReturnValue:
        if not services().line.listening.begin(call_key, staff().id):
            return _("现在听不到：这通电话已经结束，或者电话局没有应答。"), 409
        return "", 204

    @routes.post("/sound")
    @requires_task("listen_in")
    def sound(call_key: str) -> ResponseReturnValue:
        """The sound after the part that was heard last, both sides in mu-law; 410 once there is no more."""
        parts = services().line.listening.hear(call_key, staff().id, parse_whole(request.form.get("after")) or 0)
        if parts is None:
            return _("通话已经结束。"), 410
        return jsonify(
            [
                {
                    "id": part.id,
                    "caller": base64.b64encode(part.caller).decode(),
                    "other": base64.b64encode(part.other).decode(),
                }
                for part in parts
            ]
        )

    @routes.post("/stop")
    @requires_task("listen_in")
    def stop(call_key: str) -> ResponseReturnValue:
        services().line.listening.stop(call_key, staff().id)
        return "", 204

    return routes
