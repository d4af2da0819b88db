"""The event streams of the desk and of the telephone windows: the queue, the live calls, and operator presence, read
once for all pages of a process."""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from console.desk.call_handling import OperatorPresence, presence_context, read_presence
from console.desk.call_views import HotlineStatus, hotline_status
from console.held_open import KEEPALIVE_S
from console.language import chosen
from ivr.operators import presence
from ivr.services import services
from orders.staff.models import StaffRow
from storage import read_only, transaction


@dataclass(frozen=True)
class DeskContent:
    """What the desks show at one moment. The hotline's part differs only by language and by who has a call in hand, and
    is kept in `hotline_parts` by these two."""

    staff: Mapping[int, StaffRow]
    status: HotlineStatus
    presence: OperatorPresence
    hotline_parts: dict[tuple[str, int | None, str], str] = field(default_factory=dict)


class DeskStream:
    """The parts of the desk's page. As long as a page is open, its reader is kept checked in."""

    interval_s = 0.5

    def __init__(self) -> None:
        self._presences = _Presences("desk/presence.html")

    def read(self, viewers: Collection[int]) -> DeskContent:
        """The calls and the operators at this moment."""
        self._presences.begin(viewers)
        now = services().now()
        with read_only(services().sessions) as session:
            return DeskContent(_staff(session, viewers), hotline_status(session, now), read_presence(session))

    def render(self, content: DeskContent, viewer: int) -> Mapping[str, str]:
        """The parts as this staff member sees them; rendered anew only where something has changed for them."""
        me = content.staff[viewer]
        presence_part = self._presences.render(content.presence, me)
        return {"hotline": self._hotline_part(content, me, chosen()), "presence": presence_part}

    def _hotline_part(self, content: DeskContent, me: StaffRow, language: str) -> str:
        has_call = any(one.taken_by is not None and one.taken_by.id == me.id for one in content.status.taken)
        key = language, me.id if has_call else None, me.role
        if (part := content.hotline_parts.get(key)) is None:
            part = render_template("desk/hotline_status.html", status=content.status, me=me)
            content.hotline_parts[key] = part
        return part


@dataclass(frozen=True)
class SoftphoneContent:
    """What the telephone windows show at one moment."""

    staff: Mapping[int, StaffRow]
    presence: OperatorPresence


class SoftphoneStream:
    """The part of the telephone window's page. It keeps its operator checked in wherever the other pages are."""

    interval_s = 0.5

    def __init__(self) -> None:
        self._presences = _Presences("desk/softphone_state.html")

    def read(self, viewers: Collection[int]) -> SoftphoneContent:
        """The operators at this moment."""
        self._presences.begin(viewers)
        with read_only(services().sessions) as session:
            return SoftphoneContent(_staff(session, viewers), read_presence(session))

    def render(self, content: SoftphoneContent, viewer: int) -> Mapping[str, str]:
        """The part as this staff member sees it."""
        return {"softphone": self._presences.render(content.presence, content.staff[viewer])}


class _Presences:
    """The operators' own parts of a page, rendered by a template only where something has changed for them."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._checked_in_at: dict[int, float] = {}
        # The part of each viewer and language, with the facts it was rendered from.
        self._parts: dict[tuple[int, str], tuple[Hashable, str]] = {}

    def begin(self, viewers: Collection[int]) -> None:
        """Keep the viewers checked in, and free the operators whose wrap-up is over."""
        self._check_in(viewers)
        self._parts = {key: part for key, part in self._parts.items() if key[0] in viewers}
        services().line.operators.dispatcher.end_wrap_ups()

    def render(self, shown: OperatorPresence, me: StaffRow) -> str:
        """The part as this staff member sees it."""
        facts, key = shown.facts_for(me.id), (me.id, chosen())
        before = self._parts.get(key)
        if before is None or before[0] != facts:
            before = facts, render_template(self._template, **presence_context(shown, me))
            self._parts[key] = before
        return before[1]

    def _check_in(self, viewers: Collection[int]) -> None:
        now = time.monotonic()
        self._checked_in_at = {one: at for one, at in self._checked_in_at.items() if one in viewers}
        due = [one for one in viewers if now - self._checked_in_at.get(one, -KEEPALIVE_S) >= KEEPALIVE_S]
        if not due:
            return
        self._checked_in_at |= dict.fromkeys(due, now)
        with transaction(services().sessions) as session:
            for one in due:
                presence.check_in(session, one, services().now())


def _staff(session: Session, viewers: Collection[int]) -> dict[int, StaffRow]:
    return {one.id: one for one in session.scalars(select(StaffRow).where(StaffRow.id.in_(viewers)))}
