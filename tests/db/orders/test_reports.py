"""Reports show the requested and the granted quantities, nothing twice and nothing lost."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from clock import SHANGHAI
from ivr.figures import call_figures
from ivr.figures.operator_figures import operator_figures
from ivr.models import Call
from ivr.operators.models import Ticket
from orders.money import yuan
from orders.outbound.models import MissedCall, OutboundAttempt
from orders.reporting.figures import DayFigures, Figures, SpecNeed, missed_reasons, read_figures
from orders.reporting.labels import cartons, percent
from orders.reporting.period import Period, Span
from orders.staff.accounts import create_staff
from orders.windows import business_day
from tests.support.commands import run_command
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, MAIN, SHOP, STATION, World

TODAY = date(2026, 11, 23)
DAY = Period(TODAY, TODAY)
WEEK = Period.around(TODAY, "week")


def call(world: World, code: str, lines: dict[str, int], *, key: str | None = None, yes: bool = True) -> None:
    """A call that requests these cartons of each spec, and ends with a yes or a hang-up."""
    key = key or f"call {code} {world.clock.now:%m%d%H%M}"
    with world.desk() as desk:
        retailer = desk.retailer(code)
        assert retailer is not None
        desk.open_draft(key, retailer, desk.hotline(MAIN))
        for barcode, wanted in lines.items():
            desk.draft(key).set_line(barcode, wanted * CARTON)
        if yes:
            desk.draft(key).confirm()
        else:
            desk.draft(key).abandon()


def figures_of(world: World, period: Period = DAY) -> Figures:
    with world.session() as session:
        return read_figures(session, period, business_day(world.clock()))


def day_of(world: World) -> DayFigures:
    [figures] = figures_of(world).days
    return figures


def need_of(world: World, barcode: str, period: Period = DAY) -> SpecNeed:
    return next(need for need in figures_of(world, period).needs if need.barcode == barcode)


def command(world: World, *words: str) -> str:
    result = run_command(world, *words)
    assert result.exit_code == 0, result.output
    return str(result.output)


def test_what_was_cut_is_unmet_need(world: World) -> None:
    world.limit(CHINA, 6)
    call(world, SHOP, {CHINA: 8, CLASSIC: 2})
    call(world, STATION, {CHINA: 2})
    need = need_of(world, CHINA)
    assert (need.requested_packs, need.met_packs, need.unmet_packs) == (100, 80, 20)
    assert need.met_rate == Fraction(80, 100)
    assert (need.asked, need.reached, need.reach) == (2, 2, 1)
    assert need_of(world, CLASSIC).reach == Fraction(1, 2)
    assert figures_of(world).unmet_reasons == [("limit", 1)]


def test_what_was_asked_for_in_a_call_that_broke_off_is_still_a_need(world: World) -> None:
    call(world, SHOP, {CHINA: 3}, yes=False)
    # It can be taken up again until its day is over.
    assert figures_of(world).needs == []
    world.clock.move(days=1)
    need = need_of(world, CHINA)
    assert (need.requested_packs, need.met_packs, need.reached) == (3 * CARTON, 0, 0)
    assert (need.unmet_by_reason, day_of(world).lapsed) == ({"unsaved": 3 * CARTON}, 1)


def test_asking_again_after_a_broken_call_is_no_second_need(world: World) -> None:
    call(world, SHOP, {CHINA: 3}, yes=False)
    with world.desk() as desk:
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        desk.open_channel_draft("again", retailer, "operator")
        desk.draft("again").set_line(CHINA, 4 * CARTON)
        desk.draft("again").confirm()
    need = need_of(world, CHINA)
    assert (need.requested_packs, need.met_packs, need.unmet_packs) == (4 * CARTON, 4 * CARTON, 0)


def test_what_the_retailer_took_off_itself_is_no_need(world: World) -> None:
    call(world, SHOP, {CHINA: 3, CLASSIC: 1}, yes=False)
    with world.desk() as desk:
        key = f"call {SHOP} {world.clock.now:%m%d%H%M}"
        desk.draft(key).remove(CHINA)
        desk.draft(key).confirm()
    assert [need.barcode for need in figures_of(world).needs] == [CLASSIC]


def test_the_day_counts_who_was_due_and_who_ordered(world: World) -> None:
    call(world, SHOP, {CHINA: 2})
    world.change_retailer(CORNER, status="suspended")
    figures = day_of(world)
    assert (figures.due, figures.due_ordered, figures.success) == (2, 1, Fraction(1, 2))
    assert (figures.orders, figures.packs, figures.amount_fen) == (1, 20, 2 * 381_60)


def test_a_week_adds_up_to_its_days_and_sees_who_comes_back(world: World) -> None:
    call(world, SHOP, {CHINA: 2})
    world.clock.move(days=7)
    world.supply()
    call(world, SHOP, {CHINA: 1})
    week = figures_of(world, Period.around(TODAY, "month")).days
    assert sum(day.packs for day in week) == 30
    assert [day.day for day in week if day.orders] == [TODAY, TODAY + timedelta(days=7)]
    # Retailers that ordered it last week and again this week; before the first week there was none.
    assert need_of(world, CHINA, WEEK).repeat_rate == 0
    assert need_of(world, CHINA, Period.around(TODAY + timedelta(days=7), "week")).repeat_rate == 1


def test_a_supplementary_order_of_who_was_not_due_raises_no_success(world: World) -> None:
    world.missed(CORNER)
    with world.desk() as desk:
        retailer = desk.retailer(CORNER)
        assert retailer is not None
        desk.open_draft("call", retailer, desk.hotline("+8637255933333"))
        desk.draft("call").set_line(CHINA, CARTON)
        desk.draft("call").confirm()
    assert (day_of(world).orders, day_of(world).due_ordered) == (1, 0)
    with world.session() as session:
        assert missed_reasons(session, Period(TODAY - timedelta(days=1), TODAY)) == [("absent", 1)]


@pytest.mark.parametrize(
    ("day", "span", "first", "last"),
    [
        (date(2026, 11, 29), "week", date(2026, 11, 23), date(2026, 11, 29)),
        (date(2027, 1, 1), "week", date(2026, 12, 28), date(2027, 1, 3)),
        (date(2028, 2, 29), "month", date(2028, 2, 1), date(2028, 2, 29)),
        (date(2026, 2, 1), "month", date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 12, 31), "month", date(2026, 12, 1), date(2026, 12, 31)),
        (date(2026, 12, 31), "day", date(2026, 12, 31), date(2026, 12, 31)),
    ],
)
def test_weeks_and_months_are_those_of_the_calendar(day: date, span: Span, first: date, last: date) -> None:
    period = Period.around(day, span)
    assert (period.first, period.last) == (first, last)
    assert period.days[-1] == last


@given(st.integers(0, 10**13))
def test_yuan_are_exact_to_the_fen(fen: int) -> None:
    assert yuan(fen) * 100 == fen
    assert str(yuan(fen)) == f"{fen // 100}.{fen % 100:02d}"


def test_shares_of_nothing_are_no_shares() -> None:
    assert percent(None) is None
    assert (percent(Fraction(2, 3)), cartons(25, 10)) == (Decimal("66.7"), Decimal("2.50"))


# --- calls


def ended_call(call_key: str, at: datetime, lasted: timedelta = timedelta(minutes=3)) -> Call:
    return Call(
        call_key=call_key,
        caller="+86",
        called=MAIN,
        started_at=at,
        ended_at=at + lasted,
        turn_number=0,
        state={},
        reply={},
    )


def test_every_call_has_one_outcome(world: World) -> None:
    now, shop = world.clock(), world.retailer(SHOP).id
    with world.session() as session:
        for call_key in (
            *("ordered", "helped", "unsaved", "operator", "left", "nothing"),
            *("call me", "came back", "ours"),
        ):
            session.add(ended_call(call_key, now))
        session.add(ended_call("going on", now))
        session.add(ended_call("earlier", now - timedelta(days=1)))
        person = create_staff(session, now, login="chen", name="Chen", role="operator", password_hash="", seat="1")
        session.flush()
        for call_key in ("helped", "operator"):
            session.add(
                Ticket(
                    call_key=call_key,
                    reason="asked",
                    state="finished",
                    opened_at=now,
                    taken_by=person.id,
                    taken_at=now,
                    closed_at=now + timedelta(minutes=2),
                )
            )
        for call_key, state in (("left", "abandoned"), ("call me", "abandoned"), ("call me", "callback")):
            session.add(Ticket(call_key=call_key, reason="asked", state=state, opened_at=now, closed_at=now))
        # Given up while waiting, and reached an operator with another ticket of the same call.
        session.add(Ticket(call_key="came back", reason="asked", state="abandoned", opened_at=now, closed_at=now))
        session.add(
            Ticket(
                call_key="came back", reason="asked", state="given_back", opened_at=now, answered_at=now, closed_at=now
            )
        )
        # The line made this call: it is no call made to the line.
        session.add(
            OutboundAttempt(
                key="1",
                business_day=TODAY,
                retailer_id=shop,
                phone="1",
                from_number=MAIN,
                dialled_at=now,
                call_key="ours",
                ended_at=now,
                outcome="answered",
            )
        )
        session.get_one(Call, "going on").ended_at = None
    call(world, SHOP, {CHINA: 1}, key="unsaved", yes=False)
    call(world, SHOP, {CHINA: 1}, key="ordered")
    call(world, STATION, {CHINA: 1}, key="helped")
    with world.session() as session:
        assert call_figures.outcomes(session, DAY, now) == {
            "ordered": 1,
            "ordered_with_operator": 1,
            "unsaved": 1,
            "operator": 2,
            "callback": 1,
            "abandoned": 1,
            "no_order": 1,
        }
        [chen] = operator_figures(session, DAY)
        assert (chen.name, chen.taken, chen.finished, chen.orders, chen.talk_time) == (
            "Chen",
            2,
            2,
            1,
            timedelta(minutes=4),
        )


def test_a_call_just_after_midnight_belongs_to_the_new_day(world: World) -> None:
    with world.session() as session:
        midnight = datetime(2026, 11, 24, tzinfo=SHANGHAI)
        for call_key, at in (("before", midnight - timedelta(seconds=1)), ("after", midnight)):
            session.add(ended_call(call_key, at))
    with world.session() as session:
        assert call_figures.outcomes(session, DAY, world.clock())["no_order"] == 1


# --- files


def test_the_tables_are_written_as_csv_and_say_the_same_as_the_workbook(world: World, tmp_path: Path) -> None:
    world.limit(CHINA, 6)
    call(world, SHOP, {CHINA: 8, CLASSIC: 2})
    command(world, "report", "--day", "2026-11-23", "--out", str(tmp_path), "--format", "csv")
    command(world, "report", "--day", "2026-11-23", "--out", str(tmp_path))
    with (tmp_path / "report-day-2026-11-23-specs.csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.reader(lines))
    assert rows[1][1:5] == ["中华(硬)", "8.00", "6.00", "2.00"]
    assert rows[0][5:10] == ["无货(条)", "没有分到(条)", "超限量(条)", "目录里没有(条)", "最后没订(条)"]
    assert rows[1][5:11] == ["0.00", "0.00", "2.00", "0.00", "0.00", "75.0"]
    book = load_workbook(tmp_path / "report-day-2026-11-23.xlsx")
    assert book.sheetnames == ["每日", "品规", "渠道", "原因", "通话结果", "人工服务", "订货员"]
    sheet = book["品规"]
    assert [[str(cell) for cell in row[:2]] for row in sheet.iter_rows(min_row=2, values_only=True)] == [
        row[:2] for row in rows[1:]
    ]
    assert (sheet["C2"].value, sheet["E2"].value) == (8, 2)
    charts = {one.title: len(one._charts) for one in book if one._charts}  # type: ignore[attr-defined]
    assert charts == {"每日": 2, "品规": 1, "通话结果": 1}


def test_a_name_that_begins_like_a_formula_stays_a_name(world: World, tmp_path: Path) -> None:
    with world.session() as session:
        session.add(
            MissedCall(
                retailer_id=world.retailer(SHOP).id, missed_on=TODAY, reason="=1+1", remedy="visit", remedy_day=TODAY
            )
        )
    command(world, "report", "--day", "2026-11-23", "--out", str(tmp_path))
    cell = load_workbook(tmp_path / "report-day-2026-11-23.xlsx")["原因"]["B2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_a_month_without_anything_is_reported_as_that(world: World, tmp_path: Path) -> None:
    command(world, "report", "--span", "month", "--day", "2020-02-01", "--out", str(tmp_path))
    command(world, "draft", "--span", "month", "--day", "2020-02-01", "--out", str(tmp_path))
    assert "2020-02-01 至 2020-02-29" in (tmp_path / "report-month-2020-02-01.txt").read_text(encoding="utf-8")


def test_the_diary_is_drafted_from_the_days_figures(world: World, tmp_path: Path) -> None:
    world.limit(CHINA, 6)
    call(world, SHOP, {CHINA: 8})
    command(world, "draft", "--day", "2026-11-23", "--out", str(tmp_path))
    text = (tmp_path / "diary-day-2026-11-23.txt").read_text(encoding="utf-8")
    assert "应订 2 户，已订 1 户，订货成功率 50.0%" in text
    assert "金额 2289.60 元" in text
    assert "中华(硬)：需求 8 条，满足 6 条" in text
    assert "电话：1 份" in text


def test_the_weeks_report_has_a_line_for_each_day(world: World, tmp_path: Path) -> None:
    call(world, SHOP, {CHINA: 1})
    world.clock.move(days=4)
    command(world, "draft", "--span", "week", "--day", "2026-11-27", "--out", str(tmp_path))
    text = (tmp_path / "report-week-2026-11-23.txt").read_text(encoding="utf-8")
    assert "2026-11-23：应订 2 户，已订 1 户，成功率 50.0%；订单 1 份，金额 381.60 元，订足率 100.0%。" in text
    assert "2026-11-24：应订 1 户，已订 0 户，成功率 0.0%；订单 0 份，金额 0.00 元，订足率 —。" in text
