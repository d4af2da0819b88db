"""Catalogue files to import: two rows without mistakes, and a file of any rows."""

from __future__ import annotations

import csv
from pathlib import Path

GOOD = {
    "name": "中华(硬)",
    "brand": "中华",
    "maker": "上海烟草",
    "price_class": "一类",
    "carton_barcode": "6901028075831",
    "box_barcode": "",
    "packs_per_carton": "10",
    "cartons_per_case": "50",
    "wholesale_per_carton": "381.60",
    "wholesale_source": "known",
    "retail_per_carton": "450",
    "price_band": "3",
}
OTHER = {**GOOD, "name": "中华(软)", "carton_barcode": "6901028075015", "wholesale_source": "estimated"}


class CatalogFolder:
    """A folder for catalogue files; called with rows, it writes them into one and returns its path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *rows: dict[str, str], name: str = "catalog.csv", encoding: str = "utf-8") -> Path:
        path = self._folder / name
        with path.open("w", newline="", encoding=encoding) as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path
