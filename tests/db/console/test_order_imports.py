"""Orders come in by file: another system puts its files into a folder, or somebody uploads one; each counts once."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from brand_catalog.loading import load_catalog
from ivr.services import services
from orders.channels.models import OrderSource, WebOrderRow
from orders.file_jobs import jobs
from orders.file_jobs.models import FileJob, OrderFile
from orders.file_jobs.runner import FileJobs
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CORNER, SHOP, World

HEADINGS = "外部单号,客户代码,店名,品规,条数,下单时间\n"
TWO_ORDERS = (
    f"{HEADINGS}M1,{SHOP},店,中华(硬),2,2026-11-23 08:50\nM1,{SHOP},店,利群(软蓝),1,2026-11-23 08:50\n"
    f"M2,{CORNER},街角,中华(硬),1,2026-11-23 08:51\n"
)
WRONG = f"{HEADINGS}M3,{SHOP},店,没有的烟,2,2026-11-23 08:50\nM4,12,店,中华(硬),一,2026-11-23 08:50\n"
SOURCE = {"sender": "手机订货", "channel": "mobile", "folder": "mobile", "every_minutes": "30", "is_on": "on"}


@pytest.fixture
def root(application: Flask, tmp_path: Path) -> Path:
    """The place the administrator has given, with the folder of one system."""
    (tmp_path / "orders" / "mobile").mkdir(parents=True)
    services(application).settings.order_files_root = tmp_path / "orders"
    return tmp_path / "orders"


@pytest.fixture
def leader(signed_in: SignedIn, root: Path) -> Visitor:
    return signed_in("leader")


def machine(world: World, root: Path) -> FileJobs:
    return FileJobs(world.sessions, world.clock, load_catalog, root)


def put(world: World, path: Path, content: str, seconds_ago: int = 60) -> Path:
    """The other system writes a file."""
    path.write_text(content, encoding="utf-8")
    written = world.clock().timestamp() - seconds_ago
    os.utime(path, (written, written))
    return path


def work(*machines: FileJobs) -> None:
    """What the processes of some machines do until there is nothing more to do."""
    for _time in range(2):
        for one in machines:
            one.look_into_folders()
            while one.work_once():
                pass


def text(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined,no-any-return]


def page(visitor: Visitor) -> str:
    return text(visitor.get("/order-imports"))


def last_job(world: World) -> str:
    with world.session() as session:
        return f"/file-jobs/{jobs.recent_jobs(session, 1)[0].id}"


def names(folder: Path) -> list[str]:
    """The files in a folder, without the moment before their names."""
    return sorted(one.name[16:] for one in folder.iterdir())


def test_files_in_a_folder_are_taken_every_half_hour_once_by_one_of_two_machines(
    leader: Visitor, world: World, root: Path
) -> None:
    assert "还没有来源" in page(leader)
    for elsewhere in ("../mobile", "/etc", "C:\\orders", "mobile/../..", ".ssh", "mobile/done"):
        refused = leader.post("/order-imports/new", **SOURCE | {"folder": elsewhere}, why="x")
        assert "只写管理员给的地方下面的文件夹名" in text(refused), elsewhere
    assert "请写明原因" in text(leader.post("/order-imports/new", **SOURCE))
    assert leader.post("/order-imports/new", **SOURCE, why="老系统").status_code == 204
    assert "已经有这个来源了" in text(leader.post("/order-imports/new", **SOURCE, why="x"))
    folder, first, second = root / "mobile", machine(world, root), machine(world, root)
    put(world, folder / "上午.csv", TWO_ORDERS)
    put(world, folder / "错的.csv", WRONG)
    put(world, folder / "旧表格.xls", "x")
    put(world, folder / "正在写.csv", TWO_ORDERS, seconds_ago=1)
    put(world, folder / "下午.csv.part", TWO_ORDERS)
    secret = put(world, root.parent / "secret.csv", "no order\n")
    (folder / "链接.csv").symlink_to(secret)
    first.look_into_folders()
    with world.session() as session:
        source = session.scalars(select(OrderSource)).one()
        assert (source.holder, source.problem) == ("", "")
        # A process that writes may not be done: that file is looked at again soon.
        assert (source.next_look_at - world.clock()).total_seconds() == 60
    work(second, first)
    assert names(folder / "done") == ["上午.csv"]
    assert names(folder / "failed") == ["旧表格.xls", "错的.csv"]
    assert names(folder / "taking") == []
    assert {one.name for one in folder.iterdir() if not one.is_dir()} == {"正在写.csv", "下午.csv.part", "链接.csv"}
    with world.session() as session:
        found = {row.key: (row.state, row.reason, row.channel) for row in session.scalars(select(WebOrderRow))}
        assert found == {"M1": ("saved", None, "mobile"), "M2": ("failed", "closed", "mobile")}
        taken = session.scalars(select(FileJob).where(FileJob.state == "done")).one()
    shown = page(leader)
    assert all(words in shown for words in ("上午.csv", "错的.csv", "旧表格.xls", "手机订货", "自动", "3处错"))
    shown = text(leader.get(f"/file-jobs/{taken.id}"))
    for words in ("录入1张订单，2行", "1张没有录入", "<td>4</td>", "<td>下单时间</td>", "过了网上订货的时间", CORNER):
        assert words in shown, words
    # The same content under whatever name is not taken again; the books have one order.
    world.clock.move(minutes=1)
    work(first, second)
    assert names(folder / "done") == ["上午.csv", "正在写.csv"]
    assert "内容和以前取过的一个文件一样" in text(leader.get(last_job(world)))
    assert "以前取过" in page(leader)
    put(world, folder / "中午.csv", f"{HEADINGS}M1,{SHOP},店,中华(硬),5,2026-11-23 08:50\n")
    work(first, second)
    assert names(folder / "done") == ["上午.csv", "正在写.csv"], "half an hour has not passed"
    world.clock.move(minutes=30)
    work(second, first)
    shown = text(leader.get(last_job(world)))
    assert "这个单号以前是另一张订单" in shown
    assert "<td>外部单号</td>" in shown
    with world.session() as session:
        assert len(session.scalars(select(WebOrderRow)).all()) == 2
    world.check_books()
    assert "老系统" in text(leader.get("/audit-log?subject=order_source"))


def test_a_wrong_file_names_row_column_and_reason_and_is_taken_when_it_is_mended(
    leader: Visitor, world: World, root: Path
) -> None:
    leader.post("/order-imports/new", **SOURCE, why="老系统")
    folder, process = root / "mobile", machine(world, root)
    put(world, folder / "a.csv", WRONG)
    work(process)
    shown = text(leader.get(last_job(world)))
    for words in ("文件有错，什么都没有改", "<td>2</td>", "<td>品规</td>", "品规目录里没有 没有的烟"):
        assert words in shown, words
    for words in ("<td>3</td>", "<td>客户代码</td>", "不是 12 位客户代码", "<td>条数</td>", "不是整数"):
        assert words in shown, words
    put(world, folder / "a.csv", TWO_ORDERS)
    with world.session() as session:
        number = session.scalars(select(OrderSource.id)).one()
    assert "马上取" in text(leader.post(f"/order-imports/{number}/look"))
    work(process)
    assert (names(folder / "failed"), names(folder / "done")) == (["a.csv"], ["a (2).csv"])
    # Switched off, nothing is taken; whoever saves a page that is out of date is told.
    form = {name: value for name, value in SOURCE.items() if name != "is_on"}
    assert leader.post(f"/order-imports/{number}", **form, version="1", why="换系统").status_code == 204
    assert "刚改过这个来源" in text(leader.post(f"/order-imports/{number}", **SOURCE, version="1", why="x"))
    put(world, folder / "b.csv", WRONG)
    world.clock.move(hours=2)
    work(process)
    assert (folder / "b.csv").exists()


def test_a_process_that_is_killed_leaves_its_files_to_another_and_a_bad_folder_is_told(
    leader: Visitor, world: World, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader.post("/order-imports/new", **SOURCE, why="老系统")
    folder, first, second = root / "mobile", machine(world, root), machine(world, root)
    put(world, folder / "a.csv", TWO_ORDERS)

    def killed(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as at_once:
        at_once.setattr("orders.file_jobs.order_folders._read", killed)
        with pytest.raises(KeyboardInterrupt):
            first.look_into_folders()
    assert names(folder / "taking") == ["a.csv"]
    work(second)
    assert names(folder / "taking") == ["a.csv"], "the first one may still be at work"
    world.clock.move(minutes=3)
    assert "程序没有在运行" in page(leader)
    second.look_into_folders()
    with world.session() as session:
        assert jobs.take_job(session, "a machine that is killed", world.clock()) is not None
    work(second)
    assert names(folder / "done") == []
    world.clock.move(seconds=61)
    work(second)
    assert names(folder / "done") == ["a.csv"]
    with world.session() as session:
        assert [row.tries for row in session.scalars(select(FileJob))] == [2]
        assert session.scalars(select(OrderFile.folder)).one() == "mobile"
    folder.rename(root / "elsewhere")
    world.clock.move(minutes=31)
    work(second)
    leader.sign_in("leader")
    assert "文件夹不在" in page(leader)
    assert "取不到手机订货的订单文件：文件夹不在，请建好文件夹" in text(leader.get("/brief")), (
        "told where the day begins"
    )
    (root / "mobile").symlink_to(root.parent)
    world.clock.move(minutes=31)
    work(second)
    leader.sign_in("leader")
    assert "允许的范围以外" in page(leader)


def test_one_file_is_uploaded_by_hand_for_a_system_without_a_folder(
    application: Flask, signed_in: SignedIn, world: World
) -> None:
    director, clerk = signed_in("director"), signed_in("clerk")
    assert "ORDER_FILES_ROOT" in page(director)
    assert "ORDER_FILES_ROOT" in text(director.post("/order-imports/new", **SOURCE, why="x"))
    assert director.post("/order-imports/new", **SOURCE | {"folder": ""}, why="网店").status_code == 204
    with world.session() as session:
        number = str(session.scalars(select(OrderSource.id)).one())

    def upload(name: str, content: str, source: str = number) -> str:
        file = (io.BytesIO(content.encode()), name)
        headers = {"HX-Request": "true", "X-CSRFToken": clerk.token()}
        form = {"file": file, "source": source}
        return text(clerk.client.post("/order-imports/upload", data=form, headers=headers))

    assert "请选一个 CSV" in upload("a.doc", TWO_ORDERS)
    assert "请选文件是哪个系统的" in upload("a.csv", TWO_ORDERS, source="99")
    assert "文件是空的" in upload("a.csv", "")
    assert "等待处理" in upload("订单.csv", TWO_ORDERS)
    # A large one comes in parts, as every long file.
    content = f"{HEADINGS}M9,{SHOP},店,利群(软蓝),1,2026-11-23 08:50\n".encode()
    begun = {"kind": "orders", "file_name": "大.csv", "size": str(len(content))}
    assert clerk.post("/file-jobs", **begun, source="99").status_code == 422
    job = clerk.post("/file-jobs", **begun, source=number).get_json()
    clerk.client.post(f"{job['parts']}?n=0", data=content, headers={"X-CSRFToken": clerk.token()})
    work(FileJobs(world.sessions, world.clock, load_catalog))
    assert "这户今天已经订过货了" in text(clerk.get(job["page"]))
    shown = page(clerk)
    for words in ("订单.csv", "大.csv", "上传文件", "做完了"):
        assert words in shown, words
    with world.session() as session:
        assert session.scalars(select(FileJob.by).distinct()).one() != ""
        assert session.scalars(select(WebOrderRow.state).where(WebOrderRow.key == "M1")).one() == "saved"
