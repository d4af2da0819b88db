"""The telephones that the line dials on the exchange: those of desks, those in browsers, and numbers over the trunk."""

from __future__ import annotations

from ivr.asterisk.ari import APPLICATION
from ivr.asterisk.browser_telephones import browser_endpoint
from ivr.asterisk.channels import Device
from ivr.carrier import CarrierError, browser_identity
from orders.retailers.dialling import is_extension, may_be_dialled
from settings import Settings


def device(address: str) -> Device:
    """The kind of telephone at this address."""
    return "telephone" if browser_identity(address) is None else "browser"


def origination(address: str, line: str, channel_id: str, ring_s: int, settings: Settings) -> dict[str, str]:
    """The parameters of the request that dials this address from this line, for so many seconds; once it is answered,
    the channel comes to the application. Raises CarrierError if the address may not be dialled."""
    return {
        "endpoint": _endpoint(address, settings),
        "app": APPLICATION,
        "channelId": channel_id,
        "callerId": line,
        "timeout": str(ring_s),
        "formats": "ulaw,alaw",
    }


def _endpoint(address: str, settings: Settings) -> str:
    if (identity := browser_identity(address)) is not None:
        return f"PJSIP/{browser_endpoint(identity, settings.secret_key)}"
    if is_extension(address):
        return f"PJSIP/{address}"
    if not may_be_dialled(address, settings.dialled_prefixes):
        raise CarrierError("the number may not be dialled: see DIALLED_PREFIXES")
    return f"PJSIP/{address}@{settings.asterisk_trunk}"
