"""Examples to try a recogniser with: rows that it has not learned from.

In: a bundle's folder. Out: products with their labels; none where its data is not on this machine.
"""

from __future__ import annotations

from pathlib import Path

from retail.dataset.reader import read_manifest
from retail.files import DEMO_DIR, GROCERIES_BUNDLE, GROCERIES_EXAMPLES
from retail.recognizer.bundle import BundleRecord, read_record
from retail.schema import Product, UserError
from retail.workspace.recognizers import training_data


def examples_of(bundle: Path) -> list[Product]:
    """Test rows of its own data that have all its inputs, or else the most of them; what ships for the groceries."""
    if bundle == GROCERIES_BUNDLE:
        return list(read_manifest(GROCERIES_EXAMPLES, ("product", "category")).products)
    record = read_record(bundle)
    source = training_data(bundle) or (DEMO_DIR, "text")
    try:
        rows = _test_rows(record, *source)
    except UserError:  # the data is gone, or no longer what it was
        return []
    return _fullest(rows, record)


def _test_rows(record: BundleRecord, data: Path, text_column: str) -> list[Product]:
    """Of the data that it learned from; nothing of other data."""
    learned = record.info.data if record.info else None
    manifest = read_manifest(data, list(record.tasks), text_column, group=learned.group if learned else ())
    return list(manifest.in_split("test")) if learned and learned.checksum == manifest.checksum else []


def _fullest(rows: list[Product], record: BundleRecord) -> list[Product]:
    counts = [len(set(row.modalities) & set(record.encoders)) for row in rows]
    return [row for row, count in zip(rows, counts, strict=True) if 0 < count == max(counts)]
