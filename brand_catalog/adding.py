"""One spoken name more, added by hand between two imports."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog, SpokenName
from brand_catalog.importing import ImportSummary, import_catalog, make_catalog
from brand_catalog.loading import load_catalog
from brand_catalog.models import CatalogVersion

_SPOKEN = re.compile(r"[一-鿿]{2,12}")


class NameRefused(ValueError):
    """The name cannot be added; the message says why."""


def with_name(catalog: Catalog, text: str, barcode: str) -> Catalog:
    """The catalogue with one more way to say a spec. A name that means another spec already means both from then on,
    and is asked about. NameRefused where it says nothing new, or cannot be said."""
    if not _SPOKEN.fullmatch(text):
        raise NameRefused(f"{text!r} cannot be said: a name is two to twelve Chinese characters, figures in words.")
    if barcode not in catalog.specs:
        raise NameRefused(f"The catalogue has no spec {barcode}.")
    there = next((name for name in catalog.spoken_names if name.text == text), None)
    if there is None:
        names = (*catalog.spoken_names, SpokenName(text, (barcode,), "derived"))
    elif barcode in there.barcodes:
        raise NameRefused(f"{text} means {catalog.specs[barcode].name} already.")
    else:
        both = SpokenName(text, (*there.barcodes, barcode), "ambiguous", there.pinyin)
        names = tuple(both if name is there else name for name in catalog.spoken_names)
    return make_catalog(catalog.specs.values(), names)


def add_name(session: Session, text: str, barcode: str, now: datetime, by: str) -> ImportSummary:
    """Put the catalogue with this name in force. Two who add names at once wait for each other here."""
    session.scalar(select(CatalogVersion).order_by(CatalogVersion.id.desc()).limit(1).with_for_update())
    catalog = with_name(load_catalog(session), text, barcode)
    return import_catalog(session, catalog, now, note=f"{by}: {text}")
