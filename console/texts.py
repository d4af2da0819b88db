"""The texts of the values the code has names for, shown in the visitor's language. Templates know them as `texts`.

What reports say as well stands in `orders.reporting.labels`; a test sees to it that every value has its text.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import lazy_gettext

from orders.demo import CATALOG_NOTE
from orders.reporting import labels
from orders.reporting.labels import N_


class Texts(dict[str, str]):
    """Texts by value, translated when they are shown. A value without one, stored by an older version, is shown as it
    is stored."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__({value: lazy_gettext(text) for value, text in texts.items()})

    def __missing__(self, value: str) -> str:
        return value


channels = Texts(labels.CHANNELS)
order_kinds = Texts(labels.ORDER_KINDS)
order_states = Texts(labels.ORDER_STATES)
call_results = Texts({"ongoing": N_("通话中"), **labels.CALL_OUTCOMES, "callback": N_("要求回电")})
call_directions = Texts({"inbound": N_("呼入"), "outbound": N_("外呼")})
cut_reasons = Texts(labels.CUT_REASONS)
unreached_reasons = Texts(labels.UNREACHED_REASONS)
remedies = Texts(labels.REMEDIES)
visit_outcomes = Texts({"ordered": N_("已订货"), "nothing_wanted": N_("不需要"), "not_met": N_("没见到人")})
attempt_outcomes = Texts(labels.ATTEMPT_OUTCOMES)
attempt_tones = {
    "ordered": "good",
    "operator": "good",
    "declined": "",
    "wrong_person": "bad",
    "answered": "warn",
    "machine": "warn",
    "no_answer": "warn",
    "busy": "warn",
    "failed": "bad",
    "cancelled": "",
    "lost": "bad",
}

order_events = Texts(
    {
        "opened": N_("开单"),
        "resumed": N_("接着订"),
        "add": N_("已加"),
        "set": N_("改为"),
        "removed": N_("已去掉"),
        "less_accepted": N_("改少"),
        "cut": N_("减少"),
        "confirmed": N_("订单保存"),
        "abandoned": N_("没订完就挂了"),
        "lapsed": N_("作废"),
        "change requested": N_("申请修改"),
        "change approved": N_("同意修改"),
        "change refused": N_("不同意修改"),
        "change withdrawn": N_("撤回修改"),
        "settled": N_("已扣款"),
        "not paid": N_("扣款未成功"),
        "off hold": N_("解除暂缓"),
        "handed over": N_("已交配送"),
        "delivered": N_("已送到"),
        "received": N_("已签收"),
        "not delivered": N_("没有送到"),
        "audited": N_("审核通过"),
    }
)
day_states = Texts(
    {
        "ordered": N_("已订货"),
        "ordering": N_("订货中"),
        "unsaved": N_("没订完"),
        "due": N_("未订货"),
        "unreached": N_("未接通"),
        "suspended": N_("暂停供货"),
    }
)
day_state_tones = {
    "ordered": "good",
    "ordering": "warn",
    "unsaved": "warn",
    "due": "",
    "unreached": "bad",
    "suspended": "bad",
}
idle_reasons = Texts(
    {
        "no_dialler": N_("拨号程序没有在运行，请管理员启动：flask --app app outbound run"),
        "no_line": N_("还没有设正常订货的热线号码，没有号码可以打出去。"),
        "closed": N_("现在不是订货时间，不打。"),
        "all_done": N_("该打的都打过了。"),
        "window": N_("还要打的客户现在都不在自己的时段里，到时段再打。"),
        "no_operator": N_("现在没有空闲的订货员，先不打。请订货员打开接电话页，改成可以接电话。"),
        "lines": N_("线路都用着，空出来接着打。"),
        "pause": N_("刚打过未接通的，隔一会儿再打。"),
    }
)

