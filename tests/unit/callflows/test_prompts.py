"""The prompt catalogue: nothing missing, nothing unused, the standard utterances as worded, the forbidden never."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import callflows
import ivr
from callflows.flows import FLOWS
from callflows.prompts import CATALOGUE, Prompt, PromptError, load_prompts, read_prompts
from callflows.replies import TransferReason
from callflows.state import QuantityReason
from orders.book.views import IneligibilityReason, RefusalReason
from speech.utterance import Action, Asked

PROMPTS = load_prompts()
TEXTS = [text for prompt in PROMPTS.values() for text in (prompt.say, prompt.keys) if text is not None]

# AY 4.1.5.1 and 4.1.5.2, in the words of the source; X is filled in, quantities with 条 and amounts with 元.
STANDARD = [
    "您好，X烟草X号订货员为您服务，您的客户代码是多少？",
    "请问您需要什么烟？",
    "您需要多少？",
    "对不起，您要的品种暂时无货，您看X品牌行吗？",
    "对不起，您要的X烟只有X。",
    "好，现在我们核对一下您的订货。",
    "您今天订货的总条数是X，总金额为X；您卡内余额X，需再存X。",
    "谢谢您的合作，再见。",
    "您已经订了X。",
    "X品牌您已经订过",
    "抱歉，我没听清楚，请您再说一遍。",
    "好的，X。",
    "还有吗？",
    "您要几条？",
    "请您连数量一起报，好吗？",
    "抱歉，确实没货",
]

# AY 4.1.5.3: vague words ("也许、可能、好像等模糊用语"), and phrases never said to a retailer.
FORBIDDEN = [
    *("也许", "可能", "好像", "大概", "或许", "似乎", "差不多", "应该是", "恐怕", "估计", "说不定", "不一定"),
    *("不是已经告诉你了", "怎么还不明白", "到底要不要", "想好了没有", "你问我", "我问谁", "有意见", "找领导"),
    *("急什么", "等一会儿不行吗", "不知道", "我只管订货", "不负责解答", "不关我的事", "问别人去"),
]


def filled(text: str) -> str:
    """The sentence with X for each slot, and 您好 as the greeting of ordinary days."""
    return re.sub(r"\{\w+\}", "X", text.replace("{hello}", PROMPTS.text("greeting.hello")))


@pytest.mark.parametrize("utterance", STANDARD)
def test_a_standard_utterance_is_spoken_as_the_source_words_it(utterance: str) -> None:
    assert any(utterance in filled(prompt.say) for prompt in PROMPTS.values())


@pytest.mark.parametrize("words", FORBIDDEN)
def test_a_forbidden_phrase_is_never_said(words: str) -> None:
    assert [text for text in TEXTS if words in text] == []


def test_retailers_are_never_addressed_with_the_familiar_you() -> None:
    assert [text for text in TEXTS if "你" in text] == []


def test_prompts_are_chinese_sentences_with_nothing_a_voice_would_stumble_over() -> None:
    for text in TEXTS:
        bare = re.sub(r"\{\w+\}", "", text)
        assert re.fullmatch(r"[\u4e00-\u9fff，。？、；： ]*", bare), text


def test_who_has_only_keys_is_never_asked_to_speak() -> None:
    for key, prompt in PROMPTS.items():
        if prompt.keys is not None:
            assert "请说" not in prompt.keys, key


def test_every_prompt_names_its_source() -> None:
    """A comment at every section names the source of its words."""
    lines = CATALOGUE.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("["):
            near = [lines[number - 1], lines[number + 1]]
            assert any(re.match(r"# .*(AY|TR|own wording)", other) for other in near), line


def test_every_prompt_that_is_said_exists() -> None:
    assert set(used()) - set(PROMPTS) == set()


def test_every_prompt_is_said_somewhere() -> None:
    assert set(PROMPTS) - set(used()) == set()


def test_what_is_filled_in_is_always_given() -> None:
    for key, given in fills():
        assert PROMPTS[key].placeholders <= given, key


def test_a_missing_prompt_says_what_to_do() -> None:
    with pytest.raises(PromptError, match=r"no 'no\.such'; add it to prompts\.zh\.toml"):
        PROMPTS.text("no.such")


def test_a_prompt_without_its_filling_says_so() -> None:
    with pytest.raises(PromptError, match="needs 'spec' filled in"):
        PROMPTS.text("taken.removed")


def test_prompts_may_be_worded_otherwise_by_whoever_runs_the_line(tmp_path: Path) -> None:
    path = tmp_path / "prompts.toml"
    path.write_text('[a]\nb = "c"\nd = { say = "e{f}", keys = "g" }\n', encoding="utf-8")
    prompts = read_prompts(path)
    assert dict(prompts) == {"a.b": Prompt("c"), "a.d": Prompt("e{f}", "g")}
    assert prompts.text("a.d", f="!") == "e!"
    assert prompts.text("a.d", by_keys=True) == "g"


# The keys used are read from the code: calls of `say` and `text`, and keys composed of the name of a step or a reason.

COMPOSED_KEYS = {
    "refused": (*get_args(IneligibilityReason), *get_args(RefusalReason)),
    # if recognition is down, the line itself speaks
    "transfer": sorted(set(get_args(TransferReason)) - {"recogniser_down"}),
    "described": [*sorted(set(get_args(Action)) - {"ask"}), *get_args(Asked)],
    "ask_quantity": get_args(QuantityReason),
}


def used() -> Iterator[str]:
    for call in calls():
        yield from keys_of(call)
    for section, names in COMPOSED_KEYS.items():
        yield from (f"{section}.{name}" for name in names)
    for row in (row for flow in FLOWS.values() for row in flow.rows):
        yield from (f"{row.step.name}.{name}" for name in row.step.reprompts if row.step.name != "admission")


def fills() -> Iterator[tuple[str, set[str]]]:
    for call in calls():
        given = {keyword.arg for keyword in call.keywords if keyword.arg}
        if all(keyword.arg for keyword in call.keywords):
            yield from ((key, given) for key in keys_of(call))


def keys_of(call: ast.Call) -> Iterator[str]:
    """The keys a call may say, if they are written as literals."""
    for node in ast.walk(call.args[0]):
        match node:
            case ast.Constant(value=str(key)) if re.fullmatch(r"[a-z_]+\.[a-z_]+", key):
                yield key


def calls() -> Iterator[ast.Call]:
    packages = [Path(package.__file__ or "").parent for package in (callflows, ivr)]
    for path in (path for package in packages for path in package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="say" | "text")) if node.args:
                    yield node
