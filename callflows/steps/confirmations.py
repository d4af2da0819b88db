"""Yes-or-no questions about a line: was it understood correctly, will a substitute do, will the rest do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from callflows.inquiries import only_inquires
from callflows.order_taking import close_question, describe, go_on, take
from callflows.shortages import name_of, truly_none
from callflows.state import Goto, OpenQuestion
from callflows.steps.line_question import LineQuestion
from callflows.steps.step import NoMatch
from callflows.steps.take_items import SIDE_REQUESTS
from callflows.turn_context import TurnContext
from speech.listening import YesNo
from speech.utterance import Item, Quantity, Utterance


class ConfirmLines(LineQuestion):
    """Says lines back that the recogniser was not sure of, before they are taken."""

    name = "confirm_lines"
    reprompts = ("short", "keys", "keys")
    decisive = frozenset({"yes"})

    def ask_in_full(self, turn: TurnContext) -> None:
        turn.say("confirm_lines.first", **self.fill(turn))

    def listen(self, turn: TurnContext) -> YesNo:
        return turn.yes_no()

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | NoMatch | None:
        if only_inquires(heard):
            return take(turn, heard)
        if heard.command == "yes":
            question = close_question(turn)
            # The yes was to the quantity that was said back.
            items = tuple(replace(item, other_quantities=()) for item in question.items)
            take(turn, Utterance(items=items, command=question.command), answering=True)
            return take(turn, replace(heard, command=None))
        if heard.items:
            # Repeated or corrected: the lines heard before are dropped.
            close_question(turn)
            return take(turn, heard, answering=True)
        if heard.command in ("no", "done"):
            close_question(turn)
            turn.say("confirm_lines.again")
            return go_on(turn)
        if heard.command in SIDE_REQUESTS:
            return take(turn, heard)
        return NoMatch()

    def fill(self, turn: TurnContext) -> dict[str, str]:
        return {"lines": describe(turn, turn.state.open_questions[0].items)}


class OfferSubstitute(LineQuestion):
    """Offers a substitute for a spec that is out or not supplied. Only a yes or a quantity orders it (AY 4.1.5.1 b)."""

    name = "offer_substitute"
    reprompts = ("short", "keys", "keys")
    decisive = frozenset({"yes", "no"})

    def ask_in_full(self, turn: TurnContext) -> None:
        allotted = turn.state.open_questions[0].out != "not_allotted"
        turn.say("offer_substitute.first" if allotted else "offer_substitute.not_allotted", **self.fill(turn))

    def listen(self, turn: TurnContext) -> YesNo:
        return turn.yes_no()

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | NoMatch | None:
        if only_inquires(heard):
            return take(turn, heard)
        question = turn.state.open_questions[0]
        wanted_specs = set(question.items[0].barcodes)
        insisting, others = _split(heard.items, lambda item: set() < set(item.barcodes) <= wanted_specs)
        if insisting and not insisting[0].takes_off:
            turn.sentences.append(truly_none(turn, question.items[0]))
            if not others and heard.command is None:
                return None
        bare, others = _split(others, lambda item: item.is_amount and not item.takes_off)
        if heard.command == "yes" or bare:
            close_question(turn)
            if not any(item.barcodes == (question.barcode,) for item in others):
                # The quantity wanted of the original spec, unless the caller says another one.
                wanted = bare[0] if bare else Item("add", (), Quantity(2 * question.packs, "pack"))
                others = (replace(wanted, action="add", barcodes=(question.barcode,)), *others)
        elif heard.command in ("no", "done") or insisting or others:
            close_question(turn)
        elif heard.command in SIDE_REQUESTS:
            return take(turn, heard)
        else:
            return NoMatch()
        return take(turn, _without_answer(heard, others), answering=True)

    def fill(self, turn: TurnContext) -> dict[str, str]:
        question = turn.state.open_questions[0]
        return {"wanted": name_of(turn, question.items[0]), "spec": turn.name(question.barcode)}


class OfferRest(LineQuestion):
    """Offers the rest where only some are left. They are held meanwhile, and released on a no (AY 4.1.5.1 c)."""

    name = "offer_rest"
    reprompts = ("short", "keys", "keys")
    decisive = frozenset({"yes", "no"})

    def ask_in_full(self, turn: TurnContext) -> None:
        turn.say("offer_rest.first", **self.fill(turn))

    def listen(self, turn: TurnContext) -> YesNo:
        return turn.yes_no()

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | NoMatch | None:
        if only_inquires(heard):
            return take(turn, heard)
        question = turn.state.open_questions[0]
        line = question.items[0]
        [barcode] = line.barcodes
        bare, others = _split(heard.items, lambda item: item.quantity is not None and _is_about(item, barcode))
        if packs := self._fewer(turn, question, bare):
            close_question(turn)
            turn.draft.accept_less(barcode, packs if line.action == "change" else question.packs + packs)
            self._say_accepted(turn, question, packs)
        elif bare:
            close_question(turn)
            turn.draft.accept_less(barcode, question.packs)
            answer = bare[0]
            others = (replace(line, quantity=answer.quantity, other_quantities=answer.other_quantities), *others)
        elif heard.command == "no":
            close_question(turn)
            turn.draft.accept_less(barcode, question.packs)
            turn.say("offer_rest.dropped", spec=turn.name(barcode))
        elif heard.command in ("yes", "done"):
            self._say_accepted(turn, question, question.granted_packs)
            close_question(turn)
        elif others:
            # Going on to another line is an answer too: the rest stays, and is read back like any line.
            close_question(turn)
        elif heard.command in SIDE_REQUESTS:
            return take(turn, heard)
        else:
            return NoMatch()
        return take(turn, _without_answer(heard, others), answering=True)

    def fill(self, turn: TurnContext) -> dict[str, str]:
        question = turn.state.open_questions[0]
        [barcode] = question.items[0].barcodes
        return {"spec": turn.name(barcode), "quantity": turn.quantity(barcode, question.granted_packs)}

    def _say_accepted(self, turn: TurnContext, question: OpenQuestion, packs: int) -> None:
        """Say the quantity accepted, and the total where it comes on top of what was ordered before."""
        line = question.items[0]
        [barcode] = line.barcodes
        if line.action == "add" and question.packs:
            turn.say("taken.added", spec=turn.name(barcode), total=turn.quantity(barcode, question.packs + packs))
        else:
            turn.say("taken.one", spec=turn.name(barcode), quantity=turn.quantity(barcode, packs))

    def _fewer(self, turn: TurnContext, question: OpenQuestion, bare: tuple[Item, ...]) -> int:
        """The packs the caller accepts, where one quantity was said and is no more than the rest; otherwise 0."""
        quantity = bare[0].quantity if bare and not bare[0].other_quantities else None
        spec = turn.spec(question.items[0].barcodes[0])
        packs = quantity.packs(spec.packs_per_carton, spec.cartons_per_case) if quantity else None
        return packs if packs is not None and packs <= question.granted_packs else 0


def _is_about(item: Item, barcode: str) -> bool:
    """True if a line is about this spec, named or not, and wants some of it."""
    return not item.takes_off and (item.is_amount or item.barcodes == (barcode,))


def _without_answer(heard: Utterance, others: tuple[Item, ...]) -> Utterance:
    """The utterance without its answer. A bare "没有了" was the answer; with lines it ends the order."""
    return replace(heard, items=others, command=heard.command if heard.items else None)


def _split(items: tuple[Item, ...], belongs: Callable[[Item], bool]) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """The items that belong to the question, and the others."""
    return tuple(filter(belongs, items)), tuple(item for item in items if not belongs(item))
