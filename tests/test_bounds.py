"""Small files that would fill time and memory are refused, or read within the bounds of `retail/outside/limits.py`."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from retail.dataset.places import archive, members
from retail.dataset.places.archive import extract
from retail.dataset.reader import read_manifest
from retail.dataset.tables import csv as csv_tables
from retail.dataset.tables import jsonl, parquet, parquet_rows, read_tables, separators, table
from retail.media import MediaError, decode_audio
from retail.media.damage import what_it_is
from retail.media.pictures import decode_picture
from retail.schema import UserError
from tests.conftest import zipped
from tests.test_media import picture, sound


def saved(folder: Path, content: bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as error:
        read_tables(path)
    return str(error.value)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_blank_lines_are_neither_rows_nor_work(tmp_path, monkeypatch, end):
    seen = []
    real = csv_tables.fields
    monkeypatch.setattr(csv_tables, "fields", lambda line, mark: seen.append(line) or real(line, mark))
    path = saved(tmp_path, end.join([b"id,text", b"1,a", *[b""] * 100_000, b"2,b", *[b""] * 100_000]))
    read = read_tables(path)[""]
    assert read.rows == [(2, ["1", "a"]), (100_003, ["2", "b"])] and read.starts == [2, 100_003]
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("bound", "most", "content", "sentence"),
    [
        ("MAX_LINES", 10, b"a,b\n" * 11, "a.csv has 11 lines, but at most 10 are read at once; split it into parts."),
        ("MAX_COLUMNS", 3, b"a,b,c,d\n1,2,3,4\n", "a.csv has 4 columns, but at most 3 are read; is it a table at all?"),
        (
            "MAX_ROWS",
            2,
            b"a,b\n" + b"1,2\n" * 3,
            "a.csv has over 2 rows or over 20,000,000 cells, which are not read at",
        ),
        (
            "MAX_FAULTS",
            2,
            b"a,b\n" + b"1,2,3\n" * 3 + b"1,2\n",
            "a.csv has over 2 lines that cannot be used as they are",
        ),
        ("MAX_TABLE_BYTES", 2**20, bytes(2**20 + 1), "a.csv is larger than 1 MB, which is not read at once; split it"),
        ("MAX_LINE_CHARACTERS", 9, b"a,b\n1,23456789\n", "Line 2 of a.csv has over 9 characters, so the file is taken"),
    ],
)
def test_a_table_beyond_a_bound_is_refused_in_words(tmp_path, monkeypatch, bound, most, content, sentence):
    for module in (table, csv_tables):
        if hasattr(module, bound):
            monkeypatch.setattr(module, bound, most)
    assert refusal(saved(tmp_path, content)).startswith(sentence)


def test_a_header_of_unusual_letters_asks_the_file_about_few_of_them(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(separators, "_agrees", lambda lines, mark: asked.append(mark))
    read = read_tables(saved(tmp_path, ("".join(map(chr, range(0x2190, 0x2400))) + "\n" + "a\n" * 9).encode()))
    assert len(read[""].rows) == 9 and len(asked) == separators.MOST_RARE


def test_objects_with_a_key_each_of_their_own_are_refused_before_they_are_spread(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "MAX_CELLS", 10_000)
    content = b"".join(b'{"key %d": 1}\n' % number for number in range(200))
    said = "a.jsonl spans 200 rows × 200 columns, but at most 10,000 cells are read; remove what lies far"
    assert refusal(saved(tmp_path, content, "a.jsonl")).startswith(said)


def test_a_list_is_read_without_copying_its_rest_for_every_element(tmp_path):
    class Counted(str):
        copied = 0

        def __getitem__(self, place):
            part = super().__getitem__(place)
            Counted.copied += len(part)
            return part

    text = Counted("[" + ", ".join(['{"id": 1}'] * 2000) + "]")
    assert len(list(jsonl._elements(text, 0, "a.json"))) == 2000
    assert Counted.copied < 3 * len(text)


@pytest.mark.parametrize("cell", ["[" * 900 + "]" * 900, '{"a":' * 700 + "1" + "}" * 700])
def test_a_cell_nested_too_deeply_is_a_fault_of_its_line_alone(tmp_path, cell):
    read = read_tables(saved(tmp_path, f'{{"id": {cell}}}\n{{"id": 2}}\n'.encode(), "a.jsonl"))[""]
    assert read.rows[-1] == (2, ["2"]) and read.starts == [1, 2]
    assert len(read.rows) + len(read.faults) == 2


def test_a_document_too_large_to_be_read_as_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "MAX_JSON_BYTES", 20)
    for content in (b'[{"id": 1}, {"id": 2}]', b'{"rows": [{"id": 1}, {"id": 2}]}'):
        assert refusal(saved(tmp_path, content, "a.json")).startswith("a.json is one JSON document of over 0 MB; write")
    assert len(read_tables(saved(tmp_path, b'{"id": 1}\n' * 9, "a.jsonl"))[""].rows) == 9


def test_lists_of_a_parquet_table_and_what_it_unpacks_to_are_bounded(tmp_path, monkeypatch):
    def said(columns, **options):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
        facts = {"path": str(path), "start": 0, "rows": None}
        monkeypatch.setattr(parquet_rows, "_under_way", parquet_rows._UnderWay())
        return parquet_rows.answer(facts, b"")[0]["refusal"]

    monkeypatch.setattr(parquet_rows, "MAX_VALUES", 1000)
    lists = {"id": [1], "list": [[7] * 5000]}
    assert said(lists) == "0.parquet holds 4,999 values in lists, but at most 1,000 are read; leave that column out."
    packed = {"compression": "zstd", "use_dictionary": False}
    assert said({"text": ["x" * 2**22] * 3}, **packed).startswith("1.parquet unpacks to over 200 times its size; write")
    monkeypatch.setattr(parquet_rows, "MAX_BATCH_BYTES", 10)
    assert said({"text": ["x"] * 3}).startswith("2.parquet holds over 0 GB in 3 rows; keep photos and sounds in files")
    monkeypatch.setattr(table, "MAX_CELLS", 3)
    assert said({"id": [1, 2, 3, 4]}).startswith("3.parquet spans 4 rows × 1 columns, but at most 3 cells are read")


def test_a_parquet_file_that_ends_its_reader_is_one_sentence(tmp_path, monkeypatch):
    path = saved(tmp_path, b"PAR1 and what breaks the library", "a.parquet")
    assert refusal(path) == "a.parquet is not a usable Parquet file: it is cut off; write it again."
    monkeypatch.setattr(parquet, "READER", "tests.a_crash")
    said = "a.parquet is a damaged Parquet file, or one too large to read; write it again."
    assert refusal(path) == said
    with pytest.raises(UserError, match=said):
        list(parquet.pieces(path, 5))


def test_a_parquet_table_in_pieces_has_each_row_once(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"id": list(range(10))}), path)
    assert [line for each in parquet.pieces(path, 4) for line, _ in each.rows] == list(range(2, 12))
    facts = {"path": str(path), "start": 7, "rows": 2}  # as a process is asked that takes the place of another
    assert parquet_rows._UnderWay().rows is not None and parquet_rows.answer(facts, b"")[0]["rows"] == [["7"], ["8"]]


def overlapping(count: int) -> bytes:
    """A ZIP whose list names one file over and over."""
    data = zlib.compress(bytes(1000), 9)[2:-4]
    told = struct.pack("<IIIHH", zlib.crc32(bytes(1000)), len(data), 1000, 1, 0)
    first = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + told + b"a" + data
    entry = b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + told + struct.pack("<HHHII", 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<HHHHIIH", 0, 0, count, count, count * len(entry), len(first), 0)
    return first + entry * count + b"PK\5\6" + end


def test_a_bomb_is_refused_from_its_list_of_files_and_nothing_is_left(tmp_path, monkeypatch):

    def said(content: bytes) -> str:
        with pytest.raises(UserError) as error:
            read_manifest(saved(tmp_path, content, "a.zip"))
        return str(error.value)

    monkeypatch.setattr(archive, "_copy", lambda *_: pytest.fail("something was unpacked"))
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    assert said(overlapping(9)) == "a.zip has files that lie over each other, as no program packs them; pack it again."
    many = zipped({str(number): b"" for number in range(9)})
    claimed = zipped({"a": b"x" * 10}).replace(struct.pack("<II", 10, 10), struct.pack("<II", 10, 2**20))
    monkeypatch.setattr(members, "MAX_UNPACKED_BYTES", 2**19)
    assert said(claimed).startswith("a.zip unpacks to 0.0 GB, but the limit is 0 GB; pack fewer or smaller files.")
    monkeypatch.setattr(members, "MAX_DIRECTORY_BYTES", 100)
    assert said(many).startswith("a.zip has a list of files of 0 MB, but the limit is")
    assert not list((tmp_path / "home" / "unpacked").glob("*"))


def test_many_files_of_one_folder_cost_one_look_at_it(tmp_path, monkeypatch):
    looks = []
    real = type(tmp_path).resolve
    monkeypatch.setattr(type(tmp_path), "resolve", lambda path, *a: looks.append(path) or real(path, *a))
    content = zipped({f"photos/{n % 3}/{n}.jpg": b"" for n in range(300)})
    assert extract(saved(tmp_path, content, "a.zip"), tmp_path / "files") == []
    assert len(list((tmp_path / "files").rglob("*.jpg"))) == 300 and len(looks) < 10


TIFF = picture("TIFF", compression="tiff_lzw")
SENTENCES = [
    (picture(size=(300, 300))[:-400], "the file is cut off"),
    (TIFF[:8] + b"\xff" * 8 + TIFF[16:], "its picture data are damaged"),
    (picture("WEBP")[:20] + b"\xff" * 60, "its picture data are damaged"),
    (b"%PDF-1.7 ...", "it is a PDF"),
    (sound(np.zeros(200, "f4")), "it is a WAV sound"),
    (b"<?xml version='1.0'?><svg xmlns='x'/>", "it is an SVG drawing"),
    (b"8BPS....", "it is a Photoshop document"),
    (b"nothing known", "its format is not known"),
    (b"<!DOCTYPE html><p>", "it is a web page (HTML)"),
]


@pytest.mark.parametrize(("content", "why"), SENTENCES, ids=range(len(SENTENCES)))
def test_what_is_wrong_with_a_photo_is_said_in_words_for_people(content, why):
    with pytest.raises(MediaError) as error:
        decode_picture("'a.jpg'", content)
    assert str(error.value) == f"'a.jpg' is not a usable photo: {why}; save it again as JPEG."


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (picture("PNG"), "it is a PNG picture"),
        (b"OggS" + bytes(200), "the file is cut off"),
        (b"ID3\4\0\0\0\0\0\0" + b"\xff\xe0" * 40, "its sound data are damaged"),
        (sound(np.zeros((800, 16), "f4"), 192_000), "it has 16 channels at 192000 Hz, more than are read"),
        (sound(np.zeros(800, "f4"), 500), "its header claims 500 Hz and 1 channels"),
    ],
)
def test_what_is_wrong_with_a_sound_is_said_in_words_for_people(content, why):
    with pytest.raises(MediaError) as error:
        decode_audio(content)
    assert str(error.value) == f"The upload is not a usable sound clip: {why}; save it as WAV or MP3."
    assert what_it_is(b"") == ""


def test_a_very_long_name_is_cut_in_a_sentence(tmp_path):
    saved(tmp_path, f"text,image_file_name,{'x' * 3000}\na,{'y' * 3000}.jpg,1\n".encode(), "metadata.csv")
    (problem,) = [str(each) for each in read_manifest(tmp_path).problems]
    assert len(problem) < 300 and "yyy…' does not exist" in problem
    with pytest.raises(UserError, match="^There is no label column 'kind'; the columns are .*x…[.]$") as error:
        read_manifest(tmp_path, ["kind"])
    assert len(str(error.value)) < 300


def test_a_column_that_groups_may_be_read_as_an_input_too(tmp_path):
    saved(tmp_path, b"kind,text\na.png,oat\na.png,rye\nb.png,tea\nb.png,mug\n", "metadata.csv")
    products = read_manifest(tmp_path, group=("kind",)).products
    assert len({product.group for product in products}) == 2 and len(products) == 4
