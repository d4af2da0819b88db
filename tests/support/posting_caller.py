"""A caller by keys alone, whose every post goes out signed as the carrier's."""

from __future__ import annotations

from xml.etree import ElementTree

import requests

from simulator.account import Account
from simulator.webhook_client import sign
from tests.support.carrier_client import CALLED, TwimlAnswer

SHOP, SID = "410502100012", "CA00000000000000000000000000000001"
# A whole order by keys: code, PIN, two items, done, yes. 198 and 194 are item codes of the demo's catalogue.
KEYS = (SHOP, "2468", "198*5", "194*2", "#", "1")


class PostingCaller:
    """A caller who waits up to 30 s for each answer. `public_url` is the address that the line's requests are signed
    for; they may be posted to another one, as by a proxy."""

    def __init__(self, account: Account, public_url: str) -> None:
        self._account = account
        self._public_url = public_url

    def post(self, address: str, *, to: str = "", **form: str) -> TwimlAnswer:
        """Post to an address of the line, by way of the server at `to`; its answer, which must be markup."""
        return TwimlAnswer(ElementTree.fromstring(self.markup(address, to=to, **form)))

    def markup(self, address: str, *, to: str = "", **form: str) -> bytes:
        """As `post`, with the markup as it came."""
        path = address.removeprefix(self._public_url)
        fields = {"CallSid": SID, "From": "+8613900000077", "To": CALLED, "CallStatus": "in-progress", **form}
        signature = sign(self._account.auth_token, self._public_url + path, fields)
        answer = requests.post(
            (to or self._public_url) + path, data=fields, headers={"X-Twilio-Signature": signature}, timeout=30
        )
        answer.raise_for_status()
        return answer.content

    def key(self, address: str, keys: str, *, to: str = "") -> TwimlAnswer:
        """Press these keys where the line waits for some."""
        return self.post(address, to=to, **pressed(keys))


def pressed(keys: str) -> dict[str, str]:
    """The fields in which the carrier reports these keys; `#` ends an input and is none of its digits."""
    return {"Digits": "", "FinishedOnKey": "#"} if keys == "#" else {"Digits": keys, "FinishedOnKey": ""}
