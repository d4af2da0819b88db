"""Loading the catalogue in force from the database."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.models import BrandSpec, CatalogVersion, SpokenNameRow


def current_version(session: Session) -> str | None:
    """The version in force, or None before the first import: one small query, to see if a cached one is current."""
    return session.scalar(select(CatalogVersion.version).order_by(CatalogVersion.id.desc()).limit(1))


def load_catalog(session: Session) -> Catalog:
    """The whole catalogue in force; an empty one, of version "", before the first import."""
    specs = session.scalars(select(BrandSpec).where(BrandSpec.listed).order_by(BrandSpec.position))
    names = session.scalars(select(SpokenNameRow).order_by(SpokenNameRow.position))
    return Catalog(
        current_version(session) or "",
        {row.barcode: row.to_spec() for row in specs},
        tuple(row.to_name() for row in names),
    )
