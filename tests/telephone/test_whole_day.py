"""One day of the order department from the evening before to the reports, through the served line and the commands.

Two hundred calls come in on eight telephones at once, besides orders by web, by file and from the signed list. Which of
two callers gets the last carton is left to chance; that the books balance, to the carton and the fen, is not.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from orders.book.models import COUNTED_STATES, DemandRecord, OrderHistory, OrderLineRow, OrderRow
from orders.channels import web_orders
from orders.channels.file_import import COLUMNS as ORDER_COLUMNS
from orders.channels.proxy_list import COLUMNS as PROXY_COLUMNS
from orders.day_end.settlement import ANSWER_COLUMNS
from orders.outbound import missed_calls
from orders.retailers.models import RetailerRow
from orders.supply import limits
from orders.supply.models import Limit, Supply
from simulator.account import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from simulator.inbound_calls import open_account
from tests.support.city import (
    ALL,
    DAY,
    DUE,
    MAIN,
    NOT_DUE,
    RETAILER_COLUMNS,
    SUPPLEMENTARY,
    SUPPLY,
    SUSPENDED,
    City,
    code,
    phone,
    retailer_rows,
    served_city,
)
from tests.support.keypad_caller import Ending, KeypadCaller
from tests.support.served_app import CLOCK
from tests.support.served_line import ServedLine

pytestmark = [pytest.mark.timeout(900), pytest.mark.on_both]

# Retailers by order channel; each a range of the retailers that are due.
CALLERS, MOBILE, WEB = range(180), range(180, 190), range(190, 200)
BY_FILE, PROXY, SILENT = range(200, 208), range(208, 216), range(216, 232)
WITH_PIN = range(4)
HANG_UP = range(20, 32)
RING_AGAIN = range(20, 28)
ASK_AGAIN = range(40, 44)
WAVES = 9


@pytest.fixture
def city(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    clock_file = tmp_path / "clock"
    monkeypatch.setenv(CLOCK, str(clock_file))
    account, rest = open_account("127.0.0.1", 0, DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN)
    with (
        rest,
        served_city(tmp_path, ServedLine(database_url, tmp_path, account, "keypad", timedelta()), clock_file) as city,
    ):
        yield city


def test_a_whole_day_adds_up_to_the_carton_and_the_fen(city: City) -> None:
    evening_before(city)
    orders_of_the_evening(city)
    the_morning(city)
    the_afternoon(city)
    not_paid = the_end_of_the_day(city)
    assert len(city.callers) > 200
    what_was_read_back_was_saved(city)
    books_add_up(city, not_paid)
    the_reports_agree(city)


# --- the day


def evening_before(city: City) -> None:
    """Set up retailers, lines, hours; supply is split and fine-tuned, and limits are locked from 07:50 on."""
    city.set_clock(22, 18)
    why = ("--why", "plan")
    city.run_command(
        "import-retailers", city.write_csv("retailers.csv", RETAILER_COLUMNS, retailer_rows()), *why, by="clerk"
    )
    city.run_command(
        "hotline", MAIN, "--name", "安阳", "--seat", "1", "--opens", "08:00", "--closes", "17:00", *why, by="leader"
    )
    regions = ("--region", "东区", "--region", "西区")
    city.run_command(
        "hotline",
        SUPPLEMENTARY,
        "--name",
        "安阳",
        "--seat",
        "9",
        "--kind",
        "supplementary",
        *regions,
        *why,
        by="leader",
    )
    supply = city.write_csv(
        "supply.csv",
        ("name", "cartons", "basis", "most"),
        [(spec.name, cartons, basis, most) for spec, (basis, cartons, most) in zip(city.specs, SUPPLY, strict=True)],
    )
    dry = city.run_command("allocate", supply, "--day", DAY, "--dry-run", *why, by="manager")
    done = city.run_command("allocate", supply, "--day", DAY, *why, by="manager")
    assert dry.splitlines()[-1].replace("would be ", "") == done.splitlines()[-1]
    every_level_adds_up(city)
    free = [spec for spec, (basis, _, _) in zip(city.specs, SUPPLY, strict=True) if basis == "free"]
    rows = [(code(number), spec.name, 1 + number % 3) for number in DUE for spec in free]
    rows += [(code(number), spec.name, 4) for number in NOT_DUE for spec in city.specs[:6]]
    city.run_command(
        "import-limits", city.write_csv("limits.csv", limits.COLUMNS, rows), "--day", DAY, *why, by="manager"
    )
    city.set_clock(23, 7, 40)
    # One carton from one to another, by name and for a reason.
    first, second = (limit_of(city, number, city.specs[0].barcode) for number in (0, 1))
    name = city.specs[0].name
    tuned = city.write_csv("tuned.csv", limits.COLUMNS, [(code(0), name, first - 1), (code(1), name, second + 1)])
    city.run_command("import-limits", tuned, "--day", DAY, "--why", "as they agreed", by="manager")
    every_level_adds_up(city)
    city.set_clock(23, 7, 50)
    city.run_command("allocate", supply, "--day", DAY, *why, by="manager", refused="locked since 07:50")


def orders_of_the_evening(city: City) -> None:
    """Take orders by the mobile app, from 19:00 the evening before."""
    city.set_clock(22, 18, 59)
    token = city.run_command("web-orders", "new-sender", "the app", "--channel", "mobile", by="leader").strip()
    wanted = {spec.barcode: 2 for spec in city.specs[:4]}
    assert city.post(token, MOBILE[0], wanted, "too early").status_code == 409
    city.set_clock(22, 19, 30)
    answers = city.post_all(token, MOBILE, wanted)
    assert [answer.status_code for answer in answers] == [201] * len(MOBILE)
    again = city.post(token, MOBILE[0], wanted)
    assert (again.status_code, again.json()) == (200, answers[0].json())


def the_morning(city: City) -> None:
    """Take calls in waves, with web orders beside them; interrupted drafts are resumed. The city trusts the numbers its
    retailers registered: most have no PIN."""
    city.set_clock(23, 8)
    city.run_command("department-rule", "registered_number_pin", 2, "--why", "as before", by="leader")
    token = city.run_command("web-orders", "new-sender", "the page", "--channel", "web", by="leader").strip()
    chance = random.Random(23)
    callers = [
        KeypadCaller(
            "+8613900000000" if number in WITH_PIN else phone(number),
            wishes(city, chance),
            hangs_up=number in HANG_UP,
            code=code(number),
            pin="7294",
        )
        for number in CALLERS
    ]
    early = [KeypadCaller(phone(number), ()) for number in (*SUSPENDED, *NOT_DUE)]
    city.calls(early)
    assert {caller.ending for caller in early} == {"refused"}
    size = len(CALLERS) // WAVES
    for wave in range(WAVES):
        city.set_clock(23, 8 + wave // 2, 30 * (wave % 2))
        city.calls(callers[wave * size : (wave + 1) * size])
        if wave == 3:
            greedy = {city.specs[0].barcode: 60, city.specs[1].barcode: 1}
            answers = city.post_all(token, WEB, greedy)
            assert {answer.json()["state"] for answer in answers} == {"cut"}
    again = [KeypadCaller(phone(number), wishes(city, chance)[:1]) for number in (*RING_AGAIN, *ASK_AGAIN)]
    city.calls(again)
    assert [caller.ending for caller in again] == ["saved"] * len(RING_AGAIN) + ["refused"] * len(ASK_AGAIN)
    assert Counter(caller.ending for caller in callers) == {
        "saved": len(CALLERS) - len(HANG_UP),
        "hung up": len(HANG_UP),
    }
    with city.session() as session:
        to_audit = [row.id for row in web_orders.audit_list(session, DAY)]
    assert len(to_audit) == len(WEB)
    city.run_command("web-orders", "audit", to_audit[0], "--note", "as the policy has it", by="leader")


def the_afternoon(city: City) -> None:
    """Import a file from another system and the signed list, approve and refuse changes; then the supplementary
    line."""
    nothing = city.specs[-1].name
    rows = [
        (f"T{number}", code(number), city.specs[place].name, 2, "2026-11-23 11:50")
        for number in BY_FILE[:-1]
        for place in (0, 5)
    ]
    rows.append((f"T{BY_FILE[-1]}", code(BY_FILE[-1]), nothing, 1, "2026-11-23 11:55"))
    city.set_clock(23, 12, 5)
    import_orders = (
        "web-orders",
        "import-orders",
        city.write_csv("taken.csv", ORDER_COLUMNS, rows),
        "--channel",
        "mobile",
    )
    assert city.run_command(*import_orders, "--sender", "old") == "Orders in taken.csv: 1 failed, 7 saved.\n"
    assert city.run_command(*import_orders, "--sender", "old") == "Orders in taken.csv: 8 entered before.\n"
    assert code(BY_FILE[-1]) in city.run_command("web-orders", "phone-list", "--day", DAY)
    city.set_clock(23, 13, 30)
    signed = [(code(number), city.specs[2].name, 1 + number % 3, "店主", "主任", "副经理") for number in PROXY]
    listed = city.write_csv("proxy.csv", PROXY_COLUMNS, signed)
    assert (
        city.run_command("proxy-orders", listed, "--day", DAY, by="operator") == "Proxy orders in proxy.csv: 8 saved.\n"
    )
    change_orders(city)
    city.set_clock(23, 17)
    late = KeypadCaller(phone(SILENT[0]), [(city.specs[0].short_code, 1)])
    city.calls([late])
    assert late.ending == "refused"
    with city.session() as session:
        for number in NOT_DUE:
            retailer = session.scalars(select(RetailerRow).where(RetailerRow.customer_code == code(number))).one()
            missed_calls.record_missed_call(
                session, retailer, DAY, "absent", "supplementary", DAY, note="", by="the leader", now=city.now
            )
    assert supplementary(city, NOT_DUE[:6]) == {"saved"}


def supplementary(city: City, numbers: range) -> set[Ending | None]:
    """Let retailers that missed their call call the supplementary line and choose their region; returns the
    outcomes."""
    callers = [
        KeypadCaller(phone(number), wishes(city, random.Random(number), 6), region="12"[number % 2])
        for number in numbers
    ]
    city.calls(callers, SUPPLEMENTARY)
    return {caller.ending for caller in callers}


def change_orders(city: City) -> None:
    """Reduce one order, cancel one, and leave one unchanged."""
    for number, login, decision in (
        (50, "director", "--approve"),
        (51, "leader", "--approve"),
        (52, "leader", "--refuse"),
    ):
        order, lines = order_of(city, number)
        kept = () if number == 51 else ("--line", lines[0][0], lines[0][1])
        said = city.run_command("order-change", "ask", order, *kept, "--reason", "the shop rang", by="operator")
        city.run_command("order-change", "decide", said.split()[1], decision, by="operator", refused="this is for")
        city.run_command("order-change", "decide", said.split()[1], decision, by=login)


def the_end_of_the_day(city: City) -> list[str]:
    """Run every step in order; unpaid orders are cut or cancelled. Returns the orders the bank refused."""
    city.set_clock(23, 18)
    city.day_end("audit", refused="comes after balances")
    balances = city.write_csv("balances.csv", ("customer_code", "balance"), [(code(number), 30_000) for number in ALL])
    done = city.day_end("balances", balances)
    assert done["lapsed"] == [code(number) for number in HANG_UP if number not in RING_AGAIN]
    city.day_end("audit", refused="wait for their audit")
    with city.session() as session:
        to_audit = [row.id for row in web_orders.audit_list(session, DAY)]
    for number in to_audit:
        city.run_command("web-orders", "audit", number, "--note", "as the policy has it", by="leader")
    city.day_end("audit")
    out = ("--out", city.folder)
    city.day_end("settle", *out)
    first = city.read_csv("settlement-20261123-1.csv")
    poor, broke = first[0], first[1]
    half = (Decimal(poor["amount"]) / 2).quantize(Decimal("0.01"))
    answers = [(row["order"], "paid", "") for row in first[2:]]
    answers += [(poor["order"], "failed", half), (broke["order"], "failed", 0)]
    counts = city.day_end("answer", city.write_csv("answer.csv", ANSWER_COLUMNS, answers), "--rule", "cut")
    assert (counts["paid"], counts["failed"]) == (len(first) - 2, 2)
    city.day_end("hand-over", *out, refused="comes after settlement")
    assert supplementary(city, NOT_DUE[:1]) == {"refused"}, "it has ordered already"
    assert supplementary(city, NOT_DUE[6:12]) == {"saved"}
    city.day_end("settle", *out)
    second = city.read_csv("settlement-20261123-2.csv")
    assert len(second) == 1 + 6
    assert Decimal(next(row["amount"] for row in second if row["order"] == poor["order"])) <= half
    city.day_end("answer", city.write_csv("again.csv", ANSWER_COLUMNS, [(row["order"], "paid", "") for row in second]))
    city.day_end("hand-over", *out)
    assert supplementary(city, NOT_DUE[12:]) == {"refused"}, "delivery has the day's orders"
    city.day_end("notice", *out)
    city.day_end("close")
    city.day_end("close", refused="done already")
    return [poor["order"], broke["order"]]


# --- the checks


def every_level_adds_up(city: City) -> None:
    """Check that all split supply is granted to retailers, to the carton."""
    with city.session() as session:
        for spec, (basis, cartons, most) in zip(city.specs, SUPPLY, strict=True):
            given = session.scalars(
                select(Limit.limit_packs).where(Limit.barcode == spec.barcode, Limit.cycle_start == DAY)
            ).all()
            if basis != "free" and not most:
                assert sum(given) == cartons * spec.packs_per_carton, spec.name
            elif basis != "free":
                assert sum(given) <= cartons * spec.packs_per_carton
                assert max(given) <= int(most) * spec.packs_per_carton


def what_was_read_back_was_saved(city: City) -> None:
    """Check that the order read back before the yes is the one saved, in cartons and fen, despite later changes."""
    saved = {caller.number: caller for caller in city.callers if caller.ending == "saved"}
    with city.session() as session:
        confirmed = session.execute(
            select(OrderRow.number, OrderHistory.detail)
            .join(OrderHistory, OrderHistory.order_id == OrderRow.id)
            .where(OrderHistory.event == "confirmed", OrderRow.channel == "phone")
        ).all()
    assert set(saved) == {number for number, _ in confirmed}
    for number, detail in confirmed:
        caller = saved[number]
        assert (round(caller.cartons * 10), round(caller.yuan * 100)) == (detail["packs"], detail["amount_fen"]), caller


def books_add_up(city: City, refused_by_the_bank: list[str]) -> None:
    """Check that supply, limits, orders, money and delivery agree."""
    sold = {row["barcode"]: Counter[str]() for row in city.read_csv("delivery-20261123.csv")}
    delivered: Counter[str] = Counter()
    worth: Counter[str] = Counter()
    for row in city.read_csv("delivery-20261123.csv"):
        spec = city.catalog.specs[row["barcode"]]
        packs = int(row["cartons"]) * spec.packs_per_carton + int(row["packs"])
        sold[row["barcode"]][row["order"]] += packs
        delivered[row["order"]] += packs
        worth[row["order"]] += int(row["cartons"]) * spec.wholesale_fen
    paid: Counter[str] = Counter()
    for number in (1, 2):
        for row in city.read_csv(f"settlement-20261123-{number}.csv"):
            if number == 2 or row["order"] not in refused_by_the_bank:
                paid[row["order"]] += int(Decimal(row["amount"]) * 100)
    assert paid == worth
    notices = city.read_csv("notices-20261123.csv")
    told = {row["order"]: row["notice"] for row in notices if row["notice"] != "delivered"}
    assert told == dict(zip(refused_by_the_bank, ("unpaid_cut", "unpaid_cancelled"), strict=True))
    noticed = {
        row["order"]: (int(row["packs"]), int(row["amount_fen"]))
        for row in notices
        if row["notice"] != "unpaid_cancelled"
    }
    assert noticed == {order: (delivered[order], worth[order]) for order in worth}
    with city.session() as session:
        orders = session.scalars(select(OrderRow).where(OrderRow.business_day == DAY)).all()
        counted = {str(order.number): order for order in orders if order.state in COUNTED_STATES}
        assert {order.state for order in counted.values()} == {"handed_over"}
        assert {number: order.amount_fen for number, order in counted.items()} == worth
        assert {number: order.total_packs for number, order in counted.items()} == delivered
        assert len({order.retailer_id for order in counted.values()}) == len(counted)
        for supply in session.scalars(select(Supply).where(Supply.business_day == DAY)):
            left = supply.supplied_packs - supply.sold_packs
            assert (supply.held_packs, supply.sold_packs) == (0, sum(sold.get(supply.barcode, {}).values()))
            assert left >= 0
        reasons = Counter(session.scalars(select(DemandRecord.reason)))
        assert {"limit", "stock", "out_of_stock"} <= reasons.keys(), "more was wanted than there was"
        used = Counter(
            {(row.retailer_id, row.barcode): row.used_packs for row in session.scalars(select(Limit)) if row.used_packs}
        )
        lines = session.execute(
            select(OrderRow.retailer_id, OrderLineRow.barcode, OrderLineRow.granted_packs)
            .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
            .where(OrderRow.state.in_(COUNTED_STATES))
        )
        assert used == Counter({(retailer, barcode): packs for retailer, barcode, packs in lines})
        assert session.scalars(select(Limit.barcode).where(Limit.held_packs != 0)).all() == []
        for wanted in session.scalars(select(DemandRecord)):
            assert wanted.requested_packs >= wanted.granted_packs >= 0
            assert (wanted.reason is None) == (wanted.requested_packs == wanted.granted_packs)
        for retailer in session.scalars(select(RetailerRow)):
            own = sum(order.amount_fen for order in counted.values() if order.retailer_id == retailer.id)
            assert retailer.balance_fen == 30_000_00 - own


def the_reports_agree(city: City) -> None:
    """Check that the report's tables agree with the delivery."""
    city.run_command("report", "--day", DAY, "--out", city.folder, "--format", "csv")
    city.run_command("report", "--day", DAY, "--out", city.folder)
    delivered = city.read_csv("delivery-20261123.csv")
    notices = [row for row in city.read_csv("notices-20261123.csv") if row["notice"] != "unpaid_cancelled"]
    amount = Decimal(sum(int(row["amount_fen"]) for row in notices)) / 100
    packs = sum(int(row["packs"]) for row in notices)
    [day] = city.read_csv("report-day-2026-11-23-days.csv")
    assert (int(day["订单数"]), int(day["盒数"]), Decimal(day["金额(元)"])) == (len(notices), packs, amount)
    assert int(day["应订户数"]) == len(DUE)
    due = {code(number) for number in DUE}
    assert int(day["已订户数"]) == len({row["customer_code"] for row in notices} & due)
    assert int(day["过期未确认"]) == len(HANG_UP) - len(RING_AGAIN)
    channels = {row["渠道"]: row for row in city.read_csv("report-day-2026-11-23-channels.csv")}
    assert sum(int(row["订单数"]) for row in channels.values()) == len(notices)
    assert sum(Decimal(row["金额(元)"]) for row in channels.values()) == amount
    assert int(channels["代订"]["订单数"]) == len(PROXY)
    met = {row["条码"]: Decimal(row["满足(条)"]) for row in city.read_csv("report-day-2026-11-23-specs.csv")}
    by_spec: Counter[str] = Counter()
    for row in delivered:
        by_spec[row["barcode"]] += int(row["cartons"])
    assert {barcode: cartons for barcode, cartons in met.items() if cartons} == by_spec
    for row in city.read_csv("report-day-2026-11-23-specs.csv"):
        assert Decimal(row["需求(条)"]) >= Decimal(row["满足(条)"])
    outcomes = {row["结果"]: int(row["通数"]) for row in city.read_csv("report-day-2026-11-23-calls.csv")}
    assert sum(outcomes.values()) == len(city.callers)
    city.run_command("draft", "--day", DAY, "--out", city.folder)
    diary = (city.folder / f"diary-day-{DAY}.txt").read_text(encoding="utf-8")
    assert f"订单 {len(notices)} 份，{packs // 10} 条，金额 {amount:.2f} 元" in diary


def wishes(city: City, chance: random.Random, choices: int | None = None) -> list[tuple[str, int]]:
    """Three or four specs, sometimes more of one than its limit."""
    specs = chance.sample(city.specs[:choices], chance.randint(3, 4))
    return [(spec.short_code, chance.randint(1, 5)) for spec in specs]


def limit_of(city: City, number: int, barcode: str) -> int:
    with city.session() as session:
        retailer = session.scalars(select(RetailerRow.id).where(RetailerRow.customer_code == code(number))).one()
        packs = session.get_one(Limit, (retailer, DAY, barcode)).limit_packs
    return packs // city.catalog.specs[barcode].packs_per_carton


def order_of(city: City, number: int) -> tuple[str, list[tuple[str, int]]]:
    """The number and lines of a retailer's saved order."""
    with city.session() as session:
        order = session.scalars(
            select(OrderRow)
            .join(RetailerRow, RetailerRow.id == OrderRow.retailer_id)
            .where(RetailerRow.customer_code == code(number), OrderRow.state == "confirmed")
        ).one()
        return str(order.number), [(line.barcode, line.granted_packs) for line in order.lines]
