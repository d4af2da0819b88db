"""The retailers that are a member of staff's own: of one customer manager, of one county, or all of the city.

What such a person looks at is read in a narrowed session. Its every query of a retailer, and of anything that belongs
to one (orders, limits, visits, feedback, lists …), finds their own only, whatever page, file or search asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, event, false, select
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.sql.base import ExecutableOption

from orders.retailers.models import RetailerRow
from orders.staff.models import CITY_ROLES, StaffRow
from storage import Base

_RETAILERS = RetailerRow.__table__


@dataclass(frozen=True, slots=True)
class Scope:
    """The retailers of one county, of one customer manager, or of both. Where neither is given, none are."""

    county: str
    manager: str

    def covers(self, retailer: RetailerRow) -> bool:
        """True if the retailer is one of these."""
        return bool(
            (self.county or self.manager)
            and self.county in ("", retailer.county)
            and self.manager in ("", retailer.manager)
        )

    def conditions(self) -> Sequence[ColumnElement[bool]]:
        """The conditions for a row of the table of retailers."""
        if not (self.county or self.manager):
            return (false(),)
        wanted = {"county": self.county, "manager": self.manager}
        return tuple(_RETAILERS.c[name] == value for name, value in wanted.items() if value)


def scope_of(staff: StaffRow) -> Scope | None:
    """The retailers that are this person's own; None for the roles whose business is the whole city."""
    if staff.role in CITY_ROLES:
        return None
    # A county's clerk has the whole county, whatever the account had as another role.
    return Scope(staff.county, staff.manager if staff.role == "customer_manager" else "")


def narrow(session: Session, scope: Scope | None) -> None:
    """Have every further query of the session find only what belongs to these retailers; with None nothing is
    changed. Only for reading: what is left of the stock is counted over all retailers."""
    if scope is None:
        return
    criteria = _criteria(scope)

    def add_criteria(query: ORMExecuteState) -> None:
        if query.is_select:
            query.statement = query.statement.options(*criteria)

    event.listen(session, "do_orm_execute", add_criteria)


def _criteria(scope: Scope) -> list[ExecutableOption]:
    own = select(_RETAILERS.c.id).where(*scope.conditions())
    own_codes = select(_RETAILERS.c.customer_code).where(*scope.conditions())
    found: list[ExecutableOption] = [with_loader_criteria(RetailerRow, RetailerRow.id.in_(own), include_aliases=True)]
    for mapper in Base.registry.mappers:
        table: type[Any] = mapper.class_
        # Limits refer to their retailer without a foreign key, web orders and calls by its code, so names decide.
        if "retailer_id" in mapper.attrs:
            found.append(with_loader_criteria(table, table.retailer_id.in_(own), include_aliases=True))
        elif "customer_code" in mapper.attrs and table is not RetailerRow:
            found.append(with_loader_criteria(table, table.customer_code.in_(own_codes), include_aliases=True))
    return found