_REFUSALS = {
    "suspended": N_("这户暂停供货，不能订货。"),
    "closed": N_("现在不是订货时间。"),
    "not_order_day": N_("今天不是这户的订货日。"),
    "not_supplementary": N_("这户今天没有补货登记。"),
    "already_ordered": N_("这户今天已经订过货了。"),
    "no_draft": N_("这张订单已经不能再改。"),
    "empty": N_("订单上还没有品种。"),
    "holds_lost": N_("有的货刚被别人订走了，数量变了。请重新核对，再保存。"),
    "order_min": N_("没有达到起订量，请再加一些。"),
}
refusals = Texts(
    {
        **_REFUSALS,
        "not_a_number": N_("条数要写数字，比如 5；加 5 条写 +5，不要了写 0。"),
        "unknown_spec": N_("请先从名单里选一个品规。"),
        "not_on_the_order": N_("订单上没有这个品规。"),
    }
)
web_order_failures = Texts(
    {
        **_REFUSALS,
        "closed": N_("过了网上订货的时间。"),
        "order_min": N_("没有达到起订量；要的先留着，可以打电话补订。"),
        "nothing_left": N_("要的品种一条也没有了。"),
        "unknown_spec": N_("单子里有不认识的品规。"),
        "unknown_retailer": N_("没有这个客户代码。"),
    }
)
order_file_failures = Texts({"key_reused": N_("这个单号以前是另一张订单，请换一个单号。")})
shop_refusals = Texts(
    {
        "suspended": N_("您的店现在暂停供货，不能订货，请找客户经理。"),
        "closed": N_("还没有到订货时间。"),
        "over": N_("今天的订货时间过了。"),
        "not_order_day": N_("今天不是您的订货日。"),
        "already_ordered": N_("您今天已经订好货了。要改，请打订货电话。"),
        "holds_lost": N_("有的烟刚被别人订走了，数量变了。请再看一遍，再保存。"),
        "order_min": N_("没有达到起订量，请再加一些。"),
        "empty": N_("要的烟现在一条也没有，没有订成。请改一改，或者打订货电话。"),
    }
)
"""The refusals as a retailer reads them on its own page; "over" is "closed" after the hours."""
follow_up_results = Texts({"declined": N_("客户不要了"), "not_reached": N_("未接通"), "other": N_("其他")})

