"""A template for every file that is uploaded: an XLSX workbook with the headings in the visitor's language, the values
that may be chosen, and a second sheet that says what each column is for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from xlsxwriter import Workbook

from brand_catalog.importing import ALIAS_KINDS
from brand_catalog.sheet_words import chinese_heading, chinese_value
from console.authentication import requires_task
from console.language import _, chosen
from orders.channels.proxy_list import SIGNATURES
from orders.day_end.deliveries import RESULTS
from orders.retailers.importing import CYCLES, STATUSES
from orders.supply.allocate import BASES

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Rows that choose their value from a list, of a template that is filled in by hand.
_ROWS_WITH_CHOICES = 2_000
_WIDE, _TEXT_FORMAT = 18, "@"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file: its heading, an example, and what it is for; `choices` are the values it may have."""

    name: str
    example: str
    note: LazyString
    is_required: bool = True
    choices: tuple[str, ...] = ()


_CODE = Column("customer_code", "410502100012", lazy_gettext("客户代码，12位"))
_SPEC = Column("name", "中华(硬)", lazy_gettext("品规名称，和品规目录里的一样；也可以写条码"))
_CARTONS = Column("cartons", "2", lazy_gettext("条数，整数"))
_SHOP = Column("retailer", "人民路便利店", lazy_gettext("店名，只给人看，导入时不用"), is_required=False)
_ORDER = Column("order", "26112300001", lazy_gettext("订单号"))

TEMPLATES: dict[str, tuple[LazyString, tuple[Column, ...]]] = {
    "retailers": (
        lazy_gettext("客户"),
        (
            _CODE,
            Column("retailer", "人民路便利店", lazy_gettext("店名")),
            Column("cycle", "weekly", lazy_gettext("多久订一次货"), choices=CYCLES),
            Column("order_day", "2026-11-23", lazy_gettext("这户的任意一个订货日")),
            Column("status", "active", lazy_gettext("不填就不变"), is_required=False, choices=STATUSES),
            Column("county", "北关区", lazy_gettext("不填就不变"), is_required=False),
            Column("region", "城区", lazy_gettext("不填就不变"), is_required=False),
            Column("manager", "王经理", lazy_gettext("不填就不变"), is_required=False),
            Column("route", "2号线", lazy_gettext("不填就不变"), is_required=False),
            Column("grade", "12", lazy_gettext("1到99的整数，不填就不变"), is_required=False),
            Column("balance", "12000.00", lazy_gettext("元，最多两位小数，不填就不变"), is_required=False),
            Column("phones", "+8613800000012", lazy_gettext("带国家号的号码，几个号码用 | 分开"), is_required=False),
            Column("pin", "7394", lazy_gettext("四位订货密码，不填就不变"), is_required=False),
        ),
    ),
    "limits": (lazy_gettext("客户限量"), (_CODE, _SHOP, _SPEC, _CARTONS)),
    "supply": (
        lazy_gettext("货源"),
        (
            _SPEC,
            Column("cartons", "500", lazy_gettext("投放条数，整数")),
            Column("basis", "equal", lazy_gettext("怎样分到客户；“另附限量”不分，限量用另一个文件"), choices=BASES),
            Column("most", "5", lazy_gettext("每户最多几条，可以不填"), is_required=False),
            Column(
                "introduce", "new", lazy_gettext("新品或者重点，可以不填"), is_required=False, choices=("new", "key")
            ),
        ),
    ),
    "deliveries": (
        lazy_gettext("配送结果"),
        (
            _ORDER,
            Column("result", "delivered", lazy_gettext("送货的结果"), choices=RESULTS),
            Column("day", "2026-11-24", lazy_gettext("送到或者没有送到的日期")),
            Column("note", "店门关着", lazy_gettext("没有送到的原因"), is_required=False),
        ),
    ),
    "proxy": (
        lazy_gettext("代订名单"),
        (
            _CODE,
            _SHOP,
            _SPEC,
            _CARTONS,
            *(Column(name, "", lazy_gettext("签名人的姓名，三个签名要是三个人")) for name in SIGNATURES),
        ),
    ),
    "settlement": (
        lazy_gettext("银行扣款结果"),
        (
            _ORDER,
            Column("result", "paid", lazy_gettext("扣款的结果"), choices=("paid", "failed")),
            Column("available", "12000.00", lazy_gettext("没有扣成时账户里可用的钱，元"), is_required=False),
        ),
    ),
    "balances": (
        lazy_gettext("账户余额"),
        (_CODE, _SHOP, Column("balance", "12000.00", lazy_gettext("元，最多两位小数"))),
    ),
    "substitutes": (
        lazy_gettext("替代品规"),
        (_SPEC, Column("instead", "玉溪(软)", lazy_gettext("缺货时可以换的品规"))),
    ),
    "catalog": (
        lazy_gettext("品规目录"),
        (
            Column("name", "中华(硬)", lazy_gettext("品规的全名")),
            Column("brand", "中华", lazy_gettext("品牌")),
            Column("maker", "上海烟草集团", lazy_gettext("生产厂家"), is_required=False),
            Column("price_class", "一类", lazy_gettext("价类")),
            Column("carton_barcode", "6901028075022", lazy_gettext("条包装上的13位条码")),
            Column("box_barcode", "6901028075015", lazy_gettext("盒包装上的13位条码"), is_required=False),
            Column("packs_per_carton", "10", lazy_gettext("一条有几盒")),
            Column("cartons_per_case", "50", lazy_gettext("一件有几条")),
            Column("wholesale_per_carton", "382.50", lazy_gettext("每条的批发价，元")),
            Column("wholesale_source", "known", lazy_gettext("批发价是哪来的"), choices=("known", "estimated")),
            Column("retail_per_carton", "450.00", lazy_gettext("每条的零售价，元")),
            Column("price_band", "3", lazy_gettext("价位的号，整数")),
            Column("pinyin", "zhong1 hua2 ying4", lazy_gettext("带声调的拼音，可以不填"), is_required=False),
            Column("short_code", "101", lazy_gettext("按键订货用的三四位代码，可以不填"), is_required=False),
        ),
    ),
    "aliases": (
        lazy_gettext("别名"),
        (
            Column("alias", "硬中华", lazy_gettext("客户怎样叫")),
            Column("target", "中华(硬)", lazy_gettext("指的品规，几个品规用 | 分开")),
            Column("kind", "spec", lazy_gettext("别名的类型"), choices=ALIAS_KINDS),
        ),
    ),
    "orders": (
        lazy_gettext("外部系统的订单"),
        (
            Column("reference", "A-1001", lazy_gettext("订单在那个系统里的单号")),
            _CODE,
            _SHOP,
            _SPEC,
            _CARTONS,
            Column("placed_at", "2026-11-23 11:50", lazy_gettext("下单时间")),
        ),
    ),
}


