"""The talk with an operator is kept where the notice covers it, encrypted, and a whole call is played in one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from ivr.call_sound.forks import SoundForks, UnknownFork, may_record_talk
from ivr.call_sound.models import SoundFork, SoundPart
from ivr.call_sound.two_sides import HEARD_PART_MS, KEPT_PART_MS, TwoSides
from ivr.call_sound.whole_call import whole_call
from ivr.carrier import CarrierError
from ivr.models import Call, TurnRecording
from ivr.operators.models import RingAttempt, Ticket
from ivr.recordings import recordings, retention
from ivr.recordings.recording_cipher import RecordingCipher, session_info
from ivr.supervision.listening import LISTENS_FOR, Listening
from orders.demo.demo_staff import seed_demo_staff
from tests.support.desk_world import World

SECOND = 8_000
CALLER, OPERATOR = b"\x10" * SECOND, b"\x20" * SECOND
LI, LEADER = 1, 3


class ForkingCarrier:
    def __init__(self) -> None:
        self.forked: list[tuple[str, int]] = []
        self.fails = False

    def fork_sound(self, call_key: str, fork_id: int) -> None:
        if self.fails:
            raise CarrierError("the carrier is not there")
        self.forked.append((call_key, fork_id))


@pytest.fixture
def carrier() -> ForkingCarrier:
    return ForkingCarrier()


@pytest.fixture
def forks(world: World, carrier: ForkingCarrier) -> SoundForks:
    """The forks of a line with one call, whose caller was told that it is recorded."""
    world.sessions.configure(info=session_info(RecordingCipher(["a secret that is long enough"])))
    with world.session() as session:
        seed_demo_staff(session, world.clock())
        call = Call(call_key="CA1", caller="+86", called="+86", started_at=world.clock(), turn_number=1)
        call.state, call.reply, call.recording_told_in = {}, {}, 1
        session.add(call)
    return SoundForks(world.sessions, world.clock, carrier, 10)  # type: ignore[arg-type]


def talk_begins(world: World) -> None:
    with world.session() as session:
        ticket = Ticket(call_key="CA1", reason="asked", state="taken", opened_at=world.clock(), taken_by=LI)
        session.add(ticket)
        session.flush()
        session.add(
            RingAttempt(ticket_id=ticket.id, staff_id=LI, address="+861", state="accepted", dialled_at=world.clock())
        )


def stored(world: World) -> list[SoundPart]:
    with world.session() as session:
        return list(session.scalars(select(SoundPart).order_by(SoundPart.id)))


@pytest.mark.parametrize(
    ("notice", "told_in", "days", "recorded"),
    [
        (1, 1, 30, True),
        (1, None, 30, False),
        (0, None, 30, True),
        (2, 1, 30, False),
        (1, 1, 0, False),
    ],
    ids=["told shortly", "not told", "nobody is told", "the operator is the way out", "nothing is kept"],
)
def test_the_talk_is_recorded_where_the_notice_covers_it(
    world: World, forks: SoundForks, notice: int, told_in: int | None, days: int, recorded: bool
) -> None:
    world.department_rule("recording_notice", notice)
    world.department_rule("recording_days", days)
    with world.session() as session:
        call = session.get_one(Call, "CA1")
        call.recording_told_in = told_in
        assert may_record_talk(session, call) is recorded


def test_a_talk_is_kept_encrypted_and_a_hold_is_not(world: World, forks: SoundForks, carrier: ForkingCarrier) -> None:
    talk_begins(world)
    assert forks.ensure("CA1")
    assert forks.ensure("CA1")
    assert carrier.forked == [("CA1", 1)]
    began = forks.attach(1, "CA1")
    assert forks.store(1, TwoSides(0, CALLER, OPERATOR), began) == KEPT_PART_MS
    with world.session() as session:
        session.scalars(select(Ticket)).one().held_at = world.clock()
    assert forks.store(1, TwoSides(1_000, CALLER, OPERATOR), began + timedelta(seconds=1)) == KEPT_PART_MS
    (part,) = stored(world)
    assert part.kept
    assert CALLER[:16] not in part.sound
    with world.session() as session:
        session.scalars(select(Ticket)).one().closed_at = world.clock()
    assert forks.store(1, TwoSides(2_000, CALLER, OPERATOR), began) is None
    forks.detach(1)
    assert len(stored(world)) == 1


def test_what_is_only_listened_to_is_gone_when_nobody_does(
    world: World, forks: SoundForks, carrier: ForkingCarrier
) -> None:
    listening = Listening(world.sessions, world.clock, forks)
    assert listening.begin("CA1", LEADER)
    began = forks.attach(1, "CA1")
    assert forks.store(1, TwoSides(0, CALLER, OPERATOR), began) == HEARD_PART_MS
    heard = listening.hear("CA1", LEADER, 0)
    assert heard is not None
    assert [(part.caller, part.other) for part in heard] == [(CALLER, OPERATOR)]
    assert listening.hear("CA1", LEADER, heard[0].id) == []
    assert listening.hear("CA1", LI, 0) is None
    # The page is closed: it asks no more.
    world.clock.move(seconds=LISTENS_FOR.seconds + 1)
    assert forks.store(1, TwoSides(500, CALLER, OPERATOR), world.clock()) is None
    forks.detach(1)
    assert stored(world) == []
    assert listening.hear("CA1", LEADER, 0) is None


def test_nobody_listens_where_the_carrier_fails_or_the_call_is_over(
    world: World, forks: SoundForks, carrier: ForkingCarrier
) -> None:
    listening = Listening(world.sessions, world.clock, forks)
    carrier.fails = True
    assert not listening.begin("CA1", LEADER)
    assert not listening.begin("CA2", LEADER)
    carrier.fails = False
    with world.session() as session:
        session.get_one(Call, "CA1").ended_at = world.clock()
    assert not listening.begin("CA1", LEADER)
    with world.session() as session:
        assert all(fork.ended_at is not None for fork in session.scalars(select(SoundFork)))


def test_a_fork_is_its_own_calls_and_a_lost_one_is_opened_again(
    world: World, forks: SoundForks, carrier: ForkingCarrier
) -> None:
    talk_begins(world)
    assert forks.ensure("CA1")
    with pytest.raises(UnknownFork):
        forks.attach(1, "CA2")
    with pytest.raises(UnknownFork):
        forks.attach(7, "CA1")
    world.clock.move(seconds=9)
    assert forks.ensure("CA1")
    assert carrier.forked == [("CA1", 1), ("CA1", 2)]
    with pytest.raises(UnknownFork):
        forks.attach(1, "CA1")


def test_a_whole_call_is_its_turns_and_its_talk_in_one(world: World, forks: SoundForks) -> None:
    """A code said in two seconds; the talk begins half a minute later, and is three seconds long."""
    talk_begins(world)
    at = world.clock()
    with world.session() as session:
        recordings.store(session, "CA1", 1, CALLER * 2, at)
    forks.ensure("CA1")
    forks.attach(1, "CA1")
    for second in range(3):
        began = at + timedelta(seconds=30 + second)
        forks.store(1, TwoSides(1_000 * second, CALLER, b"\xff" * SECOND), began)
    with world.session() as session:
        whole = whole_call(session, "CA1")
    turn, talk = whole.segments
    assert (turn.kind, turn.turn_number, turn.begins_s, turn.ends_s) == ("turn", 1, 0.0, 2.0)
    assert (talk.kind, talk.begins_s, talk.ends_s) == ("talk", 3.0, 6.0)
    assert len(whole.samples) == 6 * SECOND
    peaks = whole.peaks(6)
    assert (peaks[0], peaks[2], peaks[4]) == (100, 0, 100)


def test_talks_are_kept_as_long_as_turns(world: World, forks: SoundForks) -> None:
    talk_begins(world)
    forks.ensure("CA1")
    began = forks.attach(1, "CA1")
    forks.store(1, TwoSides(0, CALLER, OPERATOR), began)
    with world.session() as session:
        session.add(TurnRecording(call_key="CA1", turn_number=1, recorded_at=world.clock(), sound=b"\xff"))
    world.clock.move(days=29)
    assert retention.run(world.sessions, world.clock)["talks"] == 0
    world.clock.move(days=2)
    counts = retention.run(world.sessions, world.clock)
    assert (counts["talks"], counts["recordings"]) == (1, 1)
