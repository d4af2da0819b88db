"""Turn review: a turn's recording is played and labelled, as a spoken name or as a test case of recognition."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.name_overrides import NameRefused, add_name, remove_name, with_name
from clock import local_date
from console.authentication import only_for, staff
from console.calls.label_form import COMMANDS, KINDS, LabelForm, expected, filled_in, sent
from console.calls.recording_pages import playable
from console.desk.call_views import turn_view
from console.language import _
from console.services import room
from console.settings.spoken_name_pages import has_name, refusal, try_name
from ivr import turn_labels
from ivr.models import Call, Turn, TurnMeaning
from ivr.recordings import sound_of
from ivr.serialisation import utterance_from_json
from ivr.turn_labels import NoRecording
from speech.listening import Items
from speech.utterance import NOTHING, Utterance
from storage import reading, transaction


def meant_routes() -> Blueprint:
    """The page of a turn, and the collection of labelled recordings."""
    routes = Blueprint("meant", __name__)

    @routes.get("/calls/<sid>/turns/<int:n>")
    @only_for("hear_recordings")
    def page(sid: str, n: int) -> ResponseReturnValue:
        with reading(room().sessions) as session:
            call, turn = session.get(Call, sid), _turn(session, sid, n)
            catalog = room().line.hearing.catalog(session)
            heard = _heard(turn)
            view = turn_view(turn, recorded=sound_of(session, sid, n) is not None)
            return render_template(
                "calls/turn_review.html",
                call=call,
                turn=view,
                items=[_in_words(item, catalog) for item in heard.items],
                **_forms(session, sid, n, filled_in(heard, heard.text, catalog), catalog),
            )

    @routes.post("/calls/<sid>/turns/<int:n>/words")
    @only_for("hear_recordings")
    def words(sid: str, n: int) -> ResponseReturnValue:
        """Fill in the form with the meaning of the typed text."""
        text = request.form.get("text", "").strip()
        with reading(room().sessions) as session:
            _turn(session, sid, n)
            catalog = room().line.hearing.catalog(session)
            utterance = room().line.hearing.understanding(session).of_text(Items(), text) if text else NOTHING
            form = filled_in(utterance, text, catalog)
            return render_template("calls/label_form.html", **_forms(session, sid, n, form, catalog))

    @routes.post("/calls/<sid>/turns/<int:n>/label")
    @only_for("hear_recordings")
    def label(sid: str, n: int) -> ResponseReturnValue:
        form = sent(request.form)
        with transaction(room().sessions) as session:
            _turn(session, sid, n)
            catalog = room().line.hearing.catalog(session)
            if (expect := expected(form, catalog)) is not None:
                try:
                    turn_labels.label(session, sid, n, form.text, expect, by=staff().name, now=room().now())
                except NoRecording:
                    form.wrong["text"] = _("这一轮没有录音，或者录音已经过期删除了。")
            page = render_template(
                "calls/label_form.html", done=not form.wrong, **_forms(session, sid, n, form, catalog)
            )
        return (page, 422) if form.wrong else (page, 200, {"HX-Trigger": "meant"})

    @routes.post("/calls/<sid>/turns/<int:n>/name")
    @only_for("edit_catalog")
    def name(sid: str, n: int) -> ResponseReturnValue:
        """Preview what was said as a spoken name of a spec, or add it with `add`."""
        text = request.form.get("text", "").strip()
        with reading(room().sessions) as session:
            _turn(session, sid, n)
            catalog = room().line.hearing.catalog(session)
        barcode = request.form.get("barcode") or _barcode(catalog, request.form.get("spec", ""))
        try:
            with_name(catalog, text, barcode)
        except NameRefused:
            return render_template("settings/name_preview.html", refused=refusal(catalog, text, barcode)), 422
        trial = try_name(catalog, text)
        added = "add" in request.form and not trial.unsayable
        if added:
            with transaction(room().sessions) as session:
                add_name(session, text, barcode, room().now(), staff().name)
                turn_labels.name_learned(session, sid, n, text, barcode, by=staff().name, now=room().now())
        page = render_template(
            "settings/name_preview.html",
            trial=trial,
            added=added,
            catalog=catalog,
            barcode=barcode,
            action=request.path,
        )
        return page, 200, {"HX-Trigger": "meant"} if added else {}

    @routes.get("/calls/<sid>/turns/<int:n>/meanings")
    @only_for("hear_recordings")
    def standing(sid: str, n: int) -> ResponseReturnValue:
        with reading(room().sessions) as session:
            return render_template(
                "calls/labelled_turns.html", **_standing(session, turn_labels.of_turn(session, sid, n))
            )

    @routes.post("/meanings/<int:number>/take-back")
    @only_for("hear_recordings")
    def take_back(number: int) -> ResponseReturnValue:
        by, now = staff().name, room().now()
        with transaction(room().sessions) as session:
            row = session.get(TurnMeaning, number, with_for_update=True)
            if row is None or row.taken_back_at is not None:
                abort(409, _("这一条已经撤销了。"))
            catalog = room().line.hearing.catalog(session)
            if row.kind == "name" and has_name(catalog, row.text, row.barcode or ""):
                try:
                    remove_name(session, row.text, row.barcode or "", now, by)
                except NameRefused:
                    abort(409, _("这是这个品规唯一的叫法，请先加一个别的。"))
            turn_labels.take_back(row, by=by, now=now)
        return "", 200, {"HX-Trigger": "meant"}

    @routes.get("/labelled")
    @only_for("hear_recordings")
    def labelled() -> ResponseReturnValue:
        with reading(room().sessions) as session:
            return render_template("calls/labelled.html", **_standing(session, turn_labels.labels(session)))

    @routes.get("/labelled/<int:number>.wav")
    @only_for("hear_recordings")
    def sound(number: int) -> ResponseReturnValue:
        with reading(room().sessions) as session:
            row = session.get(TurnMeaning, number)
            kept = row.sound if row is not None else None
        if kept is None:
            abort(404)
        return playable(kept)

    @routes.get("/labelled.zip")
    @only_for("hear_recordings")
    def download() -> ResponseReturnValue:
        """A ZIP of the test cases as `make eval` reads them."""
        file = io.BytesIO()
        with reading(room().sessions) as session, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in turn_labels.collection(session):
                archive.writestr(name, content)
        answer = Response(file.getvalue(), mimetype="application/zip")
        answer.headers["Content-Disposition"] = f"attachment; filename=labelled-{local_date(room().now())}.zip"
        return answer

    return routes


def _turn(session: Session, sid: str, n: int) -> Turn:
    turn = session.scalar(select(Turn).where(Turn.call_sid == sid, Turn.n == n))
    if turn is None:
        abort(404)
    return turn


def _heard(turn: Turn) -> Utterance:
    return NOTHING if turn.heard.get("silence") else utterance_from_json(turn.heard)


def _forms(session: Session, sid: str, n: int, form: LabelForm, catalog: Catalog) -> dict[str, Any]:
    return {
        "sid": sid,
        "n": n,
        "form": form,
        "kinds": KINDS,
        "commands": COMMANDS,
        "specs": catalog.specs.values(),
        **_standing(session, turn_labels.of_turn(session, sid, n)),
    }


def _standing(session: Session, rows: list[TurnMeaning]) -> dict[str, Any]:
    return {"meanings": rows, "catalog": room().line.hearing.catalog(session)}


def _barcode(catalog: Catalog, name: str) -> str:
    return next((spec.barcode for spec in catalog.specs.values() if spec.name == name.strip()), "")


def _in_words(item: Any, catalog: Catalog) -> tuple[str, str]:
    """The specs an item may be, and the words it was said in."""
    names = [catalog.specs[b].name if b in catalog.specs else b for b in item.barcodes[:4]]
    return " / ".join(names), item.said
