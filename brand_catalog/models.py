"""The catalogue's tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from brand_catalog.catalog import NameKind, Spec, SpokenName
from storage import Base, UtcDateTime


class BrandSpec(Base):
    """One spec. A spec that left the catalogue stays as a row with `listed` false, because orders name it."""

    __tablename__ = "brand_specs"

    barcode: Mapped[str] = mapped_column(String(13), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    brand: Mapped[str] = mapped_column(String(40), index=True)
    maker: Mapped[str] = mapped_column(String(40))
    price_class: Mapped[str] = mapped_column(String(20))
    pack_barcode: Mapped[str] = mapped_column(String(13))
    packs_per_carton: Mapped[int]
    cartons_per_case: Mapped[int]
    wholesale_fen: Mapped[int]
    wholesale_estimated: Mapped[bool]
    retail_fen: Mapped[int]
    price_band: Mapped[int]
    short_code: Mapped[str] = mapped_column(String(4), unique=True)
    pinyin: Mapped[str | None] = mapped_column(String(120))
    position: Mapped[int]
    listed: Mapped[bool] = mapped_column(default=True)

    def to_spec(self) -> Spec:
        return Spec(**{field: getattr(self, field) for field in Spec.__slots__})

    def update_from(self, spec: Spec, position: int) -> None:
        for field in Spec.__slots__:
            setattr(self, field, getattr(spec, field))
        self.position = position
        self.listed = True


class SpokenNameRow(Base):
    """One spoken name, and the specs it may mean."""

    __tablename__ = "spoken_names"

    text: Mapped[str] = mapped_column(String(80), primary_key=True)
    barcodes: Mapped[list[str]] = mapped_column(JSON)
    kind: Mapped[NameKind] = mapped_column(String(10))
    pinyin: Mapped[str | None] = mapped_column(String(120))
    position: Mapped[int]

    def to_name(self) -> SpokenName:
        return SpokenName(self.text, tuple(self.barcodes), self.kind, self.pinyin)

    @classmethod
    def of(cls, name: SpokenName, position: int) -> SpokenNameRow:
        return cls(text=name.text, barcodes=list(name.barcodes), kind=name.kind, pinyin=name.pinyin, position=position)


class CatalogVersion(Base):
    """One version of the catalogue; the last one is in force. `changes` are its differences from the version before,
    as `CatalogChanges.to_json` writes them; None for versions older than this column."""

    __tablename__ = "catalog_versions"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(16))
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(String(400))
    specs: Mapped[int]
    by: Mapped[str] = mapped_column(String(40), default="")
    changes: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class NameOverride(Base):
    """A spoken name of a spec that was added (`added`) or removed by hand, whatever the catalogue's files say."""

    __tablename__ = "name_overrides"

    text: Mapped[str] = mapped_column(String(80), primary_key=True)
    barcode: Mapped[str] = mapped_column(String(13), primary_key=True)
    added: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
