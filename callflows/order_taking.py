"""Taking lines: the lines of an utterance are requested from the desk, and what is unclear becomes an open question
that delays no other line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from callflows import speaking
from callflows.inquiries import SPECS_DESCRIBED_MAX, answer_inquiry, describe_specs, is_inquiry
from callflows.price_ranges import open_price
from callflows.shortages import can_order, name_of, none_granted, some_granted, telling_spec, truly_none, withdrawn
from callflows.state import Goto, OpenQuestion, OutReason, QuantityReason
from callflows.turn_context import TurnContext
from orders.book.desk import LineRequest
from speech.utterance import Item, Utterance

if TYPE_CHECKING:
    from orders.book.desk import LineOutcome

# The packs and cartons of what the catalogue does not have, for the record of its demand.
_PACKS_PER_CARTON, _CARTONS_PER_CASE = 10, 50
# No retailer's limit comes near it: more was misheard or mistyped, or is said with the wrong unit, and is asked about.
LINE_CARTONS_MAX = 999
# Of more quantities that sound alike no caller can choose by ear.
QUANTITIES_NAMED_MAX = 2


@dataclass
class _TakenLines:
    """The results of one utterance's lines: the requests not yet sent to the desk, the lines taken and the sentences
    about them, the notices said in any case, and the questions about lines not taken."""

    wanted: list[LineRequest] = field(default_factory=list)
    new: list[tuple[str, int]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    questions: list[OpenQuestion] = field(default_factory=list)
    # The lines that name a brand of which nothing can be ordered, by the spec that stands for it.
    brands: dict[str, Item] = field(default_factory=dict)
    # What is taken off a line, in packs by barcode: the request is for the rest.
    reductions: dict[str, int] = field(default_factory=dict)
    # The spec mentioned in the reply before: a quantity without a brand is of it.
    mentioned_barcode: str = ""
    # The lines taken in the turn before.
    just_taken: tuple[tuple[str, int], ...] = ()


def take(turn: TurnContext, heard: Utterance, *, correcting: bool = False, answering: bool = False) -> Goto:
    """Take all that one utterance says of the order, and return how the call goes on.

    `correcting`: the caller has just said no, so a brand that is ordered already is set and not added to.
    `answering`: the lines answer a question, so the questions they leave open come before the others.
    """
    items = _known(turn, heard.items)
    if len(items) < len(heard.items):
        turn.say("taken.no_brand")
    if items and heard.confirm:
        unsure = OpenQuestion(Goto.UNSURE, items, command=heard.command)
        turn.state.open_questions = (unsure, *turn.state.open_questions)
        _say_incomplete(turn, heard)
        return go_on(turn)
    meanwhile = bool(turn.state.open_questions) and not answering
    taken = _TakenLines(mentioned_barcode=turn.state.mentioned_barcode, just_taken=turn.state.just_taken)
    turn.state.mentioned_barcode, turn.state.just_taken = "", ()
    turn.desk.lock_specs(barcode for item in heard.items for barcode in item.barcodes)
    _obey_command(turn, heard, taken)
    for item in items:
        if item.action != "add":
            # A line that is changed, removed or asked about may have been ordered in the same utterance.
            _request_lines(turn, taken)
        _take_item(turn, _as_correction(turn, item) if correcting else item, taken)
    _request_lines(turn, taken)
    opened = tuple(taken.questions)
    turn.state.open_questions = (
        (*opened, *turn.state.open_questions) if answering else (*turn.state.open_questions, *opened)
    )
    _say_taken(turn, taken, meanwhile=meanwhile)
    _say_incomplete(turn, heard)
    return Goto.LEAVE if turn.state.leaving else go_on(turn)


def go_on(turn: TurnContext) -> Goto:
    """The kind of the oldest open question, or the step to return to where there is none; first the PIN, where a
    question waits for it."""
    if turn.state.inquiry_waiting is not None:
        return Goto.PROVE
    return turn.state.open_questions[0].kind if turn.state.open_questions else turn.state.return_to


def close_question(turn: TurnContext) -> OpenQuestion:
    """Remove the oldest question and return it: it has its answer, or needs none any more."""
    first, *rest = turn.state.open_questions
    turn.state.open_questions, turn.state.asked = tuple(rest), None
    return first


def describe(turn: TurnContext, items: Iterable[Item]) -> str:
    """Lines as they were understood, to be said back with a question."""
    return turn.listed(_description(turn, item) for item in items)


def whole_packs(turn: TurnContext, item: Item) -> tuple[int, ...]:
    """The quantities the line may be of, in packs of its first spec: the likeliest, then those that sound like it.
    Without those that have to be asked about for another reason."""
    if item.quantity is None:
        return ()
    spec = turn.spec(item.barcodes[0])
    packs = (
        quantity.packs(spec.packs_per_carton, spec.cartons_per_case)
        for quantity in (item.quantity, *item.other_quantities)
    )
    return tuple(dict.fromkeys(one for one in packs if one))[:QUANTITIES_NAMED_MAX]


def quantity_reason(turn: TurnContext, item: Item) -> QuantityReason | None:
    """The reason for asking the quantity that was said once more; None if it can be taken."""
    spec = turn.spec(item.barcodes[0])
    if item.quantity is None or item.quantity.packs(spec.packs_per_carton, spec.cartons_per_case) is None:
        if item.quantity is not None and not item.quantity.vague:
            return "unclear"
        if item.action == "reduce":
            return "less"
        if item.more and spec.barcode in turn.ordered():
            return "again"
        return "unclear" if item.quantity is None else "vague"
    packs = whole_packs(turn, item)
    if item.more and not packs:
        return "again" if spec.barcode in turn.ordered() else "missing"
    if item.action == "reduce" and not (packs and packs[0] <= turn.ordered().get(spec.barcode, 0)):
        return "less"
    if packs and packs[0] > LINE_CARTONS_MAX * spec.packs_per_carton:
        return "too_many"
    return "sounds_alike" if len(packs) > 1 else None


# -- commands other than lines


def _obey_command(turn: TurnContext, heard: Utterance, taken: _TakenLines) -> None:
    match heard.command:
        case "done" if not heard.incomplete:
            turn.state.return_to = Goto.READ_BACK
        case "what_is_there":
            turn.state.return_to = Goto.BANDS
        case "usual":
            _take_usual(turn, taken)
        case "cancel" | "later" as leaving:
            turn.state.leaving = leaving
        case "read_all" if turn.state.return_to is Goto.READ_BACK and not turn.state.open_questions:
            turn.state.read_back_lines = None
        case "of_price" if heard.price is not None:
            open_price(turn, heard.price)
        case command:
            answer_inquiry(turn, command, taken.mentioned_barcode)


def _take_usual(turn: TurnContext, taken: _TakenLines) -> None:
    """Take the last order again, cut to what may be ordered today; lines already in this order stay as they are."""
    last = turn.desk.last_order(turn.retailer)
    if last is None:
        turn.say("side_requests.no_last_order")
        return
    turn.say("side_requests.usual")
    ordered = turn.ordered()
    for line in last.lines:
        if line.barcode not in turn.desk.catalog.specs:
            turn.draft.record_unknown(line.name, line.granted_packs)
            taken.notices.append(withdrawn(turn, line.name))
        elif line.barcode not in ordered and line.granted_packs:
            taken.wanted.append(LineRequest(line.barcode, line.granted_packs, "set"))
    _request_lines(turn, taken, ask_alternative=False)
    turn.state.return_to = Goto.READ_BACK


# -- lines


def _known(turn: TurnContext, items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The lines without the specs the catalogue no longer has; a line left without any spec is dropped."""
    specs = turn.desk.catalog.specs
    known = (replace(item, barcodes=tuple(filter(specs.__contains__, item.barcodes))) for item in items)
    return tuple(after for before, after in zip(items, known, strict=True) if after.barcodes or not before.barcodes)


