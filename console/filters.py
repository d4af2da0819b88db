"""Template filters for money, quantities and times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction

from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, parse

from clock import local
from console.file_errors import localised_heading, localised_reason
from console.language import _
from orders.reporting.tables import Cell
from orders.retailers.caller_numbers import WITHHELD, caller_number

_DAY = 24 * 60
CHINA_CODE = 86


def yuan(fen: int) -> str:
    """An amount in yuan, with its fen: 12,345.60."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def format_cartons(packs: int, packs_per_carton: int = 10) -> str:
    """A quantity in cartons; one that is not whole in cartons and packs."""
    whole, rest = divmod(packs, packs_per_carton)
    return _("%(cartons)d条%(packs)d盒", cartons=whole, packs=rest) if rest else str(whole)


def carton_sum(total: Fraction) -> str:
    """A sum of cartons over specs of different carton size; one that is not whole to one decimal."""
    return str(total.numerator) if total.denominator == 1 else f"{float(total):.1f}"


def local_time(moment: datetime | None) -> str:
    """The local time of day as HH:MM:SS; empty for None."""
    return "" if moment is None else local(moment).strftime("%H:%M:%S")


def local_date_time(moment: datetime | None) -> str:
    """The local date and time to the minute; empty for None."""
    # Ten times as fast as strftime: a file of a month has tens of thousands of them.
    return "" if moment is None else local(moment).isoformat(" ", "minutes")[:16]


def length_until(begins: datetime, ends: datetime | None) -> str:
    """The time between two moments as minutes and seconds, 2:05; empty while there is no end."""
    return "" if ends is None else "{}:{:02d}".format(*divmod(max(0, int((ends - begins).total_seconds())), 60))


def day(moment: date | None) -> str:
    """The date in ISO format; empty for None."""
    return "" if moment is None else moment.isoformat()


def time_of_day(minutes: int) -> str:
    """A time of day given in minutes from midnight; negative minutes are on the evening before."""
    text = f"{minutes % _DAY // 60:02d}:{minutes % 60:02d}" if minutes != _DAY else "24:00"
    return _("前一天%(time)s", time=text) if minutes < 0 else text


def parse_time_of_day(text: str) -> int | None:
    """Parse a typed time of day into minutes from midnight, 24:00 included; None if it is no time."""
    if (text := text.strip().replace("：", ":").rjust(5, "0")) == "24:00":
        return _DAY
    try:
        moment = time.fromisoformat(text)
    except ValueError:
        return None
    return moment.hour * 60 + moment.minute


def phone(number: str) -> str:
    """A caller's telephone number, or the words for one who shows none."""
    return _("不显示号码") if caller_number(number) == WITHHELD else number


def as_dialled(number: str) -> str:
    """A telephone number as people of China dial and read it: 0372 5555 0000 for +8637255550000."""
    try:
        parsed = parse(number)
    except NumberParseException:
        return number
    return format_number(parsed, PhoneNumberFormat.NATIONAL) if parsed.country_code == CHINA_CODE else number


def masked(number: str) -> str:
    """A telephone number with only its last four digits shown."""
    if caller_number(number) == WITHHELD:
        return phone(number)
    return f"…{number[-4:]}" if len(number) > 4 else number


def table_cell(value: Cell) -> str:
    """A heading or a cell of a report: a word of the reports in the visitor's language; a dash for None."""
    if value is None:
        return "—"
    if isinstance(value, date):
        return day(value)
    if isinstance(value, Decimal):
        return f"{value:,}"
    return _(value) if isinstance(value, str) and value else str(value)


FILTERS: dict[str, Callable[..., str]] = {
    "yuan": yuan,
    "cartons": format_cartons,
    "carton_sum": carton_sum,
    "local_time": local_time,
    "local_date_time": local_date_time,
    "length_until": length_until,
    "day": day,
    "time_of_day": time_of_day,
    "phone": phone,
    "as_dialled": as_dialled,
    "masked": masked,
    "cell": table_cell,
    "localised_heading": localised_heading,
    "localised_reason": localised_reason,
}
