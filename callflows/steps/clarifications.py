"""The questions a line leaves open, asked one at a time: which of several specs, and how many."""

from __future__ import annotations

from dataclasses import replace

from callflows import speaking
from callflows.inquiries import is_inquiry
from callflows.order_taking import close_question, quantity_reason, take, whole_packs
from callflows.shortages import name_of
from callflows.state import Goto, OpenQuestion, QuantityReason
from callflows.steps.line_question import LineQuestion
from callflows.steps.step import NoMatch
from callflows.steps.take_items import SIDE_REQUESTS
from callflows.turn_context import TurnContext
from speech.listening import Choice, Option, QuantityOf
from speech.utterance import Item, Quantity, Utterance

# Callers remember no more than these; the others follow on the next page.
OPTIONS_AT_ONCE = 5


class ChooseSpec(LineQuestion):
    """Asks which of several confusable specs, or specs of one brand, is wanted: by name, by ordinal or by key."""

    name = "choose_spec"
    reprompts = ("short", "keys", "keys")

    def ask_in_full(self, turn: TurnContext) -> None:
        turn.say("choose_spec.first", **self.fill(turn))

    def listen(self, turn: TurnContext) -> Choice:
        among = _candidates(turn)
        options = [Option(str(place), _phrases(turn, code, among)) for place, code in enumerate(_page(turn), 1)]
        if _has_pages(turn):
            options.append(Option(str(len(options) + 1), tuple(turn.text("choose_spec.others_said").split())))
        return turn.choice(options)

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | NoMatch | None:
        question = turn.state.open_questions[0]
        line, others, dropped = _apply_answer(question, heard)
        page = _page(turn)
        if heard.choice is not None and 0 <= heard.choice < len(page):
            line = replace(line, barcodes=(page[heard.choice],))
        elif _has_pages(turn) and (heard.choice == len(page) or (heard.command == "no" and not heard.items)):
            _replace_question(turn, replace(question, page=question.page + 1))
            return None
        elif heard.choice is not None:
            return NoMatch()
        elif dropped or _gives_up(turn, heard):
            close_question(turn)
            turn.say("choose_spec.dropped", brand=name_of(turn, question.items[0]))
            return take(turn, replace(heard, items=others))
        elif line == question.items[0] and not others and heard.command not in ("done", *SIDE_REQUESTS):
            return NoMatch()
        if len(line.barcodes) > 1:
            narrowed = line.barcodes != question.items[0].barcodes
            _replace_question(turn, replace(question, items=(line,), page=0 if narrowed else question.page))
            return take(turn, replace(heard, items=others))
        close_question(turn)
        return take(turn, replace(heard, items=(line, *others)), answering=True)

    def fill(self, turn: TurnContext) -> dict[str, str]:
        among = _candidates(turn)
        labels = [_label(turn, code, among) for code in _page(turn)]
        if _has_pages(turn):
            labels.append(turn.text("choose_spec.others"))
        keyed = (
            turn.text("choose_spec.key", option=label, key=speaking.number(place))
            for place, label in enumerate(labels, 1)
        )
        return {
            "brand": name_of(turn, turn.state.open_questions[0].items[0]),
            "count": speaking.counted(len(among), turn.text("words.kind")),
            "options": turn.text("words.or").join(labels),
            "keyed": turn.listed(keyed),
        }


class AskQuantity(LineQuestion):
    """Asks for the quantity of one spec: none was said, or none that can be ordered."""

    name = "ask_quantity"

    def ask_in_full(self, turn: TurnContext) -> None:
        question = turn.state.open_questions[0]
        if question.reason == "missing":
            turn.state.quantities_omitted += 1
            if turn.state.quantities_omitted == 2:
                # AY 4.1.5.2 g: the way to say it faster
                turn.say("ask_quantity.name_both")
        turn.say(f"ask_quantity.{question.reason}", **self.fill(turn))

    def ask_in_short(self, turn: TurnContext) -> None:
        turn.say("ask_quantity.still", **self.fill(turn))

    def listen(self, turn: TurnContext) -> QuantityOf:
        items = turn.items()
        return QuantityOf(_candidates(turn)[0], items.barcodes, items.usual, items.history, items.ordered)

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | NoMatch | None:
        question = turn.state.open_questions[0]
        line, others, dropped = _apply_answer(_without_quantity(question), _of_the_brand(question, heard))
        if line.quantity is not None:
            line = _settled(turn, question.items[0], line)
            if reason := quantity_reason(turn, line):
                again = reason == question.reason and reason in ("sounds_alike", "less", "too_many")
                question = replace(question, items=(line,), reason=reason)
                _replace_question(turn, question)
                onward = take(turn, replace(heard, items=others))
                if turn.state.open_questions[0] != question:
                    # Another line of the same utterance was heard with doubt, and is asked about first.
                    return onward
                if again:
                    return NoMatch()
                turn.state.asked = None
                self.ask(turn)
                return NoMatch(explained=True)
            close_question(turn)
            if line.action == "ask":
                line = replace(line, action="add")
            return take(turn, replace(heard, items=(line, *others)), answering=True)
        kept = question.reason in ("again", "less")
        if dropped or _gives_up(turn, heard) or (kept and heard.command == "done" and not others):
            turn.say("ask_quantity.kept" if kept else "ask_quantity.dropped", **self.fill(turn))
            close_question(turn)
            return take(turn, replace(heard, items=others))
        if others or heard.command in ("done", *SIDE_REQUESTS):
            return take(turn, replace(heard, items=others))
        return NoMatch()

    def fill(self, turn: TurnContext) -> dict[str, str]:
        line = turn.state.open_questions[0].items[0]
        barcode, may_be = line.barcodes[0], whole_packs(turn, line)
        return {
            "spec": name_of(turn, line),
            "how_many": _how_many(turn, turn.state.open_questions[0].reason),
            "ordered": turn.quantity(barcode, turn.ordered().get(barcode, 0)),
            "quantities": turn.text("words.or_else").join(turn.quantity(barcode, packs) for packs in may_be),
        }


