"""Manifests: every problem is named with its place, and every valid row stays."""

from __future__ import annotations

import unicodedata
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from retail.dataset.manifest import support_sentence
from retail.dataset.reader import read_manifest, read_rows
from retail.dataset.tables import csv as table
from retail.dataset.tables import quotes
from retail.schema import UserError

FASHION = Path(__file__).parents[2] / "shared" / "datasets" / "fashion"


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "data"
    inner.mkdir()
    Image.new("RGB", (8, 8)).save(inner / "a.png")
    (inner / "page.mp3").write_text("<html></html>")
    (inner / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0cut")
    (tmp_path / "secret.png").write_bytes((inner / "a.png").read_bytes())
    return inner


def write(folder: Path, *lines: bytes | str) -> Path:
    content = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n"
    (folder / "metadata.csv").write_bytes(content)
    return folder


def test_every_bad_row_gets_one_sentence_and_valid_rows_stay(folder):
    write(
        folder,
        "id,image_file_name,audio_file_name,text,kind,split",
        "1,a.png,,good,x,train",
        "2,missing.jpg,,kept by its text,x,train",
        "1,a.png,,twice,y,train",
        b"3,a.png,,caf\xe9,y,test",
        "4,../secret.png,,climbs,x,val",
        "5,/etc/passwd,,climbs too,x,val",
        "6,a.png,,ragged",
        "7,a.png,,odd split,x,later",
        "8,cut.jpg,page.mp3,broken media,y,test",
        "9,missing.jpg,,,y,test",
    )
    manifest = read_manifest(folder, ["kind"], check_media=True)
    assert [product.id for product in manifest.products] == ["1", "2", "3", "4", "5", "8"]
    assert manifest.products[3].images == ((folder.parent / "secret.png").resolve(),), (
        "the owner's files are the owner's"
    )
    said = {problem.line: str(problem) for problem in manifest.problems}
    expected = {
        3: "'missing.jpg' does not exist; fix the path, or leave the cell empty.",
        4: "'1' is already used in line 2",
        5: "byte 0xe9 is not UTF-8",
        7: "'passwd' is not a usable photo",
        8: "4 fields instead of 6",
        9: "'later' is not train, val or test",
        11: "no photo, sound or description is left",
    }
    for line, words in expected.items():
        assert words in said[line] and said[line].startswith(f"line {line}"), said
    tenth = [str(problem) for problem in manifest.problems if problem.line == 10]
    assert len(tenth) == 2 and "cut.jpg" in tenth[0] and "web page (HTML)" in tenth[1]
    assert all(str(problem).endswith(".") for problem in manifest.problems)
    assert manifest.products[2].text == "café" and manifest.products[4].images == ()


def test_a_cell_as_long_as_a_page_makes_no_sentence_as_long(folder):
    write(folder, "id,image_file_name,text,split", f"1,{'x' * 9000}.jpg,good,train", f"2,a.png,fine,{'y' * 9000}")
    sentences = [str(problem) for problem in read_manifest(folder).problems]
    assert [problem.split("x…")[-1].split("y…")[-1] for problem in sentences] == [
        "' does not exist; fix the path, or leave the cell empty.",
        "' is not train, val or test; this row is left out.",
    ]
    assert all(len(sentence) < 300 for sentence in sentences)


def test_cells_stay_text_and_photos_may_be_several(folder):
    write(folder, "id,image_file_name,text,kind", "007,a.png;a.png,NA,x", "008,a.png,None,y", "009,,1.50,x")
    manifest = read_manifest(folder, ["kind"])
    first, second, third = manifest.products
    assert (first.id, first.text, len(first.images)) == ("007", "", 2) and second.text == "" and third.text == "1.50"
    assert "text: 2 cells say 'NA', 'None' and count as empty." in map(str, manifest.remarks)


def test_wrong_columns_are_named_with_those_there_are(folder):
    write(folder, "id,text,kind", "1,a,x", "2,b,y")
    with pytest.raises(UserError, match="no label column 'sort'; the columns are id, text, kind"):
        read_manifest(folder, ["sort"])
    with pytest.raises(UserError, match="no text column 'title'"):
        read_manifest(folder, ["kind"], text_column="title")
    with pytest.raises(UserError, match="'text' is an input"):
        read_manifest(folder, ["text"])


def test_nothing_usable_is_an_error(folder):
    write(folder, "id,image_file_name,kind", "1,missing.jpg,x")
    with pytest.raises(UserError, match="no usable row"):
        read_manifest(folder)
    with pytest.raises(UserError, match="does not exist; name a folder or ZIP"):
        read_manifest(folder / "nowhere")


def test_rows_without_a_split_are_split_by_whole_groups(folder):
    write(folder, "id,text,kind,group", *(f"{i},text,{'xy'[i % 2]},g{i // 4}" for i in range(200)))
    manifest = read_manifest(folder)
    assert manifest.tasks == ("kind",) and not manifest.has_split
    sizes = [len(manifest.in_split(split)) for split in ("train", "val", "test")]
    assert sizes == pytest.approx([140, 30, 30], abs=10)
    splits: dict[str, set[str]] = {}
    for product in manifest.products:
        splits.setdefault(product.group, set()).add(product.split)
    assert all(len(found) == 1 for found in splits.values())
    assert read_manifest(folder).products == manifest.products


def test_a_group_in_two_splits_is_said(folder):
    write(folder, "id,text,kind,group,split", "1,a,x,g,train", "2,b,y,g,test")
    assert "group 'g' is in test and train" in str(read_manifest(folder).problems[0])


def test_a_zip_is_unpacked_without_its_traps(folder, tmp_path):
    write(folder, "id,image_file_name,text,kind", "1,a.png,a,x", "2,a.png,b,y")
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, f"top/{file.name}")
        archive.writestr("top/../../evil.txt", "x")
        archive.writestr("/absolute.txt", "x")
        link = zipfile.ZipInfo("top/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("top/bomb.bin", b"\0" * (20 * 2**20))
    manifest = read_manifest(path)
    assert len(manifest.products) == 2 and manifest.products[0].modalities == ("image", "text")
    said = " ".join(str(problem) for problem in manifest.problems)
    for words in ("points outside the folder", "is a link", "over 200 times its size"):
        assert words in said
    assert not (manifest.root / "link").exists() and not (manifest.root / "bomb.bin").exists()
    assert read_manifest(path).root == manifest.root, "found again, not unpacked again"
    broken = tmp_path / "broken.zip"
    broken.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match="not a usable ZIP"):
        read_manifest(broken)


