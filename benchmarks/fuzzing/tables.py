"""Tables in every format, with what confuses their readers.

In: nothing. Out: `TARGETS` that read a table as the product does.
"""

from __future__ import annotations

import io
import random
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from benchmarks.fuzzing.mutation import Mutated, mutated
from retail.dataset.tables import in_pieces, read_tables
from retail.dataset.tables.parquet import READER
from retail.outside.helper import Died, Helper
from retail.outside.limits import TABLE_MEMORY_BYTES, TABLE_SECONDS
from retail.schema import UserError

CSV_WORDS = (
    *(
        b'"',
        b'""',
        b'"\n"',
        b",",
        b";",
        b"\t",
        b"|",
        b"\n",
        b"\r\n",
        b"\r",
        b"\n" * 40,
        b"," * 40,
        b"sep=;\n",
        b"# a\n",
    ),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\0",
        b"\xe4",
        b"\xc3\xa4",
        b" ",
        b"  ",
        b"\x1f",
        b"<html>",
        b"PK\x03\x04",
    ),
    *(b"=1+1", b"1e309", b"NaN", b"\xe2\x80\xae", b"\xf0\x9f\x8d\x8e", b"id", b"text", b"split", b"9" * 5000),
)
JSON_WORDS = (
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b",",
        b":",
        b"\n",
        b"null",
        b"NaN",
        b"Infinity",
        b"-",
        b"1e999",
        b"\\u0000",
        b"\\ud800",
    ),
    *(b'{"a":', b"[" * 200, b'{"a":' * 200, b"9" * 5000, b'"id"', b"\xef\xbb\xbf", b"\\", b'{"id":1,"id":2}\n'),
)
XML_WORDS = (
    *(
        b"<",
        b">",
        b"/>",
        b"<c r=",
        b'r="XFD1048576"',
        b'r="A1"',
        b't="s"',
        b't="e"',
        b"<v>",
        b"</v>",
        b"<row>",
        b"<sst>",
    ),
    *(b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&amp;", b"&#0;", b"&b;", b"99999999999", b"-1", b"1e400", b"s="),
)


def csv_texts() -> list[bytes]:
    """Small tables as programs and people write them."""
    texts = [
        'id,text,kind\n1,oat drink,milk\n2,"tea, green",tea\n3,soap,care\n',
        'id;text;price\r\n1;"several\r\nlines";1,5\r\n2;"he said ""no""";2,0\r\n',
        "id\ttext\tkind\n007\tcafé\tdrink\n008\t\t\n",
        "name|size|colour\na|1|red\nb|2|\n",
        "Stock of May,,\n\nid,text,kind\n1,a,b\n2,c,d\n3,e,f\n",
        "sep=;\nid;text\n1;a\n2;b\n",
        "# made by a till\nid,text\n1,a\n\n\n2,b\n",
        "text\none\ntwo, three\nfour\n",
        'a,b\n"open,1\n2,3\n4,"x\ny"\n',
        "id:text:kind\n1:a:b\n2:c:d\n3:e:f\n",
    ]
    return [
        *(text.encode() for text in texts),
        *(text.encode("cp1252") for text in texts[2:3]),
        *(text.encode("utf-16") for text in texts[:2]),
        b"\xef\xbb\xbf" + texts[0].encode(),
    ]


def json_texts() -> list[bytes]:
    """Objects a line, one list, a list within an object, and nested cells."""
    return [
        b'{"id": 1, "text": "oat"}\n{"id": 2, "text": "tea", "kind": null}\n',
        b'[{"id": 1, "tags": ["a", "b"]}, {"id": 2.0, "size": {"w": 1, "h": 1e3}}]',
        b'{"rows": [{"id": 1}, {"id": 2}], "about": {"by": "x"}}',
        b'{"id": "\\u00e9", "deep": [[[[{"a": [1, {"b": []}]}]]]]}\n{"id": NaN}\n\n{"id": true}',
    ]


def parquet_files() -> list[bytes]:
    """Flat, nested, packed in several ways, with media inside."""
    import pyarrow
    import pyarrow.parquet

    media = [{"bytes": b"\x89PNG....", "path": "a.png"}, {"bytes": None, "path": "b.png"}, None]
    tables = [
        pyarrow.table({"id": ["1", "2", "3"], "text": ["a", None, "c"], "price": [1.5, 2.0, None]}),
        pyarrow.table({"image": media, "tags": [["a"], [], None], "n": pyarrow.array([1, 2, 3], pyarrow.float32())}),
        pyarrow.table({"raw": [b"\xff\xd8\xff", b"text", b""], "deep": [[[1], []], None, [[2, 3]]]}),
        pyarrow.table({"id": pyarrow.array(["x", "y", "x"]).dictionary_encode()}),
        pyarrow.table({"when": pyarrow.array([1, 2, None], pyarrow.timestamp("ns"))}),
    ]
    made = []
    for table in tables:
        for packing in ("NONE", "SNAPPY", "ZSTD", "GZIP"):
            stream = io.BytesIO()
            pyarrow.parquet.write_table(table, stream, compression=packing, row_group_size=2)
            made.append(stream.getvalue())
    return made


def workbooks() -> list[bytes]:
    """Two sheets with every kind of cell, as Excel and as LibreOffice write them."""
    from tests.workbook_sample import cell, rows_of, write_ods, write_xlsx

    with tempfile.TemporaryDirectory() as folder:
        rows = {
            **rows_of(["id", "text"], ["1", "a"], ["2", "b"]),
            4: [cell("A4", 45000, "day"), cell("B4", "#N/A", "e")],
        }
        one = write_xlsx(Path(folder) / "a.xlsx", {"A": rows, "B": rows_of(["x"], [1.5], [True])}, merged="A2:A3")
        held = '<table:table-cell office:value-type="string"><text:p>id</text:p></table:table-cell>'
        two = write_ods(Path(folder) / "a.ods", f"<table:table-row>{held * 2}</table:table-row>" * 2)
        return [one.read_bytes(), two.read_bytes()]


def repacked(content: bytes, rng: random.Random) -> bytes:
    """A ZIP whose members were changed and packed again; what is no ZIP as it came."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # zipfile raises what it likes
        return content
    stream = io.BytesIO()
    chosen = rng.choice(sorted(members)) if members else ""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in members.items():
            archive.writestr(name, mutated(held, rng, words=XML_WORDS) if name == chosen else held)
    return stream.getvalue()


def _as_file(ending: str) -> Callable[[bytes], None]:
    def read(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"table{ending}"
            path.write_bytes(content)
            read_tables(path)
            for table in in_pieces(path, 2) or ():
                assert all(len(cells) == len(table.header) for _, cells in table.rows)

    return read


def read_parquet(content: bytes) -> None:
    """As the product does, but for the process that reads, which stays for the next table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        path.write_bytes(content)
        try:
            said, _ = _parquet_reader().ask({"path": str(path), "start": 0, "rows": None})
        except Died:
            raise UserError("It is damaged so that its reader breaks.") from None
        if "refusal" in said:
            raise UserError(said["refusal"])


@cache
def _parquet_reader() -> Helper:
    return Helper(READER, TABLE_SECONDS, TABLE_MEMORY_BYTES)


TARGETS = {
    "csv": Mutated(_as_file(".csv"), csv_texts, CSV_WORDS),
    "jsonl": Mutated(_as_file(".jsonl"), json_texts, JSON_WORDS),
    "parquet": Mutated(read_parquet, parquet_files),
    "workbook": Mutated(_as_file(".xlsx"), workbooks, XML_WORDS, repacked),
}
