"""The ids of channels: what a channel is for is known from Asterisk alone."""

from __future__ import annotations

from ivr.asterisk.channels import ChannelPurpose, new_channel_id, purpose_of
from ivr.asterisk.exchange import international


def test_a_channel_of_the_lines_says_what_it_is_for() -> None:
    assert purpose_of(new_channel_id("operator", 17)) == ChannelPurpose("operator", ("17",))
    assert purpose_of(new_channel_id("callback", 3, 8)).number(1) == 8
    assert purpose_of(new_channel_id("media", "1796051141.0")) == ChannelPurpose("media", ("1796051141.0",))


def test_no_two_channels_have_one_id() -> None:
    assert new_channel_id("operator", 17) != new_channel_id("operator", 17)


def test_the_longest_id_fits_a_calls_key() -> None:
    assert len(new_channel_id("retailer", "a" * 32)) <= 64


def test_a_channel_of_asterisks_own_is_a_callers() -> None:
    assert purpose_of("1796051141.0") == ChannelPurpose("caller")
    assert purpose_of("exchange-1796051141.0") == ChannelPurpose("caller")


def test_a_trunks_numbers_become_international() -> None:
    assert international("13800000012") == "+8613800000012"
    assert international("013800000012") == "+8613800000012"
    assert international("037255550000") == "+8637255550000"
    assert international("+8613800000012") == "+8613800000012"


def test_what_is_no_number_stays_as_it_was_but_fits_a_column() -> None:
    assert [international(short) for short in ("4001", "95588", "5933333")] == ["4001", "95588", "5933333"]
    assert international("anonymous") == "anonymous"
    assert international("") == ""
    assert international("a\x00b" * 100) == "ab" * 32
