"""Operators who answer in the browser: a telephone of the carrier's, or in the demo one of the stand-in's.

The carrier's telephone is its own Voice SDK, kept in static/vendor; it is let in by a token that names the operator and
lets them be rung, and do nothing else. The stand-in's is a socket, as that of the web phone is.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_sock import Sock
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

from console.access import only_for, staff, staff_or_none
from console.language import _
from console.phone import Socket, pass_on
from console.room import Room, room
from ivr.duty import identity
from settings import Settings

# The pages it stands on.
PAGES = frozenset({"console.desk.page", "console.desk.order"})
TOKEN_S = 3600
WISHES = frozenset({"answer", "keys", "speak", "hang_up"})
# Where the SDK signals and reports; the sound itself goes by WebRTC. https://www.twilio.com/docs/voice/sdks/javascript
CARRIER_HOSTS = "https://eventgw.twilio.com wss://voice-js.roaming.twilio.com"


def softphone_routes(furnished: Room) -> Blueprint:
    """What a browser needs to be rung."""
    routes = Blueprint("softphone", __name__, url_prefix="/desk/softphone")
    sockets = Sock()

    @routes.post("/token")
    @only_for("take_calls")
    def token() -> ResponseReturnValue:
        """What the page's telephone is let in with: a token of the carrier's, or the stand-in's address."""
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
    """Whether operators can answer in the browser."""
    return has_key(settings) or settings.demo


def has_key(settings: Settings) -> bool:
    """Whether the carrier's own telephone is used."""
    return bool(settings.twilio_api_key_sid and settings.twilio_api_key_secret)


def access_token(settings: Settings, staff_id: int) -> str:
    """A token by which this operator's browser may be rung, and call nobody, for an hour."""
    token = AccessToken(
        settings.twilio_account_sid,
        settings.twilio_api_key_sid,
        settings.twilio_api_key_secret,
        identity=identity(staff_id),
        ttl=TOKEN_S,
    )
    token.add_grant(VoiceGrant(incoming_allow=True))
    return str(token.to_jwt())
