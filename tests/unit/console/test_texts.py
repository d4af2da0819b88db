"""Every value that pages and reports show has its text, and no text is left of a value that is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from callflows.flows import ORDERING_FLOW, OUTBOUND_FLOW
from console import texts
from console.calls.label_form import UtteranceKind
from console.day.day_list import DayState
from console.day.outbound_pages import IdleReason
from ivr.operators.models import TicketReason
from orders.book.models import ChangeState, Channel, OrderKind, OrderState
from orders.book.order_changes import RefusedFor
from orders.book.order_history import OrderEvent
from orders.book.views import CutReason, RefusalReason
from orders.channels.models import FollowUpResult
from orders.day_end.deliveries import DeliveryResult
from orders.department_rules import BAND_PREFIX, RULES
from orders.models import Subject
from orders.outbound.campaign import MISSED_REASONS, NO_NUMBER, NOT_CALLED
from orders.outbound.missed_calls import REASONS
from orders.outbound.models import AttemptOutcome, Remedy, VisitOutcome
from orders.reporting import labels
from orders.reporting.calls import CallOutcome
from orders.reporting.models import ReportKind, ReportState, ReportStepKind
from orders.retailers.models import Cycle
from orders.staff.models import FeedbackKind, FeedbackStepKind, Role
from orders.supply.allocate import Basis
from speech.listening import Choice, Items, QuantityOf, YesNo
from speech.utterance import Command

STEPS = {row.step.name for flow in (ORDERING_FLOW, OUTBOUND_FLOW) for row in flow.rows}


def values(literal: Any) -> set[str]:
    """The values of a Literal, or of a union of several."""
    return set().union(*(values(part) if get_args(part) else {part} for part in get_args(literal)))


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (labels.CALL_OUTCOMES, values(CallOutcome)),
        (texts.channels, values(Channel)),
        (texts.order_kinds, values(OrderKind)),
        (texts.order_states, values(OrderState)),
        (texts.cut_reasons, values(CutReason)),
        (texts.unreached_reasons, set(REASONS)),
        (texts.remedies, values(Remedy)),
        (texts.visit_outcomes, values(VisitOutcome)),
        (texts.attempt_outcomes, values(AttemptOutcome)),
        (texts.attempt_tones, values(AttemptOutcome)),
        (texts.order_events, values(OrderEvent)),
        (texts.day_states, values(DayState)),
        (texts.day_state_tones, values(DayState)),
        (texts.idle_reasons, values(IdleReason) - {"", "stopped"}),
        (texts.refusals, values(RefusalReason) | {"not_a_number", "unknown_spec", "not_on_the_order"}),
        (texts.web_order_failures, values(RefusalReason) | {"nothing_left", "unknown_spec", "unknown_retailer"}),
        (texts.follow_up_results, values(FollowUpResult)),
        (texts.change_states, values(ChangeState)),
        (texts.change_state_tones, values(ChangeState)),
        (texts.change_refusals, values(RefusedFor)),
        (texts.delivery_results, values(DeliveryResult)),
        (texts.ticket_reasons, values(TicketReason)),
        (texts.steps, STEPS),
        (texts.commands, values(Command)),
        (texts.report_kinds, values(ReportKind)),
        (texts.report_states, values(ReportState)),
        (texts.report_tones, values(ReportState)),
        (texts.report_steps, values(ReportStepKind)),
        (texts.feedback_kinds, values(FeedbackKind)),
        (texts.feedback_steps, values(FeedbackStepKind)),
        (texts.roles, values(Role)),
        (texts.bases, values(Basis)),
        (texts.cycles, values(Cycle)),
        (texts.rules, set(RULES) - {f"{BAND_PREFIX}N"}),
        (texts.subjects, values(Subject)),
        (texts.utterance_kinds, values(UtteranceKind)),
        (texts.awaited_inputs, {"customer_code", "pin", *(one.__name__ for one in (YesNo, Items, QuantityOf, Choice))}),
    ],
)
def test_every_value_has_its_text(written: Mapping[str, str], wanted: set[str]) -> None:
    assert set(written) == wanted


def test_every_reason_the_dialler_records_is_one_that_is_known() -> None:
    assert {*MISSED_REASONS.values(), NO_NUMBER, NOT_CALLED} <= set(REASONS)


def test_every_step_is_in_one_stage_of_the_web_phone() -> None:
    listed = [step for _, _, steps in texts.stages for step in steps]
    assert sorted(listed) == sorted(STEPS)


def test_a_value_of_an_older_version_is_shown_as_it_is_stored() -> None:
    assert texts.steps["confirm_shop"] == "confirm_shop"
