"""Money: always whole fen; amounts of broken cartons are rounded once, here."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def amount_fen(price_fen: int, packs: int, packs_per_carton: int) -> int:
    """The price of `packs` at `price_fen` a carton, in fen; parts of a fen (in broken cartons only) round half up."""
    exact = Decimal(price_fen * packs) / packs_per_carton
    return int(exact.to_integral_value(rounding=ROUND_HALF_UP))


def yuan(fen: int) -> Decimal:
    """An amount in yuan, exact; written out it has two decimals, as banks write it: 1234.50."""
    return Decimal(fen).scaleb(-2)
