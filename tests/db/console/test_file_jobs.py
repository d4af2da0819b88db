"""A city's limits come in through the page: in parts, beside the requests, with a result to come back to."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from brand_catalog.loading import load_catalog
from orders.file_jobs import jobs
from orders.file_jobs.models import FileJob, FilePart
from orders.file_jobs.runner import FileJobs
from orders.retailers.models import RetailerRow
from orders.supply.models import Limit, LimitBatch
from storage import read_only
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CORNER, SHOP, World

# The limits of the present cycle are locked since 07:50.
NEXT_CYCLE = "2026-11-30"
LIMITS = f"客户代码,店名,品规,条数\n{CORNER},街角店,红塔山(硬经典),7\n{SHOP},店,中华(硬),3\n".encode()


@pytest.fixture
def manager(signed_in: SignedIn) -> Visitor:
    return signed_in("manager")


def worker(world: World) -> FileJobs:
    return FileJobs(world.sessions, world.clock, load_catalog)


def begin(visitor: Visitor, content: bytes, name: str = "限量 十一月.csv", **form: str) -> TestResponse:
    return visitor.post(
        "/file-jobs", **({"kind": "limits", "day": NEXT_CYCLE, "file_name": name, "size": str(len(content))} | form)
    )


def send(visitor: Visitor, address: str, content: bytes) -> int:
    answer = visitor.client.post(address, data=content, headers={"X-CSRFToken": visitor.token()})
    return answer.status_code


def upload(visitor: Visitor, content: bytes, **form: str) -> str:
    """The address of the job of a file whose parts are all uploaded."""
    job = begin(visitor, content, **form).get_json()
    size = job["part_bytes"]
    for number in range(-(-len(content) // size)):
        assert send(visitor, f"{job['parts']}?n={number}", content[number * size : (number + 1) * size]) == 204
    return str(job["page"])


def test_limits_are_looked_at_then_imported_with_a_result_to_come_back_to(
    manager: Visitor, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PART_BYTES", 50)
    monkeypatch.setattr("console.settings.file_job_pages.PART_BYTES", 50)
    page = upload(manager, LIMITS)
    assert "等待处理" in manager.get(page).get_data(as_text=True)
    world.clock.move(minutes=1)
    assert "file-jobs run" in manager.get(page).get_data(as_text=True), "who waits in vain is told why"
    assert worker(world).work_once()
    shown = manager.get(page, **{"HX-Request": "true"}).get_data(as_text=True)
    assert "还没有导入" in shown
    assert all(text in shown for text in (CORNER, "红塔山(硬经典)"))
    assert "hx-trigger" not in shown
    page = upload(manager, LIMITS, apply="1", why="十一月第四周")
    assert worker(world).work_once()
    assert "已导入2026-11-30" in manager.get(page).get_data(as_text=True)
    assert not worker(world).work_once()
    with world.session() as session:
        [batch] = session.scalars(select(LimitBatch))
        assert (batch.by, batch.reason, batch.source) == ("孙建国", "十一月第四周", "限量 十一月.csv")
        assert session.scalar(select(func.count()).select_from(FilePart)) == 0
        assert (
            session.scalar(select(Limit.limit_packs).where(Limit.batch_id == batch.id, Limit.limit_packs == 70)) == 70
        )
    listed = manager.get("/file-jobs").get_data(as_text=True)
    assert (listed.count("限量 十一月.csv"), listed.count("做完了")) == (2, 2)


def test_a_wrong_file_is_refused_by_row_and_column_and_changes_nothing(manager: Visitor, world: World) -> None:
    page = upload(manager, LIMITS + f"{SHOP},店,没有的烟,3\n".encode(), apply="1", why="x")
    worker(world).work_once()
    shown = manager.get(page).get_data(as_text=True)
    assert all(
        text in shown for text in ("文件有错，什么都没有改", "<td>4</td>", "<td>品规</td>", "品规目录里没有 没有的烟")
    )
    page = upload(manager, LIMITS, day="2026-11-23")
    worker(world).work_once()
    assert "已经锁定，这么大的文件导入不了" in manager.get(page).get_data(as_text=True), "the preview says so already"
    page = upload(manager, LIMITS, apply="1", why="x", day="2026-11-23")
    worker(world).work_once()
    shown = manager.get(page).get_data(as_text=True)
    assert "2026-11-23的限量从07:50起已经锁定，这么大的文件不能再导入" in shown
    assert "另存成1兆字节以内的小文件，写明原因导入，第二个人同意以后生效" in shown, "and what to do instead"
    with world.session() as session:
        assert session.scalars(select(LimitBatch)).all() == []


def test_a_file_whose_process_was_killed_is_begun_again_by_another_and_not_for_ever(
    manager: Visitor, world: World
) -> None:
    upload(manager, LIMITS, apply="1", why="x")
    with world.session() as session:
        job = jobs.take_job(session, "a machine that is gone", world.clock())
        assert job is not None
        number = job.id
    assert not worker(world).work_once(), "it may still be at work"
    world.clock.move(seconds=61)
    assert worker(world).work_once()
    with world.session() as session:
        assert not jobs.report_progress(session, number, "a machine that is gone", 50, world.clock())
        jobs.end_job(session, number, "a machine that is gone", "failed", {}, world.clock())
        found = session.get(FileJob, number)
        assert found is not None
        assert (found.state, found.tries) == ("done", 2)
    page = upload(manager, LIMITS)
    for _time in range(jobs.TRIES_MAX):
        with world.session() as session:
            assert jobs.take_job(session, "one that is killed", world.clock()) is not None
        world.clock.move(seconds=61)
    assert not worker(world).work_once()
    assert "没有做完" in manager.get(page).get_data(as_text=True)


def test_parts_come_once_from_who_began_and_a_broken_upload_is_forgotten(manager: Visitor, world: World) -> None:
    job = begin(manager, LIMITS).get_json()
    assert send(manager, f"{job['parts']}?n=1", LIMITS) == 422
    assert send(manager, f"{job['parts']}?n=0", b"") == 422
    assert [begin(manager, b"").status_code, begin(manager, LIMITS, name="x.exe").status_code] == [422, 422]
    assert begin(manager, LIMITS, apply="1").status_code == 422
    assert begin(manager, LIMITS, kind="limits", day="").status_code == 422
    world.clock.move(hours=2)
    assert not worker(world).work_once()
    with read_only(world.sessions) as session:
        assert session.scalar(select(func.count()).select_from(FileJob)) == 0


def test_retailers_are_previewed_and_imported_the_same_way(manager: Visitor, world: World) -> None:
    file = f"客户代码,店名,订货周期,订货日\n{SHOP},新店名,每周,2026-11-24\n".encode()
    form = {"kind": "retailers", "name": "客户.csv"}
    page = upload(manager, file, **form)
    worker(world).work_once()
    assert "新店名" in manager.get(page).get_data(as_text=True)
    page = upload(manager, file, apply="1", why="换店名", **form)
    worker(world).work_once()
    assert "改变1户" in manager.get(page).get_data(as_text=True)
    with world.session() as session:
        assert session.scalars(select(RetailerRow.name).where(RetailerRow.customer_code == SHOP)).one() == "新店名"
