"""Preflight finds what would keep callers from ordering, and says what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from click.testing import Result
from sqlalchemy import delete, select

import storage
from app import create_app
from clock import Clock, system_clock
from orders.demo.demo_staff import seed_demo_staff
from orders.lockout import hash_secret
from orders.models import HotlineRow
from orders.retailers.models import RetailerRow
from orders.staff.accounts import create_staff
from simulator.account import Account, OwnedNumber
from tests.support.carrier_client import BASE, settings
from tests.support.commands import run_command
from tests.support.desk_world import MAIN, SUPPLEMENTARY, World
from tests.support.pretended_exchange import PretendedExchange

PACK = Path(__file__).parents[2] / "audio" / "voice"


class Installation:
    """An installation before its first day, with nothing wrong but that callers order by keys."""

    def __init__(self, world: World, account: Account) -> None:
        self.world = world
        self.account = account
        account.auth_token = "the installation's own token"
        account.numbers = [
            OwnedNumber(number, f"{BASE}/voice/incoming", f"{BASE}/voice/status") for number in (MAIN, SUPPLEMENTARY)
        ]
        with world.session() as session:
            for retailer in session.scalars(select(RetailerRow)):
                retailer.pin_hash = hash_secret("8064")
            create_staff(
                session,
                system_clock(),
                login="wang",
                name="王",
                role="director",
                password_hash=hash_secret("a long password"),
            )

    def check(self, clock: Clock = system_clock, **changes: object) -> Result:
        own = {
            "database_url": self.world.sessions.kw["bind"].url.render_as_string(hide_password=False),
            "twilio_api_base": self.account.api_base,
            "twilio_account_sid": self.account.sid,
            "twilio_auth_token": self.account.auth_token,
        }
        app = create_app(settings(**own | changes), clock=clock)
        return app.test_cli_runner().invoke(args=["preflight"])

    def finds(self, said: str, verdict: str = "WRONG", **changes: object) -> bool:
        """True if this is among what is found, with this verdict."""
        done = self.check(**changes)
        assert done.exit_code == (1 if verdict == "WRONG" else 0), done.output
        assert "Traceback" not in done.output
        return any(said in line for line in done.output.splitlines() if line.startswith(verdict))


@pytest.fixture
def installation(world: World, account: Account) -> Installation:
    return Installation(world, account)


def test_an_installation_that_is_in_order_may_open(installation: Installation, tmp_path: Path) -> None:
    run_command(installation.world, "backup", tmp_path / "night.backup")
    done = installation.check()
    assert done.exit_code == 0, done.output
    assert done.output.endswith("The line may open.\n")
    assert f"ok       numbers    {MAIN} (演示) calls this line." in done.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"twilio_auth_token": ""}, "TWILIO_AUTH_TOKEN is not set"),
        ({"secret_key": "ab" * 20}, "SECRET_KEY is easily guessed"),
        ({"twilio_api_key_sid": "SK1"}, "one is missing: set both, or neither"),
        ({"twilio_auth_token": "not the account's"}, "The carrier could not be asked for the account"),
        ({"twilio_api_base": "http://127.0.0.1:1"}, "see the network, TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
        ({"listen_mode": "stream", "vosk_model_path": "/nowhere"}, "VOSK_MODEL_PATH"),
        ({"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none"}, "see that DATABASE_URL is right"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(
    installation: Installation, change: dict[str, object], said: str
) -> None:
    assert installation.finds(said, **change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"say_voice": "Polly.Nobody"}, "SAY_VOICE 'Polly.Nobody' is not known"),
        ({"say_language": "en-GB"}, "set cmn-CN"),
        ({"say_from_pack": True, "voice_pack": "/nowhere"}, "there is no voice pack in /nowhere"),
        ({}, "callers order by keys only"),
        ({}, "No backup was made"),
    ],
)
def test_what_can_wait_is_a_warning(installation: Installation, change: dict[str, object], said: str) -> None:
    assert installation.finds(said, "warning", **change)


def test_a_line_that_speaks_by_itself_needs_its_own_voice(installation: Installation) -> None:
    own = {"carrier": "asterisk", "asterisk_url": "http://127.0.0.1:1", "asterisk_password": "a" * 40}
    assert "There is no voice pack in /nowhere" in installation.check(**own, voice_pack="/nowhere").output
    assert "The line has 7 sounds of its own" in installation.check(**own, voice_pack=PACK).output


def test_numbers_that_call_another_line_are_named_with_what_to_set(installation: Installation) -> None:
    installation.account.numbers[0] = OwnedNumber(MAIN, "https://old.example/voice/incoming", "")
    assert installation.finds(
        f"{MAIN} (演示): set “A call comes in” to {BASE}/voice/incoming (POST): "
        "it is https://old.example/voice/incoming; "
        f"set “Call status changes” to {BASE}/voice/status (POST): it is empty."
    )
    installation.account.numbers = []
    assert installation.finds(f"{MAIN} (演示) is not one of our numbers at the carrier")


@pytest.mark.parametrize(("minutes", "said"), [(3, "180 s ahead of the carrier's"), (-3, "180 s behind the carrier's")])
def test_a_clock_that_is_wrong_is_told_by_the_carrier_s(installation: Installation, minutes: int, said: str) -> None:
    def wrong() -> datetime:
        return system_clock().replace(microsecond=0) + timedelta(minutes=minutes)

    assert installation.finds(said[4:], clock=wrong)


def test_a_disk_that_is_nearly_full_keeps_the_line_closed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    assert installation.finds("Only 10 MB are free")


def test_old_tables_are_found_and_nothing_is_asked_of_them(installation: Installation) -> None:
    with installation.world.session() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert installation.finds("run `flask --app app migrate`")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda session: session.execute(delete(HotlineRow)), "There is no hotline"),
        (lambda session: seed_demo_staff(session, system_clock()), "the demo's published password"),
        (
            lambda session: [setattr(one, "pin_hash", hash_secret("2468")) for one in session.query(RetailerRow)],
            "The retailers have the demo's PIN",
        ),
    ],
)
def test_data_with_which_the_line_must_not_open(
    installation: Installation, spoil: Callable[[object], object], said: str
) -> None:
    with storage.transaction(installation.world.sessions) as session:
        spoil(session)
    assert installation.finds(said)


# On an exchange of one's own.


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> PretendedExchange:
    """An exchange that brings both hotlines, and that a line process leads."""
    exchange = PretendedExchange(date=system_clock(), variables={"LINE_NUMBERS": f"{MAIN} {SUPPLEMENTARY}"})
    exchange.answer_requests(monkeypatch)
    exchange.open_events()
    return exchange


@pytest.fixture
def on_exchange(installation: Installation, exchange: PretendedExchange) -> dict[str, object]:
    """The settings of an installation on that exchange."""
    return {"carrier": "asterisk", "asterisk_password": "the exchange's own password"}


def test_an_installation_on_an_exchange_may_open(installation: Installation, on_exchange: dict[str, object]) -> None:
    done = installation.check(**on_exchange)
    assert done.exit_code == 0, done.output
    assert f"ok       numbers    {MAIN} (演示) calls this line." in done.output
    assert "TWILIO" not in done.output


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({"asterisk_password": ""}, "WRONG", "ASTERISK_PASSWORD is not set"),
        ({"listen_mode": "record"}, "WRONG", "LISTEN_MODE=record is for Twilio only"),
    ],
)
def test_what_is_set_wrong_for_an_exchange_is_named(
    installation: Installation, on_exchange: dict[str, object], change: dict[str, object], verdict: str, said: str
) -> None:
    assert installation.finds(said, verdict, **on_exchange | change)


def test_what_keeps_an_exchange_from_the_line_is_named(
    installation: Installation, on_exchange: dict[str, object], exchange: PretendedExchange
) -> None:
    exchange.trunk = "offline"
    assert installation.finds("The trunk does not answer the exchange", **on_exchange)
    exchange.trunk = ""
    assert installation.finds("set ASTERISK_TRUNK_ADDRESS for the exchange", **on_exchange)
    exchange.lose_events()
    assert installation.finds("No line process takes the exchange's calls", **on_exchange)
    exchange.variables.clear()
    assert installation.finds(f"{MAIN} (演示) is not one of our numbers at the carrier", **on_exchange)
    exchange.error = requests.ConnectionError("connection refused")
    assert installation.finds("see that it runs, and ASTERISK_URL", **on_exchange)