change_states = Texts(
    {"requested": N_("等批准"), "approved": N_("已同意"), "refused": N_("没有同意"), "withdrawn": N_("已撤回")}
)
change_state_tones = {"requested": "warn", "approved": "good", "refused": "bad", "withdrawn": ""}
change_refusals = Texts(
    {
        "invalid": N_("这样改不成，请客户重新提出。"),
        "not_open": N_("这个申请已经有人办过，或者客户撤回了。"),
        "own_request": N_("自己提出的申请，要由另一个人批准。"),
        "not_enough": N_("货源或者限量不够，不能同意；请写明原因，选不同意。"),
        "too_small": N_("改完以后不到起订量，不能同意；请写明原因，选不同意。"),
        "too_big": N_("改完以后超过一张订单的上限，不能同意；请写明原因，选不同意。"),
        "settled": N_("订单已经扣款或者取消，不能再改；请写明原因，选不同意。"),
        "at_bank": N_("订单正在银行扣款，等银行答复以后再批。"),
    }
)
delivery_results = Texts({"delivered": N_("已送到"), "received": N_("已签收"), "not_delivered": N_("没有送到")})
ticket_reasons = Texts(
    {
        "asked": N_("客户要人工"),
        "stuck": N_("没听懂"),
        "locked": N_("密码输错太多"),
        "not_identified": N_("没核对上代码"),
        "recogniser_down": N_("听不见"),
        "failure": N_("系统出错"),
        "taken_over": N_("人工接管"),
    }
)
take_over_refusals = Texts(
    {
        "over": N_("这通电话已经结束，或者刚被别人接走了。"),
        "no_telephone": N_("请先选用电脑或者电话接听，再接管。"),
        "busy": N_("您正在接另一通电话，先处理完再接管。"),
        "already_yours": N_("这通电话已经在您手里。"),
        "not_reached": N_("现在接不过来，客户那边没有变化。请过一会儿再试。"),
    }
)
whisper_refusals = Texts(
    {
        "no_talk": N_("现在没有订货员在和这位客户通话。"),
        "no_telephone": N_("请先选用电脑或者电话接听，再耳语。"),
        "busy": N_("您的电话正占用着，先挂断再耳语。"),
        "own_talk": N_("这通电话是您自己在接。"),
        "not_reached": N_("现在接不通，通话没有变化。请过一会儿再试。"),
    }
)
steps = Texts(
    {
        "choose_region": N_("问区"),
        "choose_supplementary_region": N_("补货问区"),
        "confirm_caller": N_("核对店名"),
        "greet_retailer": N_("核对店名"),
        "ask_code": N_("问客户代码"),
        "confirm_code": N_("核对代码"),
        "ask_pin": N_("问密码"),
        "admission": N_("看能不能订"),
        "refused": N_("不能订货"),
        "resume_draft": N_("接着订？"),
        "take_items": N_("报烟"),
        "confirm_lines": N_("核对品种"),
        "choose_spec": N_("选品种"),
        "ask_quantity": N_("问数量"),
        "offer_substitute": N_("推荐替代"),
        "offer_rest": N_("只有这些"),
        "choose_band": N_("选价位"),
        "browse_specs": N_("报品种"),
        "prove_identity": N_("问密码"),
        "read_back": N_("核对订单"),
        "ask_change": N_("问改什么"),
        "leave": N_("问是不是全部不要"),
        "after_order": N_("订货以后的事"),
        "change_saved": N_("问已存订单改什么"),
        "confirm_request": N_("核对改单申请"),
    }
)
stages = (
    (
        lazy_gettext("核对身份"),
        "who calls",
        (
            "choose_region",
            "choose_supplementary_region",
            "confirm_caller",
            "greet_retailer",
            "ask_code",
            "confirm_code",
            "ask_pin",
            "admission",
            "refused",
        ),
    ),
    (
        lazy_gettext("报烟"),
        "ordering",
        (
            "resume_draft",
            "take_items",
            "confirm_lines",
            "choose_spec",
            "ask_quantity",
            "offer_substitute",
            "offer_rest",
            "choose_band",
            "browse_specs",
        ),
    ),
    (lazy_gettext("核对订单"), "read-back", ("prove_identity", "read_back", "ask_change", "leave")),
    (lazy_gettext("订货以后"), "after the order", ("after_order", "change_saved", "confirm_request")),
    (lazy_gettext("已保存"), "saved", ()),
)
"""The stages of a call as the web phone shows them, in both languages, each with its steps."""
awaited_inputs = {
    "customer_code": (lazy_gettext("等客户代码"), "the customer code"),
    "pin": (lazy_gettext("等密码（请按键）"), "the PIN, by keys"),
    "YesNo": (lazy_gettext("等对或不对"), "yes or no"),
    "Items": (lazy_gettext("等品牌和数量"), "brands and quantities"),
    "QuantityOf": (lazy_gettext("等数量"), "a quantity"),
    "Choice": (lazy_gettext("等选择"), "one of the options"),
}
"""The inputs the line may wait for, as the web phone shows them, in both languages."""
commands = Texts(
    {
        "done": N_("就这些"),
        "yes": N_("对"),
        "no": N_("不对"),
        "repeat": N_("再说一遍"),
        "operator": N_("转人工"),
        "usual": N_("老样子"),
        "what_is_there": N_("有什么烟"),
        "last_order": N_("上次订了什么"),
        "how_much_left": N_("还能订多少"),
        "balance": N_("余额"),
        "price": N_("多少钱"),
        "help": N_("怎么订"),
        "all_but": N_("除了某些都要"),
        "track": N_("货到哪了"),
        "read_all": N_("从头念一遍"),
        "cancel": N_("全部不要"),
        "later": N_("等会儿再打"),
        "of_price": N_("某个价位的"),
    }
)

