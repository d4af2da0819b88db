"""Supervision: taking over a call of the automatic line or of another operator, and whispering to an operator."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from console import texts
from console.authentication import requires_task, staff
from console.desk.call_handling import swap_work_area
from ivr.services import services


def supervision_routes() -> Blueprint:
    """The routes of supervision."""
    routes = Blueprint("supervision", __name__, url_prefix="/desk/calls/<call_key>")

    @routes.post("/take")
    @requires_task("take_calls")
    def take(call_key: str) -> ResponseReturnValue:
        # Who whispers has the telephone in use that is about to ring.
        services().line.operators.whispering.stop(call_key, staff().id)
        refusal = services().line.take_over.take_over(call_key, staff().id)
        if refusal is not None:
            return str(texts.take_over_refusals[refusal]), 409
        order = url_for("console.desk.order", key=call_key)
        # From the call's own page the desk is opened; at the desk a page load would hang up the softphone.
        return ("", 204, {"HX-Redirect": order}) if request.form.get("whole_page") else swap_work_area(order)

    @routes.post("/whisper")
    @requires_task("listen_in")
    def whisper(call_key: str) -> ResponseReturnValue:
        refusal = services().line.operators.whispering.begin(call_key, staff().id)
        return ("", 204) if refusal is None else (str(texts.whisper_refusals[refusal]), 409)

    @routes.post("/whisper/stop")
    @requires_task("listen_in")
    def stop_whispering(call_key: str) -> ResponseReturnValue:
        services().line.operators.whispering.stop(call_key, staff().id)
        return "", 204

    return routes
