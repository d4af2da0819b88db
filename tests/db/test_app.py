"""The application as a whole: it serves only where it may, and reports its health."""

from __future__ import annotations

import html
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from twilio.request_validator import RequestValidator

import storage
from app import create_app
from clock import system_clock
from ivr.processes import LineProcess
from settings import DEMO_AUTH_TOKEN, Settings, SettingsError
from tests.support.carrier_client import settings


@contextmanager
def a_line_process(url: str, streams: int = 0, streams_max: int = 64) -> Iterator[LineProcess]:
    """A line process that has just had its heartbeat."""
    process = LineProcess(storage.open_sessions(storage.open_engine(url)), system_clock, lambda: streams, streams_max)
    process.record_heartbeat()
    yield process


def app_on(url: str, **changes: object) -> Flask:
    return create_app(settings(database_url=url, **changes))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"twilio_auth_token": ""}, "TWILIO_AUTH_TOKEN is not set"),
        ({"twilio_account_sid": ""}, "TWILIO_ACCOUNT_SID is not set"),
        ({"secret_key": "short"}, "SECRET_KEY has fewer than 32 characters"),
        ({"public_base_url": "http://hotline.example"}, "PUBLIC_BASE_URL does not start with https://"),
        ({"public_base_url": ""}, "PUBLIC_BASE_URL does not start with https://"),
        ({"twilio_auth_token": DEMO_AUTH_TOKEN}, "TWILIO_AUTH_TOKEN is the demo's own"),
    ],
)
def test_without_its_secrets_nothing_is_served(database_url: str, change: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings(**change).check_servable()
    answer = app_on(database_url, **change).test_client().post("/voice/incoming", data={"CallSid": "CA1"})
    assert answer.status_code == 503
    assert said in html.unescape(answer.get_data(as_text=True))


def test_an_exchange_of_ones_own_needs_its_password_and_nothing_of_twilios(database_url: str) -> None:
    own = {"carrier": "asterisk", "twilio_auth_token": "", "twilio_account_sid": ""}
    settings(**own, asterisk_password="secret").check_servable()
    with pytest.raises(SettingsError, match="ASTERISK_PASSWORD is not set"):
        settings(**own).check_servable()
    with pytest.raises(SettingsError, match="LISTEN_MODE=record is for Twilio only"):
        settings(**own, asterisk_password="secret", listen_mode="record").check_servable()
    with pytest.raises(SettingsError, match=r"TURN_URLS is not like .*; TURN_SECRET is not set"):
        settings(**own, asterisk_password="secret", turn_urls="turn.example.com, turn:x?transport=tcp").check_servable()
    # Nobody can sign a request of Twilio's.
    client = app_on(database_url, **own, asterisk_password="secret").test_client()
    form = {"CallSid": "CA1", "From": "+8613911112222", "To": "+8637255550000"}
    url = f"{settings().public_base_url}/voice/incoming"
    signed = {"X-Twilio-Signature": RequestValidator("").compute_signature(url, form)}
    assert client.post("/voice/incoming", data=form, headers=signed).status_code == 403


def test_the_demo_needs_no_secrets_and_stays_on_the_loopback() -> None:
    Settings(demo=True).check_servable()
    with pytest.raises(SettingsError, match="loopback"):
        Settings(demo=True, host="0.0.0.0").check_servable()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "hotline.example"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"},
        {"X-Forwarded-Host": "hotline.example"},
        {"Forwarded": "for=203.0.113.9"},
    ],
)
def test_a_demo_behind_a_public_proxy_takes_nothing_whatever_signs_it(demo_url: str, headers: dict[str, str]) -> None:
    served = create_app(Settings(database_url=demo_url, demo=True, listen_mode="keypad")).test_client()
    form = {"CallSid": "CA1", "From": "+8613911112222", "To": "+8637255550000"}
    signature = RequestValidator(DEMO_AUTH_TOKEN).compute_signature("http://127.0.0.1:8000/voice/incoming", form)
    signed = {"X-Twilio-Signature": signature}
    assert served.post("/voice/incoming", data=form, headers=signed).status_code == 200
    assert served.post("/voice/incoming", data=form, headers=signed | headers).status_code == 403
    assert served.get("/login", headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_loopback_has_several_names(host: str) -> None:
    assert Settings(host=host).is_on_loopback


def test_the_settings_of_a_whole_installation_are_served(database_url: str) -> None:
    settings().check_servable()
    with a_line_process(database_url, streams=3):
        answer = app_on(database_url).test_client().get("/healthz")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ok",
        "database": "ok",
        "tables": "current",
        "recogniser": "not wanted: LISTEN_MODE is keypad",
        "line": "processes: 1, media streams: 3 of 64",
        "disk": "ok",
    }


def test_health_says_when_there_is_no_recogniser_and_what_to_do(database_url: str, tmp_path: Path) -> None:
    answer = app_on(database_url, listen_mode="stream", vosk_model_path=tmp_path).test_client().get("/healthz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["status"] == "degraded"
    assert "VOSK_MODEL_PATH" in answer.json["recogniser"]


def test_health_is_bad_before_the_tables_are_made_and_says_what_to_run(bare_url: str) -> None:
    answer = app_on(bare_url).test_client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["tables"] == "not current: run `flask --app app migrate`"


def test_health_is_bad_without_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}"  # a folder is no database
    answer = app_on(url).test_client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["status"] == "down"


def test_a_locked_database_says_so_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "locked.db"
    storage.migrate(f"sqlite:///{path}")
    monkeypatch.setattr(storage, "WAIT_MS", 50)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        done = app_on(f"sqlite:///{path}").test_cli_runner().invoke(args=["demo"])
    finally:
        other.close()
    assert done.exit_code == 1
    assert "The database is locked" in done.output
    assert "Traceback" not in done.output
