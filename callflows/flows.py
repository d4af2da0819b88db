"""The flows of inbound and outbound calls. One table serves every hotline: which orders it takes, from whom and until
when are the hotline's own settings, which the desk applies."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from callflows.flow import Flow, FlowRow, Target
from callflows.replies import HangUp, Transfer
from callflows.state import ORDERING, OUTBOUND, Goto
from callflows.steps.admission import (
    Admission,
    Admitted,
    ChooseSupplementaryRegion,
    ExplainRefusal,
    RefusalEnds,
    ResumeDraft,
)
from callflows.steps.after_order import AfterOrder, Afterwards, ChangeSaved, ConfirmRequest
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
from callflows.steps.leaving import Leave, Left
from callflows.steps.outbound_greeting import Greeted, GreetRetailer, TakeItemsOutbound
from callflows.steps.proof import Proved, ProveIdentity
from callflows.steps.read_back import ReadBack, ReadBackEnds
from callflows.steps.take_items import AskChange, Declined, TakeItems

# Wherever lines can be said, the questions they leave open come first; then the call returns to where it was.
LINE_GOTOS: Mapping[StrEnum, Target] = {
    Goto.UNSURE: "confirm_lines",
    Goto.WHICH: "choose_spec",
    Goto.QUANTITY: "ask_quantity",
    Goto.SUBSTITUTE: "offer_substitute",
    Goto.REST: "offer_rest",
    Goto.MORE: "take_items",
    Goto.BANDS: "choose_band",
    Goto.SPECS: "browse_specs",
    Goto.READ_BACK: "prove_identity",
    Goto.PROVE: "prove_identity",
    Goto.LEAVE: "leave",
}

ORDERING_FLOW = Flow(
    "choose_region",
    [
        FlowRow(ChooseRegion(), {RegionChosen.CHOSEN: "confirm_caller"}),
        FlowRow(
            ConfirmCaller(),
            {
                CallerConfirmed.SIGNED_IN: "admission",
                CallerConfirmed.PIN_FIRST: "ask_pin",
                CallerConfirmed.SOMEONE_ELSE: "ask_code",
                CallerConfirmed.UNKNOWN_NUMBER: "ask_code",
            },
        ),
        FlowRow(AskCode(), {CodeGiven.SPOKEN: "confirm_code", CodeGiven.KEYED: "ask_pin"}),
        FlowRow(
            ConfirmCode(),
            {
                CodeConfirmed.RIGHT: "ask_pin",
                CodeConfirmed.WRONG: "ask_code",
                CodeConfirmed.FAILED: Transfer("not_identified"),
            },
        ),
        FlowRow(
            AskPin(),
            {
                PinChecked.SIGNED_IN: "admission",
                PinChecked.WRONG: "ask_code",
                PinChecked.FAILED: Transfer("not_identified"),
                PinChecked.LOCKED: Transfer("locked"),
            },
        ),
        FlowRow(
            Admission(),
            {
                Admitted.MAY_ORDER: "take_items",
                Admitted.DRAFT_LEFT: "prove_identity",
                Admitted.MISSED: "choose_supplementary_region",
                Admitted.REFUSED: "refused",
            },
        ),
        FlowRow(ChooseSupplementaryRegion(), {RegionChosen.CHOSEN: "admission"}),
        FlowRow(ResumeDraft(), LINE_GOTOS),
        FlowRow(TakeItems(), LINE_GOTOS),
        FlowRow(ConfirmLines(), LINE_GOTOS),
        FlowRow(ChooseSpec(), LINE_GOTOS),
        FlowRow(AskQuantity(), LINE_GOTOS),
        FlowRow(OfferSubstitute(), LINE_GOTOS),
        FlowRow(OfferRest(), LINE_GOTOS),
        FlowRow(ChooseBand(), LINE_GOTOS),
        FlowRow(BrowseSpecs(), LINE_GOTOS),
        FlowRow(
            ProveIdentity(),
            {
                **LINE_GOTOS,
                Proved.READ_BACK: "read_back",
                Proved.RESUME: "resume_draft",
                Proved.SERVICES: "after_order",
                Proved.FAILED: Transfer("not_identified"),
                Proved.LOCKED: Transfer("locked"),
                Proved.NO_PIN: Transfer("not_identified"),
            },
        ),
        FlowRow(
            ReadBack(),
            {
                **LINE_GOTOS,
                ReadBackEnds.SAVED: HangUp(),
                ReadBackEnds.CHANGE: "ask_change",
                ReadBackEnds.REFUSED: "refused",
            },
        ),
        FlowRow(AskChange(), LINE_GOTOS),
        FlowRow(Leave(), {**LINE_GOTOS, Left.LEFT: HangUp()}),
        FlowRow(ExplainRefusal(), {RefusalEnds.EXPLAINED: "after_order"}),
        FlowRow(
            AfterOrder(),
            {
                Afterwards.CHANGE: "change_saved",
                Afterwards.CONFIRM: "confirm_request",
                Afterwards.REFUSED: "refused",
                Afterwards.ENDED: HangUp(),
                Afterwards.PROVE: "prove_identity",
            },
        ),
        FlowRow(ChangeSaved(), {Afterwards.CONFIRM: "confirm_request", Afterwards.BACK: "after_order"}),
        FlowRow(ConfirmRequest(), {Afterwards.CHANGE: "change_saved", Afterwards.BACK: "after_order"}),
    ],
)

# A retailer called by the line is known, and signs in by saying yes; after that, the steps are those of any call.
_REPLACED_OUTBOUND = frozenset({"choose_region", "confirm_caller", "ask_code", "confirm_code", "ask_pin", "take_items"})

OUTBOUND_FLOW = Flow(
    "greet_retailer",
    [
        FlowRow(
            GreetRetailer(),
            {
                Greeted.ITSELF: "admission",
                Greeted.SOMEBODY_ELSE: HangUp(),
                Greeted.NOT_NOW: HangUp(),
                Greeted.SILENT: HangUp(),
            },
        ),
        FlowRow(TakeItemsOutbound(), {**LINE_GOTOS, Declined.DECLINED: HangUp()}),
        *(row for row in ORDERING_FLOW.rows if row.step.name not in _REPLACED_OUTBOUND),
    ],
)

FLOWS: Mapping[str, Flow] = {ORDERING: ORDERING_FLOW, OUTBOUND: OUTBOUND_FLOW}
"""The flows by the name kept with the call."""
