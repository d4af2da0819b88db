"""Asterisk's REST interface, pretended: what a test has said is there, and each request that came."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests


@dataclass
class PretendedRest:
    """An exchange with these channels, whose trunk is in this state; none if it is empty."""

    trunk: str = "online"
    led: bool = True
    date: datetime = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    # The status with which a new channel is answered, and what goes wrong before any answer.
    new_channel: int = 200
    error: Exception | None = None
    channels: list[dict[str, Any]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    asked_for: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        path, parameters = unquote(urlsplit(url).path).removeprefix("/ari"), dict(arguments.get("params") or {})
        self.asked_for.append((method, path, parameters, arguments.get("json")))
        if self.error is not None:
            raise self.error
        status, body = self._answer(method, path.strip("/").split("/"), parameters)
        answer = requests.Response()
        answer.status_code, answer._content = status, json.dumps(body).encode()
        answer.headers["Date"] = format_datetime(self.date.replace(microsecond=0), usegmt=True)
        return answer

    def asked(self, method: str, path: str) -> list[dict[str, str]]:
        """The parameters of each such request."""
        return [parameters for how, where, parameters, _ in self.asked_for if (how, where) == (method, path)]

    def _answer(self, method: str, path: list[str], parameters: dict[str, str]) -> tuple[int, Any]:
        match method, *path:
            case "POST", "channels":
                return self.new_channel, {"id": parameters["channelId"]} if self.new_channel == 200 else {"error": "no"}
            case "GET", "channels":
                return 200, self.channels
            case _, "channels", key if key not in {channel["id"] for channel in self.channels}:
                return 404, {"message": "Channel not found"}
            case "GET", "channels", key:
                return 200, next(channel for channel in self.channels if channel["id"] == key)
            case "GET", "endpoints", *_:
                return (200, {"state": self.trunk}) if self.trunk else (404, {"message": "Endpoint not found"})
            case "GET", "applications", *_:
                return (200, {}) if self.led else (404, {"message": "Application not found"})
            case "GET", "asterisk", "variable":
                return 200, {"value": self.variables.get(parameters["variable"], "")}
            case _:
                return 200, {}


@pytest.fixture
def ari(monkeypatch: pytest.MonkeyPatch) -> PretendedRest:
    """The exchange that every request of this process goes to."""
    pretended = PretendedRest()
    monkeypatch.setattr(requests.Session, "request", lambda _session, *args, **kw: pretended.request(*args, **kw))
    return pretended