def test_fashion_reads_without_a_problem():
    if not FASHION.is_dir():
        pytest.skip(f"the measuring data is absent: {FASHION}")
    manifest = read_manifest(FASHION, ["article_type", "gender"])
    assert [len(manifest.in_split(split)) for split in ("train", "val", "test")] == [2042, 295, 588]
    assert not manifest.problems


def test_support_counts_labelled_training_rows_by_class(folder):
    rows = ["1,a tin,x,train", "2,a jar,x,train", "3,a cup,y,train", "4,a box,,train", "5,a bag,y,test", "6,a can,,val"]
    manifest = read_manifest(write(folder, "id,text,kind,split", *rows), ["kind"])
    assert manifest.support("kind") == {"x": 2, "y": 1}
    assert support_sentence(manifest.support("kind")) == ("2 classes with 1 (y) to 2 (x) training rows, median 1.5.")
    assert support_sentence(manifest.support("kind", "val")) == "no labelled training row."


def test_a_quote_that_is_never_closed_costs_no_other_row(folder):
    rows = [f"{number},can,Best red can number {number}" for number in range(1, 1001)]
    rows[100] = '101,can,"Best red can number 101'
    manifest = read_manifest(write(folder, "id,kind,text", *rows), ["kind"])
    assert len(manifest.products) == 1000 and manifest.products[100].text == '"Best red can number 101'
    sentence = "line 102: opens a quote that is never closed; close it or remove it."
    assert list(map(str, manifest.problems)) == [sentence]


def test_a_quote_that_only_a_later_cell_closes_costs_no_other_row(folder):
    rows = ['1,"red, tin,x', "2,tea,x", '3,"oat",y', '4,mug,"x', '5,TV 32",x', '6,"1"" pipe","x"y', "7,cup,x"]
    manifest = read_manifest(write(folder, "id,text,kind", *rows), ["kind"])
    said = [str(problem) for problem in manifest.problems]
    assert [product.id for product in manifest.products] == ["2", "3", "4", "5", "6", "7"]
    assert said[0].startswith("line 2: opens a quote that is never closed") and "4 fields instead of 3" in said[1]
    assert said[2].startswith("line 5: opens a quote that closes only in line 6, with 4 fields instead of 3; ")
    assert manifest.products[4].text == '1" pipe' and manifest.products[4].labels == {"kind": "xy"}


