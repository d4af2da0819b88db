"""Twilio's requests in the line's words: the fields of the present request's form, and the arguments of its URL."""

from __future__ import annotations

import re

from flask import request

from ivr.carrier import AnsweredBy, CallStatus, QueueExit
from speech.language.keypad import DONE

# https://www.twilio.com/docs/voice/api/call-resource#call-status-values
CALL_STATUSES: dict[str, CallStatus] = {
    "queued": "initiated",
    "initiated": "initiated",
    "ringing": "ringing",
    "in-progress": "in_progress",
    "completed": "completed",
    "busy": "busy",
    "no-answer": "no_answer",
    "failed": "failed",
    "canceled": "cancelled",
}

# The columns of calls, callers, queues and recordings hold this; Twilio's own identifiers have 34 characters.
VALUE_MAX_CHARS = 64


class MalformedRequest(ValueError):
    """A signed request without what every request of the carrier has."""


def call_sid() -> str:
    """The call that the request is about. Raises MalformedRequest if it names none."""
    if not (sid := field("CallSid")):
        raise MalformedRequest("the post names no call")
    return sid


def field(name: str) -> str:
    """A field of the form, printable and of a length that can be stored; empty if it is missing."""
    return storable(request.form.get(name, ""))


def argument(name: str) -> str:
    """An argument of the URL, printable and of a length that can be stored; empty if it is missing."""
    return storable(request.args.get(name, ""))


def storable(text: str) -> str:
    """The text without what cannot be printed, cut to what a column holds: a SIP address may be of any length and have
    anything in it, and PostgreSQL takes neither a NUL nor a longer text."""
    return "".join(letter for letter in text if letter.isprintable())[:VALUE_MAX_CHARS]


def number(name: str) -> int:
    """An argument of the URL as a number; 0 if it is missing or not one."""
    text = argument(name)
    return int(text) if re.fullmatch(r"[0-9]{1,8}", text) else 0


def call_status() -> CallStatus | None:
    """The call's status; None for one that Twilio does not document."""
    return CALL_STATUSES.get(field("CallStatus"))


def answered_by() -> AnsweredBy:
    """The person or machine that answered the call; a person, if the detection does not know."""
    return "machine" if field("AnsweredBy").startswith(("machine", "fax")) else "person"


def is_outbound() -> bool:
    """True if we placed the call."""
    return field("Direction").startswith("outbound")


def is_browser() -> bool:
    """True if the call goes to a browser's telephone."""
    return field("To").startswith("client:")


def queue_exit() -> QueueExit:
    """The way the caller left the queue."""
    match field("QueueResult"):
        case "bridged":
            return "bridged"
        case "error" | "queue-full" | "system-error":
            return "failed"
        case result if result.startswith(("hangup", "redirected")):
            return "elsewhere"
        case _:
            return "left"


def recording_id() -> str:
    """The recording of this turn; empty if there is none. Only its URL is documented, which ends with it."""
    return field("RecordingSid") or storable(request.form.get("RecordingUrl", "").rpartition("/")[2].partition(".")[0])


def turn_keys() -> str:
    """The keys of this turn as they were pressed, without the `#` that ended them; a lone `#` is kept."""
    first, digits = argument("first"), request.form.get("Digits", "")
    if not digits and not first and field("FinishedOnKey") == DONE:
        return DONE
    return keys if re.fullmatch(r"[0-9*#]{0,64}", keys := first + digits) else ""


def names_finish_key() -> bool:
    """True if the post says which key ended the <Gather>, or that none did."""
    return "FinishedOnKey" in request.form


def waited_s() -> int | None:
    """The time the caller has been waited for, in seconds; None if the request is not about a wait."""
    return number("waited") if "waited" in request.args else None
