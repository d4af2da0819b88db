"""Both sides of a call come side by side and stay side by side, whatever the carrier leaves out."""

from __future__ import annotations

from ivr.call_sound.two_sides import GAP_MAX_MS, HEARD_PART_MS, PartsOfSound

FRAME = b"\x10" * 160


def test_half_a_second_of_both_sides_is_a_part() -> None:
    parts, complete = PartsOfSound(), []
    for at in range(0, HEARD_PART_MS + 20, 20):
        complete += [parts.add("caller", at, FRAME), parts.add("other", at, b"\x20" * 160)]
    part = next(one for one in complete if one is not None)
    assert (part.begins_ms, part.caller, part.other) == (0, FRAME * 25, b"\x20" * 4_000)
    rest = parts.rest()
    assert rest is not None
    assert (rest.begins_ms, len(rest.caller)) == (HEARD_PART_MS, 160)
    assert parts.rest() is None


def test_what_the_carrier_leaves_out_is_silence_and_both_sides_are_of_one_length() -> None:
    parts = PartsOfSound()
    parts.add("caller", 0, FRAME)
    parts.add("caller", 100, FRAME)
    part = parts.rest()
    assert part is not None
    assert part.caller == FRAME + b"\xff" * 640 + FRAME
    assert part.other == b"\xff" * 960


def test_after_a_long_pause_the_next_part_begins_where_the_sound_does() -> None:
    parts = PartsOfSound()
    parts.add("caller", 0, FRAME)
    assert parts.add("caller", GAP_MAX_MS + 1_000, FRAME) is not None
    rest = parts.rest()
    assert rest is not None
    assert (rest.begins_ms, rest.caller) == (GAP_MAX_MS + 1_000, FRAME)


def test_a_frame_that_comes_twice_or_too_late_is_left_out() -> None:
    parts = PartsOfSound()
    for at in (0, 20, 0, 20):
        parts.add("caller", at, FRAME)
    rest = parts.rest()
    assert rest is not None
    assert rest.caller == FRAME * 2
