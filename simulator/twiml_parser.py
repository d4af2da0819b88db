"""TwiML as Twilio parses it: a flaw is reported with the code of Twilio's debugger."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

TOO_LARGE = 11750
PARSE_FAILURE = 12100
SCHEMA_WARNING = 12200
BAD_CONTENT_TYPE = 12300
BAD_FINISH_ON_KEY = 13310
BAD_SAY_TEXT = 13520

SAY_LIMIT = 4_096
"""Most characters of one <Say>."""
DOCUMENT_MAX_BYTES = 64_000
"""Most bytes of one document. https://www.twilio.com/docs/api/errors/11750"""


@dataclass(frozen=True, slots=True)
class Verb:
    """One element of a document: a verb, or a noun inside one. `text` is trimmed."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple[Verb, ...] = ()

    def number(self, name: str, default: int) -> int:
        """An attribute that is a whole number; the default if it is missing or not a number."""
        value = self.attributes.get(name, "")
        return int(value) if value.isdecimal() else default


class TwimlError(Exception):
    """A document Twilio cannot carry out at all: it would say an application error has occurred and hang up."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Warned:
    """A flaw Twilio tolerates, with an entry in its debugger."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document, with Twilio's warnings about it."""

    verbs: tuple[Verb, ...]
    warnings: tuple[Warned, ...] = ()


Check = Callable[[str], bool]


def _anything(value: str) -> bool:
    return True


def _filled(value: str) -> bool:
    return bool(value.strip())


def _positive(value: str) -> bool:
    return value.isdecimal() and int(value) > 0


def _whole(value: str) -> bool:
    return value.isdecimal()


def _one_of(*allowed: str) -> Check:
    return lambda value: value in allowed


_truth = _one_of("true", "false")
_method = _one_of("GET", "POST")
_key = _one_of("", *"0123456789*#")
_events = re.compile(r"(?:[a-z-]+(?: |$))+").fullmatch

_CALLBACK: Mapping[str, Check] = {
    "statusCallback": _filled,
    "statusCallbackMethod": _method,
    "statusCallbackEvent": lambda value: bool(_events(value)),
}
_RECORDING: Mapping[str, Check] = {
    "recordingStatusCallback": _filled,
    "recordingStatusCallbackMethod": _method,
    "recordingStatusCallbackEvent": lambda value: bool(_events(value)),
    "trim": _one_of("trim-silence", "do-not-trim"),
}
_ACTION: Mapping[str, Check] = {"action": _filled, "method": _method}

ATTRIBUTES: Mapping[str, Mapping[str, Check]] = {
    "Say": {"voice": _filled, "language": _filled, "loop": _whole},
    "Play": {"loop": _whole, "digits": _filled},
    "Pause": {"length": _positive},
    "Gather": {
        **_ACTION,
        "input": _filled,
        "timeout": _positive,
        "numDigits": _positive,
        "finishOnKey": _key,
        "actionOnEmptyResult": _truth,
        "language": _filled,
    },
    "Record": {
        **_ACTION,
        **_RECORDING,
        "timeout": _whole,
        "maxLength": _positive,
        "finishOnKey": lambda value: set(value) <= set("0123456789*#"),
        "playBeep": _truth,
    },
    "Start": _ACTION,
    "Stop": {},
    "Connect": _ACTION,
    "Stream": {
        **_CALLBACK,
        "url": _filled,
        "name": _filled,
        "track": _one_of("inbound_track", "outbound_track", "both_tracks"),
    },
    "Parameter": {"name": _filled, "value": _anything},
    "Redirect": {"method": _method},
    "Enqueue": {**_ACTION, "waitUrl": _anything, "waitUrlMethod": _method, "maxQueueSize": _positive},
    "Leave": {},
    "Dial": {
        **_ACTION,
        **_RECORDING,
        "timeout": _positive,
        "timeLimit": _positive,
        "callerId": _filled,
        "answerOnBridge": _truth,
        "hangupOnStar": _truth,
        "record": _filled,
        "ringTone": _filled,
        "sequential": _truth,
    },
    "Number": {**_CALLBACK, "url": _filled, "method": _method, "sendDigits": _filled},
    "Client": {**_CALLBACK, "url": _filled, "method": _method},
    "Identity": {},
    "Queue": {"url": _filled, "method": _method},
    "Conference": {
        **_CALLBACK,
        "beep": _one_of("true", "false", "onEnter", "onExit"),
        "coach": _filled,
        "endConferenceOnExit": _truth,
        "muted": _truth,
        "participantLabel": _filled,
        "startConferenceOnEnter": _truth,
        "waitMethod": _method,
        "waitUrl": _anything,
    },
    "Hangup": {},
    "Reject": {"reason": _one_of("busy", "rejected")},
}
"""Every element the simulator carries out, with the attributes Twilio allows on it and their valid values."""

