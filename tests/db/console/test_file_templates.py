"""An office that uses Excel: a template for every file, filled in in Chinese, taken, and refused in its own words."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import select
from werkzeug.test import TestResponse

from console.file_templates import TEMPLATES
from orders.retailers.models import RetailerRow
from orders.supply.models import Supply
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import SHOP, World

UPLOADS = {
    "/retailers": ("retailers",),
    "/supply": ("limits", "supply"),
    "/deliveries": ("deliveries",),
    "/catalog/history": ("catalog", "aliases"),
    "/proxy": ("proxy",),
}


@pytest.fixture
def manager(signed_in: SignedIn) -> Visitor:
    return signed_in("manager")


def filled_in(template: bytes, *rows: dict[str, object]) -> bytes:
    """The template with these rows typed below its headings."""
    book = load_workbook(io.BytesIO(template))
    sheet = book.worksheets[0]
    headings = [cell.value for cell in sheet[1]]
    for number, row in enumerate(rows, 2):
        for heading, value in row.items():
            sheet.cell(number, headings.index(heading) + 1).value = value
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def upload(visitor: Visitor, path: str, content: bytes, **form: str) -> TestResponse:
    return visitor.client.post(
        path,
        data={"file": (io.BytesIO(content), "名单.xlsx"), "why": "换档案", **form},
        headers={"HX-Request": "true", "X-CSRFToken": visitor.token()},
    )


def cells(page: str) -> list[list[str]]:
    """The rows of a page's table of what is wrong in a file."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [re.findall("<td>(.*?)</td>", row) for row in body.split("<tr>")[1:]]


def test_every_page_with_an_upload_has_its_templates(manager: Visitor) -> None:
    for page, names in UPLOADS.items():
        text = manager.get(page).get_data(as_text=True)
        if 'type="file"' in text:
            assert all(f"/file-templates/{name}.xlsx" in text for name in names), page
    for name, (title, columns) in TEMPLATES.items():
        answer = manager.get(f"/file-templates/{name}.xlsx")
        book = load_workbook(io.BytesIO(answer.get_data()))
        assert book.sheetnames == [str(title), "说明"]
        headings = [cell.value for cell in book.worksheets[0][1]]
        assert len(headings) == len(columns), name
        assert all(re.search("[一-鿿]", str(heading)) for heading in headings), name
        assert [row[0].value for row in book["说明"].iter_rows(min_row=2)] == headings


def test_a_template_is_filled_in_in_chinese_and_taken(manager: Visitor, world: World) -> None:
    template = manager.get("/file-templates/retailers.xlsx").get_data()
    row = {"客户代码": SHOP, "店名": "新店名", "订货周期": "每两周", "订货日": "2026/11/24", "状态": "暂停", "档位": 7}
    answer = upload(manager, "/retailers/import", filled_in(template, row), apply="1")
    assert (answer.status_code, "改变1户" in answer.get_data(as_text=True)) == (200, True)
    with world.session() as session:
        found = session.scalars(select(RetailerRow).where(RetailerRow.customer_code == SHOP)).one()
        assert (found.name, found.cycle, found.status, found.grade) == ("新店名", "fortnightly", "suspended", 7)
    supply = filled_in(
        manager.get("/file-templates/supply.xlsx").get_data(),
        {"品规": "中华(硬)", "条数": 40, "分配方式": "平均", "标记": "重点"},
    )
    form = {"kind": "supply", "day": "2026-11-24", "apply": "1"}
    assert upload(manager, "/supply/import", supply, **form).status_code == 200
    with world.session() as session:
        [of_day] = session.scalars(select(Supply).where(Supply.business_day == date(2026, 11, 24)))
        assert (of_day.basis, of_day.is_key) == ("equal", True)


def test_what_is_wrong_is_named_in_the_words_of_the_file_and_nothing_changes(manager: Visitor, world: World) -> None:
    template = manager.get("/file-templates/retailers.xlsx").get_data()
    wrong = {"客户代码": "41050210001", "店名": "新店名", "订货周期": "每年", "订货日": "下周"}
    right = {"客户代码": SHOP, "店名": "新店名", "订货周期": "每周", "订货日": "2026-11-24"}
    answer = upload(manager, "/retailers/import", filled_in(template, right, wrong), apply="1")
    assert answer.status_code == 422
    assert [row[1:] for row in cells(answer.get_data(as_text=True))] == [
        ["3", "客户代码", "41050210001 不是 6 位地区码、1 或 2、5 位序号"],
        ["3", "订货周期", "每年 不在 每周、每两周、每月 里"],
        ["3", "订货日", "下周 不是 2026-01-31 这样的日期"],
    ]
    with world.session() as session:
        assert session.scalars(select(RetailerRow.name).where(RetailerRow.name == "新店名")).all() == []
    book, file = Workbook(), io.BytesIO()
    assert book.active is not None
    book.active.append(["客户代码", "店名"])
    book.active.append([SHOP, "店"])
    book.save(file)
    page = upload(manager, "/retailers/import", file.getvalue()).get_data(as_text=True)
    assert [row[1:] for row in cells(page)] == [["1", "订货周期", "没有这个列名"], ["1", "订货日", "没有这个列名"]]


def test_a_workbook_is_exported_in_chinese_with_names_and_taken_again(manager: Visitor, world: World) -> None:
    file = manager.get("/retailers/export?kind=xlsx").get_data()
    sheet = load_workbook(io.BytesIO(file)).worksheets[0]
    assert [cell.value for cell in sheet[1]][:4] == ["客户代码", "店名", "订货周期", "订货日"]
    again = upload(manager, "/retailers/import", file, apply="1")
    assert (again.status_code, "改变0户" in again.get_data(as_text=True)) == (200, True)
    text = manager.get("/supply/export?what=limits").get_data().decode("utf-8-sig").splitlines()
    assert (text[0], len(text)) == ("customer_code,retailer,name,cartons", 19)
    limits = manager.get("/supply/export?what=limits&kind=xlsx").get_data()
    rows = list(load_workbook(io.BytesIO(limits)).worksheets[0].iter_rows(values_only=True))
    assert rows[0] == ("客户代码", "店名", "品规", "条数")
    assert (SHOP, world.retailer(SHOP).name) in {row[:2] for row in rows}
