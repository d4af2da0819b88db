"""Registration of the console in the application: all pages, with the headers and checks they share."""

from __future__ import annotations

import itertools
import json
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from werkzeug.exceptions import HTTPException, UnprocessableEntity
from werkzeug.routing import IntegerConverter
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from console import authentication, file_templates, language, navigation, own_password, texts
from console.calls import listening_pages, order_and_call_pages, order_change_form, recording_pages, turn_review
from console.day import (
    alarm_pages,
    assessment_pages,
    brief,
    day_end_pages,
    delivery_pages,
    department_report_pages,
    feedback_pages,
    meeting_pages,
    order_change_pages,
    outbound_pages,
    proxy_order_pages,
    report_pages,
    today,
    unreached_pages,
    visit_pages,
    web_order_pages,
)
from console.desk import (
    call_handling,
    desk_pages,
    finishing,
    operator_script,
    seat_pages,
    shop_facts,
    softphone,
    supervision_pages,
)
from console.filters import FILTERS
from console.language import _
from console.settings import (
    allocation_pages,
    catalog_files,
    department_pages,
    file_job_pages,
    hotline_pages,
    hours_pages,
    late_change_pages,
    order_import_pages,
    retailer_pages,
    spoken_name_pages,
    staff_pages,
    substitute_pages,
    supply_forms,
    supply_pages,
)
from console.shop import shop_pages
from console.web_phone import web_phone_pages
from ivr.services import Services, services
from orders.demo.demo_staff import DEMO_PASSWORD, DEMO_STAFF
from orders.staff.accounts import check_password
from orders.staff.models import SEAT_MAX_CHARS
from plain_text import UnfitText, check_text, printable

MEDIA_SOURCES = "media-src 'self' blob:"
CONTENT_SECURITY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        MEDIA_SOURCES,
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FORM_MAX_BYTES = 4_000_000
TEXT_SHOWN_CHARS = 20

_protection = CSRFProtect()


class RowNumber(IntegerConverter):
    """The number of a row in a page's address: a larger one than a database can have is no address."""

    regex = "[0-9]{1,9}"


