"""The flows of inbound and outbound calls. One table serves every hotline: which orders it takes, from whom and until
when are the hotline's own settings, which the desk applies."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from callflows.flow import Flow, Row, Target
from callflows.replies import HangUp, Transfer
from callflows.state import RUNG, Next
from callflows.steps.admission import Admission, Admitted, Left, Refused, ResumeDraft
from callflows.steps.browsing import BrowseSpecs, ChooseBand
from callflows.steps.clarifications import AskQuantity, ChooseSpec
from callflows.steps.confirmations import ConfirmLines, OfferRest, OfferSubstitute
from callflows.steps.identification import (
    AskCode,
    AskPin,
    CallerConfirmed,
    ChooseRegion,
    CodeConfirmed,
    CodeGiven,
    ConfirmCaller,
    ConfirmCode,
    PinChecked,
    RegionChosen,
)
from callflows.steps.outbound_greeting import Greeted, GreetRetailer, TakeItemsWhenRung
from callflows.steps.read_back import ReadBack, ReadBackEnds
from callflows.steps.take_items import AskChange, Declined, TakeItems

# Wherever lines can be said, the questions they leave open come first; then the call returns to where it was.
AFTER_LINES: Mapping[StrEnum, Target] = {
    Next.UNSURE: "confirm_lines",
    Next.WHICH: "choose_spec",
    Next.QUANTITY: "ask_quantity",
    Next.SUBSTITUTE: "offer_substitute",
    Next.REST: "offer_rest",
    Next.MORE: "take_items",
    Next.BANDS: "choose_band",
    Next.SPECS: "browse_specs",
    Next.READ_BACK: "read_back",
}

ORDERING = Flow(
    "choose_region",
    [
        Row(ChooseRegion(), {RegionChosen.CHOSEN: "confirm_caller"}),
        Row(
            ConfirmCaller(),
            {
                CallerConfirmed.SIGNED_IN: "admission",
                CallerConfirmed.SOMEONE_ELSE: "ask_code",
                CallerConfirmed.UNKNOWN_NUMBER: "ask_code",
            },
        ),
        Row(AskCode(), {CodeGiven.SPOKEN: "confirm_code", CodeGiven.KEYED: "ask_pin"}),
        Row(
            ConfirmCode(),
            {
                CodeConfirmed.RIGHT: "ask_pin",
                CodeConfirmed.WRONG: "ask_code",
                CodeConfirmed.FAILED: Transfer("not_identified"),
            },
        ),
        Row(
            AskPin(),
            {
                PinChecked.SIGNED_IN: "admission",
                PinChecked.WRONG: "ask_code",
                PinChecked.FAILED: Transfer("not_identified"),
                PinChecked.LOCKED: Transfer("locked"),
            },
        ),
        Row(
            Admission(),
            {Admitted.MAY_ORDER: "take_items", Admitted.DRAFT_LEFT: "resume_draft", Admitted.REFUSED: "refused"},
        ),
        Row(ResumeDraft(), AFTER_LINES),
        Row(TakeItems(), AFTER_LINES),
        Row(ConfirmLines(), AFTER_LINES),
        Row(ChooseSpec(), AFTER_LINES),
        Row(AskQuantity(), AFTER_LINES),
        Row(OfferSubstitute(), AFTER_LINES),
        Row(OfferRest(), AFTER_LINES),
        Row(ChooseBand(), AFTER_LINES),
        Row(BrowseSpecs(), AFTER_LINES),
        Row(
            ReadBack(),
            {
                **AFTER_LINES,
                ReadBackEnds.SAVED: HangUp(),
                ReadBackEnds.CHANGE: "ask_change",
                ReadBackEnds.REFUSED: "refused",
            },
        ),
        Row(AskChange(), AFTER_LINES),
        Row(Refused(), {Left.LEFT: HangUp()}),
    ],
)

# A retailer called by the line is known, and signs in by saying yes; after that, the steps are those of any call.
_OTHERWISE_WHEN_RUNG = frozenset(
    {"choose_region", "confirm_caller", "ask_code", "confirm_code", "ask_pin", "take_items"}
)

OUTBOUND = Flow(
    "greet_retailer",
    [
        Row(
            GreetRetailer(),
            {
                Greeted.ITSELF: "admission",
                Greeted.SOMEBODY_ELSE: HangUp(),
                Greeted.NOT_NOW: HangUp(),
                Greeted.SILENT: HangUp(),
            },
        ),
        Row(TakeItemsWhenRung(), {**AFTER_LINES, Declined.DECLINED: HangUp()}),
        *(row for row in ORDERING.rows if row.step.name not in _OTHERWISE_WHEN_RUNG),
    ],
)

FLOWS: Mapping[str, Flow] = {"ordering": ORDERING, RUNG: OUTBOUND}
"""The flows by the name kept with the call."""