def _as_correction(turn: TurnContext, item: Item) -> Item:
    """The line as said after a no: for a spec already ordered, its quantity replaces the old one, unless it is to come
    on top of it."""
    ordered = turn.ordered()
    about_a_line = item.is_amount or any(barcode in ordered for barcode in item.barcodes)
    return replace(item, action="change") if item.action == "add" and not item.more and about_a_line else item


def _take_item(turn: TurnContext, item: Item, taken: _TakenLines) -> None:
    barcodes = _resolve_specs(turn, item, taken.mentioned_barcode)
    if not barcodes:
        _say_unresolved(turn, item, taken)
        return
    item = replace(item, barcodes=barcodes)
    if is_inquiry(item) and len(barcodes) <= SPECS_DESCRIBED_MAX:
        describe_specs(turn, barcodes, item.asked)
        return
    if len(barcodes) > 1 and any(can_order(turn, barcode) for barcode in barcodes):
        taken.questions.append(OpenQuestion(Goto.WHICH, (item,)))
        return
    # Which of several is wanted makes no difference where none can be ordered.
    barcode = telling_spec(turn, barcodes)
    if len(barcodes) > 1:
        taken.brands[barcode] = item
        if is_inquiry(item):
            taken.notices.append(none_granted(turn, barcode, turn.draft.headroom(barcode), name_of(turn, item)))
            return
    ordered = turn.ordered().get(barcode, 0)
    if item.action == "remove":
        _remove(turn, barcode, ordered, taken)
    elif item.action == "reduce":
        _reduce(turn, item, ordered, taken)
    elif item.action == "ask" and ordered:
        # AY 4.1.5.2 a
        taken.notices.append(turn.text("taken.already", quantity=turn.quantity(barcode, ordered)))
    elif item.quantity is None:
        _ask_quantity(turn, item, barcode, ordered, taken)
    elif reason := quantity_reason(turn, item):
        taken.questions.append(OpenQuestion(Goto.QUANTITY, (item,), reason=reason))
    elif packs := whole_packs(turn, item):
        if (
            item.action == "add"
            and not item.more
            and not item.in_all
            and ordered
            and (barcode, packs[0]) in taken.just_taken
        ):
            # Said once more, perhaps over the reply: it is not ordered twice.
            turn.state.just_taken = (*turn.state.just_taken, (barcode, packs[0]))
            taken.notices.append(turn.text("taken.already", quantity=turn.quantity(barcode, ordered)))
        else:
            sets = item.action == "change" or item.in_all
            taken.wanted.append(LineRequest(barcode, packs[0], "set" if sets else "add"))
    else:
        _remove(turn, barcode, ordered, taken)