report_kinds = Texts({"diary": N_("日志"), "weekly": N_("周报"), "monthly": N_("月报")})
report_states = Texts(
    {"draft": N_("草稿"), "submitted": N_("审批中"), "sent_back": N_("退回了"), "approved": N_("已审结")}
)
report_tones = {"draft": "", "submitted": "warn", "sent_back": "bad", "approved": "good"}
report_steps = Texts(
    {"drafted": N_("已起草"), "submitted": N_("已提交"), "signed": N_("已同意"), "sent_back": N_("已退回")}
)
meeting_kinds = Texts({"morning": N_("晨会"), "training": N_("培训")})
feedback_kinds = Texts(
    {
        "supply": N_("货源"),
        "delivery": N_("配送"),
        "quality": N_("质量"),
        "service": N_("服务"),
        "other": N_("其他"),
    }
)
feedback_steps = Texts({"noted": N_("已记录"), "passed_up": N_("已转交"), "answered": N_("已答复")})
error_titles = {
    400: lazy_gettext("页面已过期"),
    401: lazy_gettext("没有登录"),
    403: lazy_gettext("没有权限"),
    404: lazy_gettext("没有这一页"),
    405: lazy_gettext("没有这一页"),
    413: lazy_gettext("文件太大"),
    500: lazy_gettext("操作未完成"),
}
error_sentences = {
    400: lazy_gettext("请返回上一页，刷新后再提交一次。"),
    401: lazy_gettext("登录已过期，请重新登录。"),
    403: lazy_gettext("您的岗位没有这一页的权限。需要的话，请找主任。"),
    404: lazy_gettext("网址不对，或者内容已经不在了。"),
    405: lazy_gettext("网址不对，或者内容已经不在了。"),
    413: lazy_gettext("最大4兆字节，请拆成几个文件再上传。"),
    500: lazy_gettext("服务器出了问题，请再试一次；还不行，请告诉管理员。"),
}
"""The title and the sentence of a page that fails, by the HTTP status; 500 stands for those not listed."""
catalog_notes = Texts({CATALOG_NOTE: N_("演示：价格是估计的，其他数字也只供演示。")})
roles = Texts(
    {
        "operator": N_("电话订货员"),
        "leader": N_("电访班长"),
        "clerk": N_("内勤"),
        "manager": N_("货源管理员"),
        "director": N_("主任"),
        "customer_manager": N_("客户经理"),
        "county_clerk": N_("县内勤"),
    }
)
staff_refusals = Texts(
    {
        "login": N_("工号只能用字母、数字、点和横线，最多40个字。"),
        "login_taken": N_("这个工号有人在用，请换一个。"),
        "name": N_("请写姓名，最多40个字。"),
        "name_taken": N_("已经有人叫这个名字，请加一个能区分的字。"),
        "role": N_("请选一个岗位。"),
        "area": N_("县内勤要选县，客户经理要选客户资料里的名字。"),
        "seat": N_("席位只能写字母和数字，最多10个字。"),
        "password": N_("密码太短。"),
        "gone": N_("没有这个账号了。"),
        "closed": N_("这个账号刚才已经停用，下面是现在的情况。"),
        "open": N_("这个账号刚才已经恢复，下面是现在的情况。"),
        "own": N_("自己的岗位、停用和密码不能在这里改；密码请点右上角自己的名字。"),
        "last": N_("只有这一位主任，请先加一位主任，不然没有人管账号。"),
    }
)
bases = Texts(
    {
        "equal": N_("平均分"),
        "grade": N_("按档位分"),
        "sales": N_("按销量分"),
        "class": N_("按同类销量分"),
        "free": N_("逐户定"),
    }
)
late_change_states = Texts(
    {"requested": N_("等人同意"), "approved": N_("已同意"), "refused": N_("不同意"), "withdrawn": N_("已撤回")}
)
late_change_tones = {"requested": "warn", "approved": "good", "refused": "bad", "withdrawn": ""}
late_refusals = Texts(
    {
        "nothing": N_("没有改动：和现在的一样。"),
        "too_many": N_("锁定以后一次最多改两万条限量，请分几个文件。"),
        "no_reason": N_("请写明原因，记录里要用。"),
        "not_open": N_("这个申请已经办完了。"),
        "own_request": N_("这是您自己提出的，要另一个人同意。"),
        "changed_meanwhile": N_("提出以后有的数又改过了，什么都没有改。请按现在的数重新提出。"),
        "not_yours": N_("只有提出的人可以撤回。"),
    }
)
cycles = Texts({"weekly": N_("每周"), "fortnightly": N_("每两周"), "monthly": N_("每月")})
weekdays = tuple(
    lazy_gettext(text)
    for text in (N_("星期一"), N_("星期二"), N_("星期三"), N_("星期四"), N_("星期五"), N_("星期六"), N_("星期日"))
)

