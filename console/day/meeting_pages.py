"""Minutes of morning meetings and records of trainings (AY 4.1.3, 6.2): written, read by who was absent, printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import get_args

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from console.dates import parse_date, requested_days
from console.language import _
from console.numbers import parse_whole
from ivr.services import services
from orders.assessment import meetings
from orders.assessment.meetings import MeetingDraft, MeetingRefused
from orders.assessment.models import LED_BY_MAX, TEXT_MAX, TOPIC_MAX, Meeting, MeetingKind
from orders.staff import notices, seats
from orders.staff.models import StaffRow
from orders.windows import business_day
from storage import read_only, transaction

KINDS: tuple[MeetingKind, ...] = get_args(MeetingKind)
# The list without days asked for.
LISTED_FOR = timedelta(days=30)


def meeting_routes() -> Blueprint:
    """The list of records, the form of a new one, and the page of each."""
    routes = Blueprint("meetings", __name__, url_prefix="/meetings")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return _list_page(session, "day/meetings.html")

    @routes.post("")
    @requires_task("assess_staff")
    def add() -> ResponseReturnValue:
        return _record(None)

    @routes.get("/<int:number>")
    @requires_task("see_day")
    def meeting(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            found, now = _meeting(session, number), services().now()
            people = meetings.people_of(session, number)
            me = next((person for person, one in people if one.id == staff().id), None)
            may_correct = may("assess_staff") and meetings.may_correct(found, staff(), now)
            return render_template(
                "day/meeting.html",
                meeting=found,
                people=people,
                writer=session.get_one(StaffRow, found.recorded_by),
                to_read=me is not None and not me.present and me.read_at is None,
                may_correct=may_correct,
                **_form(session, found),
            )

    @routes.post("/<int:number>")
    @requires_task("assess_staff")
    def correct(number: int) -> ResponseReturnValue:
        return _record(number)

    @routes.post("/<int:number>/read")
    @requires_task("see_day")
    def read(number: int) -> ResponseReturnValue:
        """Write down that the user, who was not there, has read the minutes."""
        with transaction(services().sessions) as session:
            _meeting(session, number)
            meetings.mark_read(session, number, staff().id, services().now())
        return redirect(url_for("console.meetings.meeting", number=number), 303)

    return routes


def _record(number: int | None) -> ResponseReturnValue:
    """Store what was typed and go to the record; or show the form again with what is wrong."""
    form, now = request.form, services().now()
    kind = next((kind for kind in KINDS if kind == form.get("kind")), None)
    day = parse_date(form.get("day", ""))
    present = {one for one in map(parse_whole, form.getlist("present")) if one is not None}
    errors = {}
    if kind is None or day is None or day > business_day(now):
        errors["day"] = _("请选一个日期，不能晚于今天。")
    if not form.get("led_by", "").strip() or len(form["led_by"]) > LED_BY_MAX:
        errors["led_by"] = _("请写主持人，最多%(most)d个字。", most=LED_BY_MAX)
    if len(form.get("topic", "")) > TOPIC_MAX or (kind == "training" and not form.get("topic", "").strip()):
        errors["topic"] = _("培训请写科目，最多%(most)d个字。", most=TOPIC_MAX)
    if not form.get("text", "").strip() or len(form["text"]) > TEXT_MAX:
        errors["text"] = _("请写内容，最多%(most)d个字。", most=TEXT_MAX)
    if not present:
        errors["present"] = _("请勾选到会的人。")
    with transaction(services().sessions) as session:
        if number is not None:
            _meeting(session, number)
        if errors or kind is None or day is None:
            context = _form(session, None, form, errors)
            context["number"] = number
            return render_template("day/meeting_form.html", **context), 422
        results = {one: form.get(f"result-{one}", "") for one in present}
        draft = MeetingDraft(kind, day, form.get("topic", ""), form["led_by"], form["text"], present, results)
        try:
            kept = meetings.record_meeting(
                session, draft, by=session.get_one(StaffRow, staff().id), now=now, meeting_id=number
            )
        except MeetingRefused:
            abort(422, _("记录只能由写的人在一天以内改。"))
        return "", 204, {"HX-Redirect": url_for("console.meetings.meeting", number=kept.id)}


def _list_page(session: Session, template: str) -> str:
    today = business_day(services().now())
    first, last = requested_days()
    if not request.args:
        first = today - LISTED_FOR
    return render_template(
        template,
        first=first,
        last=last,
        today=today,
        meetings=meetings.meetings(session, first, last),
        unread=meetings.unread_by(session, staff().id, today - LISTED_FOR),
        may_write=may("assess_staff"),
        **_form(session, None),
    )


def _form(
    session: Session,
    meeting: Meeting | None,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """What the form shows: what was typed, or the record, or for a new one the day's notices and who sits at a seat."""
    now = services().now()
    today = business_day(now)
    people = meetings.expected_people(session)
    results: dict[int, str] = {}
    if typed is not None:
        present = set(request.form.getlist("present"))
        results = {one.id: typed.get(f"result-{one.id}", "") for one in people}
        values = {name: typed.get(name, "") for name in ("kind", "day", "topic", "led_by", "text")}
    elif meeting is not None:
        were = meetings.people_of(session, meeting.id)
        present = {str(one.id) for person, one in were if person.present}
        results = {one.id: person.result for person, one in were}
        values = {
            "kind": meeting.kind,
            "day": meeting.day.isoformat(),
            "topic": meeting.topic,
            "led_by": meeting.led_by,
            "text": meeting.text,
        }
    else:
        present = {str(person.id) for _seat, person in seats.occupied_seats(session, now)} | {str(staff().id)}
        text = "\n".join(one.text for one in notices.in_force(session, today))
        values = {"kind": "morning", "day": today.isoformat(), "topic": "", "led_by": staff().name, "text": text}
    return {
        "form": values,
        "form_people": people,
        "form_present": present,
        "form_results": results,
        "errors": errors or {},
        "number": None if meeting is None else meeting.id,
        "text_max": TEXT_MAX,
        "topic_max": TOPIC_MAX,
        "led_by_max": LED_BY_MAX,
    }


def _meeting(session: Session, number: int) -> Meeting:
    found = session.get(Meeting, number)
    if found is None:
        abort(404)
    return found
