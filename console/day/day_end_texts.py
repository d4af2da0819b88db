"""The texts of the day end's page: its steps, their states, what is missing, and the lists of shops."""

from __future__ import annotations

from console.texts import Texts
from orders.reporting.labels import N_

steps = Texts(
    {
        "balances": N_("核对余额"),
        "audit": N_("审核订单"),
        "settlement": N_("扣款文件交银行"),
        "answer": N_("银行扣款结果"),
        "hand_over": N_("结转配送"),
        "notice": N_("通知客户"),
        "close": N_("日结"),
    }
)
step_hints = Texts(
    {
        "balances": N_("导入银行的余额文件。导入以后正常订货结束，没保存的订单作废。"),
        "audit": N_("核对订单、货源和限量的数，一盒一分都要对上；网上订单先审核完。"),
        "settlement": N_("生成扣款文件，下载后交给银行。"),
        "answer": N_("导入银行答复的扣款结果，未成功的按选的办法处理。"),
        "hand_over": N_("扣款成功的订单交给配送，补货也到此结束。"),
        "notice": N_("给每户的通知：要送的货，扣款未成功的怎么办。"),
        "close": N_("这一天的数定下来，不再变。"),
    }
)
step_states = Texts({"done": N_("已完成"), "open": N_("现在做"), "blocked": N_("有事没办完"), "later": N_("还没轮到")})
step_tones = {"done": "good", "open": "warn", "blocked": "bad", "later": ""}
step_buttons = Texts(
    {
        "audit": N_("审核"),
        "settlement": N_("生成扣款文件"),
        "hand_over": N_("结转配送"),
        "notice": N_("生成通知"),
        "close": N_("日结"),
    }
)
refusals = Texts(
    {
        "done": N_("这一步别人刚刚做过了，您的操作没有做。"),
        "too_early": N_("前面的步骤还没有做完，没有做这一步。"),
        "unaudited": N_("还有网上订单等审核，审核完才能往下做："),
        "undecided": N_("还有改单申请没有批，批完才能扣款："),
        "unsettled": N_("还有订单没有扣款，再生成一个扣款文件："),
        "discrepancies": N_("数对不上，不能扣款："),
        "incomplete": N_("银行的文件里少了这些订单，什么都没有改："),
        "nothing_due": N_("没有要扣款的订单。"),
        "not_closed": N_("这一天没有日结，不用重新打开。"),
        "second_person": N_("重新打开要写明原因，并且由另一个人同意。"),
        "not_open": N_("这个申请已经有人办过。"),
        "handed_over": N_("已经交给配送：先日结，再申请重新打开。"),
    }
)
kinds = Texts(
    {
        "short": N_("余额不够"),
        "without_balance": N_("银行文件里没有余额"),
        "lapsed": N_("没保存，已作废"),
        "unaudited": N_("网上订单等审核"),
        "unpaid": N_("扣款未成功"),
        "on_hold": N_("暂缓配送"),
    }
)
kind_tones = {
    "short": "warn",
    "without_balance": "warn",
    "lapsed": "",
    "unaudited": "bad",
    "unpaid": "bad",
    "on_hold": "bad",
}
rules = Texts({"hold": N_("暂缓，等客户存钱"), "cut": N_("减到余额够的数"), "cancel": N_("取消订单")})
