"""Seats: one operator at each, remembered from day to day, and free again after signing out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

import storage
from orders.demo.demo_staff import DEMO_PASSWORD, seed_demo_staff
from orders.staff import seats
from orders.staff.seats import InvalidSeat, SeatTaken
from tests.support.console_client import Visitor
from tests.support.desk_world import MovingClock

OPERATOR, OTHER = 1, 2


def sign_in_at(visitor: Visitor, login: str, seat: str = "") -> str:
    """Sign in through the page's own form; returns the redirect's address."""
    form = {"login": login, "password": DEMO_PASSWORD, "seat": seat, "csrf_token": visitor.token()}
    return visitor.client.post("/login", data=form).location


def test_who_signs_in_sits_where_they_say_or_where_they_sat_last(visitor: Visitor) -> None:
    sign_in_at(visitor, "operator", "7")
    assert "7号" in visitor.get("/today").get_data(as_text=True)
    visitor.post("/logout")
    sign_in_at(visitor, "operator")
    assert "7号" in visitor.get("/today").get_data(as_text=True)


def test_a_seat_somebody_has_is_refused_with_their_name_and_another_one_is_taken(
    visitor: Visitor, new_visitor: Callable[[], Visitor]
) -> None:
    sign_in_at(visitor, "operator", "7")
    second = new_visitor()
    led_to = sign_in_at(second, "operator2", "7")
    assert led_to == "/seat?wanted=7"
    page = second.get(led_to).get_data(as_text=True)
    assert "7号席位现在是李晓燕在用" in page
    assert 'aria-describedby="seat-wrong"' in page
    assert "没有席位" in page
    assert second.post("/seat", seat="7").status_code == 422
    assert second.post("/seat", seat="8").status_code == 302
    assert "8号" in second.get("/today").get_data(as_text=True)


def test_what_is_no_seat_is_said_beside_the_field(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    answer = visitor.post("/seat", seat="窗 边")
    assert answer.status_code == 422
    assert "席位写数字或字母" in answer.get_data(as_text=True)


def test_a_seat_is_free_when_its_person_signs_out_or_has_long_been_away(
    visitor: Visitor, new_visitor: Callable[[], Visitor], clock: MovingClock
) -> None:
    sign_in_at(visitor, "operator", "7")
    visitor.post("/logout")
    second = new_visitor()
    assert sign_in_at(second, "operator2", "7") == "/"
    clock.move(minutes=20)
    second.get("/today")
    clock.move(minutes=20)
    third = new_visitor()
    assert sign_in_at(third, "leader", "7") == "/seat?wanted=7"
    clock.move(minutes=31)
    assert sign_in_at(new_visitor(), "leader", "7") == "/"


def test_who_takes_no_calls_has_no_seat(visitor: Visitor) -> None:
    assert sign_in_at(visitor, "manager", "7") == "/"
    page = visitor.get("/today").get_data(as_text=True)
    assert "7号" not in page
    assert visitor.get("/seat").status_code == 403


def test_one_person_has_one_seat_on_every_database(engine: Engine, clock: MovingClock) -> None:
    sessions = storage.open_sessions(engine)
    with storage.transaction(sessions) as session:
        seed_demo_staff(session, clock())
    with storage.transaction(sessions) as session:
        seats.take_seat(session, OPERATOR, "1", clock())
        seats.take_seat(session, OPERATOR, "2", clock())
        seats.take_seat(session, OTHER, "1", clock())
        with pytest.raises(SeatTaken, match="李晓燕"):
            seats.take_seat(session, OTHER, "2", clock())
        with pytest.raises(InvalidSeat):
            seats.take_seat(session, OTHER, "", clock())
        assert [(row.seat, person.name) for row, person in seats.occupied_seats(session, clock())] == [
            ("1", "王敏"),
            ("2", "李晓燕"),
        ]
        seats.leave_seat(session, OTHER)
        assert seats.seat_of(session, OTHER, clock()) == ""