_INSIDE: Mapping[str, frozenset[str]] = {
    "Response": frozenset(ATTRIBUTES) - {"Stream", "Parameter", "Number", "Client", "Conference", "Identity", "Queue"},
    "Gather": frozenset({"Say", "Play", "Pause"}),
    "Start": frozenset({"Stream"}),
    "Stop": frozenset({"Stream"}),
    "Connect": frozenset({"Stream"}),
    "Stream": frozenset({"Parameter"}),
    "Dial": frozenset({"Number", "Client", "Conference", "Queue"}),
    "Client": frozenset({"Identity", "Parameter"}),
}

_SSML = frozenset({"break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w"})


def read_twiml(body: bytes, content_type: str) -> Document:
    """Parse a document.

    Raises TwimlError if Twilio would refuse it: a content type that is no markup, more than 64 kB, broken XML, another
    root than <Response>. Lesser flaws are returned as warnings; unknown elements are left out, as Twilio leaves them
    out.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("text/xml", "application/xml", "text/html"):
        raise TwimlError(BAD_CONTENT_TYPE, f"the answer's Content-Type is {content_type or 'missing'}, not text/xml")
    if len(body) > DOCUMENT_MAX_BYTES:
        raise TwimlError(TOO_LARGE, f"the answer has {len(body)} bytes; Twilio takes {DOCUMENT_MAX_BYTES}")
    if not body.strip():
        return Document(())
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise TwimlError(PARSE_FAILURE, f"the answer is no XML document: {error}") from error
    if root.tag != "Response":
        raise TwimlError(PARSE_FAILURE, f"the answer's root element is <{root.tag}>, not <Response>")
    warnings: list[Warned] = []
    return Document(tuple(_verbs(root, warnings)), tuple(warnings))


def _verbs(parent: ET.Element, warnings: list[Warned]) -> list[Verb]:
    verbs = []
    for element in parent:
        if element.tag not in _INSIDE.get(parent.tag, frozenset()):
            warnings.append(Warned(SCHEMA_WARNING, f"<{element.tag}> does not belong into <{parent.tag}>; left out"))
            continue
        attributes = dict(element.attrib)
        _check_attributes(element.tag, attributes, warnings)
        if element.tag == "Say":
            verbs.append(Verb("Say", attributes, _say_text(element, warnings)))
        else:
            text = (element.text or "").strip()
            verbs.append(Verb(element.tag, attributes, text, tuple(_verbs(element, warnings))))
    return verbs


def _check_attributes(tag: str, attributes: dict[str, str], warnings: list[Warned]) -> None:
    for name, value in list(attributes.items()):
        check = ATTRIBUTES[tag].get(name)
        if check is None:
            warnings.append(Warned(SCHEMA_WARNING, f"<{tag}> has no attribute {name}; left out"))
        elif not check(value):
            code = BAD_FINISH_ON_KEY if name == "finishOnKey" else SCHEMA_WARNING
            warnings.append(Warned(code, f'<{tag} {name}="{value}"> is no value Twilio takes there; left out'))
        else:
            continue
        del attributes[name]


def _say_text(element: ET.Element, warnings: list[Warned]) -> str:
    for inner in element.iter():
        if inner is not element and inner.tag not in _SSML:
            warnings.append(Warned(SCHEMA_WARNING, f"<{inner.tag}> does not belong into <Say>"))
    text = " ".join("".join(element.itertext()).split())
    if not text:
        warnings.append(Warned(BAD_SAY_TEXT, "a <Say> without words"))
    elif len(text) > SAY_LIMIT:
        warnings.append(Warned(BAD_SAY_TEXT, f"a <Say> of {len(text)} characters; Twilio takes {SAY_LIMIT}"))
    return text
