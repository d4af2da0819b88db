"""The words and number formats of reports: the same in tables, files and texts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

CHANNELS = {"phone": "电话", "outbound": "外呼", "operator": "订货员", "web": "网上", "mobile": "手机", "proxy": "代订"}
REASONS = {
    "limit": "超出限量",
    "stock": "货源不足",
    "out_of_stock": "暂时无货",
    "not_offered": "未投放",
    "order_max": "超出单次上限",
    "absent": "无人接听",
    "busy": "占线",
    "phone_fault": "电话故障",
    "no_number": "无登记电话",
    "wrong_number": "号码不符",
    "broke_off": "中途挂断",
    "machine": "留言机",
    "not_rung": "未及拨打",
    "other": "其他",
}
CALL_OUTCOMES = {
    "ordered": "自助订货",
    "ordered_with_operator": "订货员协助订货",
    "unsaved": "未确认",
    "operator": "转订货员未订货",
    "abandoned": "等待中挂断",
    "no_order": "未订货",
}


def percent(part: Fraction | None) -> Decimal | None:
    """A share in percent with one decimal; None for no share."""
    return None if part is None else _rounded(part * 100, "0.1")


def yuan(fen: int) -> Decimal:
    """An amount in yuan, exact."""
    return Decimal(fen).scaleb(-2)


def cartons(packs: int, packs_per_carton: int) -> Decimal:
    """Packs as cartons, to two decimals."""
    return _rounded(Fraction(packs, packs_per_carton), "0.01")


def _rounded(value: Fraction, to: str) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal(to), ROUND_HALF_UP)
