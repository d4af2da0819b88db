"""Exports: for those who need them, on record, and never a formula."""

from __future__ import annotations

import csv
import io
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from sqlalchemy import select
from werkzeug.test import TestResponse

from orders.models import SettingChange
from orders.retailers.models import RetailerRow
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import SHOP, World

FORMULA = '=HYPERLINK("https://elsewhere.example","see")'


@pytest.fixture
def manager(signed_in: SignedIn) -> Visitor:
    return signed_in("manager")


def exports(world: World) -> list[tuple[str, str, int]]:
    with world.session() as session:
        rows = session.scalars(
            select(SettingChange).where(SettingChange.subject == "export").order_by(SettingChange.id)
        )
        return [(row.by, row.name, (row.after or {})["count"]) for row in rows]


def name_shop(world: World, name: str) -> None:
    with world.session() as session:
        session.scalars(select(RetailerRow).where(RetailerRow.customer_code == SHOP)).one().name = name


@pytest.mark.parametrize(
    ("path", "file", "count"),
    [
        ("/retailers/export?kind=csv", "retailers-2026-11-23.csv", 3),
        ("/retailers/export?kind=xlsx", "retailers-2026-11-23.xlsx", 3),
        ("/supply/export?what=limits", "limits-2026-11-23.csv", 18),
        ("/supply/export?what=supply&kind=xlsx", "supply-2026-11-23.xlsx", 6),
        ("/catalog/export", "catalog-2026-11-23.csv", 6),
        ("/audit-log/export", "audit-log-2026-11-23.csv", 0),
        ("/reports/days.csv", "days-day-2026-11-23.csv", 1),
        ("/labelled.zip", "labelled-2026-11-23.zip", 3),
    ],
)
def test_every_export_is_on_record_with_who_took_how_many(
    manager: Visitor, world: World, path: str, file: str, count: int
) -> None:
    assert manager.get(path).status_code == 200
    assert exports(world) == [("孙建国", file, count)]
    assert file in manager.get("/audit-log").get_data(as_text=True)


def test_an_operator_exports_no_shops_and_sees_no_link_to_it(signed_in: SignedIn, world: World) -> None:
    for login in ("operator", "leader"):
        visitor = signed_in(login)
        for path in ("/retailers/export", "/supply/export?what=limits", "/audit-log/export"):
            assert visitor.get(path).status_code == 403, path
        for path in ("/retailers", "/supply", "/audit-log"):
            assert "/export" not in visitor.get(path).get_data(as_text=True), path
    assert exports(world) == []


@pytest.mark.parametrize("name", [FORMULA, "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "=cmd|' /C calc'!A0", "＝1+1"])
def test_a_name_that_is_a_formula_is_a_text_in_csv(manager: Visitor, world: World, name: str) -> None:
    name_shop(world, name)
    text = manager.get("/retailers/export?kind=csv").get_data().decode("utf-8-sig")
    [row] = [row for row in csv.DictReader(io.StringIO(text, newline="")) if row["customer_code"] == SHOP]
    assert row["name"] == f"'{name}"
    assert row["phones"] == "+8613800000012", "a telephone number stays what it is, for the import"


def test_a_name_that_is_a_formula_is_a_text_in_a_sheet_also_when_it_is_edited(manager: Visitor, world: World) -> None:
    name_shop(world, FORMULA)
    book = load_workbook(io.BytesIO(manager.get("/retailers/export?kind=xlsx").get_data()))
    [cell] = [row[1] for row in book.worksheets[0].iter_rows() if row[0].value == SHOP]
    assert (cell.value, cell.data_type, cell.quotePrefix) == (FORMULA, "s", True)


def test_an_export_is_imported_again_with_the_same_names(manager: Visitor, world: World) -> None:
    name_shop(world, "+1+1")
    file = manager.get("/retailers/export?kind=csv").get_data()
    name_shop(world, "店12")
    answer = manager.client.post(
        "/retailers/import",
        data={"file": (io.BytesIO(file), "retailers.csv"), "why": "back", "apply": "1"},
        headers={"HX-Request": "true", "X-CSRFToken": manager.token()},
    )
    assert answer.status_code == 200
    with world.session() as session:
        assert session.scalars(select(RetailerRow.name).where(RetailerRow.customer_code == SHOP)).one() == "+1+1"


def test_the_files_of_the_test_recordings_are_defused_as_well(manager: Visitor) -> None:
    with ZipFile(io.BytesIO(manager.get("/labelled.zip").get_data())) as archive:
        assert not archive.read("catalog.csv").decode("utf-8-sig").count(",=")


@pytest.mark.parametrize(("pin", "said"), [("1234", "太容易猜"), ("0012", "太容易猜"), ("12", "不是四位数字")])
def test_a_pin_that_is_easily_guessed_is_not_imported(manager: Visitor, pin: str, said: str) -> None:
    answer = upload(manager, f"customer_code,name,cycle,order_day,pin\n{SHOP},店12,weekly,2026-11-23,{pin}\n")
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)


def test_one_pin_for_everybody_is_not_imported(manager: Visitor) -> None:
    rows = "".join(f"4105021{n:05d},店{n},weekly,2026-11-23,7394\n" for n in range(25))
    answer = upload(manager, f"customer_code,name,cycle,order_day,pin\n{rows}")
    assert answer.status_code == 422
    assert answer.get_data(as_text=True).count("上面有 20 行都用这个密码（如第 2 行）") == 1


def upload(visitor: Visitor, file: str) -> TestResponse:
    return visitor.client.post(
        "/retailers/import",
        data={"file": (io.BytesIO(file.encode()), "retailers.csv"), "why": "x", "apply": "1"},
        headers={"HX-Request": "true", "X-CSRFToken": visitor.token()},
    )
