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

from console.authentication import only_for, staff, staff_or_none
from console.language import _
from console.services import Room, room
from console.web_phone.web_phone_pages import Socket, pass_on
from ivr.operators.presence import identity
from settings import Settings

# The pages with a softphone.
PAGES = frozenset({"console.desk.page", "console.desk.order"})
TOKEN_S = 3600
WISHES = frozenset({"answer", "keys", "speak", "hang_up"})
# The hosts of the SDK for signalling and reporting; the audio goes by WebRTC. https://www.twilio.com/docs/voice/sdks/javascript
CARRIER_HOSTS = "https://eventgw.twilio.com wss://voice-js.roaming.twilio.com"


def softphone_routes(furnished: Room) -> Blueprint:
    """The routes a browser needs to be called."""
    routes = Blueprint("softphone", __name__, url_prefix="/desk/softphone")
    sockets = Sock()

    @routes.post("/token")
    @only_for("take_calls")
    def token() -> ResponseReturnValue:
        """The credentials of the page's softphone: a token of the carrier's, or the address for the simulator."""
        settings = room().settings
        if has_key(settings):
            return {"kind": "twilio", "token": access_token(settings, staff().id)}
        if settings.demo:
            return {"kind": "stand-in", "address": url_for("console.softphone.line")}
        return _("这套热线没有设置电脑电话，请用电话接。"), 409

    @sockets.route("/line", bp=routes)  # type: ignore[untyped-decorator]
    def line(socket: Socket) -> None:
        me = staff_or_none()
        origin = urlsplit(request.headers.get("Origin", ""))
        if me is None or not me.may("take_calls") or origin.netloc != request.host or not furnished.settings.demo:
            socket.close(1008, "not for this page")
            return
        pass_on(socket, furnished.settings, WISHES, identity(me.id))

    return routes


def is_there(settings: Settings) -> bool:
    """True if operators can answer in the browser."""
    return has_key(settings) or settings.demo


def has_key(settings: Settings) -> bool:
    """True if the carrier's own softphone is used."""
    return bool(settings.twilio_api_key_sid and settings.twilio_api_key_secret)


def access_token(settings: Settings, staff_id: int) -> str:
    """A token, valid for an hour, with which this operator's browser can be called and can call nobody."""
    token = AccessToken(
        settings.twilio_account_sid,
        settings.twilio_api_key_sid,
        settings.twilio_api_key_secret,
        identity=identity(staff_id),
        ttl=TOKEN_S,
    )
    token.add_grant(VoiceGrant(incoming_allow=True))
    return str(token.to_jwt())