rules = Texts(
    {
        "hold_minutes": N_("未保存的订单，货留几分钟"),
        "closing_grace_minutes": N_("到点以后几分钟内，没订完的还能订完（0是不能）"),
        "order_min_packs": N_("一张订单最少几盒"),
        "order_max_packs": N_("一张订单最多几盒"),
        "wrap_up_seconds": N_("客户挂机后，整理几秒再接下一个（0是马上接）"),
        "recording_days": N_("客户录音保留几天（0是不录）"),
        "call_days": N_("通话里说了什么保留几天"),
        "number_days": N_("来电号码和外呼号码保留几天"),
        "former_staff_days": N_("停用账号的电话和密码保留几天"),
        "recording_notice": N_("怎么告诉客户在录音"),
        "registered_number_pin": N_("登记的电话打来，要不要密码"),
        "outbound_attempts_max": N_("一户一天最多外呼几次"),
        "outbound_pause_minutes": N_("未接通以后隔几分钟再打"),
        "outbound_pause_busy_minutes": N_("占线以后隔几分钟再打"),
        "outbound_lines": N_("外呼最多同时几通"),
        "outbound_calls_per_operator": N_("每个空闲订货员最多几通外呼"),
    }
)
recording_notices = Texts(
    {
        "off": N_("不告诉"),
        "short": N_("开头说一句“本次通话会录音”"),
        "full": N_("开头说明为什么录音、不想录音怎么办；和订货员的通话不录"),
    }
)
registered_number_pins = Texts(
    {
        "always": N_("每次一开始就要"),
        "before_saving": N_("保存订单、报余额以前才要"),
        "never": N_("不要（号码可以冒充）"),
    }
)
rule_choices = {"recording_notice": recording_notices, "registered_number_pin": registered_number_pins}
"""The texts of the choices, in the order of their values, by the name of the rule."""
subjects = Texts(
    {
        "supply": N_("货源"),
        "limits": N_("限量"),
        "department_rule": N_("规则"),
        "hotline": N_("热线号码"),
        "channel_hours": N_("渠道时间"),
        "outbound_hours": N_("外呼时间"),
        "calendar_day": N_("节假日"),
        "retailer": N_("客户资料"),
        "sender": N_("网上订单来源"),
        "order_source": N_("订单文件来源"),
        "substitutes": N_("替代品种"),
        "allocation": N_("公布分配"),
        "staff": N_("员工账号"),
        "export": N_("下载文件"),
        "call": N_("通话"),
    }
)
"""The subjects of the audit log."""
utterance_kinds = Texts(
    {
        "items": N_("订货"),
        "reduce": N_("减几条"),
        "change": N_("改数量"),
        "remove": N_("不要某个品种"),
        "ask": N_("问有没有货"),
        "command": N_("口令"),
        "digits": N_("客户代码"),
        "none": N_("和订货无关"),
    }
)

file_kinds = Texts({"limits": N_("客户限量"), "retailers": N_("客户"), "orders": N_("外部订单")})
order_folder_problems = Texts(
    {
        "missing": N_("文件夹不在，请建好文件夹，或者改成对的。"),
        "outside": N_("文件夹指到了允许的范围以外，没有取。请管理员看一下。"),
        "not_writable": N_("文件夹里的文件移不动，没有取。请管理员给处理文件的程序读写权限。"),
    }
)
file_job_states = Texts(
    {
        "uploading": N_("正在上传"),
        "waiting": N_("等待处理"),
        "running": N_("正在处理"),
        "done": N_("做完了"),
        "refused": N_("没有通过"),
        "failed": N_("没有做完"),
    }
)
