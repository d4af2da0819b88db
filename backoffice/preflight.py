"""`flask preflight`: what has to be right before the line opens, each point in a sentence with what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backoffice.health import DISK_FREE_MIN_BYTES, NOT_CURRENT, data_folder
from brand_catalog.models import BrandSpec
from ivr.carrier import CarrierError
from ivr.models import JobRun
from ivr.processes import machine, record_heartbeat
from ivr.services import Services
from ivr.voice.robot_voice import is_installed
from orders.demo import PIN as DEMO_PIN
from orders.demo.demo_staff import DEMO_PASSWORD
from orders.lockout import matches_hash
from orders.models import HotlineRow
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow
from settings import Settings, SettingsError
from storage import read_only, tables_state, transaction

# The carrier's times are in whole seconds; signatures of browser telephones and hours of service bear more than this.
CLOCK_AHEAD_MAX_S: Final = 5.0
BACKUP_AGE_MAX: Final = timedelta(days=2)
# A month of recordings at a thousand calls a day.
DISK_FREE_WANTED_BYTES: Final = 20 * DISK_FREE_MIN_BYTES

Verdict = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one point; with "wrong" the line should not open."""

    point: str
    verdict: Verdict
    sentence: str


def preflight(services: Services) -> Iterator[Finding]:
    """Check everything that has to be right before the line opens."""
    yield _settings(services)
    yield from _secrets(services)
    database = _database(services)
    yield database
    yield _clock(services, database.verdict != "wrong")
    yield _disk(services)
    yield _recogniser(services)
    yield _voice(services)
    yield _carrier(services)
    if database.verdict != "wrong":
        with read_only(services.sessions) as session:
            yield from _numbers(services, session)
            yield from _data(session)
            yield _backup(session, services.now())


def _settings(services: Services) -> Finding:
    try:
        services.settings.check_servable()
    except SettingsError as error:
        return Finding("settings", "wrong", str(error))
    if services.settings.demo:
        return Finding("settings", "warning", "This is the demo (DEMO=1): it serves this machine only. Unset DEMO.")
    return Finding("settings", "ok", "Everything that is required is set.")


def _secrets(services: Services) -> Iterator[Finding]:
    settings = services.settings
    if settings.demo:
        return
    if len(set(settings.secret_key)) < 12:
        sentence = (
            "SECRET_KEY is easily guessed. Make one with: python -c 'import secrets; print(secrets.token_hex(32))'"
        )
        yield Finding("secrets", "wrong", sentence)
    if settings.secret_key and settings.secret_key in (*settings.twilio_auth_tokens, settings.asterisk_password):
        yield Finding("secrets", "wrong", "SECRET_KEY is our password at the carrier. Give it a value of its own.")
    if bool(settings.twilio_api_key_sid) != bool(settings.twilio_api_key_secret):
        sentence = "Of TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET one is missing: set both, or neither."
        yield Finding("secrets", "wrong", sentence)


def _database(services: Services) -> Finding:
    point = "database"
    try:
        with transaction(services.sessions) as session:
            state = tables_state(session)
            if state == "older":
                return Finding(point, "wrong", f"The tables are {NOT_CURRENT}.")
            record_heartbeat(session, f"health {machine()}", "health", services.now())
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        sentence = (
            f"It cannot be used ({reason}): see that DATABASE_URL is right, its server runs and its disk has room."
        )
        return Finding(point, "wrong", sentence)
    if state == "newer":
        return Finding(point, "warning", "Its tables are of a later version: serve with that version before long.")
    return Finding(point, "ok", "It can be written, and its tables are of this version.")


def _clock(services: Services, database: bool) -> Finding:
    """Compare with the carrier's clock, and with the database's where that is on another machine."""
    now, ahead = services.now(), dict[str, float]()
    try:
        ahead["the carrier's"] = services.line.carrier.clock_ahead_s(now)
    except CarrierError as error:
        return Finding("clock", "warning", f"It could not be compared: {error}.")
    if database and not services.settings.database_url.startswith("sqlite"):
        with read_only(services.sessions) as session:
            ahead["the database's"] = (services.now() - _database_now(session)).total_seconds()
    for whose, seconds in ahead.items():
        if abs(seconds) > CLOCK_AHEAD_MAX_S:
            direction = "ahead of" if seconds > 0 else "behind"
            sentence = f"This machine's clock is {abs(seconds):.0f} s {direction} {whose}: set it by NTP (timedatectl)."
            return Finding("clock", "wrong", sentence)
    return Finding("clock", "ok", f"It agrees with {' and '.join(ahead)} to within {CLOCK_AHEAD_MAX_S:.0f} s.")


def _database_now(session: Session) -> datetime:
    now: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now.astimezone(UTC)


def _disk(services: Services) -> Finding:
    folder = data_folder(services.settings.database_url)
    free = shutil.disk_usage(folder).free
    said = f"{free // 1_000_000} MB are free in {folder}"
    if free < DISK_FREE_MIN_BYTES:
        return Finding("disk", "wrong", f"Only {said}: make room before callers come.")
    if free < DISK_FREE_WANTED_BYTES:
        return Finding(
            "disk", "warning", f"Only {said}: a month of recordings may need {DISK_FREE_WANTED_BYTES // 10**9} GB."
        )
    return Finding("disk", "ok", f"{said}.")