def _resolve_specs(turn: TurnContext, item: Item, mentioned_barcode: str) -> tuple[str, ...]:
    """The specs the line may be about, of those that make sense: one changed or removed has to be in the order, one
    added should be available. Empty where that leaves none, or no brand was said and none can be inferred;
    `mentioned_barcode` is the spec mentioned in the reply before."""
    ordered = turn.ordered()
    if item.not_carried:
        return ()
    if not item.barcodes and item.action == "add" and mentioned_barcode and item.quantity is not None:
        return (mentioned_barcode,)
    if not item.barcodes:
        last = turn.state.last_barcode
        about_last = item.more or item.in_all or item.action in ("change", "remove", "reduce")
        spoken_of = (
            about_last and (item.quantity is not None or item.more or item.action == "reduce") and last in ordered
        )
        return (last,) if spoken_of else ()
    if item.action in ("change", "remove", "reduce"):
        in_order = tuple(barcode for barcode in item.barcodes if barcode in ordered)
        if in_order or item.action != "change":
            return in_order
    if len(item.barcodes) > 1:
        return tuple(barcode for barcode in item.barcodes if can_order(turn, barcode)) or item.barcodes
    return item.barcodes


def _say_unresolved(turn: TurnContext, item: Item, taken: _TakenLines) -> None:
    last = turn.state.last_barcode
    if item.not_carried and item.said.isdecimal():
        taken.notices.append(turn.text("taken.no_code", code=speaking.one_by_one(item.said)))
    elif item.not_carried:
        if item.said and not is_inquiry(item) and not item.takes_off:
            packs = item.quantity.packs(_PACKS_PER_CARTON, _CARTONS_PER_CASE) if item.quantity is not None else None
            turn.draft.record_unknown(item.said, packs or 0)
        taken.notices.append(turn.text("taken.not_carried", brand=item.said or turn.text("words.the_brand")))
    elif item.barcodes and item.takes_off:
        name = turn.name(item.barcodes[0]) if len(item.barcodes) == 1 else item.said
        taken.notices.append(turn.text("taken.not_ordered", spec=name or turn.text("words.it")))
    elif item.action == "remove" and item.quantity is None and last in turn.ordered():
        # A bare "不要了" may mean the last line or the end of the order: ask, do not guess.
        taken.questions.append(OpenQuestion(Goto.UNSURE, (replace(item, barcodes=(last,)),)))
    else:
        taken.notices.append(turn.text("taken.no_brand"))


