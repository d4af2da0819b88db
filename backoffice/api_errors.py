"""The errors of the interfaces for shops: each has a code, and a sentence in English and in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Response, jsonify
from pydantic import ValidationError

from backoffice.order_messages import KEY_MAX, KEY_MIN, RequestProblem, RequestRejected

ApiResponse = tuple[Response, int]

BODY_MAX_BYTES = 128 * 1024


class Sentence(NamedTuple):
    """One sentence in both languages."""

    english: str
    chinese: str


FAILURES: Mapping[str, Sentence] = {
    "unknown_retailer": Sentence("There is no retailer with this customer code.", "没有这个客户代码，请核对后再发。"),
    "unknown_spec": Sentence(
        "A barcode is not in the catalogue; nothing was ordered.",
        "有的条码不在目录里，这张单没有保存，请更新目录后再发。",
    ),
    "suspended": Sentence(
        "The retailer's licence is suspended; nothing can be ordered.", "这户暂停供货，不能订货，请联系客户经理。"
    ),
    "not_order_day": Sentence("It is not the retailer's order day.", "今天不是这户的订货日。"),
    "already_ordered": Sentence(
        "The retailer has an order for this day already.", "这户今天已经订过货了，要改请打订货电话。"
    ),
    "closed": Sentence(
        "It is the retailer's order day, but orders are not taken at this time by this channel.",
        "是这户的订货日，但现在不是这个渠道的订货时间。",
    ),
    "nothing_left": Sentence("Nothing of what was asked for can be had.", "要的品种现在一条也订不到。"),
    "order_min": Sentence(
        "The order is smaller than the department accepts; it was not saved.",
        "没有达到起订量，没有保存；要的先留着，可以打电话补订。",
    ),
    "holds_lost": Sentence(
        "Some of it was ordered by others meanwhile; send the order again.", "有的货刚被别人订走了，请重新发一次。"
    ),
}
"""The reasons why an order was not saved."""
OTHER_FAILURE = Sentence("The order could not be saved.", "这张单没有保存成功，请打订货电话。")

REFUSALS: Mapping[str, Sentence] = {
    "no_token": Sentence(
        "Send a token in force: Authorization: Bearer <token>.",
        "没有有效的口令：请在 Authorization 里带上 Bearer 口令。",
    ),
    "no_access": Sentence(
        "Send a channel's token (Bearer), or the retailer's customer code and PIN (Basic).",
        "请带上渠道的口令（Bearer），或者这户的客户代码和密码（Basic）。",
    ),
    "wrong_pin": Sentence("Customer code or PIN is wrong.", "客户代码或者密码不对。"),
    "has_to_wait": Sentence(
        "Too many wrong PINs: wait, and try again later.", "密码输错次数多了，暂时不能用，请过一会儿再试。"
    ),
    "other_retailer": Sentence(
        "The PIN is of another customer code than the address names.", "地址里的客户代码和登录的客户代码不一样。"
    ),
    "no_key": Sentence(
        f"Send the order's own key, {KEY_MIN} to {KEY_MAX} plain characters: Idempotency-Key: <key>.",
        f"请带上这张单自己的编号 Idempotency-Key，{KEY_MIN}到{KEY_MAX}个英文字符。",
    ),
    "key_used_twice": Sentence(
        "The key belongs to another order of this sender: send this one under a key of its own.",
        "这个编号已经用在另一张单上，请换一个编号再发。",
    ),
    "too_long": Sentence(
        f"The order is longer than {BODY_MAX_BYTES} bytes: send it as several, or mend it.",
        f"这张单超过{BODY_MAX_BYTES}字节，请核对后再发。",
    ),
    "malformed": Sentence(
        "The order is not well formed; nothing was ordered. /api/openapi.json says how it has to be.",
        "这张单的格式不对，没有保存；格式见 /api/openapi.json。",
    ),
    "unknown_retailer": FAILURES["unknown_retailer"],
    "unknown_order": Sentence("This retailer has no saved order with this number.", "这户没有这个单号的订单。"),
    "unknown_address": Sentence(
        "There is nothing at this address, or not for this method. /api/openapi.json lists what there is.",
        "没有这个地址，或者不支持这种请求；接口见 /api/openapi.json。",
    ),
    "server_error": Sentence(
        "The server could not answer. Send the same request again later.", "服务器出了问题，请过一会儿原样再发一次。"
    ),
}
"""The reasons why a request was not taken at all."""

# The kinds of problems pydantic finds in a request, in Chinese; its own sentences are the English ones.
_PROBLEMS = {
    "missing": "少了这一项",
    "extra_forbidden": "没有这一项",
    "string_type": "要写成文字",
    "string_pattern_mismatch": "数字的位数不对，或者有别的字符",
    "string_unicode": "不是正常的文字",
    "int_type": "要写整数",
    "int_from_float": "要写整数",
    "greater_than_equal": "太小",
    "less_than_equal": "太大",
    "list_type": "要写成列表",
    "model_type": "要写成一个对象",
    "too_short": "至少要有一行",
    "too_long": "行数太多",
    "value_error": "同一个条码写了两行",
    "json_invalid": "不是 JSON",
}
_OTHER_PROBLEM = "不合要求"


def refuse(status: HTTPStatus, error: str, *, problems: list[RequestProblem] | None = None) -> ApiResponse:
    """The answer to a request that is not taken."""
    sentence = REFUSALS[error]
    refused = RequestRejected(
        error=error, message=sentence.english, message_zh=sentence.chinese, problems=problems or []
    )
    answer = jsonify(refused.model_dump())
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer, status


def malformed(error: ValidationError) -> ApiResponse:
    """The answer to an order that is not well formed, with each problem."""
    problems = [
        RequestProblem(
            where=".".join(map(str, problem["loc"])),
            what=problem["msg"],
            what_zh=_PROBLEMS.get(problem["type"], _OTHER_PROBLEM),
        )
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", problems=problems)


def failed(answer: Mapping[str, Any], reason: str) -> ApiResponse:
    """The answer to an order that was taken and could not be saved."""
    sentence = FAILURES.get(reason, OTHER_FAILURE)
    body = {"lines": [], **answer, "message": sentence.english, "message_zh": sentence.chinese}
    return jsonify(body), HTTPStatus.CONFLICT
