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
from brand_catalog.name_overrides import NameRefused, remove_name
from clock import local_date
from console.authentication import requires_task, staff
from console.calls.label_form import COMMANDS, KINDS, LabelForm, from_form, from_utterance, label_of
from console.calls.recording_pages import playable
from console.desk.call_views import turn_view
from console.language import _
from console.paging import requested_page
from console.spoken_name_preview import has_name, preview_or_add
from console.uploads import record_export
from ivr.figures import turn_labels
from ivr.figures.turn_labels import NoRecording
from ivr.models import TurnLabel, TurnRow
from ivr.recordings.recordings import recording_of
from ivr.services import services
from ivr.turns.serialisation import utterance_from_json
from speech.listening import Items
from speech.utterance import NOTHING, Utterance
from storage import read_only, transaction


def turn_review_routes() -> Blueprint:
    """The page of a turn, and the collection of labelled recordings."""
    routes = Blueprint("turn_review", __name__)

    @routes.get("/calls/<call_key>/turns/<int:turn_number>")
    @requires_task("hear_recordings")
    def page(call_key: str, turn_number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            turn = _turn(session, call_key, turn_number)
            catalog = services().catalog(session)
            utterance = _stored_utterance(turn)
            view = turn_view(turn, recorded=recording_of(session, call_key, turn_number) is not None)
            return render_template(
                "calls/turn_review.html",
                turn=view,
                items=[_item_text(item, catalog) for item in utterance.items],
                **_forms(session, call_key, turn_number, from_utterance(utterance, utterance.text, catalog), catalog),
            )

    @routes.post("/calls/<call_key>/turns/<int:turn_number>/words")
    @requires_task("hear_recordings")
    def interpret_text(call_key: str, turn_number: int) -> ResponseReturnValue:
        """Fill in the form with the meaning of the typed text."""
        text = request.form.get("text", "").strip()
        with read_only(services().sessions) as session:
            _turn(session, call_key, turn_number)
            catalog = services().catalog(session)
            utterance = services().recognition.reading(session).of_text(Items(), text) if text else NOTHING
            form = from_utterance(utterance, text, catalog)
            return render_template("calls/label_form.html", **_forms(session, call_key, turn_number, form, catalog))

    @routes.post("/calls/<call_key>/turns/<int:turn_number>/label")
    @requires_task("hear_recordings")
    def label(call_key: str, turn_number: int) -> ResponseReturnValue:
        form = from_form(request.form)
        with transaction(services().sessions) as session:
            _turn(session, call_key, turn_number)
            catalog = services().catalog(session)
            if (label := label_of(form, catalog)) is not None:
                try:
                    turn_labels.add_test_case(
                        session, call_key, turn_number, form.text, label, by=staff().name, now=services().now()
                    )
                except NoRecording:
                    form.errors["text"] = _("这一轮没有录音，或者录音已经过期删除了。")
            page = render_template(
                "calls/label_form.html", done=not form.errors, **_forms(session, call_key, turn_number, form, catalog)
            )
        return (page, 422) if form.errors else (page, 200, {"HX-Trigger": "labels-changed"})

    @routes.post("/calls/<call_key>/turns/<int:turn_number>/name")
    @requires_task("edit_catalog")
    def name(call_key: str, turn_number: int) -> ResponseReturnValue:
        """Preview what was said as a spoken name of a spec, or add it with `add`."""
        text = request.form.get("text", "").strip()
        with read_only(services().sessions) as session:
            _turn(session, call_key, turn_number)
            catalog = services().catalog(session)
        barcode = request.form.get("barcode") or _barcode(catalog, request.form.get("spec", ""))

        def add_label(session: Session) -> None:
            by, now = staff().name, services().now()
            turn_labels.add_learned_name(session, call_key, turn_number, text, barcode, by=by, now=now)

        page, status, added = preview_or_add(catalog, text, barcode, on_added=add_label)
        return page, status, {"HX-Trigger": "labels-changed"} if added else {}

    @routes.get("/calls/<call_key>/turns/<int:turn_number>/labels")
    @requires_task("hear_recordings")
    def labels_of_turn(call_key: str, turn_number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return render_template(
                "calls/labels.html",
                **_labels_context(session, turn_labels.labels_of_turn(session, call_key, turn_number)),
            )

    @routes.post("/labels/<int:number>/withdraw")
    @requires_task("hear_recordings")
    def withdraw(number: int) -> ResponseReturnValue:
        by, now = staff().name, services().now()
        with transaction(services().sessions) as session:
            row = session.get(TurnLabel, number, with_for_update=True)
            if row is None or row.withdrawn_at is not None:
                abort(409, _("这一条已经撤销了。"))
            catalog = services().catalog(session)
            if row.kind == "name" and has_name(catalog, row.text, row.barcode or ""):
                try:
                    remove_name(session, row.text, row.barcode or "", now, by)
                except NameRefused:
                    abort(409, _("这是这个品规唯一的叫法，请先加一个别的。"))
            turn_labels.withdraw(row, by=by, now=now)
        return "", 200, {"HX-Trigger": "labels-changed"}

    @routes.get("/labelled")
    @requires_task("hear_recordings")
    def labelled_recordings() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            shown = requested_page(turn_labels.test_case_count(session))
            labels = turn_labels.test_cases(session, shown.first, shown.size)
            return render_template("calls/labelled_recordings.html", shown=shown, **_labels_context(session, labels))

    @routes.get("/labelled/<int:number>.wav")
    @requires_task("hear_recordings")
    def sound(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            row = session.get(TurnLabel, number)
            kept = turn_labels.sound_of(session, row) if row is not None else None
        if kept is None:
            abort(404)
        return playable(kept)

    @routes.get("/labelled.zip")
    @requires_task("hear_recordings")
    def download() -> ResponseReturnValue:
        """A ZIP of the test cases as `make eval` reads them."""
        file = io.BytesIO()
        # Sound of a telephone does not become smaller.
        with read_only(services().sessions) as session, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, content in turn_labels.test_case_files(session):
                archive.writestr(name, content)
            names = archive.namelist()
        record_export(f"labelled-{local_date(services().now())}.zip", len(names))
        answer = Response(file.getvalue(), mimetype="application/zip")
        answer.headers["Content-Disposition"] = f"attachment; filename=labelled-{local_date(services().now())}.zip"
        return answer

    return routes


def _turn(session: Session, call_key: str, turn_number: int) -> TurnRow:
    turn = session.scalar(select(TurnRow).where(TurnRow.call_key == call_key, TurnRow.turn_number == turn_number))
    if turn is None:
        abort(404)
    return turn


def _stored_utterance(turn: TurnRow) -> Utterance:
    return NOTHING if turn.turn_input.get("silence") else utterance_from_json(turn.turn_input)


def _forms(session: Session, call_key: str, turn_number: int, form: LabelForm, catalog: Catalog) -> dict[str, Any]:
    return {
        "call_key": call_key,
        "turn_number": turn_number,
        "form": form,
        "kinds": KINDS,
        "commands": COMMANDS,
        "specs": catalog.specs.values(),
        **_labels_context(session, turn_labels.labels_of_turn(session, call_key, turn_number)),
    }


def _labels_context(session: Session, rows: list[TurnLabel]) -> dict[str, Any]:
    return {"labels": rows, "catalog": services().catalog(session)}


def _barcode(catalog: Catalog, name: str) -> str:
    return next((spec.barcode for spec in catalog.specs.values() if spec.name == name.strip()), "")


def _item_text(item: Any, catalog: Catalog) -> tuple[str, str]:
    """The specs an item may be, and the words it was said in."""
    names = [catalog.specs[b].name if b in catalog.specs else b for b in item.barcodes[:4]]
    return " / ".join(names), item.said
