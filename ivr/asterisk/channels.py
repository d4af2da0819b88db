"""The channels of the exchange, as they are named.

The id of a channel that the line creates says what it is for, so that any process knows it from Asterisk alone, even
when the channel is already gone: `hotline-operator-17-3f2a9c01` calls an operator for ring attempt 17. Callers'
channels have ids of Asterisk's own. A call's key is the id of its channel.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final, Literal

from ivr.carrier import CallStatus

Kind = Literal["caller", "retailer", "operator", "coach", "callback", "direct", "dialled", "media", "snoop", "whisper"]
"""The purpose of a channel. "direct" is an operator, and "dialled" a caller, whom another leg dials; "snoop" is one
side of a call's sound, and "whisper" a supervisor's way to an operator's ear."""

Device = Literal["browser", "telephone"]

_PREFIX: Final = "hotline"
_RANDOM_BYTES: Final = 4
_TALK: Final = f"{_PREFIX}-talk-"
_BROWSER: Final[Device] = "browser"

# https://docs.asterisk.org/Latest_API/API_Documentation/Asterisk_REST_Interface/_Asterisk_REST_Data_Models/#channel
_STATUSES: Final[dict[str, CallStatus]] = {"Up": "in_progress", "Ring": "ringing", "Ringing": "ringing"}
# Q.850 causes of calls that were not answered; normal clearing is our own hanging up.
_CAUSES: Final[dict[int, CallStatus]] = {16: "cancelled", 17: "busy", 18: "no_answer", 19: "no_answer"}
# Q.850: no circuit, and congestion; SIP: the carrier has too much to do, or does not know us.
_CONGESTION: Final = frozenset({34, 42})
_UNAVAILABLE: Final = frozenset({401, 407, 503})
_DECLINED: Final = frozenset({600, 603})


@dataclass(frozen=True, slots=True)
class ChannelPurpose:
    """The purpose of a channel: its kind and the ids that belong to it, such as the ring attempt's."""

    kind: Kind
    ids: tuple[str, ...] = ()

    def number(self, place: int = 0) -> int:
        """The id at this place, as a number."""
        return int(self.ids[place])

    @property
    def in_browser(self) -> bool:
        """True if a browser's telephone is called, which only its operator answers."""
        return _BROWSER in self.ids


def new_channel_id(kind: Kind, *ids: int | str) -> str:
    """An id for a new channel of this kind."""
    return "-".join((_PREFIX, kind, *map(str, ids), secrets.token_hex(_RANDOM_BYTES)))


def purpose_of(channel_id: str) -> ChannelPurpose:
    """The purpose of a channel with this id."""
    parts = channel_id.split("-")
    if parts[0] != _PREFIX or len(parts) < 3:
        return ChannelPurpose("caller")
    return ChannelPurpose(parts[1], tuple(parts[2:-1]))  # type: ignore[arg-type]


def own_bridge(channel_id: str) -> str:
    """The id of the bridge in which a channel meets the line."""
    return f"{_PREFIX}-own-{channel_id}"


def talk_bridge(call_key: str) -> str:
    """The id of the bridge in which this call talks with another."""
    return f"{_TALK}{call_key}"


def talk_of(bridge: str) -> str | None:
    """The call that talks in the bridge of this id, or None if it is no talk's."""
    return bridge.removeprefix(_TALK) if bridge.startswith(_TALK) else None


def status_of(state: str) -> CallStatus:
    """The status of a call whose channel is in this state of Asterisk's."""
    return _STATUSES.get(state, "initiated")


def ended_status(cause: int, sip_status: int | None = None, *, answered: bool) -> CallStatus:
    """The status of a call whose channel ended with this cause of Q.850's, and this SIP status if there was one."""
    if answered:
        return "completed"
    return "busy" if sip_status in _DECLINED else _CAUSES.get(cause, "failed")


def was_placed(cause: int, sip_status: int | None = None, *, answered: bool) -> bool:
    """False if a channel that ended so never reached a telephone, because the trunk took no call."""
    return answered or not (cause in _CONGESTION or sip_status in _UNAVAILABLE)