def _recogniser(services: Services) -> Finding:
    recognition = services.recognition
    if services.settings.listen_mode == "keypad":
        return Finding("model", "warning", "LISTEN_MODE is keypad: callers order by keys only.")
    if recognition.problem is not None:
        return Finding("model", "wrong", recognition.problem)
    if recognition.model is None:
        return Finding("model", "wrong", "The speech model cannot be loaded: run `make model`, or set VOSK_MODEL_PATH.")
    return Finding("model", "ok", "The speech model loads.")


def _voice(services: Services) -> Finding:
    settings, voices = services.settings, services.line.carrier.voices
    pieces = services.line.sentence_sounds.voice.piece_count
    if not voices:
        return _own_voice(settings, pieces)
    if settings.say_voice not in voices:
        known = ", ".join(sorted(voices)[-2:])
        sentence = (
            f"SAY_VOICE {settings.say_voice!r} is not known for Mandarin: see that the carrier has it, or set {known}."
        )
        return Finding("voice", "warning", sentence)
    if settings.say_language != "cmn-CN":
        sentence = f"SAY_LANGUAGE is {settings.say_language!r}, and the prompts are Mandarin: set cmn-CN."
        return Finding("voice", "warning", sentence)
    if settings.say_from_pack and not pieces:
        sentence = (
            f"SAY_FROM_PACK is set, and there is no voice pack in {settings.voice_pack}, so {settings.say_voice} says "
            "everything: run `flask --app app voice-pack build`, or set VOICE_PACK."
        )
        return Finding("voice", "warning", sentence)
    return Finding("voice", "ok", f"{settings.say_voice} speaks Mandarin.")


def _own_voice(settings: Settings, pieces: int) -> Finding:
    if pieces:
        sentence = f"The line has {pieces} sounds of its own; `flask --app app voice-pack check` says if all are there."
        return Finding("voice", "ok", sentence)
    robot = "by espeak-ng" if is_installed() else "as a tone, for espeak-ng is not installed"
    sentence = (
        f"There is no voice pack in {settings.voice_pack}, so callers hear everything {robot}: "
        "run `flask --app app voice-pack build`, or set VOICE_PACK."
    )
    return Finding("voice", "warning" if is_installed() else "wrong", sentence)


def _carrier(services: Services) -> Finding:
    try:
        services.line.carrier.check()
    except CarrierError as error:
        return Finding("carrier", "wrong", f"{_sentence(error)}.")
    return Finding("carrier", "ok", "It answers, and takes our account.")


def _numbers(services: Services, session: Session) -> Iterator[Finding]:
    """Each hotline's number has to be the account's, and call the line."""
    point = "numbers"
    hotlines = session.scalars(select(HotlineRow).order_by(HotlineRow.number)).all()
    if not hotlines:
        yield Finding(
            point, "wrong", "There is no hotline: enter its number with `flask hotline`, or on the page /hotlines."
        )
        return
    try:
        known = {one.number: one for one in services.line.carrier.numbers()}
    except CarrierError as error:
        yield Finding(point, "wrong", f"{_sentence(error)}: the numbers could not be checked.")
        return
    for hotline in hotlines:
        if (one := known.get(hotline.number)) is None:
            sentence = f"{hotline.number} ({hotline.name}) is not one of our numbers at the carrier: no call comes in."
            yield Finding(point, "wrong", sentence)
        elif one.problem:
            yield Finding(point, "wrong", f"{hotline.number} ({hotline.name}): {one.problem}.")
        else:
            yield Finding(point, "ok", f"{hotline.number} ({hotline.name}) calls this line.")


def _data(session: Session) -> Iterator[Finding]:
    checks: tuple[tuple[str, Callable[[], int | None], str], ...] = (
        ("catalogue", lambda: _count(session, BrandSpec), "There is no catalogue: `flask import-catalog FILE`."),
        ("retailers", lambda: _count(session, RetailerRow), "There are no retailers: `flask import-retailers FILE`."),
        ("staff", lambda: _count(session, StaffRow), "Nobody can sign in: `flask create-staff LOGIN …`."),
    )
    for point, count, missing in checks:
        found = count() or 0
        yield Finding(point, "ok", f"{found} in the database.") if found else Finding(point, "wrong", missing)
    password = session.scalars(select(StaffRow).where(StaffRow.active).limit(20)).all()
    demo = [staff.login for staff in password if matches_hash(staff.password_hash, DEMO_PASSWORD)]
    if demo:
        sentence = (
            f"{', '.join(demo)} have the demo's published password: close these accounts (`flask close-account`)."
        )
        yield Finding("staff", "wrong", sentence)
    some = session.scalars(select(RetailerRow).where(RetailerRow.pin_hash.is_not(None)).limit(5)).all()
    if some and all(matches_hash(one.pin_hash, DEMO_PIN) for one in some):
        yield Finding("retailers", "wrong", "The retailers have the demo's PIN: import your own, with their own PINs.")


def _count(session: Session, table: type[BrandSpec] | type[RetailerRow] | type[StaffRow]) -> int | None:
    return session.scalar(select(func.count()).select_from(table))


def _backup(session: Session, now: datetime) -> Finding:
    last = session.scalar(select(func.max(JobRun.ended_at)).where(JobRun.job == "backup", JobRun.problem == ""))
    if last is None or now - last > BACKUP_AGE_MAX:
        sentence = "No backup was made for two days: `flask backup FILE`, every night, to another machine."
        return Finding("backup", "warning", sentence)
    return Finding("backup", "ok", f"The last one is of {last:%Y-%m-%d %H:%M} UTC.")


def _sentence(error: Exception) -> str:
    said = str(error)
    return said[:1].upper() + said[1:]
