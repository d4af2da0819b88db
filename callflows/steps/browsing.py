"""有什么烟: first the retail price, then today's specs of it, a page at a time, price by price (AY 4.1.5.2 e, f)."""

from __future__ import annotations

from callflows import price_ranges, speaking
from callflows.order_taking import take
from callflows.state import Goto
from callflows.steps.step import NoMatch, Step
from callflows.steps.take_items import SIDE_REQUESTS
from callflows.turn_context import TurnContext
from speech.listening import Choice, Option
from speech.utterance import Utterance

SPECS_AT_ONCE = 5
# The options after a page of specs, by their place.
GO_ON, STOP = range(2)


class ChooseBand(Step[Goto]):
    """Asks for the price band. A caller with a written list may say it straight away."""

    name = "choose_band"
    outcomes = frozenset(Goto)
    reprompts = ("short", "keys", "keys")

    def ask(self, turn: TurnContext) -> Goto | None:
        turn.state.price_ranges = price_ranges.ranges(turn)
        if not turn.state.price_ranges:
            turn.state.return_to = Goto.MORE
            turn.say("choose_band.nothing")
            return Goto.MORE
        turn.state.return_to = Goto.BANDS
        turn.say("choose_band.first", **self.fill(turn))
        return None

    def listen(self, turn: TurnContext) -> Choice:
        options = tuple(Option(str(place), (price,)) for place, price in enumerate(_prices(turn), 1))
        return turn.choice(options)

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | NoMatch | None:
        if heard.choice is not None:
            if not 0 <= heard.choice < len(turn.state.price_ranges):
                return NoMatch()
            price_ranges.open_range(turn, heard.choice)
            return take(turn, heard)
        if heard.items or heard.command in ("done", "no", *SIDE_REQUESTS):
            turn.state.return_to = Goto.MORE
            return take(turn, heard)
        return NoMatch()

    def fill(self, turn: TurnContext) -> dict[str, str]:
        prices = _prices(turn)
        places = range(1, len(prices) + 1)
        listed = (
            turn.text("choose_band.place", place=speaking.ordinal(place), price=price)
            for place, price in zip(places, prices, strict=True)
        )
        keyed = (
            turn.text("choose_band.key", key=speaking.number(place), price=price)
            for place, price in zip(places, prices, strict=True)
        )
        return {"prices": turn.listed(listed), "keyed": turn.listed(keyed)}


class BrowseSpecs(Step[Goto]):
    """Reads today's specs of one price band, a page at a time; whatever is named meanwhile is taken."""

    name = "browse_specs"
    outcomes = frozenset(Goto)
    reprompts = ("short", "keys", "keys")

    def ask(self, turn: TurnContext) -> Goto | None:
        turn.state.return_to = Goto.SPECS
        if turn.state.page_read:
            turn.say("browse_specs.go_on")
            return None
        specs = price_ranges.specs_in(turn, turn.state.price_ranges[turn.state.band])
        if not specs:
            turn.state.return_to = Goto.MORE
            turn.say("browse_specs.end")
            return Goto.MORE
        start = turn.state.page * SPECS_AT_ONCE
        shown = specs[start : start + SPECS_AT_ONCE]
        if not start:
            turn.say("browse_specs.band", price=price_ranges.said(turn, turn.state.price_ranges[turn.state.band]))
        turn.say("browse_specs.page", specs=turn.listed(self._said(turn, barcode) for barcode in shown))
        turn.say("browse_specs.first")
        turn.state.page_read = True
        return None

    def listen(self, turn: TurnContext) -> Choice:
        said = turn.text("browse_specs.go_on_said"), turn.text("browse_specs.stop_said")
        return turn.choice(Option(str(key), tuple(phrases.split())) for key, phrases in enumerate(said, 1))

    def hear(self, turn: TurnContext, heard: Utterance) -> Goto | NoMatch | None:
        if heard.items or heard.command in SIDE_REQUESTS:
            return take(turn, heard)
        if heard.choice == GO_ON or heard.command == "yes":
            return self._turn_the_page(turn)
        if heard.choice == STOP or heard.command == "no":
            turn.state.return_to = Goto.MORE
            return Goto.MORE
        if heard.command == "done":
            return take(turn, heard)
        return NoMatch()

    def _turn_the_page(self, turn: TurnContext) -> Goto | None:
        if (turn.state.page + 1) * SPECS_AT_ONCE < len(
            price_ranges.specs_in(turn, turn.state.price_ranges[turn.state.band])
        ):
            turn.state.page += 1
            turn.state.page_read = False
            return None
        if turn.state.band + 1 < len(turn.state.price_ranges):
            price_ranges.open_range(turn, turn.state.band + 1)
            return None
        turn.state.return_to = Goto.MORE
        every = turn.state.price_ranges == price_ranges.ranges(turn)
        turn.say("browse_specs.end" if every else "browse_specs.end_of_price")
        return Goto.MORE

    def _said(self, turn: TurnContext, barcode: str) -> str:
        code = speaking.one_by_one(turn.spec(barcode).short_code)
        return turn.text("browse_specs.spec", spec=turn.name(barcode), code=code)


def _prices(turn: TurnContext) -> list[str]:
    """The prices of the ranges, as they are said and as they may be answered."""
    return [price_ranges.said(turn, one) for one in turn.state.price_ranges]
