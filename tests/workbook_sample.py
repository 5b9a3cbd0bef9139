"""Workbooks that tests need: written by hand, so that no library decides what is in them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DAY_STYLE = f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
ODS = "urn:oasis:names:tc:opendocument:xmlns"


def cell(place: str, value: str | float | bool, kind: str = "") -> str:
    """One cell of a sheet; `kind` "day" shows the number as a date, "e" is an error."""
    if kind == "e":
        return f'<c r="{place}" t="e"><v>{value}</v></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    style = ' s="1"' if kind == "day" else ""
    return f'<c r="{place}"{style}><v>{value!r}</v></c>'


def rows_of(*rows: list[str | float | bool], line: int = 1) -> dict[int, list[str]]:
    """Lines of cells from column A on; "" is no cell."""
    return {
        number: [cell(f"{chr(65 + place)}{number}", value) for place, value in enumerate(row) if value != ""]
        for number, row in enumerate(rows, start=line)
    }


def write_xlsx(path: Path, sheets: Mapping[str, Mapping[int, list[str]]], hidden: str = "", merged: str = "") -> Path:
    """A workbook with these lines of cells a sheet; `merged` such as "C2:C4" counts in every sheet."""
    states = {name: ' state="hidden"' if name == hidden else "" for name in sheets}
    names = [
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"{states[name]}/>'
        for number, name in enumerate(sheets, start=1)
    ]
    links = [
        f'<Relationship Id="r{number}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(sheets) + 1)
    ]
    links.append(f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>')
    end = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    book = f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{"".join(names)}</sheets></workbook>'
    root = f'<Relationship Id="b" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    root = f'<Relationships xmlns="{RELATIONS}">{root}</Relationships>'
    relations = f'<Relationships xmlns="{RELATIONS}">{"".join(links)}</Relationships>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", root)
        archive.writestr("xl/workbook.xml", book)
        archive.writestr("xl/_rels/workbook.xml.rels", relations)
        archive.writestr("xl/styles.xml", DAY_STYLE)
        for number, lines in enumerate(sheets.values(), start=1):
            data = "".join(f'<row r="{line}">{"".join(cells)}</row>' for line, cells in lines.items())
            archive.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{MAIN}"><sheetData>{data}</sheetData>{end}</worksheet>',
            )
    return path


def write_ods(path: Path, rows: str) -> Path:
    """LibreOffice's format, with one sheet of these rows of XML."""
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    spaces = f'xmlns:office="{ODS}:office:1.0" xmlns:table="{ODS}:table:1.0" xmlns:text="{ODS}:text:1.0"'
    entry = f'<m:file-entry m:full-path="/" m:media-type="{mime}"/>'
    manifest = f'<m:manifest xmlns:m="{ODS}:manifest:1.0">{entry}</m:manifest>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", mime)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="Blatt">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path
