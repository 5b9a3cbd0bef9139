"""ZIPs, and data sets of a table with its files.

In: nothing. Out: `TARGETS` that unpack and read them as the product does; nothing may be left outside the folder.
"""

from __future__ import annotations

import csv
import io
import os
import random
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from benchmarks.fuzzing.attempts import given
from benchmarks.fuzzing.media import photos
from benchmarks.fuzzing.mutation import Mutated
from benchmarks.fuzzing.tables import CSV_WORDS
from retail.dataset.places.archive import extract
from retail.dataset.reader import read_manifest, read_rows

ZIP_WORDS = (
    *(b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"../", b"/etc/", b"C:\\", b"..\\"),
    *(b"\x08\x00", b"\x0c\x00", b"\x0e\x00", b"\x5d\x00", b"\xff" * 8, b"a/" * 200, b"\0", b":", b"CON", b"~"),
)
NAMES = (
    "a.jpg",
    "A.JPG",
    "b/c.png",
    "../x",
    "/etc/passwd",
    "",
    " ",
    "nan",
    "a.jpg;b.png",
    '["a.jpg"]',
    "http://x.test/a",
)
COLUMNS = (
    *("id", "text", "image_file_name", "audio_file_name", "split", "kind", "brand", "group", "price", "", "ID", "name"),
    *("description", "photo", "label", "labels", "sound"),
)
CELLS = (
    *("", "1", "2", "a", "b", "train", "val", "test", "TEST", "holdout", "NaN", "None", "-", "?", "=1+1", "1e309"),
    *("a|b", "a;b", "a, b", "['a', 'b']", '["a"]', "[" * 300, "\u202e", "\U0001f34e", "\udcff", "\0", "x" * 3000),
    *("true", "0", "1.50", "2020-01-01", "<b>x</b>", "&amp;", "\u2028", "e\u0301", "é", "café", "# x", "\ufeff"),
    "9" * 400,
)


def zips() -> list[bytes]:
    """Stored, packed in three ways, with folders, odd names, links and a comment."""
    made = []
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", packing) as archive:
            archive.writestr("data/metadata.csv", "id,text\n1,a\n2,b\n" * 3)
            archive.writestr("data/a.jpg", b"\xff\xd8\xff" * 5)
            archive.mkdir("data/empty")
            archive.writestr("data\\b.png", b"\x89PNG")
            archive.writestr("../out.txt", b"out")
            link = zipfile.ZipInfo("link")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
            archive.comment = b"a comment"
        made.append(stream.getvalue())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        with archive.open("big", "w", force_zip64=True) as member:
            member.write(b"x" * 100)
    return [*made, stream.getvalue()]


def unpack_within(content: bytes) -> None:
    """Unpacks, and looks whether anything lies elsewhere or is a link."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        path.write_bytes(content)
        try:
            extract(path, Path(folder) / "files")
        finally:
            assert set(os.listdir(folder)) <= {"a.zip", "files"}
            for place, folders, files in os.walk(Path(folder) / "files"):
                assert not any(os.path.islink(os.path.join(place, name)) for name in (*folders, *files))


def read_data(rng: random.Random) -> None:
    """A folder with a table of hostile cells beside a few files, read to its manifest."""
    width = rng.randint(1, 7)
    header = [rng.choice(COLUMNS) if rng.random() < 0.9 else rng.choice(CELLS) for _ in range(width)]
    pool = [rng.choice((*CELLS, *NAMES)) for _ in range(6)]
    rows = [
        [rng.choice(pool if rng.random() < 0.7 else CELLS) for _ in range(width)] for _ in range(rng.randint(0, 30))
    ]
    stream = io.StringIO()
    csv.writer(stream, lineterminator=rng.choice(("\n", "\r\n"))).writerows([header, *rows])
    content = stream.getvalue().encode("utf-8", "surrogatepass" if rng.random() < 0.5 else "replace")
    _read_table(given(content), check_media=rng.random() < 0.2, group=rng.choice(((), ("kind",))))


def _read_table(content: bytes, check_media: bool = False, group: tuple[str, ...] = ()) -> None:
    folder = _folder()
    (folder / "metadata.csv").write_bytes(content)
    rows = len(read_rows(folder).starts)
    manifest = read_manifest(folder, check_media=check_media, group=group)
    assert len(manifest.products) <= rows
    tied: dict[str, set[str]] = {}
    for product in manifest.products:
        if product.group and not manifest.has_split:
            tied.setdefault(product.group, set()).add(product.split)
    assert all(len(splits) == 1 for splits in tied.values()), "a group crosses splits"


@cache
def _folder() -> Path:
    """A folder of this process with two photos, one of them damaged."""
    folder = Path(tempfile.mkdtemp(prefix="retail-fuzz-data-", dir=os.environ.get("RETAIL_HOME")))
    (folder / "b").mkdir()
    (folder / "a.jpg").write_bytes(photos()[0])
    (folder / "b" / "c.png").write_bytes(photos()[8][:-20])
    return folder


def manifest_tables() -> list[bytes]:
    """Tables that make a manifest, to be changed as bytes."""
    return [
        b"id,text,image_file_name,kind,split\n1,oat,a.jpg,x,train\n2,tea,b/c.png,y,val\n3,soap,,x,test\n" * 1,
        b"name,description,photo,brand\n" + b"".join(b"%d,words %d,a.jpg,%c\n" % (n, n, 65 + n % 3) for n in range(20)),
    ]


TARGETS = {
    "zip": Mutated(unpack_within, zips, ZIP_WORDS),
    "manifest": read_data,
    "manifest-bytes": Mutated(_read_table, manifest_tables, CSV_WORDS),
}
