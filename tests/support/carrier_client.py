"""A telephone for tests of the line's routes: posts signed as by the carrier, and parsed answers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from settings import Settings

TOKEN = "the-carrier-s-token"
BASE = "https://hotline.example"
CALLER, CALLED = "+8613800000012", "+8637255550000"


def settings(**changes: object) -> Settings:
    """The settings of an installation behind a proxy, as strict as production."""
    return Settings(
        **{
            "public_base_url": BASE,
            "twilio_account_sid": "AC0123456789",
            "twilio_auth_token": TOKEN,
            "secret_key": "a secret key of more than thirty-two characters",
            "listen_mode": "keypad",
            **changes,
        }
    )


@dataclass(frozen=True)
class TwimlAnswer:
    """One parsed answer of the line."""

    xml: ElementTree.Element

    @property
    def said(self) -> list[str]:
        return [say.text or "" for say in self.xml.iter("Say")]

    @property
    def verbs(self) -> list[str]:
        return [verb.tag for verb in self.xml]

    def attributes(self, verb: str) -> dict[str, str]:
        found = next(self.xml.iter(verb), None)
        assert found is not None, f"no <{verb}> in {ElementTree.tostring(self.xml, 'unicode')}"
        return dict(found.attrib)

    @property
    def redirect(self) -> str:
        found = self.xml.find("Redirect")
        assert found is not None
        return found.text or ""

    @property
    def action(self) -> str:
        """The address of the next post, if the caller hears everything out."""
        return [verb.attrib["action"] for verb in self.xml.iter() if "action" in verb.attrib][-1]

    @property
    def turn_number(self) -> int:
        return int(parse_qs(urlsplit(self.action).query)["turn"][0])


@dataclass
class Telephone:
    """The requests of one call to the line."""

    client: FlaskClient
    sid: str = "CA00000000000000000000000000000001"
    token: str = TOKEN
    base: str = BASE
    extra: dict[str, str] = field(default_factory=dict)

    def post(self, address: str, **form: str) -> TestResponse:
        path = address.removeprefix(self.base)
        fields = {"CallSid": self.sid, "From": CALLER, "To": CALLED, "CallStatus": "in-progress", **form}
        fields = {name: value for name, value in fields.items() if value is not None}
        signature = RequestValidator(self.token).compute_signature(self.base + path, fields)
        return self.client.post(path, data=fields, headers={"X-Twilio-Signature": signature})

    def request(self, address: str, **form: str) -> TwimlAnswer:
        """The line's answer, which must be markup whatever was posted."""
        answer = self.post(address, **form)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        assert answer.mimetype == "text/xml"
        return TwimlAnswer(ElementTree.fromstring(answer.get_data()))

    def dial(self) -> TwimlAnswer:
        return self.request("/voice/incoming", CallStatus="ringing")


def is_speakable(markup: TwimlAnswer) -> bool:
    """True if the caller hears words, and none that only a programmer would understand."""
    words = "".join(markup.said)
    return bool(words) and not re.search(r"Error|Traceback|Exception|[{}<>_]", words)
