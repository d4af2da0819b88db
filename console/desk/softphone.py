"""The operators' softphone in the browser: the carrier's, or in the demo the simulator's.

The carrier's softphone is its own Voice SDK, kept in static/vendor; it signs in with a token that names the operator
and permits incoming calls only. The simulator's is a WebSocket like the web phone's.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_sock import Sock
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

from console.authentication import current_staff_or_none, requires_task, staff
from console.language import _
from console.services import Services, services
from console.web_phone.web_phone_pages import PageSocket, relay
from ivr.operators.presence import carrier_identity
from settings import Settings

# The pages with a softphone.
PAGES = frozenset({"console.desk.page", "console.desk.order"})
TOKEN_S = 3600
OPERATOR_COMMANDS = frozenset({"answer", "keys", "speak", "hang_up"})
# The hosts of the SDK for signalling and reporting; the audio goes by WebRTC. https://www.twilio.com/docs/voice/sdks/javascript
CARRIER_HOSTS = "https://eventgw.twilio.com wss://voice-js.roaming.twilio.com"


def softphone_routes(app_services: Services) -> Blueprint:
    """The routes a browser needs to be called."""
    routes = Blueprint("softphone", __name__, url_prefix="/desk/softphone")
    sockets = Sock()

    @routes.post("/token")
    @requires_task("take_calls")
    def token() -> ResponseReturnValue:
        """The credentials of the page's softphone: a token of the carrier's, or the address for the simulator."""
        settings = services().settings
        if uses_carrier_sdk(settings):
            return {"kind": "carrier", "token": access_token(settings, staff().id)}
        if settings.demo:
            return {"kind": "simulator", "url": url_for("console.softphone.line")}
        return _("这套热线没有设置电脑电话，请用电话接。"), 409

    @sockets.route("/line", bp=routes)  # type: ignore[untyped-decorator]
    def line(socket: PageSocket) -> None:
        me = current_staff_or_none()
        origin = urlsplit(request.headers.get("Origin", ""))
        if (
            me is None
            or not me.is_allowed("take_calls")
            or origin.netloc != request.host
            or not app_services.settings.demo
        ):
            socket.close(1008, "not for this page")
            return
        relay(socket, app_services.settings, OPERATOR_COMMANDS, carrier_identity(me.id))

    return routes


def is_available(settings: Settings) -> bool:
    """True if operators can answer in the browser."""
    return uses_carrier_sdk(settings) or settings.demo


def uses_carrier_sdk(settings: Settings) -> bool:
    """True if the carrier's own softphone is used."""
    return bool(settings.twilio_api_key_sid and settings.twilio_api_key_secret)


def access_token(settings: Settings, staff_id: int) -> str:
    """A token, valid for an hour, with which this operator's browser can be called and can call nobody."""
    token = AccessToken(
        settings.twilio_account_sid,
        settings.twilio_api_key_sid,
        settings.twilio_api_key_secret,
        identity=carrier_identity(staff_id),
        ttl=TOKEN_S,
    )
    token.add_grant(VoiceGrant(incoming_allow=True))
    return str(token.to_jwt())
