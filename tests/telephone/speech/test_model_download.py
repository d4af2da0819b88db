"""The speech model from its own site, over HTTP: an interrupted download is resumed. Vosk refuses what is no model."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from speech import model
from speech.model import FetchError, ModelMissing, from_official_site

ZIP = bytes(range(256)) * 2_000


def test_a_folder_that_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="not a speech model"):
        model.load_model(tmp_path)


class Site(http.server.BaseHTTPRequestHandler):
    """The model's own site: it interrupts the first download in the middle and honours ranges."""

    asked: list[str | None]

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206)
        self.send_header("Content-Length", str(len(ZIP) - start))
        self.end_headers()
        self.wfile.write(ZIP[start : len(ZIP) // 2 if len(self.asked) == 1 else None])

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def site() -> Iterator[tuple[str, list[str | None]]]:
    Site.asked = []
    with http.server.HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/model.zip", Site.asked
        server.shutdown()
        thread.join()


def test_a_download_that_broke_off_is_taken_up_where_it_stopped(
    tmp_path: Path, site: tuple[str, list[str | None]]
) -> None:
    url, asked = site
    archive = from_official_site(tmp_path, False, url=url, size=len(ZIP))
    assert archive.read_bytes() == ZIP
    assert len(asked) == 2
    assert 0 < int(str(asked[1]).removeprefix("bytes=").rstrip("-")) <= len(ZIP) // 2


def test_a_site_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"could not be downloaded \(ConnectionError\)"):
        from_official_site(tmp_path, False, url="http://127.0.0.1:9/model.zip", tries=1)
