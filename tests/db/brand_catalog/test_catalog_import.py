"""A catalogue file is imported whole or not at all, and its mistakes are listed row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

import storage
from app import create_app
from brand_catalog.catalog import Catalog
from brand_catalog.importing import (
    import_catalog,
    read_catalog_file,
)
from brand_catalog.loading import current_version, load_catalog
from settings import Settings
from tests.support.catalog_files import GOOD, OTHER, CatalogFolder
from tests.support.desk_world import MovingClock


@pytest.fixture
def write(tmp_path: Path) -> CatalogFolder:
    return CatalogFolder(tmp_path)


class TestInTheDatabase:
    def test_what_was_imported_is_what_is_loaded(
        self, sessions: storage.SessionFactory, clock: MovingClock, write: CatalogFolder
    ) -> None:
        catalog = read_catalog_file(write(GOOD, OTHER))
        with storage.transaction(sessions) as session:
            assert current_version(session) is None
            assert load_catalog(session) == Catalog("", {}, ())
            assert import_catalog(session, catalog, clock()).added == 2
        with storage.transaction(sessions) as session:
            assert load_catalog(session) == catalog

    def test_short_codes_stay_and_are_never_given_to_another(
        self, sessions: storage.SessionFactory, clock: MovingClock, write: CatalogFolder
    ) -> None:
        third = {**GOOD, "name": "中华(金中支)", "carton_barcode": "6901028077880"}
        with storage.transaction(sessions) as session:
            import_catalog(session, read_catalog_file(write(GOOD, OTHER)), clock())
        with storage.transaction(sessions) as session:
            done = import_catalog(session, read_catalog_file(write(third, OTHER)), clock())
        assert (done.added, done.changed, done.unchanged, done.retired) == (1, 0, 1, 1)
        with storage.transaction(sessions) as session:
            codes = {spec.name: spec.short_code for spec in load_catalog(session).specs.values()}
        assert codes == {"中华(软)": "102", "中华(金中支)": "103"}

    def test_two_specs_may_swap_their_names(
        self, sessions: storage.SessionFactory, clock: MovingClock, write: CatalogFolder
    ) -> None:
        swapped = write({**GOOD, "name": OTHER["name"]}, {**OTHER, "name": GOOD["name"]}, name="swapped.csv")
        with storage.transaction(sessions) as session:
            import_catalog(session, read_catalog_file(write(GOOD, OTHER)), clock())
        with storage.transaction(sessions) as session:
            import_catalog(session, read_catalog_file(swapped), clock())
        with storage.transaction(sessions) as session:
            assert load_catalog(session).specs["6901028075831"].name == "中华(软)"

    def test_a_refused_file_leaves_the_catalogue_as_it_was(self, database_url: str, write: CatalogFolder) -> None:
        app = create_app(Settings(database_url=database_url, demo=True))
        runner = app.test_cli_runner()
        taken = runner.invoke(args=["import-catalog", str(write(GOOD, OTHER))])
        assert taken.exit_code == 0, taken.output
        assert "2 specs added" in taken.output
        refused = runner.invoke(args=["import-catalog", str(write({**GOOD, "name": "新(名)"}, {**OTHER, "brand": ""}))])
        assert refused.exit_code == 1
        assert "catalog.csv, row 3, column brand: is empty" in refused.output
        engine = storage.open_engine(database_url)
        with storage.transaction(storage.open_sessions(engine)) as session:
            names = {spec.name for spec in load_catalog(session).specs.values()}
        engine.dispose()
        assert names == {"中华(硬)", "中华(软)"}
