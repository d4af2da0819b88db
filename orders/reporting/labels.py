"""The words and number formats of reports and pages: the one place for each word. Pages show them translated."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction


def N_(text: str) -> str:
    """Mark a text for translation. `make words` gathers the marked ones; pages translate them when they show them."""
    return text


CHANNELS = {
    "phone": N_("电话"),
    "outbound": N_("外呼"),
    "operator": N_("订货员"),
    "web": N_("网上"),
    "mobile": N_("手机"),
    "proxy": N_("代订"),
    "visit": N_("上门"),
}
ORDER_KINDS = {"regular": N_("正常订货"), "supplementary": N_("补货")}
ORDER_STATES = {
    "draft": N_("未保存"),
    "confirmed": N_("已保存"),
    "settled": N_("已扣款"),
    "handed_over": N_("已交配送"),
    "delivered": N_("已送到"),
    "received": N_("已签收"),
    "cancelled": N_("已取消"),
    "lapsed": N_("已作废"),
}
CUT_REASONS = {
    "out_of_stock": N_("暂时无货"),
    "not_allotted": N_("没有分到"),
    "limit": N_("超过限量"),
    "not_in_catalogue": N_("目录里没有"),
    "stock": N_("货源不足"),
    "order_max": N_("超过单次上限"),
    "band_max": N_("超过价位上限"),
}
"""The reasons why less was granted than requested."""
UNREACHED_REASONS = {
    "absent": N_("没人接"),
    "busy": N_("占线"),
    "phone_fault": N_("电话故障"),
    "no_number": N_("没有登记电话"),
    "wrong_number": N_("号码不对"),
    "hung_up": N_("中途挂断"),
    "machine": N_("留言机"),
    "not_called": N_("没有来得及打"),
    "other": N_("其他"),
}
"""The reasons why a retailer was not reached."""
REMEDIES = {"supplementary": N_("打补货热线"), "visit": N_("客户经理上门"), "next_cycle": N_("下个周期")}
"""The remedies for a retailer that was not reached."""
CALL_OUTCOMES = {
    "ordered": N_("自助订货"),
    "ordered_with_operator": N_("订货员协助订货"),
    "unsaved": N_("未确认"),
    "operator": N_("转订货员未订货"),
    "callback": N_("要求回电"),
    "abandoned": N_("等待中挂断"),
    "no_order": N_("没有订货"),
}
ATTEMPT_OUTCOMES = {
    "ordered": N_("已订货"),
    "operator": N_("转了人工"),
    "declined": N_("今天不订"),
    "wrong_person": N_("不是这一户"),
    "answered": N_("接了没有订"),
    "machine": N_("留言机"),
    "no_answer": N_("没人接"),
    "busy": N_("占线"),
    "failed": N_("打不通"),
    "cancelled": N_("停止时挂断"),
    "lost": N_("没有打出去"),
}
"""The outcomes of one outbound call."""


def percent(part: Fraction | None) -> Decimal | None:
    """A share in percent with one decimal; None for no share."""
    return None if part is None else _rounded(part * 100, "0.1")


def percent_text(part: Fraction | None) -> str:
    """A share in percent with its sign; a dash for no share."""
    return "—" if part is None else f"{percent(part)}%"


def clock_time(length: timedelta | None) -> str:
    """A length of time in minutes and seconds, 1:05; a dash for none."""
    if length is None:
        return "—"
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    return f"{minutes}:{seconds:02d}"


def cartons(packs: int, packs_per_carton: int) -> Decimal:
    """Packs as cartons, to two decimals."""
    return _rounded(Fraction(packs, packs_per_carton), "0.01")


def _rounded(value: Fraction, to: str) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal(to), ROUND_HALF_UP)
