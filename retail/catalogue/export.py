"""A catalogue as a table: CSV, Excel or Parquet, by the ending of the file.

In: products. Out: one row a product, which an import reads again: id, name, the places of its photos, its words, the
place of its first sound, then labels and fields.

In CSV a cell that a spreadsheet would run as a formula is prefixed; in Excel and Parquet cells are text by type.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape  # nosec B406  # writes

from retail.catalogue.record import CatalogueProduct
from retail.dataset.columns import AUDIO, ID, IMAGE, TEXT
from retail.escaping import in_cell, in_xml
from retail.files import whole_file
from retail.schema import Modality, UserError

FRONT = (ID, "name", IMAGE, TEXT, AUDIO)
MOST_LINES = 1_048_576  # of a sheet, its header among them
LONGEST_CELL = 32_767  # characters
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
WORKBOOK = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="Products" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def write_products(path: Path, products: Sequence[CatalogueProduct]) -> Path:
    """Whole or not at all; raises UserError for an ending that is no format of tables."""
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise UserError(f"A catalogue is exported as {', '.join(WRITERS)}, not {path.suffix!r}; name such a file.")
    header, rows = table_of(products)
    with whole_file(path) as partial:
        writer(partial, header, rows)
    return path


def table_of(products: Sequence[CatalogueProduct]) -> tuple[list[str], list[list[str]]]:
    """The header and a row for each product; a field that is called like another column says that it is one."""
    labels = list(dict.fromkeys(name for one in products for name in one.labels))
    fields = list(dict.fromkeys(name for one in products for name in one.fields))
    taken = set(FRONT)
    header = list(FRONT)
    for names, kind in ((labels, "label"), (fields, "field")):
        for name in names:
            header.append(f"{name} ({kind})" if name in taken else name)
            taken.add(header[-1])
    rows = []
    for one in products:
        photos = _shown(one, "image")
        places = [
            "".join(photos) if len(photos) < 2 else json.dumps(photos, ensure_ascii=False),
            "\n".join(_shown(one, "text")),
            next(iter(_shown(one, "audio")), ""),
        ]
        values = [one.labels.get(name, "") for name in labels] + [one.fields.get(name, "") for name in fields]
        rows.append([one.id, one.name, *places, *values])
    return header, rows


def _shown(product: CatalogueProduct, modality: Modality) -> list[str]:
    return [str(view.source) for view in product.views if view.modality == modality]


def _as_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as stream:  # Excel reads UTF-8 only with a mark in front
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([in_cell(cell) for cell in row] for row in (header, *rows))


def _as_parquet(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(len(header))]
    pq.write_table(pa.Table.from_arrays(columns, names=list(header)), path)


def _as_workbook(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if len(rows) >= MOST_LINES:
        raise UserError(
            f"An Excel sheet holds {MOST_LINES - 1:,} products, and this catalogue has {len(rows):,}; export it as "
            ".csv or .parquet."
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in WORKBOOK.items():
            archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as stream:
            for piece in _sheet([header, *rows]):
                stream.write(piece.encode())


def _sheet(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f'<worksheet xmlns="{SHEET}"><sheetData>'
    for line in lines:
        cells = (escape(in_xml(cell[:LONGEST_CELL])) for cell in line)
        yield "<row>"
        yield "".join(f'<c t="inlineStr"><is><t xml:space="preserve">{cell}</t></is></c>' for cell in cells)
        yield "</row>"
    yield "</sheetData></worksheet>"


WRITERS: dict[str, Callable[[Path, Sequence[str], Sequence[Sequence[str]]], None]] = {
    ".csv": _as_csv,
    ".xlsx": _as_workbook,
    ".parquet": _as_parquet,
}