def _ask_quantity(turn: TurnContext, item: Item, barcode: str, ordered: int, taken: _TakenLines) -> None:
    if (truly := truly_none(turn, item)) and not can_order(turn, barcode):
        taken.notices.append(truly)
        return
    why: QuantityReason = "wanted" if item.action == "ask" else "missing"
    if ordered and item.action == "add":
        why = "again"
    taken.questions.append(OpenQuestion(Goto.QUANTITY, (item,), reason=why))


def _remove(turn: TurnContext, barcode: str, ordered: int, taken: _TakenLines) -> None:
    if not ordered:
        taken.notices.append(turn.text("taken.not_ordered", spec=turn.name(barcode)))
        return
    turn.draft.remove(barcode)
    taken.done.append(turn.text("taken.removed", spec=turn.name(barcode)))


def _reduce(turn: TurnContext, item: Item, ordered: int, taken: _TakenLines) -> None:
    """Take a quantity off a line. Of all of it nothing is left; more than all of it, or none that was said, is asked
    about."""
    [barcode] = item.barcodes
    off = whole_packs(turn, item)
    if not ordered:
        taken.notices.append(turn.text("taken.not_ordered", spec=turn.name(barcode)))
    elif reason := quantity_reason(turn, item):
        taken.questions.append(OpenQuestion(Goto.QUANTITY, (item,), reason=reason))
    elif off[0] == ordered:
        _remove(turn, barcode, ordered, taken)
    else:
        taken.reductions[barcode] = off[0]
        taken.wanted.append(LineRequest(barcode, ordered - off[0], "set"))


def _request_lines(turn: TurnContext, taken: _TakenLines, *, ask_alternative: bool = True) -> None:
    """Request the lines gathered so far from the desk, all at once. With `ask_alternative`, a shortage leads to the
    question of a substitute or of the rest."""
    if not taken.wanted:
        return
    before = turn.ordered()
    outcomes = turn.draft.set_lines(taken.wanted)
    for request, outcome in zip(taken.wanted, outcomes, strict=True):
        barcode, had = request.barcode, before.get(request.barcode, 0)
        if outcome.line is not None:
            turn.state.last_barcode = barcode
            turn.state.just_taken = (*turn.state.just_taken, (barcode, request.packs))
            before[barcode] = outcome.line.granted_packs
        off = taken.reductions.pop(barcode, 0)
        if outcome.granted_packs < request.packs:
            _say_short(turn, request, outcome, had, taken, ask_alternative)
        elif had and request.mode == "add":
            total = turn.quantity(barcode, had + request.packs)
            taken.done.append(turn.text("taken.added", spec=turn.name(barcode), total=total))
        elif off:
            fill = {"quantity": turn.quantity(barcode, off), "total": turn.quantity(barcode, request.packs)}
            taken.done.append(turn.text("taken.reduced", spec=turn.name(barcode), **fill))
        elif had:
            quantity = turn.quantity(barcode, request.packs)
            taken.done.append(turn.text("taken.changed", spec=turn.name(barcode), quantity=quantity))
        else:
            taken.new.append((barcode, request.packs))
    taken.wanted.clear()


