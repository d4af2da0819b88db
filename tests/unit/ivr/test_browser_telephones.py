"""Browser telephones of the exchange: what is pushed to Asterisk for a page, and taken away again."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import requests

from ivr.asterisk.browser_telephones import CONTEXT, LASTING, BrowserTelephones, TurnServer, browser_endpoint
from ivr.carrier import CarrierError
from tests.support.desk_world import MovingClock

SECRET = "the secret of the tests, which nobody has"
URL = "http://exchange.test:8288/"


@dataclass
class MemoryOfAsterisk(requests.Session):
    """Asterisk's objects in memory, by kind and name; the telephones that are registered; what it answers to a push."""

    objects: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)
    pushed: list[str] = field(default_factory=list)
    takes: int = 200
    is_there: bool = True

    def __post_init__(self) -> None:
        super().__init__()

    def request(self, method: str, url: str, **given: object) -> requests.Response:  # type: ignore[override]
        if not self.is_there:
            raise requests.ConnectionError("refused")
        assert url.startswith("http://exchange.test:8288/ari/")
        *path, kind, name = url.removeprefix("http://exchange.test:8288/ari/").split("/")
        if path and path[0] == "asterisk":
            return self._object(method, kind, name, given["json"])
        if name == "PJSIP":
            return answer(200, [self._endpoint(one) for of, one in self.objects if of == "endpoint"])
        return answer(200, self._endpoint(name)) if ("endpoint", name) in self.objects else answer(404)

    def _object(self, method: str, kind: str, name: str, body: object) -> requests.Response:
        if method == "PUT":
            if self.takes == 200:
                assert isinstance(body, dict)
                self.pushed.append(kind)
                self.objects[kind, name] = {one["attribute"]: one["value"] for one in body["fields"]}
            return answer(self.takes, [])
        if (kind, name) not in self.objects:
            return answer(404)
        if method == "DELETE":
            del self.objects[kind, name]
            return answer(204)
        fields = self.objects[kind, name].items()
        return answer(200, [{"attribute": attribute, "value": value} for attribute, value in fields])

    def _endpoint(self, name: str) -> dict[str, str]:
        return {"technology": "PJSIP", "resource": name, "state": "online" if name in self.online else "offline"}


def answer(status: int, body: object = None) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = json.dumps(body).encode()
    return made


@pytest.fixture
def asterisk() -> MemoryOfAsterisk:
    return MemoryOfAsterisk()


@pytest.fixture
def telephones(asterisk: MemoryOfAsterisk, clock: MovingClock) -> BrowserTelephones:
    return BrowserTelephones(asterisk, URL, SECRET, clock)


def test_a_page_signs_in_as_an_endpoint_that_may_call_nobody(
    telephones: BrowserTelephones, asterisk: MemoryOfAsterisk
) -> None:
    given = telephones.credentials("staff-7")
    name = str(given["name"])
    assert name == browser_endpoint("staff-7", SECRET)
    auth = {"auth_type": "digest", "username": given["user"], "password": given["password"]}
    assert asterisk.objects["auth", name] == auth
    endpoint = asterisk.objects["endpoint", name]
    assert (endpoint["auth"], endpoint["aors"], endpoint["context"]) == (name, name, CONTEXT)
    assert endpoint["webrtc"] == "yes"
    assert (endpoint["allow_transfer"], endpoint["allow_subscribe"]) == ("no", "no")
    assert asterisk.objects["aor", name]["max_contacts"] == "1"
    assert given["path"] == "/exchange/ws"
    assert given["renew_after_s"] == LASTING.total_seconds() / 2


def test_a_page_may_send_its_sound_through_the_turn_server_for_as_long_as_it_may_be_called(
    asterisk: MemoryOfAsterisk, clock: MovingClock
) -> None:
    turn = TurnServer(("turn:turn.test:3478", "turns:turn.test:443?transport=tcp"), "the secret of the TURN server")
    given = BrowserTelephones(asterisk, URL, SECRET, clock, turn).credentials("staff-7")
    until = int((clock() + LASTING).timestamp())
    # As coturn computes it, `use-auth-secret`.
    digest = hmac.new(b"the secret of the TURN server", f"{until}:staff-7".encode(), "sha1").digest()
    assert given["ice_servers"] == [
        {"urls": turn.urls, "username": f"{until}:staff-7", "credential": b64encode(digest).decode()}
    ]


def test_without_a_turn_server_sound_goes_between_browser_and_exchange_directly(telephones: BrowserTelephones) -> None:
    assert telephones.credentials("staff-7")["ice_servers"] == []


def test_an_endpoint_cannot_be_guessed_from_the_operator() -> None:
    names = {
        browser_endpoint("staff-7", SECRET),
        browser_endpoint("staff-8", SECRET),
        browser_endpoint("staff-7", "another"),
    }
    assert len(names) == 3
    assert "staff-7" not in browser_endpoint("staff-7", SECRET)


def test_the_password_is_another_one_each_time_and_the_one_before_is_of_no_use(
    telephones: BrowserTelephones, asterisk: MemoryOfAsterisk
) -> None:
    passwords = [telephones.credentials("staff-7")["password"] for _ in range(2)]
    assert len(set(passwords)) == 2
    assert asterisk.objects["auth", browser_endpoint("staff-7", SECRET)]["password"] == passwords[1]


def test_a_telephone_that_may_be_ringing_is_left_alone_when_its_credentials_are_renewed(
    telephones: BrowserTelephones, asterisk: MemoryOfAsterisk
) -> None:
    telephones.credentials("staff-7")
    asterisk.pushed.clear()
    telephones.credentials("staff-7")
    assert asterisk.pushed == ["auth"]


def test_credentials_that_were_not_renewed_are_deleted_and_desk_telephones_are_not(
    telephones: BrowserTelephones, asterisk: MemoryOfAsterisk, clock: MovingClock
) -> None:
    asterisk.objects["endpoint", "8001"] = {"context": "telephones"}
    telephones.credentials("staff-7")
    clock.now += LASTING / 2
    telephones.credentials("staff-8")
    clock.now += LASTING / 2 + timedelta(seconds=1)
    telephones.delete_outdated()
    left = {name for kind, name in asterisk.objects}
    assert left == {"8001", browser_endpoint("staff-8", SECRET)}


def test_a_telephone_is_reachable_while_its_page_is_registered(
    telephones: BrowserTelephones, asterisk: MemoryOfAsterisk
) -> None:
    assert not telephones.is_reachable("staff-7")
    telephones.credentials("staff-7")
    assert not telephones.is_reachable("staff-7")
    asterisk.online.add(browser_endpoint("staff-7", SECRET))
    assert telephones.is_reachable("staff-7")


def out_of_reach(asterisk: MemoryOfAsterisk) -> None:
    asterisk.is_there = False


def keeps_none(asterisk: MemoryOfAsterisk) -> None:
    asterisk.takes = 404


def refuses(asterisk: MemoryOfAsterisk) -> None:
    asterisk.takes = 400


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [(out_of_reach, "could not be asked"), (keeps_none, r"sorcery\.conf"), (refuses, "could not be asked")],
)
def test_an_exchange_that_does_not_take_the_telephone_is_an_error_of_the_carriers(
    telephones: BrowserTelephones,
    asterisk: MemoryOfAsterisk,
    fault: Callable[[MemoryOfAsterisk], None],
    sentence: str,
) -> None:
    fault(asterisk)
    with pytest.raises(CarrierError, match=sentence):
        telephones.credentials("staff-7")