def file_template_routes() -> Blueprint:
    """The templates to download."""
    routes = Blueprint("file_templates", __name__)

    @routes.get("/file-templates/<name>.xlsx")
    @requires_task("see_day")
    def template(name: str) -> ResponseReturnValue:
        if name not in TEMPLATES:
            abort(404)
        title, columns = TEMPLATES[name]
        answer = Response(_workbook(str(title), columns), mimetype=XLSX)
        file_name = _("%(name)s模板", name=title)
        answer.headers.set("Content-Disposition", "attachment", filename=f"{file_name}.xlsx")
        return answer

    return routes


def _workbook(title: str, columns: tuple[Column, ...]) -> bytes:
    file = io.BytesIO()
    with Workbook(file, {"in_memory": True}) as book:
        bold, text = book.add_format({"bold": True}), book.add_format({"num_format": _TEXT_FORMAT})
        list_sheet, about = book.add_worksheet(title), book.add_worksheet(_("说明"))
        list_sheet.freeze_panes(1, 0)
        about.write_row(0, 0, [_("列名"), _("要填吗"), _("例子"), _("说明")], bold)
        about.set_column(0, 2, _WIDE)
        about.set_column(3, 3, 3 * _WIDE)
        for place, column in enumerate(columns):
            heading, choices = _heading(column), [_value(column, one) for one in column.choices]
            list_sheet.write_string(0, place, heading, bold)
            # As texts, so that codes and barcodes keep all their digits.
            list_sheet.set_column(place, place, _WIDE, text)
            if choices:
                about_values = {"validate": "list", "source": choices, "ignore_blank": True, "error_type": "warning"}
                list_sheet.data_validation(1, place, _ROWS_WITH_CHOICES, place, about_values)
            about.write_row(place + 1, 0, list(_about(column, heading, choices)))
    return file.getvalue()


def _about(column: Column, heading: str, choices: list[str]) -> Iterator[str]:
    yield heading
    yield _("必填") if column.is_required else _("可以不填")
    yield _value(column, column.example)
    note = str(column.note)
    yield _("%(note)s。可以填：%(choices)s", note=note, choices=_("、").join(choices)) if choices else note


def _heading(column: Column) -> str:
    return column.name if chosen() == "en" else chinese_heading(column.name)


def _value(column: Column, value: str) -> str:
    return value if chosen() == "en" else str(chinese_value(column.name, value))
