"""Connections that stay open are in processes of their own: whatever becomes of them, the carrier's webhooks are
answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.chromium import served_hotline
from tests.support.connection_load import OPEN_PAGES, Poster, connection_load, new_operators, open_calls, page_cookies
from tests.support.databases import Databases
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine

pytestmark = pytest.mark.timeout(400)

# A call that is quiet for a minute is asked after (ivr/turns/quiet_calls.py), and the simulator does not know these.
PAGES, OPERATORS, SOCKETS, WITHIN_S, POSTERS = 300, 20, 200, 30.0, 4


@pytest.fixture
def line(tmp_path: Path, databases: Databases) -> Iterator[ServedLine]:
    with served_hotline(databases.without_tables(), tmp_path, "stream") as line:
        yield line


@pytest.mark.speech
def test_media_sockets_come_and_go_beside_open_pages_and_no_webhook_is_reset(line: ServedLine) -> None:
    """Each post goes over a kept connection, as the carrier's do."""
    token = line.account.auth_token
    calls = open_calls(line.url, token, SOCKETS)
    staff = new_operators(line.database_url, OPERATORS)
    cookies = page_cookies([staff[number % len(staff)] for number in range(PAGES)], shifted_clock(shift_to_morning())())
    over = threading.Event()
    posters = [Poster(line.url, token) for _ in range(POSTERS)]
    with ThreadPoolExecutor(POSTERS) as pool:
        with connection_load(line.url, token, cookies, calls, WITHIN_S) as load:
            for poster in posters:
                pool.submit(poster.keep_posting, over)
        over.set()
    assert [failure for poster in posters for failure in poster.failures] == []
    assert load.failures == []
    assert (load.pages_open, load.sockets_served) == (PAGES * len(OPEN_PAGES), SOCKETS)