def test_a_cell_of_several_lines_stays_one_row_and_is_named_after_its_first_line(folder):
    write(
        folder,
        "kind,text",
        'x,"one',
        "",
        'two ""2"", three" ',
        'y,"four',
        'five",,',
        b'x,"caf',
        b'\xe9"',
        "x,a,b",
        "y,tea",
    )
    manifest = read_manifest(folder, ["kind"])
    found = [(product.id, product.text) for product in manifest.products]
    assert found == [
        ("line-2", 'one\n\ntwo "2", three'),
        ("line-5", "four\nfive"),
        ("line-7", "caf\né"),
        ("line-10", "tea"),
    ]
    assert [(problem.line, problem.id) for problem in manifest.problems] == [(7, "line-7"), (9, "line-9")]


def test_every_line_is_read_a_few_times_at_most(folder, monkeypatch):
    lines, fields = [], quotes.fields
    for module in (table, quotes):
        monkeypatch.setattr(module, "fields", lambda line, mark: lines.append(line) or fields(line, mark))
    write(folder, "id,text,kind", *(f'{row},"b","d' for row in range(2000)))
    assert len(read_rows(folder / "metadata.csv").rows) == 2000 and len(lines) <= 2 * 2001


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_unicode_text_of_a_spreadsheet_is_read(folder, encoding):
    text = "id\ttext\tkind\r\n1\tcafé, black\tx\r\n2\ttea\ty\r\n"
    content = text.encode(encoding) if encoding == "utf-16" else ("\ufeff" + text).encode(encoding)
    (folder / "metadata.csv").write_bytes(content)
    assert read_manifest(folder, ["kind"]).products[0].text == "café, black"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "no text"),
        (b"\xff\xfea\0b", "no text"),
        ("id,text".encode("utf-16-le"), "no text"),
    ],
)
def test_what_is_no_text_is_one_sentence(folder, content, what):
    (folder / "metadata.csv").write_bytes(content)
    with pytest.raises(UserError) as error:
        read_manifest(folder)
    assert str(error.value) == f"metadata.csv is {what}, but a CSV table was expected; save it as CSV UTF-8."


def test_the_first_line_of_excel_and_its_empty_columns_are_no_data(folder):
    write(
        folder,
        "sep=;",
        "id;text, kind;kind;;",
        "1;tea, black;x;;",
        "2;oat;y;;;;",
        "3;milk;x",
        ";;;;;;",
        '4;"a',
        'b";y;;;',
    )
    manifest = read_manifest(folder, ["kind"], "text, kind")
    assert [product.text for product in manifest.products] == ["tea, black", "oat", "milk", "a\nb"]
    assert not manifest.problems and manifest.label_columns == ("kind",) and manifest.lines["1"] == 3
    with pytest.raises(UserError, match=r"has columns without a name \(5\); write names"):
        read_manifest(write(folder, "id,text,kind,,", "1,tea,x,,late"))


def test_columns_of_the_convention_are_known_in_any_case(folder):
    rows = ["a1,tea,x,train", "a2,oat,x,test", "a3,milk,y,test", "a4,rye,y,later"]
    manifest = read_manifest(write(folder, "ID, Text ,kind,Split", *rows))
    assert [(row.id, row.text, row.split) for row in manifest.products][1:] == [
        ("a2", "oat", "test"),
        ("a3", "milk", "test"),
    ]
    assert manifest.has_split and manifest.tasks == ("kind",)
    assert str(manifest.problems[0]).startswith("line 5, column 'Split': 'later' is not train")
    assert read_rows(folder / "metadata.csv").header == ["ID", "Text", "kind", "Split"]
    assert read_manifest(folder, ["Split"]).tasks == ("Split",), "a task that is named keeps its column"
    assert read_manifest(folder, ["kind"], "Text").products[0].text == "tea"
    both = read_manifest(write(folder, "id,Text,text,kind", "1,no,yes,x"), ["kind"])
    assert both.products[0].text == "yes"
    write(folder, "id,text,kind,Split,Group", "1,a,x,train,g", "2,b,y,test,g")
    assert str(read_manifest(folder, ["kind"]).problems[0]).startswith("column 'Group': group 'g' is in test and train")


