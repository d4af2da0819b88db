"""The operators' softphone in the browser: the carrier's, or in the demo the simulator's. It has a window of its own,
so that a call goes on whatever becomes of the other pages.

The carrier's softphone is its own script, kept in static/vendor and driven by one of static/telephones; it signs in
with credentials that name the operator and permit incoming calls only. The simulator's is a WebSocket like the web
phone's.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from console.authentication import requires_task, staff
from console.desk.call_handling import can_answer_in_browser, presence_context, read_presence
from console.desk.desk_stream import SoftphoneStream
from console.event_stream import EventStream
from console.held_open import HeldSocket
from console.language import _
from console.web_phone.relay import relay
from ivr.carrier import CarrierError
from ivr.operators import presence
from ivr.operators.presence import carrier_identity
from ivr.services import Services, services
from storage import transaction

log = structlog.get_logger(__name__)

# The pages with a softphone.
PAGES = frozenset({"console.softphone.window"})
OPERATOR_COMMANDS = frozenset({"answer", "keys", "speak", "hang_up"})


def softphone_routes(app_services: Services) -> Blueprint:
    """The routes a browser needs to be called."""
    routes = Blueprint("softphone", __name__, url_prefix="/desk/softphone")
    live = SoftphoneStream()

    @routes.get("")
    @requires_task("take_calls")
    def window() -> ResponseReturnValue:
        """The telephone window."""
        if not can_answer_in_browser():
            abort(404, _("这套热线没有设置电脑电话，请用电话接。"))
        with transaction(services().sessions) as session:
            presence.check_in(session, staff().id, services().now())
            return render_template("desk/softphone.html", **presence_context(read_presence(session), staff()))

    @routes.get("/events")
    @requires_task("take_calls")
    def events() -> ResponseReturnValue:
        return EventStream(live)

    @routes.post("/token")
    @requires_task("take_calls")
    def token() -> ResponseReturnValue:
        """The credentials of the page's softphone: the carrier's, or the address for the simulator."""
        carrier = services().line.carrier
        if carrier.browser_telephone is not None:
            try:
                return dict(carrier.browser_credentials(carrier_identity(staff().id)))
            except CarrierError as error:
                log.warning("a browser telephone was given no credentials", staff=staff().id, reason=str(error))
                return _("电话局连不上，正在重新接。"), 503
        if services().settings.demo:
            return {"url": url_for("console.softphone.line")}
        return _("这套热线没有设置电脑电话，请用电话接。"), 409

    @routes.get("/line")
    @requires_task("take_calls")
    def line() -> ResponseReturnValue:
        if urlsplit(request.headers.get("Origin", "")).netloc != request.host or not app_services.settings.demo:
            abort(403)
        name = carrier_identity(staff().id)
        return HeldSocket(lambda socket: relay(socket, app_services.settings, OPERATOR_COMMANDS, name))

    return routes