def _say_short(
    turn: TurnContext,
    request: LineRequest,
    outcome: LineOutcome,
    before: int,
    taken: _TakenLines,
    ask_alternative: bool,
) -> None:
    """Say that less than was wanted was granted, or nothing, and why; a rest or a substitute is offered, never taken
    unasked."""
    barcode = request.barcode
    if outcome.granted_packs and outcome.reason == "stock" and ask_alternative:
        line = Item("add" if request.mode == "add" else "change", (barcode,))
        taken.questions.append(OpenQuestion(Goto.REST, (line,), packs=before, granted_packs=outcome.granted_packs))
    elif outcome.granted_packs:
        in_all = outcome.line is not None and outcome.reason != "stock"
        packs = outcome.line.granted_packs if in_all and outcome.line is not None else outcome.granted_packs
        taken.notices.append(some_granted(turn, barcode, packs, outcome.reason))
    elif outcome.reason in ("out_of_stock", "stock"):
        _say_out(turn, barcode, "out_of_stock", outcome, taken, ask_alternative)
    elif outcome.reason == "not_allotted":
        _say_out(turn, barcode, "not_allotted", outcome, taken, ask_alternative)
    else:
        taken.notices.append(none_granted(turn, barcode, outcome))


def _say_out(
    turn: TurnContext, barcode: str, out: OutReason, outcome: LineOutcome, taken: _TakenLines, ask_alternative: bool
) -> None:
    """Say that none of a spec is to be had, and offer its substitute, if any."""
    wanted = replace(taken.brands.get(barcode, Item("add", (barcode,))), action="add", quantity=None)
    if out == "out_of_stock" and barcode in turn.state.reported_out_of_stock:
        taken.notices.append(truly_none(turn, wanted))
        return
    if out == "out_of_stock":
        turn.state.reported_out_of_stock = (*turn.state.reported_out_of_stock, barcode)
    elif barcode not in turn.state.reported_not_allotted:
        turn.state.reported_not_allotted = (*turn.state.reported_not_allotted, barcode)
    if ask_alternative and outcome.substitute is not None:
        packs = outcome.requested_packs
        taken.questions.append(
            OpenQuestion(Goto.SUBSTITUTE, (wanted,), outcome.substitute.barcode, packs=packs, out=out)
        )
    else:
        taken.notices.append(none_granted(turn, barcode, outcome, name_of(turn, wanted)))


# -- saying what was taken


def _say_taken(turn: TurnContext, taken: _TakenLines, *, meanwhile: bool) -> None:
    """Say the lines taken, unless all of them are about to be read back, and the notices in any case. What was said
    `meanwhile`, with another question open, is acknowledged even where it has to be asked about later."""
    later = [name_of(turn, question.items[0]) for question in taken.questions if question.items[0].barcodes]
    if meanwhile and (taken.new or later):
        turn.say("taken.noted", lines=turn.listed([*(turn.line(*line) for line in taken.new), *later]))
        turn.sentences += taken.done
    elif turn.state.open_questions or turn.state.return_to is not Goto.READ_BACK:
        if len(taken.new) == 1:
            [(barcode, packs)] = taken.new
            turn.say("taken.one", spec=turn.name(barcode), quantity=turn.quantity(barcode, packs))
        elif taken.new:
            turn.say("taken.many", lines=turn.listed(turn.line(barcode, packs) for barcode, packs in taken.new))
        turn.sentences += taken.done
    turn.sentences += taken.notices


def _say_incomplete(turn: TurnContext, heard: Utterance) -> None:
    if heard.incomplete:
        turn.say("not_heard.rest")


def _description(turn: TurnContext, item: Item) -> str:
    name = turn.name(item.barcodes[0]) if len(item.barcodes) == 1 else item.said or turn.text("words.it")
    quantity = ""
    if item.quantity is not None and item.barcodes:
        spec = turn.spec(item.barcodes[0])
        packs = item.quantity.packs(spec.packs_per_carton, spec.cartons_per_case)
        quantity = turn.quantity(spec.barcode, packs) if packs else ""
    key = item.asked if item.action == "ask" else item.action
    if key == "add" and item.more and quantity:
        return turn.text("described.more", spec=name, quantity=quantity)
    if key == "reduce" and not quantity:
        return turn.text("described.less", spec=name)
    return turn.text(f"described.{key}", spec=name, quantity=quantity)
