"""What a page asks of the database does not grow with the city: the same statements, and of a list in pages the same
rows, whether the town has 440 shops or 880."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy.orm import Session

from console.paging import ROWS_ON_PAGE
from ivr.models import Call, TurnLabel
from ivr.operators.models import Ticket
from ivr.services import services
from orders.book.models import OrderLineRow, OrderRow
from orders.channels.models import WebFollowUp, WebOrderRow
from orders.outbound.models import MissedCall, MissedCallNote, OutboundAttempt, VisitRow
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.windows import business_day
from tests.support.console_client import Visitor
from tests.support.counted_statements import counted_statements
from tests.support.desk_world import CARTON, CHINA, LIQUN, World

# Of each kind below, in its first state and after it has grown: more than a page in both.
FEW, MANY = ROWS_ON_PAGE + 10, 2 * (ROWS_ON_PAGE + 10)
KINDS = ("ordered", "due", "missed", "web")
# Lists that are shown a page at a time, and searches that show the first.
IN_PAGES = (
    "/today",
    "/today?state=ordered",
    "/today?q=路",
    "/retailers",
    "/retailers?q=js",
    "/retailers?q=1380",
    "/unreached",
    "/visits",
    "/labelled",
    "/desk/retailers?q=js",
    "/desk/retailers?q=js1",
    "/desk/retailers?q=路1",
    "/desk/retailers?q=1380",
    "/phone",
)
# Lists of what is to be done by somebody: all of it is shown, and read in as many statements as one of them.
WHOLE = (
    "/outbound",
    "/outbound/events",
    "/web-orders",
    "/desk",
    "/feedback",
    "/order-changes",
    "/deliveries",
    "/day-end",
)


def add_shops(session: Session, world: World, first: int, last: int) -> None:
    """Add so many shops of each kind, all due today: with an order, without one, missed and to be visited, with a web
    order that failed; and a labelled turn with each."""
    now, today = world.clock(), business_day(world.clock())
    # Stored after the shops, calls and missed calls that they are of.
    calls: list[MissedCall] = []
    of_them: list[object] = []
    for number in range(first, last):
        for place, kind in enumerate(KINDS):
            own_id = 1000 * (place + 1) + number
            code = f"4105021{own_id:05d}"
            shop = RetailerRow(
                id=own_id,
                customer_code=code,
                name=f"建设路{code[-5:]}号",
                order_weekday=today.weekday(),
                route=f"{number % 5}号线",
            )
            session.add(shop)
            of_them.append(RetailerPhone(phone=f"+86138{code[-8:]}", retailer_id=shop.id))
            if kind == "ordered":
                call = f"CA{code}"
                of_them.append(_order(shop, world, call))
                session.add(_call(call, world, shop))
                of_them.append(_label(call, world))
                of_them.append(Ticket(call_key=call, reason="asked", state="abandoned", opened_at=now, closed_at=now))
                of_them.append(_attempt(shop, world, call))
            elif kind == "missed":
                missed = MissedCall(
                    id=own_id, retailer_id=shop.id, missed_on=today, reason="absent", remedy="visit", remedy_day=today
                )
                calls.append(missed)
                noted = {"by": "the leader", "reason": "absent", "remedy": "visit", "remedy_day": today}
                of_them.append(MissedCallNote(missed_call_id=missed.id, at=now, **noted))
                of_them.append(VisitRow(missed_call_id=missed.id, at=now, by="the manager", outcome="not_met"))
            elif kind == "web":
                of_them.append(_web_order(shop, world))
                if number % 2:
                    closed = {"closed_at": now + timedelta(minutes=1), "closed_by": "the leader", "result": "declined"}
                    of_them.append(WebFollowUp(business_day=today, retailer_id=shop.id, **closed))
    session.flush()
    session.add_all(calls)
    session.flush()
    session.add_all(of_them)


def _order(shop: RetailerRow, world: World, call: str) -> OrderRow:
    today = business_day(world.clock())
    lines = [
        OrderLineRow(
            barcode=barcode,
            spec_name=barcode,
            packs_per_carton=CARTON,
            price_fen=100_00,
            requested_packs=CARTON,
            granted_packs=CARTON,
        )
        for barcode in (CHINA, LIQUN)
    ]
    return OrderRow(
        number=f"{today:%Y%m%d}{shop.customer_code[-6:]}",
        retailer_id=shop.id,
        business_day=today,
        cycle_start=today,
        kind="regular",
        state="confirmed",
        channel="outbound",
        call_key=call,
        created_at=world.clock(),
        confirmed_at=world.clock(),
        total_packs=2 * CARTON,
        amount_fen=200_00,
        lines=lines,
    )


def _call(call: str, world: World, shop: RetailerRow) -> Call:
    state = {"call_key": call, "caller": "", "called": "", "speech_enabled": True, "customer_code": shop.customer_code}
    now = world.clock()
    return Call(call_key=call, caller="", called="", started_at=now, ended_at=now, turn_number=1, state=state, reply={})


def _label(call: str, world: World) -> TurnLabel:
    said = {"text": "红塔山三条", "expect": {"kind": "items", "items": [["红塔山", 3]]}, "sound": b"\xff"}
    by = {"labelled_at": world.clock(), "labelled_by": "the leader"}
    return TurnLabel(call_key=call, turn_number=1, kind="test_case", **said, **by)


def _attempt(shop: RetailerRow, world: World, call: str) -> OutboundAttempt:
    now = world.clock()
    return OutboundAttempt(
        key=f"key {shop.customer_code}",
        business_day=business_day(now),
        retailer_id=shop.id,
        phone="+8613800000000",
        from_number="+8637255550000",
        dialled_at=now,
        call_key=call,
        answered_at=now,
        ended_at=now,
        outcome="ordered",
    )


def _web_order(shop: RetailerRow, world: World) -> WebOrderRow:
    now = world.clock()
    return WebOrderRow(
        channel="web",
        sender="the shop",
        key=shop.customer_code,
        customer_code=shop.customer_code,
        requested_packs={CHINA: CARTON},
        business_day=business_day(now),
        placed_at=now,
        received_at=now,
        state="failed",
        reason="below_minimum",
        answer={},
    )


def costs(application: Flask, visitor: Visitor, paths: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """The statements of each page and the rows they return."""
    engine = services(application).sessions.kw["bind"]
    found = {}
    for path in paths:
        # What is kept between two requests, as the catalogue, is there.
        visitor.client.get(path, buffered=True)
        with counted_statements(engine) as counted:
            assert visitor.client.get(path, buffered=True).status_code == 200, path
        found[path] = len(counted.statements), counted.rows
    return found


def test_pages_cost_the_same_in_a_town_and_in_one_twice_its_size(
    application: Flask, visitor: Visitor, world: World
) -> None:
    visitor.sign_in("leader")
    with world.session() as session:
        add_shops(session, world, 0, FEW)
    in_pages, whole = costs(application, visitor, IN_PAGES), costs(application, visitor, WHOLE)
    with world.session() as session:
        add_shops(session, world, FEW, MANY)
    assert costs(application, visitor, IN_PAGES) == in_pages
    now = costs(application, visitor, WHOLE)
    assert {path: statements for path, (statements, _) in now.items()} == {
        path: statements for path, (statements, _) in whole.items()
    }


def test_every_page_of_a_list_is_there_and_one_beyond_its_end_is_the_last(visitor: Visitor, world: World) -> None:
    visitor.sign_in("leader")
    with world.session() as session:
        add_shops(session, world, 0, FEW)
    first = visitor.get("/retailers?q=js").get_data(as_text=True)
    count = FEW * len(KINDS)
    assert f"第1–100行，一共{count}行" in first
    assert 'rel="next" href="/retailers?q=js&amp;page=2#found"' in first
    assert 'rel="prev"' not in first
    last = visitor.get("/retailers?q=js&page=99").get_data(as_text=True)
    assert f"第401–{count}行，一共{count}行" in last
    assert 'rel="prev" href="/retailers?q=js&amp;page=4#found"' in last
    assert 'rel="next"' not in last
    # With the three of the small order desk.
    assert f"一共{count + 3}行" in visitor.get("/retailers").get_data(as_text=True)
    for odd in ("0", "-3", "x", "9" * 30):
        assert visitor.get(f"/retailers?page={odd}").status_code == 200
