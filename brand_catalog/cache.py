"""The catalogue in force, kept in memory by one process."""

from __future__ import annotations

import threading

from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.loading import current_version, load_catalog


class CatalogCache:
    """The catalogue in force, shared by all threads and loaded again only when another version comes into force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None

    def current(self, session: Session) -> Catalog:
        """The catalogue in force: the same object as long as its version is in force."""
        with self._lock:
            if self._catalog is None or (current_version(session) or "") != self._catalog.version:
                self._catalog = load_catalog(session)
            return self._catalog
