"""Manifests: every problem is named with its place, and every valid row stays."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from retail.manifest import read_manifest, support_sentence
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
    said = {problem.line: str(problem) for problem in manifest.problems}
    expected = {
        3: "'missing.jpg' does not exist; fix the path, or leave the cell empty.",
        4: "'1' stands in line 2 already",
        5: "byte 0xe9 is not UTF-8",
        6: "'../secret.png' points out of the folder",
        7: "'/etc/passwd' points out of the folder",
        8: "4 fields instead of 6",
        9: "'later' is not train, val or test",
        11: "no photo, sound or text is left",
    }
    for line, words in expected.items():
        assert words in said[line] and said[line].startswith(f"line {line}"), said
    tenth = [str(problem) for problem in manifest.problems if problem.line == 10]
    assert len(tenth) == 2 and "cut.jpg" in tenth[0] and "web page (HTML)" in tenth[1]
    assert all(str(problem).endswith(".") for problem in manifest.problems)
    assert manifest.products[2].text == "café" and manifest.products[3].images == ()


def test_cells_stay_text_and_photos_may_be_several(folder):
    write(folder, "id,image_file_name,text,kind", "007,a.png;a.png,NA,x", "008,a.png,None,y")
    first, second = read_manifest(folder, ["kind"]).products
    assert (first.id, first.text, len(first.images)) == ("007", "NA", 2) and second.text == "None"


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
    assert sizes == pytest.approx([140, 30, 30], abs=6)
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
    for words in ("points out of the folder", "is a link", "over 200 times its size"):
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
    rows = ["1,a tin,x,train", "2,a jar,x,train", "3,a cup,y,train", "4,a box,,train", "5,a bag,y,test"]
    manifest = read_manifest(write(folder, "id,text,kind,split", *rows), ["kind"])
    assert manifest.support("kind") == {"x": 2, "y": 1}
    assert support_sentence(manifest.support("kind")) == ("2 classes with 1 (y) to 2 (x) training rows, median 1.5.")
    assert support_sentence(manifest.support("kind", "val")) == "no labelled training row."
