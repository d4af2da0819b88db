"""Turn review: a turn becomes a spoken name or a test case, with its user and time, and both can be withdrawn."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import undefer

from ivr.models import TurnLabel
from ivr.recordings.recording_cipher import RecordingCipher
from settings import DEMO_SECRET_KEY
from speech.evaluation.recordings import read_labels
from speech.utterance import Item, Quantity, Utterance
from tests.db.console.test_name_overrides import meaning
from tests.db.ivr.test_recordings import SID, a_call, kept
from tests.support.console_client import Visitor
from tests.support.desk_world import CLASSIC, CRANE, MovingClock, World

TURN = f"/calls/{SID}/turns/1"
HEARD = Utterance(
    items=(Item("add", (CLASSIC,), Quantity(10), "红塔山"),), text="老红塔五条", confidence=0.51, others=("红塔山五条",)
)
LINE = {"kind": "items", "text": "老红塔五条", "spec0": "红塔山(硬经典)", "cartons0": "5"}


@pytest.fixture
def leader(visitor: Visitor, world: World, clock: MovingClock) -> Visitor:
    a_call(world.sessions, clock, HEARD)
    visitor.sign_in("leader")
    return visitor


def current_labels(world: World) -> list[TurnLabel]:
    with world.session() as session:
        rows = session.query(TurnLabel).options(undefer(TurnLabel.sound)).all()
        return [row for row in rows if row.withdrawn_at is None]


def test_a_turn_is_looked_into(leader: Visitor) -> None:
    assert f'href="{TURN}"' in leader.get(f"/calls/{SID}").get_data(as_text=True)
    page = leader.get(TURN).get_data(as_text=True)
    assert f'src="{TURN}/sound.wav"' in page
    assert "红塔山(硬经典)" in page
    assert "0.51" in page
    assert "红塔山五条" in page
    assert 'value="老红塔五条"' in page
    assert leader.get(f"/calls/{SID}/turns/9").status_code == 404


@pytest.mark.parametrize("login", ["operator", "clerk"])
def test_who_may_not_hear_recordings_says_nothing_about_them(
    visitor: Visitor, world: World, clock: MovingClock, login: str
) -> None:
    a_call(world.sessions, clock, HEARD)
    visitor.sign_in(login)
    for address in (TURN, f"{TURN}/labels", "/labelled", "/labelled.zip", "/labelled/1.wav"):
        assert visitor.get(address).status_code == 403, address
    for address in (f"{TURN}/label", f"{TURN}/words", "/labels/1/withdraw"):
        assert visitor.post(address, **LINE).status_code == 403, address
    assert current_labels(world) == []


def test_what_was_said_becomes_a_name_after_a_look_at_how_it_is_heard(leader: Visitor, world: World) -> None:
    tried = leader.post(f"{TURN}/name", text="老红塔", spec="红塔山(硬经典)").get_data(as_text=True)
    assert "没有容易听混的叫法" in tried
    assert f'hx-post="{TURN}/name"' in tried
    assert meaning(world, "老红塔") == ()
    added = leader.post(f"{TURN}/name", text="老红塔", barcode=CLASSIC, add="1")
    assert "已加上“老红塔”" in added.get_data(as_text=True)
    assert meaning(world, "老红塔") == (CLASSIC,)
    [row] = current_labels(world)
    assert (row.kind, row.text, row.barcode, row.labelled_by) == ("name", "老红塔", CLASSIC, "赵红霞")
    listed = leader.get(f"{TURN}/labels").get_data(as_text=True)
    assert "老红塔" in listed
    assert "赵红霞" in listed


def test_a_name_that_will_not_do_is_refused(leader: Visitor, world: World) -> None:
    for text, spec, says in (
        ("老红塔", "没有的烟", "请先从名单里选一个品规"),
        ("红", "红塔山(硬经典)", "两到十二个汉字"),
        ("红塔山硬经典", "红塔山(硬经典)", "已经有这个叫法"),
    ):
        answer = leader.post(f"{TURN}/name", add="1", text=text, spec=spec)
        assert answer.status_code == 422, text
        assert says in answer.get_data(as_text=True), text
    assert current_labels(world) == []


def test_a_name_learned_from_a_turn_is_taken_back(leader: Visitor, world: World) -> None:
    leader.post(f"{TURN}/name", text="老红塔", barcode=CLASSIC, add="1")
    [row] = current_labels(world)
    assert leader.post(f"/labels/{row.id}/withdraw").status_code == 200
    assert meaning(world, "老红塔") == ()
    assert current_labels(world) == []
    assert leader.post(f"/labels/{row.id}/withdraw").status_code == 409


def test_words_fill_the_form_in(leader: Visitor) -> None:
    page = leader.post(f"{TURN}/words", text="红塔山硬经典改成三条").get_data(as_text=True)
    assert '<option value="change" selected>' in page
    assert 'value="红塔山(硬经典)"' in page
    assert 'value="3"' in page
    assert '<option value="command" selected>' in leader.post(f"{TURN}/words", text="就这些").get_data(as_text=True)
    assert '<option value="none" selected>' in leader.post(f"{TURN}/words", text="").get_data(as_text=True)


def test_a_turn_becomes_a_test_case_and_a_second_one_takes_its_place(leader: Visitor, world: World) -> None:
    assert "已留作测试录音" in leader.post(f"{TURN}/label", **LINE).get_data(as_text=True)
    leader.post(f"{TURN}/label", **{**LINE, "cartons0": "6"})
    [row] = current_labels(world)
    assert row.expect == {"kind": "items", "items": [["红塔山(硬经典)", 6]]}
    assert row.labelled_by == "赵红霞"
    assert row.sound is not None
    assert row.sound != kept(world.sessions), "encrypted"
    assert RecordingCipher([DEMO_SECRET_KEY]).open(row.sound) == kept(world.sessions)
    page = leader.get("/labelled").get_data(as_text=True)
    assert page.count("老红塔五条") >= 1
    assert "红塔山(硬经典) 6条" in page
    assert leader.get(f"/labelled/{row.id}.wav").mimetype == "audio/wav"


def test_what_is_wrong_with_a_label_is_said_beside_the_field(leader: Visitor, world: World) -> None:
    for form, field in (
        ({"text": ""}, "text"),
        ({"spec0": "没有的烟"}, "spec0"),
        ({"spec0": "", "cartons0": ""}, "spec0"),
        ({"cartons0": "几"}, "cartons0"),
        ({"cartons0": "-1"}, "cartons0"),
        ({"spec1": "利群(软蓝)"}, "cartons1"),
        ({"kind": "command", "command": "dance"}, "command"),
        ({"kind": "digits", "digits": "4105"}, "digits"),
    ):
        answer = leader.post(f"{TURN}/label", **{**LINE, **form})
        assert answer.status_code == 422, form
        assert f'aria-describedby="{field}-wrong"' in answer.get_data(as_text=True), form
    assert current_labels(world) == []


def test_every_kind_of_label_is_kept_as_it_is_judged(leader: Visitor, world: World) -> None:
    for form, expect in (
        ({"kind": "remove"}, {"kind": "remove", "items": [["红塔山(硬经典)", None]]}),
        ({"cartons0": "0.5"}, {"kind": "items", "items": [["红塔山(硬经典)", 0.5]]}),
        ({"kind": "command", "command": "done"}, {"kind": "command", "name": "done"}),
        ({"kind": "digits", "digits": "410502100012"}, {"kind": "digits", "digits": "410502100012"}),
        ({"kind": "none"}, {"kind": "none"}),
    ):
        assert leader.post(f"{TURN}/label", **{**LINE, **form}).status_code == 200, form
        [row] = current_labels(world)
        assert row.expect == expect


def test_a_turn_without_a_recording_is_no_test_case(leader: Visitor, world: World) -> None:
    answer = leader.post(f"/calls/{SID}/turns/2/label", **LINE)
    assert answer.status_code == 422
    assert "没有录音" in answer.get_data(as_text=True)


def test_a_test_case_outlasts_the_recording_and_taking_it_back_deletes_it(
    leader: Visitor, world: World, clock: MovingClock, application: Flask
) -> None:
    leader.post(f"{TURN}/label", **LINE)
    clock.move(days=40)
    application.test_cli_runner().invoke(args=["delete-recordings"])
    leader.sign_in("leader")
    [row] = current_labels(world)
    assert row.sound
    leader.post(f"/labels/{row.id}/withdraw")
    with world.session() as session:
        gone = session.get_one(TurnLabel, row.id)
        assert (gone.sound, gone.withdrawn_by) == (None, "赵红霞")
    assert leader.get(f"/labelled/{row.id}.wav").status_code == 404


def test_the_test_cases_are_had_as_a_folder_and_as_a_zip(
    leader: Visitor, world: World, application: Flask, tmp_path: Path
) -> None:
    leader.post(f"{TURN}/label", **LINE)
    folder = tmp_path / "labelled"
    run = application.test_cli_runner().invoke
    assert "1 recordings" in run(args=["export-labelled", str(folder)]).output
    [utterance] = read_labels(folder)
    assert utterance.text == "老红塔五条"
    assert utterance.file.read_bytes() == kept(world.sessions)
    assert "already" in run(args=["export-labelled", str(folder)]).output
    with zipfile.ZipFile(io.BytesIO(leader.get("/labelled.zip").data)) as archive:
        assert sorted(archive.namelist()) == ["aliases.csv", "catalog.csv", "labels.jsonl", utterance.file.name]
        assert json.loads(archive.read("labels.jsonl"))["expect"]["items"] == [["红塔山(硬经典)", 5]]


def test_a_name_whose_spec_is_gone_is_taken_back_all_the_same(leader: Visitor, world: World) -> None:
    leader.post(f"{TURN}/name", text="软蓝鹤", barcode=CRANE, add="1")
    leader.post("/catalog/names/remove", barcode=CRANE, remove="软蓝鹤")
    [row] = current_labels(world)
    assert leader.post(f"/labels/{row.id}/withdraw").status_code == 200
    assert current_labels(world) == []
