"""No log line reveals a retailer: no PIN, nothing keyed or said, no whole code or telephone number."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from logs import configure_logs


@pytest.fixture(autouse=True)
def our_logs(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    configure_logs()
    yield
    structlog.reset_defaults()


def logged(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().err
    json.loads(text)
    return text


@pytest.mark.parametrize("key", ["pin", "keys", "digits", "utterance", "text"])
def test_what_was_keyed_or_said_is_not_logged(capsys: pytest.CaptureFixture[str], key: str) -> None:
    structlog.get_logger().warning("a turn", **{key: "2468"})
    assert "2468" not in logged(capsys)


@pytest.mark.parametrize("number", ["410502100012", "+8613800000012", "13800000012"])
def test_of_a_number_in_a_sentence_only_the_end_is_logged(capsys: pytest.CaptureFixture[str], number: str) -> None:
    structlog.get_logger().info(f"the order of {number}, taken from {number}", who=number)
    text = logged(capsys)
    assert number not in text
    assert text.count("***0012") == 3


def test_of_a_number_in_an_error_only_the_end_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise LookupError("there is no retailer 410502100012")
    except LookupError as error:
        structlog.get_logger().error("lost", exc_info=error)
    text = logged(capsys)
    assert "LookupError" in text
    assert "410502100012" not in text


@pytest.mark.parametrize(
    "value",
    [
        "GET /2010-04-01/Accounts/AC1/Calls.json?To=%2B8613800000012&From=%2b8637255550000 timed out",
        {"to": "+8613800000012", "parts": ["+8637255550000"]},
        ("+8613800000012", 8613800000012),
        LookupError("DETAIL: Key (phone)=(+8613800000012) already exists."),
    ],
)
def test_numbers_in_addresses_and_inside_of_values_are_cut_as_well(
    capsys: pytest.CaptureFixture[str], value: object
) -> None:
    structlog.get_logger().warning("the status of a call could not be queried", reason=value)
    text = logged(capsys)
    assert "13800000012" not in text
    assert "37255550000" not in text


def test_what_tells_calls_apart_is_logged_whole(capsys: pytest.CaptureFixture[str]) -> None:
    call_key = "CA0123456789abcdef0123456789abcdef"
    structlog.get_logger().info("call ended", call=call_key, turns=12, took_ms=1234567)
    assert call_key in logged(capsys)
