"""A catalogue name that the speech model has no words for is refused on import."""

from __future__ import annotations

from pathlib import Path

import pytest

import storage
from app import create_app
from backoffice.catalog_commands import import_catalog_command
from brand_catalog.loading import load_catalog
from settings import Settings
from tests.support.catalog_files import GOOD, OTHER, CatalogFolder
from tests.support.recorded_callers import speech_model


@pytest.fixture
def write(tmp_path: Path) -> CatalogFolder:
    return CatalogFolder(tmp_path)


@pytest.mark.speech
def test_the_command_refuses_a_name_the_speech_model_has_no_word_for(sqlite_url: str, write: CatalogFolder) -> None:
    speech_model()
    app = create_app(Settings(database_url=sqlite_url, demo=True))
    file = write(GOOD, {**OTHER, "name": "中华(覅)"})
    refused = app.test_cli_runner().invoke(import_catalog_command, [str(file)])
    assert refused.exit_code == 1
    assert "catalog.csv, row 3, column name: spoken as '中华覅' it can never be heard" in refused.output
    engine = storage.open_engine(sqlite_url)
    with storage.transaction(storage.open_sessions(engine)) as session:
        assert not load_catalog(session).specs
    engine.dispose()
