"""Money, quantities and times as pages write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from fractions import Fraction

from clock import local
from console.language import _
from console.problems import in_words

_DAY = 24 * 60


def yuan(fen: int) -> str:
    """An amount in yuan, with its fen: 12,345.60."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def cartons(packs: int, packs_per_carton: int = 10) -> str:
    """A quantity in cartons; a broken one as the cartons and packs it is made of."""
    whole, rest = divmod(packs, packs_per_carton)
    return _("%(cartons)d条%(packs)d盒", cartons=whole, packs=rest) if rest else str(whole)


def carton_sum(total: Fraction) -> str:
    """A sum of cartons over specs of different size; broken ones to one decimal."""
    return str(total.numerator) if total.denominator == 1 else f"{float(total):.1f}"


def at(moment: datetime | None) -> str:
    """The time of day of the order department."""
    return "" if moment is None else local(moment).strftime("%H:%M:%S")


def when(moment: datetime | None) -> str:
    """The day and time of the order department."""
    return "" if moment is None else local(moment).strftime("%Y-%m-%d %H:%M")


def day(moment: date | None) -> str:
    """A day."""
    return "" if moment is None else moment.isoformat()


def clock(minutes: int) -> str:
    """A time of day given in minutes from midnight; before it, the evening before."""
    time_of_day = f"{minutes % _DAY // 60:02d}:{minutes % 60:02d}" if minutes != _DAY else "24:00"
    return _("前一天%(time)s", time=time_of_day) if minutes < 0 else time_of_day


def clock_minutes(text: str) -> int | None:
    """A time of day as somebody writes it, in minutes from midnight, 24:00 being its end; None for anything else."""
    if (text := text.strip().replace("：", ":").rjust(5, "0")) == "24:00":
        return _DAY
    try:
        moment = time.fromisoformat(text)
    except ValueError:
        return None
    return moment.hour * 60 + moment.minute


def masked(number: str) -> str:
    """A telephone number of which only the last four digits are shown."""
    return f"…{number[-4:]}" if len(number) > 4 else number


FILTERS: dict[str, Callable[..., str]] = {
    "yuan": yuan,
    "cartons": cartons,
    "carton_sum": carton_sum,
    "at": at,
    "when": when,
    "day": day,
    "clock": clock,
    "masked": masked,
    "in_words": in_words,
}