def _how_many(turn: TurnContext, reason: QuantityReason) -> str:
    """The question for the quantity in the fewest words: a number alone answers it in its terms."""
    match reason:
        case "again":
            return turn.text("ask_quantity.how_many_again")
        case "less":
            return turn.text("ask_quantity.how_many_less")
        case _:
            return turn.text("ask_quantity.how_many")


def _apply_answer(question: OpenQuestion, heard: Utterance) -> tuple[Item, tuple[Item, ...], bool]:
    """The question's line with what this utterance adds to it, the utterance's other lines, and True if the line is no
    longer wanted. A line belongs to the question if it names no brand, or only specs the question is about."""
    line = question.items[0]
    others: list[Item] = []
    dropped = heard.command == "no"
    for item in heard.items:
        common = tuple(barcode for barcode in line.barcodes if barcode in item.barcodes)
        none = item.quantity is not None and not (item.quantity.halves or item.quantity.loose_packs)
        if is_inquiry(item) or item.not_carried or len(common) < len(item.barcodes):
            others.append(item)
        elif item.action == "remove" or (none and item.action in ("add", "reduce")):
            dropped = True
        else:
            dropped = False
            line = replace(line, barcodes=common or line.barcodes)
            if item.action in ("change", "reduce") or item.more or item.in_all:
                line = replace(line, action=item.action, more=item.more, in_all=item.in_all)
            if item.quantity is not None:
                line = replace(line, quantity=item.quantity, other_quantities=item.other_quantities)
    return line, tuple(others), dropped


def _of_the_brand(question: OpenQuestion, heard: Utterance) -> Utterance:
    """The answer about a brand of which nothing can be ordered: a bare quantity, which the recogniser takes to be of
    the first spec, is of the brand."""
    barcodes = question.items[0].barcodes
    if len(barcodes) == 1:
        return heard
    items = (replace(one, barcodes=()) if one.barcodes == barcodes[:1] and not one.said else one for one in heard.items)
    return replace(heard, items=tuple(items))


def _without_quantity(question: OpenQuestion) -> OpenQuestion:
    """The question as one whose quantity is still to be said."""
    return replace(question, items=(replace(question.items[0], quantity=None, other_quantities=()),))


def _settled(turn: TurnContext, before: Item, line: Item) -> Item:
    """The answered line. Where the answer sounds like two quantities as well, one of those named in the question counts
    for more: both turns then speak for it."""
    named = whole_packs(turn, before)
    both = tuple(packs for packs in whole_packs(turn, line) if packs in named)
    if len(both) != 1:
        return line
    return replace(line, quantity=Quantity(2 * both[0], "pack"), other_quantities=())


def _replace_question(turn: TurnContext, question: OpenQuestion) -> None:
    turn.state.open_questions = (question, *turn.state.open_questions[1:])


def _gives_up(turn: TurnContext, heard: Utterance) -> bool:
    """True for a second "that is all", or "不要了", at an open question: the caller does not want the line."""
    return heard.command == "done" and not heard.items and turn.state.return_to is Goto.READ_BACK


def _candidates(turn: TurnContext) -> tuple[str, ...]:
    return turn.state.open_questions[0].items[0].barcodes


def _has_pages(turn: TurnContext) -> bool:
    return len(_candidates(turn)) > OPTIONS_AT_ONCE


def _page(turn: TurnContext) -> tuple[str, ...]:
    """The specs on the current page; after the last page comes the first."""
    candidates = _candidates(turn)
    pages = -(-len(candidates) // OPTIONS_AT_ONCE)
    start = turn.state.open_questions[0].page % pages * OPTIONS_AT_ONCE
    return candidates[start : start + OPTIONS_AT_ONCE]


def _label(turn: TurnContext, barcode: str, among: tuple[str, ...]) -> str:
    """A spec's label among these: its variant alone where all are of one brand and no two variants are the same."""
    if len({turn.stem(code) for code in among}) > 1 or len({turn.variant(code) for code in among}) < len(among):
        return turn.name(barcode)
    return turn.variant(barcode)


def _phrases(turn: TurnContext, barcode: str, among: tuple[str, ...]) -> tuple[str, ...]:
    """All ways to say one option: its label, its full name, and every spoken name of this spec alone."""
    names = (name.text for name in turn.desk.catalog.spoken_names if name.barcodes == (barcode,))
    return tuple(dict.fromkeys((_label(turn, barcode, among), turn.name(barcode), *names)))
