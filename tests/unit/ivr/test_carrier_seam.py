"""The carrier seam: Twilio's words stand in ivr/twilio and nowhere else in the line, its conversation and its pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = ("backoffice", "brand_catalog", "callflows", "console", "ivr", "orders", "speech")
TWILIO_WORDS = re.compile(
    r"(?i:(?<!ivr/)twilio|twiml|call_?sid|stream_?sid|recording_?sid|queue_?sid|answered_?by\W{1,3}machine_|finished_?on_?key)"
    r"|CallStatus\"|AnsweredBy\"|QueueResult|DialCallStatus|DialBridged|VoiceResponse|VoiceGrant|\bclient:"
    r"|\bGather\b|<(Say|Dial|Enqueue|Record|Redirect|Hangup|Leave|Start|Stream|Play)\b"
    r"|\"(in-progress|no-answer|canceled)\""
)
# The settings named TWILIO_* are fixed, and their names are shown to administrators.
SETTINGS = re.compile(r"(?i:twilio_(account_sid|auth_token|api_base|api_key_sid|api_key_secret))")
# One script drives the carrier's own telephone; the web phone takes the simulator's events, which name calls as the
# carrier does.
EXCEPTED = {
    "console/static/phone.js": ["call_sid"],
    "console/static/telephones/twilio.js": ["Twilio", "Twilio"],
    "console/web_phone/pin_hiding.py": ["call_sid"],
}


def neutral_files() -> Iterator[Path]:
    """All source files but those of the carrier's adapter and those that others wrote."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            inside = path.relative_to(ROOT)
            is_source = path.suffix in {".py", ".html", ".js", ".toml"} and path.is_file()
            if (
                is_source
                and not {"vendor", "node_modules"} & set(inside.parts)
                and inside.parts[:2] != ("ivr", "twilio")
            ):
                yield inside


def twilio_words(path: Path) -> list[str]:
    text = SETTINGS.sub("", (ROOT / path).read_text(encoding="utf-8"))
    return [found[0] for found in TWILIO_WORDS.finditer(text)]


def test_no_word_of_twilios_stands_outside_its_folder() -> None:
    found = {path.as_posix(): words for path in neutral_files() if (words := twilio_words(path))}
    assert found == EXCEPTED


def test_twilios_folder_is_full_of_them() -> None:
    """The search above finds what it looks for."""
    folder = ROOT / "ivr" / "twilio"
    assert {path.name for path in folder.glob("*.py") if twilio_words(path.relative_to(ROOT))} >= {
        "forms.py",
        "media_socket.py",
        "rest.py",
        "twiml.py",
    }