def test_files_are_found_behind_back_slashes_and_other_unicode_forms(folder):
    composed, apart = (unicodedata.normalize(form, "crème") for form in ("NFC", "NFD"))
    for name in (apart, "jalapeño"):
        (folder / name).mkdir()
        (folder / name / f"{name}.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "crêpe").symlink_to(folder.parent)
    other, link = (unicodedata.normalize("NFD", name) for name in ("jalapeño", "crêpe"))
    names = [
        f"{composed}\\{composed}.png",
        f"{other}/{other}.png",
        "..\\secret.png",
        f"{link}\\secret.png",
        "b\\none.png",
    ]
    manifest = read_manifest(write(folder, "image_file_name,text,kind", *(f"{name},t,x" for name in names)), ["kind"])
    assert [len(product.images) for product in manifest.products] == [1, 1, 1, 1, 0]
    assert "does not exist" in manifest.problems[0].message and not [r for r in manifest.remarks if r.kind == "cells"]


@pytest.mark.parametrize(
    ("name", "beside"), [("x/d/metadata.csv", ""), ("shop/products.csv", ".DS_Store"), ("METADATA.CSV", "a/other.csv")]
)
def test_a_zip_is_read_wherever_its_table_lies(tmp_path, monkeypatch, name, beside):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr(name, "id,text\n1,tea\n2,jam\n")
        if beside:
            archive.writestr(beside, "x")
    manifest = read_manifest(tmp_path / "shop.zip")
    assert len(manifest.products) == 2 and read_manifest(manifest.source).checksum == manifest.checksum


def test_a_folder_is_read_with_any_table_wherever_it_lies(folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "metadata.csv").write_text("id,text\n1,tea\n")
    assert len(read_manifest(folder).products) == 1
    (folder / "Products.CSV").write_text("id,text\n1,tea\n2,jam\n")
    (folder / "deep" / "metadata.csv").rename(folder / "deep" / "other.csv")
    assert len(read_manifest(folder).products) == 2


def test_a_table_without_validation_rows_gives_some_of_training_and_keeps_its_test(folder):
    rows = [f"{n},text {n},{'xyz'[n % 3]},{('training', 'test')[n % 5 == 4]},g{n // 2}" for n in range(100)]
    manifest = read_manifest(write(folder, "id,text,kind,split,shoot", *rows), group=["shoot"])
    assert manifest.has_split and not manifest.has_validation
    assert [product.id for product in manifest.in_split("test")] == [str(n) for n in range(100) if n % 5 == 4]
    moved = {product.group for product in manifest.in_split("val")}
    assert 8 <= len(manifest.in_split("val")) <= 20 and not moved & {row.group for row in manifest.in_split("train")}
    assert read_manifest(write(folder, "id,text,kind,split", "1,a,x,train", "2,b,y,val", "3,c,x,train")).has_validation


def test_rows_of_another_split_are_kept_where_they_are_asked_for(folder):
    write(folder, "id,text,kind,split", "1,a,x,train", "2,b,y,Holdout", "3,c,x,valid", "4,d,y,")
    manifest = read_manifest(folder, ["kind"], every_split=True)
    assert [row.split for row in manifest.products] == ["train", "Holdout", "val", ""] and not manifest.problems
    assert [row.id for row in read_manifest(folder, ["kind"]).products] == ["1", "3"]


def test_the_order_of_group_columns_does_not_matter_and_the_conventions_own_needs_no_name(folder):
    write(folder, "id,text,kind,group,voice", *(f"{n},text,{'xy'[n % 2]},g{n // 4},v{n % 9}" for n in range(40)))
    one, other = (read_manifest(folder, ["kind"], group=names) for names in (("voice", "group"), ("group", "voice")))
    assert one.checksum == other.checksum and one.products == other.products
    plain, named = read_manifest(folder, ["kind"]), read_manifest(folder, ["kind"], group=["group"])
    assert plain.checksum == named.checksum and plain.products == named.products
    voices = read_manifest(folder, ["kind"], group=["voice"])
    assert {row.group for row in voices.products} == {f"v{n}" for n in range(9)}
