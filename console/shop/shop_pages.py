"""The retailers' own page, made for a telephone: sign in, see the limits and the order, order, read over, save."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.language import _
from console.shop import shop_access
from console.shop.shop_views import ShopView, TypedOrder, order_form, shop_view, typed_order
from ivr.services import services
from orders.book.desk import Desk, DeskRefusal, OrderView, Retailer
from orders.channels import shop_orders
from orders.channels.shop_orders import SHOP_CHANNEL
from orders.retailers.models import RetailerRow, ShopSession
from storage import read_only, retry_on_deadlock, transaction

_FIGURES = re.compile(r"[0-9]{1,9}")
# The refusals after which the order is changed or read over again; after the others it cannot be saved.
MENDED_HERE = ("holds_lost", "order_min", "empty")


def shop_routes() -> Blueprint:
    """The retailers' own page. Each address sends to sign in whoever is not."""
    routes = Blueprint("shop", __name__, url_prefix=shop_access.PATH)

    @routes.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> ResponseReturnValue:
        code = "".join(request.form.get("code", "").split()) or shop_access.usual_here()[0]
        if request.method == "GET":
            with read_only(services().sessions) as session:
                if shop_access.signed_in(session) is not None:
                    return redirect(url_for("console.shop.page"))
            return _sign_in_page(code)
        answer, has_to_wait = shop_access.sign_in_here(code, request.form.get("pin", "").strip())
        if answer is not None:
            return answer
        wrong = _("客户代码或者密码不对，请再试一次。")
        return _sign_in_page(code, _("密码输错次数多了，暂时不能用，请过一会儿再试。") if has_to_wait else wrong), 422

    @routes.post("/sign-out")
    def sign_out() -> ResponseReturnValue:
        return shop_access.sign_out_here()

    @routes.get("")
    def page() -> ResponseReturnValue:
        shop_access.mark_seen()
        with read_only(services().sessions) as session:
            if (found := shop_access.signed_in(session)) is None:
                return shop_access.to_sign_in()
            desk, retailer = _desk(session, found[1])
            return render_template("shop/home.html", shop=shop_view(desk, retailer), saved="saved" in request.args)

    @routes.get("/order")
    def order() -> ResponseReturnValue:
        """The form of the order; with `as_last` filled in as last time."""
        with read_only(services().sessions) as session:
            if (found := shop_access.signed_in(session)) is None:
                return shop_access.to_sign_in()
            desk, retailer = _desk(session, found[1])
            shop = shop_view(desk, retailer)
            if not shop.eligibility.may_order:
                return redirect(url_for("console.shop.page"))
            return _form_page(desk, retailer, found[0], shop, as_last="as_last" in request.args)

    @routes.post("/order")
    @retry_on_deadlock
    def propose() -> ResponseReturnValue:
        """Reserve what was typed, and show it to be read over."""
        with transaction(services().sessions) as session:
            if (found := shop_access.signed_in(session, lock=True)) is None:
                return shop_access.to_sign_in()
            own, (desk, retailer) = found[0], _desk(session, found[1])
            typed = typed_order(desk, request.form)
            if typed.problem:
                return _form_page(desk, retailer, own, shop_view(desk, retailer), typed=typed), 422
            try:
                own.draft_key = shop_orders.propose(desk, retailer, own.draft_key, typed.packs)
            except DeskRefusal:
                # The page says why: it is closed by now, or something was ordered meanwhile.
                return redirect(url_for("console.shop.page"), 303)
            return redirect(url_for("console.shop.check"), 303)

    @routes.get("/order/check")
    def check() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            if (found := shop_access.signed_in(session)) is None:
                return shop_access.to_sign_in()
            desk, retailer = _desk(session, found[1])
            return _check_page(desk, retailer, found[0])

    @routes.post("/order/save")
    @retry_on_deadlock
    def save() -> ResponseReturnValue:
        """Save the order if it is still as it was shown."""
        with transaction(services().sessions) as session:
            if (found := shop_access.signed_in(session, lock=True)) is None:
                return shop_access.to_sign_in()
            own, (desk, retailer) = found[0], _desk(session, found[1])
            try:
                saved = shop_orders.save(desk, own.draft_key, _shown(request.form))
            except shop_orders.Unavailable:
                return redirect(url_for("console.shop.page"), 303)
            except DeskRefusal as refusal:
                if refusal.reason not in MENDED_HERE:
                    # The page says why: it is closed by now, or something was ordered meanwhile.
                    return redirect(url_for("console.shop.page"), 303)
                return _check_page(desk, retailer, own, refusal.reason), 422
            if isinstance(saved, OrderView):
                return _check_page(desk, retailer, own, "holds_lost"), 422
            return redirect(url_for("console.shop.page", saved=1), 303)

    @routes.post("/order/drop")
    @retry_on_deadlock
    def drop() -> ResponseReturnValue:
        """Give up the order that was not saved."""
        with transaction(services().sessions) as session:
            if (found := shop_access.signed_in(session, lock=True)) is None:
                return shop_access.to_sign_in()
            if found[0].draft_key:
                shop_orders.drop(_desk(session, found[1])[0], found[0].draft_key)
        return redirect(url_for("console.shop.page"), 303)

    return routes


def _desk(session: Session, row: RetailerRow) -> tuple[Desk, Retailer]:
    """The order desk on the day the retailer's order would be for, and the retailer."""
    desk = services().open_desk(session)
    retailer = desk.retailer(row.customer_code)
    assert retailer is not None
    desk.day = desk.channel_day(retailer, SHOP_CHANNEL)
    return desk, retailer


def _sign_in_page(code: str, problem: str = "") -> str:
    with read_only(services().sessions) as session:
        line = services().open_desk(session).main_hotline()
    return render_template("shop/sign_in.html", code=code, problem=problem, number=line.number if line else "")


def _form_page(
    desk: Desk,
    retailer: Retailer,
    own: ShopSession,
    shop: ShopView,
    *,
    as_last: bool = False,
    typed: TypedOrder | None = None,
) -> str:
    draft = desk.draft(own.draft_key).view() if own.draft_key else None
    form = order_form(desk, retailer, draft or shop.eligibility.draft, as_last=as_last, typed=typed)
    return render_template("shop/order.html", shop=shop, form=form, problem=typed.problem if typed else "")


def _check_page(desk: Desk, retailer: Retailer, own: ShopSession, refused: str = "") -> Response | str:
    order = desk.draft(own.draft_key).view() if own.draft_key else None
    if order is None:
        return cast("Response", redirect(url_for("console.shop.page"), 303))
    balance_fen = desk.balance(retailer)
    return render_template(
        "shop/check.html",
        order=order,
        cuts=shop_orders.cuts(desk, own.draft_key),
        balance_fen=balance_fen,
        shortfall_fen=max(0, order.amount_fen - balance_fen),
        closes_at=desk.channel_closes_at(SHOP_CHANNEL, order.business_day),
        refused=refused,
    )


def _shown(form: Mapping[str, str]) -> dict[str, int]:
    """The packs by barcode that the page showed; what is no number is none."""
    shown = {name.removeprefix("line-"): value for name, value in form.items() if name.startswith("line-")}
    return {barcode: int(packs) for barcode, packs in shown.items() if _FIGURES.fullmatch(packs)}
