"""Keeping a voice pack up with the catalogue: names that were taken in since it was built are rendered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from callflows.prompts import load_prompts
from ivr.voice.kokoro_files import is_fetched, voice_folder
from ivr.voice.pack import PackUnwritable, VoicePack
from ivr.voice.pack_building import build, missing
from ivr.voice.rendering import RenderingFailed, started_renderer
from ivr.voice.wanted_pieces import prompt_texts, wanted_pieces
from storage import SessionFactory, read_only, unhurried

LOOK_EVERY_S: Final = 60
# What is wanted is read anew after so many, as names may have been taken out again.
PIECES_AT_ONCE: Final = 50

log = structlog.get_logger(__name__)


class PackKeeper:
    """Renders what the pack in a folder has come to lack, in the pack's own voice. A pack that was never built, and a
    machine without the voice, are left alone."""

    def __init__(self, folder: Path, sessions: SessionFactory, load_catalog: Callable[[Session], Catalog]) -> None:
        self._pack = VoicePack(folder, prompt_texts(load_prompts()))
        self._sessions = sessions
        self._load_catalog = load_catalog
        # What the voice could not say is not tried again by this process.
        self._failed: set[str] = set()

    def run(self, stop: Event) -> None:
        """Look once a minute until `stop` is set."""
        while not stop.wait(LOOK_EVERY_S):
            try:
                while self.render_next() and not stop.is_set():
                    pass
            except (SQLAlchemyError, RenderingFailed, PackUnwritable) as error:
                log.warning("new names could not be added to the voice pack", reason=str(error))

    def render_next(self) -> int:
        """Render the next few pieces that the pack lacks and return their number; 0 if there are none. Raises
        RenderingFailed if the voice fails, PackUnwritable if nothing can be written."""
        if not self._pack.voice or not is_fetched(voice_folder()):
            return 0
        with unhurried(), read_only(self._sessions) as session:
            wanted = wanted_pieces(session, self._load_catalog(session), load_prompts())
        lacking = [one for one in missing(self._pack, wanted).items() if one[0] not in self._failed][:PIECES_AT_ONCE]
        if not lacking:
            return 0
        with started_renderer(voice_folder(), self._pack.voice) as renderer:
            built = build(self._pack, dict(lacking), renderer, self._pack.voice)
        self._failed.update(built.failed)
        log.info("names were added to the voice pack", pieces=built.pieces)
        return built.pieces
