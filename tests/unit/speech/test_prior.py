"""The prior of a meaning: what the retailer may order, usually orders, and has ordered in this call."""

from __future__ import annotations

from speech.language.prior import prior_of
from speech.language.semantics import Meaning
from speech.listening import Digits, Items, Listen, QuantityOf, SpecHistory
from speech.utterance import Action, Item, Quantity


def log_prior(listen: Listen, barcode: str, cartons: int | None = None, action: Action = "add") -> float:
    quantity = None if cartons is None else Quantity(2 * cartons)
    return prior_of(listen).of(Meaning((Item(action, (barcode,) if barcode else (), quantity),)))


def test_what_may_be_ordered_is_likelier_and_what_is_usual_likelier_still() -> None:
    listen = Items(barcodes=("listed", "usual"), usual=("usual",))
    assert log_prior(listen, "usual") > log_prior(listen, "listed") > log_prior(listen, "other")


def test_nothing_is_likelier_where_the_retailer_is_not_known() -> None:
    assert log_prior(Items(), "one") == log_prior(Items(), "other") == log_prior(Digits(12), "one")


def test_a_quantity_ordered_before_is_likelier_than_one_that_is_not() -> None:
    listen = Items(("spec",), ("spec",), history=(SpecHistory("spec", (9.0, 9.0, 10.0)),))
    assert log_prior(listen, "spec", 9) > log_prior(listen, "spec", 6)
    assert log_prior(Items(("spec",)), "spec", 6) > log_prior(Items(("spec",)), "spec", 9)


def test_only_what_is_in_the_order_is_likely_to_be_reduced() -> None:
    listen = Items(("spec", "other"), ordered=("spec",))
    assert log_prior(listen, "spec", 5, "reduce") > log_prior(listen, "other", 5, "reduce")
    assert log_prior(listen, "other", 5) - log_prior(listen, "other", 5, "reduce") > 2


def test_a_quantity_above_the_limit_is_less_likely() -> None:
    def listen(limit: float | None) -> Items:
        return Items(("spec",), history=(SpecHistory("spec", (5.0,), limit),))

    assert log_prior(listen(8.0), "spec", 10) < log_prior(listen(None), "spec", 10)


def test_a_quantity_after_how_many_is_of_the_spec_asked_about() -> None:
    listen = QuantityOf("spec", ("spec",), history=(SpecHistory("spec", (9.0,)),))
    assert log_prior(listen, "", 9) > log_prior(listen, "", 6)


def test_what_is_in_the_order_is_likelier_to_be_changed_or_taken_off() -> None:
    listen = Items(("one", "other"), ordered=("one",))
    for action in ("change", "remove"):
        assert log_prior(listen, "one", action=action) > log_prior(listen, "other", action=action)  # type: ignore[arg-type]
    assert log_prior(listen, "one") == log_prior(listen, "other")
