"""The numbers the line itself may call: calls it pays for, some of them asked for by whoever rang it.

Who sends a premium number as its own and asks to be called back earns by every minute of it. So only numbers under the
allowed prefixes are dialled, and of these only ordinary ones: telephones and mobiles, no premium or shared-cost ones.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from phonenumbers import NumberParseException, PhoneNumberType, number_type, parse

from orders.retailers.caller_numbers import is_dialable

_ORDINARY = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
        PhoneNumberType.TOLL_FREE,
    }
)
# Chinese mobile numbers, and area code with subscriber number, of series that the library's table may not have yet.
# What is shorter are service numbers (95588, 96168, 168 and 160 of the information services), billed by their owners.
_CHINESE = re.compile(r"\+86(1[3-9][0-9]{9}|10[0-9]{7,8}|[2-9][0-9]{8,10})")


# The desk telephones of an exchange of one's own.
_EXTENSION = re.compile(r"[0-9]{2,6}")


def is_extension(number: str) -> bool:
    """True if this is written as the extension of a desk telephone of one's own, such as 8001: a call to it costs
    nothing and never leaves the exchange."""
    return _EXTENSION.fullmatch(number) is not None


def may_be_dialled(number: str, prefixes: Collection[str]) -> bool:
    """True if the line may call this number, written as +8613800000012: its prefix is one of these, and calls to it
    cost what calls cost."""
    if not is_dialable(number) or not number.startswith(tuple(prefixes)):
        return False
    try:
        kind = number_type(parse(number))
    except NumberParseException:
        return False
    if kind == PhoneNumberType.UNKNOWN:
        return _CHINESE.fullmatch(number) is not None
    return kind in _ORDINARY
