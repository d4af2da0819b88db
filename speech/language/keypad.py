"""The meaning of pressed keys at a step.

| at every step | `0` an operator, `*` say it again |
|---|---|
| items | `code*quantity#` a line, several in one go (`1203*5*1104*2#`); `code#` a line whose quantity is asked; |
|       | `code*0#` takes a line off; `#` alone: that is all; `8#` the same as last time, `9#` what is there |
| quantity | `5#`; a whole line as above is accepted too |
| yes or no | `1` yes, `2` no |
| choice | the number of the option |
| digits | the digits, `#` when done |

The code is a spec's short code. Quantities are cartons. A `#` after a single key is never waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from speech.listening import Choice, Digits, Items, Listen, QuantityOf, YesNo
from speech.utterance import NOTHING, Command, Item, Quantity, Utterance

OPERATOR: Final = "0"
REPEAT: Final = "*"
DONE: Final = "#"
_ITEM_COMMANDS: Final[Mapping[str, Command]] = {"8": "usual", "9": "what_is_there"}
_ANSWERS: Final[Mapping[str, Command]] = {"1": "yes", "2": "no"}
# More cartons than this are a typing error, not an order.
MAX_CARTONS: Final = 9999
# A caller who has begun to key may pause this long before the keys so far are taken, in seconds.
KEY_PAUSE_S: Final = 3
# A code is read off a card, group by group.
CODE_PAUSE_S: Final = 5


def read_keys(listen: Listen, keys: str, by_code: Mapping[str, str]) -> Utterance:
    """The utterance the keys stand for; `by_code` maps short codes to barcodes. Keys without a meaning give an empty
    utterance with the keys as its text."""
    keys = keys.strip()
    pressed = keys.rstrip(DONE)
    if pressed == OPERATOR:
        return _command("operator", keys)
    if keys and set(keys) == {REPEAT}:
        return _command("repeat", keys)
    match listen:
        case Digits():
            return _digits(listen, keys, pressed)
        case YesNo():
            if pressed in _ANSWERS:
                return _command(_ANSWERS[pressed], keys)
            return _items(keys, by_code) if listen.or_items else _nothing(keys)
        case Choice():
            place = next((i for i, option in enumerate(listen.options) if option.key == pressed), None)
            if place is not None:
                return Utterance(choice=place, text=keys, keyed=True)
            return _items(keys, by_code) if listen.or_items else _nothing(keys)
        case QuantityOf():
            quantity = _quantity(pressed)
            if quantity is not None:
                return Utterance(items=(Item("add", (listen.barcode,), quantity),), text=keys, keyed=True)
            return _items(keys, by_code)
        case Items():
            if keys == DONE:
                return _command("done", keys)
            if pressed in _ITEM_COMMANDS:
                return _command(_ITEM_COMMANDS[pressed], keys)
            return _items(keys, by_code)


def key_count(listen: Listen) -> int | None:
    """The number of keys that completes the answer, or None if only `#` ends it."""
    match listen:
        case Digits(length):
            return length
        case YesNo():
            return 1
        case Choice(options) if len(options) < 10:
            return 1
        case _:
            return None


def key_pause_s(listen: Listen) -> int:
    """The pause after which the keys so far are taken, in seconds."""
    return CODE_PAUSE_S if isinstance(listen, Digits) else KEY_PAUSE_S


def _digits(listen: Digits, keys: str, pressed: str) -> Utterance:
    if len(pressed) == listen.length and pressed.isdecimal():
        return Utterance(digits=(pressed,), text=keys, keyed=True)
    return _nothing(keys)


def _items(keys: str, by_code: Mapping[str, str]) -> Utterance:
    """The lines keyed as code*quantity; one wrong code voids all of them, because the intention is unknown. A code that
    no spec has is returned alone, to be named."""
    items: list[Item] = []
    lengths = set(map(len, by_code))
    for line in (part for part in keys.split(DONE) if part):
        fields = line.split(REPEAT)
        if len(fields) == 1:
            fields.append("")
        if len(fields) % 2:
            return _nothing(keys)
        for code, count in zip(fields[::2], fields[1::2], strict=True):
            barcode = by_code.get(code)
            if barcode is None and len(code) in lengths and code.isdecimal():
                return Utterance(items=(Item("add", (), said=code, not_carried=True),), text=keys, keyed=True)
            if barcode is None or (count and not count.isdecimal()):
                return _nothing(keys)
            if count and int(count) == 0:
                items.append(Item("remove", (barcode,), said=code))
            elif not count or (quantity := _quantity(count)) is None:
                items.append(Item("add", (barcode,), said=code))
            else:
                items.append(Item("add", (barcode,), quantity, said=code))
    return Utterance(items=tuple(items), text=keys, keyed=True) if items else _nothing(keys)


def _quantity(keys: str) -> Quantity | None:
    if not keys.isdecimal() or not 0 < int(keys) <= MAX_CARTONS:
        return None
    return Quantity(2 * int(keys))


def _command(name: Command, keys: str) -> Utterance:
    return Utterance(command=name, text=keys, keyed=True)


def _nothing(keys: str) -> Utterance:
    return Utterance(text=keys, confidence=NOTHING.confidence, keyed=True)
