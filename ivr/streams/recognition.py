"""Speech recognition in one process: the speech model, and the understanding of the catalogue in force."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from brand_catalog.cache import CatalogCache
from brand_catalog.catalog import Catalog
from orders.retailers.lookup import customer_codes
from settings import Settings
from speech.customer_codes import KnownCodes
from speech.decoding import decode, prepare
from speech.listening import CUSTOMER_CODE_DIGITS, Digits, Items, Listen, YesNo
from speech.model import ModelMissing, load_model, locate_model
from speech.sound.audio import LINE_RATE, read_wav
from speech.sound.voice_activity import load_voice_activity
from speech.stream_recogniser import StreamRecogniser, speech_segment
from speech.understanding import Understanding, build_understanding
from speech.utterance import NOTHING, Utterance
from storage import SessionFactory, read_only

# The steps whose grammars all others share but those that offer a choice: a quantity is heard with that of items.
PREPARED: Final = (Items(), YesNo(), Digits(CUSTOMER_CODE_DIGITS))

log = structlog.get_logger(__name__)


class Recognition:
    """The process's recogniser, loaded on first use; commands that never use it do without."""

    def __init__(self, settings: Settings, sessions: SessionFactory, catalogs: CatalogCache) -> None:
        self._settings = settings
        self._sessions = sessions
        self._catalogs = catalogs
        self._lock = threading.RLock()
        self._understanding: tuple[Catalog, Understanding] | None = None
        self._reading: tuple[Catalog, Understanding] | None = None
        self._codes: tuple[frozenset[str], KnownCodes] | None = None

    @property
    def available(self) -> bool:
        """True if speech can be recognised; if not, the line runs on keys. The model is located, not loaded."""
        return self._located[0] is not None

    @property
    def problem(self) -> str | None:
        """The reason why speech cannot be recognised though it should be, and the remedy, or None."""
        return self._located[1]

    @cached_property
    def model(self) -> Any | None:
        """The speech model, or None if it is missing or not wanted; loaded on first use."""
        folder = self._located[0]
        if folder is None:
            return None
        try:
            with self._lock:
                return load_model(folder)
        except ModelMissing as missing:
            log.error("the speech model cannot be loaded", reason=str(missing))
            return None

    @cached_property
    def _located(self) -> tuple[Path | None, str | None]:
        if self._settings.listen_mode == "keypad":
            return None, None
        try:
            return locate_model(self._settings), None
        except ModelMissing as missing:
            log.warning("the line runs on keys", reason=str(missing))
            return None, str(missing)

    def understanding(self, session: Session) -> Understanding:
        """The understanding of the catalogue in force, built again, with its grammars, only when another one comes into
        force."""
        with self._lock:
            catalog = self._catalogs.current(session)
            if self._understanding is None or self._understanding[0] is not catalog:
                understanding = build_understanding(catalog, self.model)
                if self.model is not None:
                    for listen in PREPARED:
                        prepare(self.model, understanding, listen)
                self._understanding = catalog, understanding
            return self._understanding[1]

    def reading(self, session: Session) -> Understanding:
        """The understanding of keys and typed text, for which no model is loaded: that of speech where there is one."""
        with self._lock:
            catalog = self._catalogs.current(session)
            if self._understanding is not None and self._understanding[0] is catalog:
                return self._understanding[1]
            if self._reading is None or self._reading[0] is not catalog:
                self._reading = catalog, build_understanding(catalog)
            return self._reading[1]

    def warm_up(self, session: Session) -> None:
        """Load what the first caller would otherwise wait seconds for: the models, and the names and grammars of the
        catalogue in force. Processes forked afterwards share them."""
        self.understanding(session)
        if self.model is not None:
            load_voice_activity()

    def recognise_recording(self, listen: Listen, wav: bytes) -> Utterance | None:
        """The utterance in a recording, or None if nobody speaks in it; NOTHING if the recording cannot be read."""
        try:
            speech = speech_segment(read_wav(wav, LINE_RATE))
        except ValueError as error:
            log.warning("a recording could not be read: it counts as not understood", reason=str(error))
            return NOTHING
        if not speech:
            return None
        with read_only(self._sessions) as session:
            understanding, known = self.understanding(session), self._prepared_codes(customer_codes(session))
        return decode(self.model, understanding, listen, speech, known)

    def new_recogniser(self) -> StreamRecogniser | None:
        """A recogniser for one call's sound, or None if speech cannot be recognised."""
        if self.model is None:
            return None
        with read_only(self._sessions) as session:
            return StreamRecogniser(
                self.model, self.understanding(session), self._prepared_codes(customer_codes(session))
            )

    def _prepared_codes(self, codes: frozenset[str]) -> KnownCodes:
        """The customer codes prepared for recognition, prepared again only when they change."""
        with self._lock:
            if self._codes is None or self._codes[0] != codes:
                self._codes = codes, KnownCodes(codes)
            return self._codes[1]
