"""The texts of the pages: every value the code has a name for has one, and only those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

import pytest
from flask import Flask

from callflows.flows import ORDERING_FLOW, OUTBOUND_FLOW
from console.calls.label_form import UtteranceKind
from console.day.outbound_pages import IdleReason
from console.day.today import DayState
from ivr.operators.models import TicketReason
from orders.book.models import Channel, OrderKind, OrderState
from orders.book.views import CutReason
from orders.channels.models import FollowUpResult
from orders.department_rules import BAND_PREFIX, RULES
from orders.models import Subject
from orders.outbound.missed_calls import REASONS
from orders.outbound.models import AttemptOutcome, Remedy
from orders.reporting.models import ReportKind, ReportState, ReportStepKind
from orders.retailers.models import Cycle
from orders.staff.models import FeedbackKind, FeedbackStepKind, Role
from orders.supply.allocate import Basis
from speech.utterance import Command

DESK, SETTINGS, LABELS = "desk_texts.html", "settings/setting_texts.html", "calls/label_texts.html"


def texts(application: Flask, template: str, name: str) -> Any:
    module = application.jinja_env.get_template(template).make_module({"_": lambda text, **_filled: text})
    return getattr(module, name)


def values(kind: Any) -> set[str]:
    """The values of a Literal, or of a union of some; an empty one has no text."""
    found = get_args(kind)
    return {value for one in found for value in (values(one) if get_args(one) else {one}) if value}


@pytest.mark.parametrize(
    ("template", "name", "kind"),
    [
        (DESK, "states", DayState),
        (DESK, "state_tones", DayState),
        (DESK, "channels", Channel),
        (DESK, "kinds", OrderKind),
        (DESK, "order_states", OrderState),
        (DESK, "cuts", CutReason),
        (DESK, "remedies", Remedy),
        (DESK, "attempt_outcomes", AttemptOutcome),
        (DESK, "attempt_tones", AttemptOutcome),
        (DESK, "idle_reasons", IdleReason),
        (DESK, "follow_ups", FollowUpResult),
        (DESK, "report_kinds", ReportKind),
        (DESK, "report_states", ReportState),
        (DESK, "report_tones", ReportState),
        (DESK, "report_steps", ReportStepKind),
        (DESK, "feedback_kinds", FeedbackKind),
        (DESK, "feedback_steps", FeedbackStepKind),
        (DESK, "roles", Role),
        (DESK, "ticket_reasons", TicketReason),
        (DESK, "commands", Command),
        (DESK, "bases", Basis),
        (DESK, "cycles", Cycle),
        (SETTINGS, "subject_names", Subject),
        (LABELS, "label_kinds", UtteranceKind),
    ],
)
def test_every_value_has_its_text(application: Flask, template: str, name: str, kind: Any) -> None:
    assert set(texts(application, template, name)) == values(kind)


def test_every_reason_and_every_rule_has_its_text(application: Flask) -> None:
    assert set(texts(application, DESK, "unreached_reasons")) == set(REASONS)
    assert set(texts(application, SETTINGS, "rule_names")) == set(RULES) - {f"{BAND_PREFIX}N"}


def steps() -> Iterable[str]:
    return {row.step.name for flow in (ORDERING_FLOW, OUTBOUND_FLOW) for row in flow.rows}


def test_every_step_has_its_name_and_its_stage(application: Flask) -> None:
    names: Mapping[str, str] = texts(application, DESK, "steps")
    stages = texts(application, DESK, "stages")
    assert set(names) == set(steps())
    staged = [step for _name, _english, members in stages for step in members]
    assert sorted(staged) == sorted(steps())