def register(app: Flask, app_services: Services) -> None:
    """Register the console's pages in the application."""
    app.secret_key = app.secret_key or app_services.settings.secret_key
    app.url_map.converters["int"] = RowNumber
    app.config.update(
        SESSION_COOKIE_NAME="order_hotline",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=app_services.settings.public_base_url.startswith("https://"),
        # The carrier's webhooks are signed instead; the console's own routes are checked in `check_request`.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    language.init_babel(app)
    app.jinja_env.globals["texts"] = texts
    app.jinja_env.globals["operator_script"] = operator_script.operator_script
    _protection.init_app(app)
    app.register_blueprint(_console(app_services))


class SignInForm(FlaskForm):  # type: ignore[misc]
    """The login and its password, and the seat to take."""

    login = StringField(
        validators=[
            InputRequired(lazy_gettext("请输入工号。")),
            Length(max=40, message=lazy_gettext("工号最多40个字。")),
        ]
    )
    password = PasswordField(
        validators=[InputRequired(lazy_gettext("请输入密码。")), Length(max=200, message=lazy_gettext("密码太长。"))]
    )
    seat = StringField(validators=[Length(max=SEAT_MAX_CHARS, message=lazy_gettext("席位最多10个字。"))])


def _console(app_services: Services) -> Blueprint:
    console = Blueprint(
        "console", __name__, template_folder="templates", static_folder="static", static_url_path="/assets"
    )
    for name, write in FILTERS.items():
        console.add_app_template_filter(write, name)

    @console.before_request
    def check_request() -> None:
        request.max_content_length = FORM_MAX_BYTES
        by_itself = request.accept_mimetypes.best == "text/event-stream" or request.endpoint in alarm_pages.POLLED
        # The page of retailers has a session of its own, and opens nothing of the console.
        if request.blueprint != "console.shop":
            authentication.load_staff(touch=not by_itself)
        try:
            _protection.protect()
        except CSRFError:
            # Without a session there is no token: the page asks to sign in again, and nothing typed is lost.
            for_staff = request.endpoint != "console.login" and request.blueprint not in (
                "console.phone",
                "console.shop",
            )
            if authentication.current_staff_or_none() is None and for_staff and request.headers.get("HX-Request"):
                abort(401, _("登录已过期，请重新登录。"))
            raise
        for text in (request.path, *itertools.chain.from_iterable(request.values.listvalues())):
            check_text(text)

    @console.after_request
    def add_security_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        telephone = services().line.carrier.browser_telephone
        if request.endpoint in softphone.PAGES and telephone is not None:
            connects, plays = " ".join(telephone.connects_to), " ".join(telephone.plays_from)
            policy = CONTENT_SECURITY.replace(MEDIA_SOURCES, f"{MEDIA_SOURCES} {plays}".rstrip())
            response.headers["Content-Security-Policy"] = f"{policy}; connect-src 'self' {connects}".rstrip()
        if not request.path.startswith("/assets/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    @console.app_context_processor
    def shared() -> dict[str, object]:
        return {
            "staff": authentication.current_staff_or_none(),
            "seat": authentication.seat(),
            "may": authentication.may,
            "server_time": services().now().isoformat(),
            "answers_in_browser": call_handling.can_answer_in_browser,
            "navigation": navigation.nav_bar,
            "languages": language.LANGUAGES,
            "language": language.chosen(),
            "html_language": language.html_language(),
            "demo": services().settings.demo,
            "csrf_token": generate_csrf,
            "printed_at": services().now(),
        }

    @console.app_errorhandler(404)
    @console.app_errorhandler(405)
    @console.app_errorhandler(413)
    @console.app_errorhandler(500)
    @console.errorhandler(HTTPException)
    def show_error(error: HTTPException) -> ResponseReturnValue:
        # Machines that ask the other addresses are answered in English.
        is_page = not request.path.startswith(("/voice/", "/api/"))
        if error.code is None or error.code < 400 or not is_page:
            return error
        # A view's own sentence is shown as it is; those of the framework are English.
        is_own = error.code != 400 and error.description != type(error).description
        sentence = error.description if is_own else texts.error_sentences.get(error.code, texts.error_sentences[500])
        if request.headers.get("HX-Request"):
            return str(sentence), error.code
        template = "shop/error.html" if f"{request.path}/".startswith("/shop/") else "error.html"
        return render_template(template, error=error, sentence=sentence), error.code

    @console.app_errorhandler(UnfitText)
    def refuse_text(unfit: UnfitText) -> ResponseReturnValue:
        begins = printable(unfit.text, TEXT_SHOWN_CHARS)
        if unfit.most is None:
            sentence = _("“%(text)s”里面有控制字符，没有保存，请删掉重新填写。", text=begins)
        else:
            sentence = _("“%(text)s”太长，最多%(most)d个字，没有保存。", text=begins, most=unfit.most)
        return show_error(UnprocessableEntity(sentence))

    @console.get("/")
    def home() -> ResponseReturnValue:
        if authentication.current_staff_or_none() is not None:
            return redirect(navigation.first_page())
        return redirect(url_for("console.phone.page" if services().settings.demo else "console.login"))

    @console.route("/login", methods=["GET", "POST"])
    def login() -> ResponseReturnValue:
        onward = _safe_redirect_path(request.args.get("next"))
        if request.method == "GET" and authentication.current_staff_or_none() is not None:
            return ("", 204) if request.headers.get("HX-Request") else redirect(onward)
        form = SignInForm()
        problem = _sign_in(form) if request.method == "POST" else ""
        if authentication.current_staff_or_none() is not None:
            refused_seat = _take_seat(form.seat.data or "")
            if request.headers.get("HX-Request"):
                # If the whole session was lost, the page's own token is no longer valid.
                signed_in = json.dumps({"signed-in": {"token": generate_csrf(), "login": authentication.staff().login}})
                answer = Response(status=204, headers={"HX-Trigger": signed_in})
            else:
                to = url_for("console.seats.page", wanted=refused_seat) if refused_seat else onward
                answer = cast("Response", redirect(to))
            authentication.remember_browser(answer, authentication.staff().login)
            return answer
        accounts = DEMO_STAFF if services().settings.demo else ()
        again = "HX-Request" in request.headers
        page = render_template(
            "sign_in_again.html" if again else "login.html",
            form=form,
            problem=problem,
            again=again,
            accounts=accounts,
            demo_password=DEMO_PASSWORD,
            onward=onward,
        )
        return page, 422 if problem or form.errors else 200

    @console.post("/logout")
    def logout() -> ResponseReturnValue:
        authentication.sign_out()
        return redirect(url_for("console.login"))

    @console.post("/language/<chosen>")
    def choose_language(chosen: str) -> ResponseReturnValue:
        language.choose(chosen)
        return redirect(_safe_redirect_path(request.form.get("onward")))

    console.register_blueprint(brief.brief_routes())
    console.register_blueprint(alarm_pages.alarm_routes())
    console.register_blueprint(seat_pages.seat_routes())
    console.register_blueprint(desk_pages.desk_routes())
    console.register_blueprint(call_handling.call_handling_routes())
    console.register_blueprint(supervision_pages.supervision_routes())
    console.register_blueprint(finishing.finishing_routes())
    console.register_blueprint(softphone.softphone_routes(app_services))
    console.register_blueprint(today.today_routes())
    console.register_blueprint(outbound_pages.outbound_routes())
    console.register_blueprint(unreached_pages.unreached_routes())
    console.register_blueprint(visit_pages.visit_routes())
    console.register_blueprint(web_order_pages.web_order_routes())
    console.register_blueprint(proxy_order_pages.proxy_routes())
    console.register_blueprint(order_change_pages.order_change_routes())
    console.register_blueprint(delivery_pages.delivery_routes())
    console.register_blueprint(day_end_pages.day_end_routes())
    console.register_blueprint(department_report_pages.department_report_routes())
    console.register_blueprint(feedback_pages.feedback_routes())
    console.register_blueprint(assessment_pages.assessment_routes())
    console.register_blueprint(meeting_pages.meeting_routes())
    console.register_blueprint(order_and_call_pages.book_routes())
    console.register_blueprint(order_change_form.order_change_form_routes())
    console.register_blueprint(recording_pages.recording_routes())
    console.register_blueprint(listening_pages.listening_routes())
    console.register_blueprint(turn_review.turn_review_routes())
    console.register_blueprint(operator_script.script_routes())
    console.register_blueprint(supply_pages.supply_routes())
    console.register_blueprint(supply_forms.supply_form_routes())
    console.register_blueprint(late_change_pages.late_change_routes())
    console.register_blueprint(allocation_pages.allocation_routes())
    console.register_blueprint(substitute_pages.substitute_routes())
    console.register_blueprint(spoken_name_pages.spoken_name_routes())
    console.register_blueprint(catalog_files.catalog_file_routes())
    console.register_blueprint(file_templates.file_template_routes())
    console.register_blueprint(file_job_pages.file_job_routes())
    console.register_blueprint(report_pages.report_routes())
    console.register_blueprint(retailer_pages.retailer_routes())
    console.register_blueprint(shop_facts.shop_note_routes())
    console.register_blueprint(hotline_pages.hotline_routes())
    console.register_blueprint(hours_pages.hours_routes())
    console.register_blueprint(order_import_pages.order_import_routes())
    console.register_blueprint(department_pages.department_routes())
    console.register_blueprint(staff_pages.staff_routes())
    console.register_blueprint(own_password.own_password_routes())
    console.register_blueprint(shop_pages.shop_routes())
    if app_services.settings.demo:
        console.register_blueprint(web_phone_pages.phone_routes(app_services))
    return console


def _sign_in(form: SignInForm) -> str:
    """Sign in with what was typed. Return the reason for a refusal in a sentence, or an empty string."""
    if not form.validate():
        return ""
    now, login = services().now(), (form.login.data or "").strip().lower()
    answer = check_password(
        services().sessions,
        login,
        form.password.data or "",
        address=request.remote_addr or "",
        browser=authentication.known_browser(login),
        now=now,
    )
    if answer.waits_until is not None:
        minutes = max(1, -(-(answer.waits_until - now).total_seconds() // 60))
        return _("试错太多了，请过%(minutes)d分钟再登录。", minutes=minutes)
    if answer.staff is None:
        return _("工号或者密码不对。")
    authentication.sign_in(answer.staff)
    authentication.load_staff(touch=False)
    return ""


def _take_seat(wanted: str) -> str:
    """Take the seat asked for, or else the usual one. Return the seat if it was refused, or an empty string."""
    person = authentication.staff()
    wanted = wanted.strip() or person.seat
    return wanted if wanted and authentication.may("take_calls") and seat_pages.take_seat(person, wanted) else ""


def _safe_redirect_path(path: str | None) -> str:
    """The path to redirect to if it is one of this site; otherwise the home page."""
    parts = urlsplit(path or "")
    foreign = parts.scheme or parts.netloc or not (path or "").startswith("/") or (path or "").startswith(("//", "/\\"))
    home: str = url_for("console.home")
    return home if not path or foreign or parts.path == url_for("console.login") else path
