"""What one worker hears with: the speech model, and the understanding of the catalogue in force."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import structlog
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.loading import current_version, load_catalog
from orders.retailers import customer_codes
from settings import Settings
from speech.audio import read_wav
from speech.customer_codes import KnownCodes
from speech.ear import Ear
from speech.hearing import hear
from speech.listening import Items, Listen
from speech.model import ModelMissing, load_model, locate_model
from speech.understanding import Understanding, build_understanding
from speech.utterance import NOTHING, Utterance
from storage import SessionFactory, reading

log = structlog.get_logger(__name__)


class Hearing:
    """The worker's ear, loaded when it is first asked for; commands that never ask do without."""

    def __init__(self, settings: Settings, sessions: SessionFactory) -> None:
        self._settings = settings
        self._sessions = sessions
        self._lock = threading.RLock()
        self._catalog: Catalog | None = None
        self._understanding: Understanding | None = None
        self._codes: tuple[frozenset[str], KnownCodes] | None = None

    @property
    def works(self) -> bool:
        """Whether callers can be heard; where not, the line runs on keys."""
        return self.model is not None

    @property
    def model(self) -> Any | None:
        """The speech model, or None where there is none, or none is wanted."""
        return self._loaded[0]

    @property
    def problem(self) -> str | None:
        """Why callers cannot be heard though they should be, and what to do about it."""
        return self._loaded[1]

    @cached_property
    def _loaded(self) -> tuple[Any | None, str | None]:
        if self._settings.listen_mode == "keypad":
            return None, None
        try:
            with self._lock:
                return load_model(locate_model(self._settings)), None
        except ModelMissing as missing:
            log.warning("the line runs on keys", reason=str(missing))
            return None, str(missing)

    def catalog(self, session: Session) -> Catalog:
        """The catalogue in force, loaded again only when another one is."""
        with self._lock:
            if self._catalog is None or (current_version(session) or "") != self._catalog.version:
                self._catalog = load_catalog(session)
                self._understanding = None
            return self._catalog

    def understanding(self, session: Session) -> Understanding:
        """The understanding of the catalogue in force."""
        with self._lock:
            catalog = self.catalog(session)
            if self._understanding is None:
                self._understanding = build_understanding(catalog, self.model)
            return self._understanding

    def warm_up(self, session: Session) -> None:
        """Make now what the first caller would otherwise wait a second for: the model, the names of the catalogue in
        force, and the sentences about them."""
        understanding = self.understanding(session)
        if self.works:
            understanding.grammar(Items())

    def of_recording(self, listen: Listen, wav: bytes) -> Utterance:
        """What was said in a recording of the carrier's; nothing where it is no recording that can be read."""
        try:
            samples = read_wav(wav)
        except ValueError as error:
            log.warning("a recording could not be read: it counts as not understood", reason=str(error))
            return NOTHING
        with reading(self._sessions) as session:
            understanding, known = self.understanding(session), self._known(customer_codes(session))
        return hear(self.model, understanding, listen, samples.tobytes(), known)

    def new_ear(self) -> Ear | None:
        """An ear for one call's sound; None where callers cannot be heard."""
        if self.model is None:
            return None
        with reading(self._sessions) as session:
            return Ear(self.model, self.understanding(session), self._known(customer_codes(session)))

    def _known(self, codes: frozenset[str]) -> KnownCodes:
        """The codes prepared for hearing; made again only when there are others."""
        with self._lock:
            if self._codes is None or self._codes[0] != codes:
                self._codes = codes, KnownCodes(codes)
            return self._codes[1]
