"""The line on a pretended exchange, for the stories of callers and operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.pretended_office import Office


@pytest.fixture
def office(demo_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Office:
    """The line and its operators; its fixed operator numbers are those a test is parametrised with."""
    from ivr.call_sound.forks import SoundForks
    from ivr.operators.ringing import RingDispatcher
    from tests.support.pretended_office import Office

    office = Office(demo_url, getattr(request, "param", ()))
    office.exchange.answer_requests(monkeypatch)
    # What threads do for the line is done at once: time does not pass for them here.
    monkeypatch.setattr(RingDispatcher, "dispatch", RingDispatcher.dispatch_now)
    monkeypatch.setattr(SoundForks, "record_talk", lambda _forks, _call: None)
    return office
