"""DATA as it comes: tables of splits, sheets, class folders, loose files; whatever is not read is named."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from retail.dataset.places.listing import list_files
from retail.dataset.reader import read_manifest, read_rows
from retail.dataset.source import open_source
from retail.schema import UserError
from tests.conftest import photo

pytestmark = pytest.mark.usefixtures("empty_home")


def packed(folder: Path) -> Path:
    path = folder.parent / "packed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return path


def split_tables(folder: Path) -> None:
    for split, count in (("train", 9), ("test", 3)):
        for number in range(count):
            photo(folder / split / f"{number}.png", f"#{number:02d}{count:02d}00")
        rows = [f"{number}.png,thing {number},{'xyz'[number % 3]}" for number in range(count)]
        (folder / split / "metadata.csv").write_text("\n".join(["file_name,text,kind", *rows]) + "\n")


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_table_for_each_split_is_read_as_its_split(folder, as_zip):
    split_tables(folder)
    manifest = read_manifest(packed(folder) if as_zip else folder, check_media=True)
    assert len(manifest.products) == 12 and manifest.has_split and not manifest.problems
    assert [len(manifest.in_split(name)) for name in ("train", "val", "test")] == [7, 2, 3]
    assert {p.images[0].parent.name for p in manifest.in_split("test")} == {"test"}
    assert manifest.products[0].id == "train/metadata-line-2" and manifest.tasks == ("kind",)
    assert read_manifest(manifest.source).checksum == manifest.checksum


def test_problems_of_several_tables_say_which_and_rows_keep_numbers_of_their_own(folder):
    split_tables(folder)
    (folder / "test" / "1.png").unlink()
    manifest = read_manifest(folder)
    assert str(manifest.problems[0]).startswith("test/metadata.csv, line 3, column 'file_name': '1.png'"), (
        manifest.problems
    )
    rows = read_rows(folder)
    assert len(rows.by_number) == len(rows.rows) == 12 and set(manifest.lines.values()) <= set(rows.by_number)


def test_tables_named_after_splits_and_with_other_columns_are_joined(folder):
    (folder / "train.csv").write_text("text,kind\n" + "".join(f"a{n},{'xy'[n % 2]}\n" for n in range(6)))
    (folder / "validation.csv").write_text("kind,extra,text\nx,1,b\n")
    (folder / "test.csv").write_text("kind,text\ny,c\n")
    manifest = read_manifest(folder)
    assert [len(manifest.in_split(name)) for name in ("train", "val", "test")] == [6, 1, 1]
    assert manifest.in_split("val")[0].text == "b" and manifest.has_validation


def test_a_competitions_folder_is_read_by_its_labelled_table(folder):
    photo(folder / "images" / "100.jpg")
    photo(folder / "images" / "101.jpg")
    (folder / "train.csv").write_text(
        "id,kind\n" + "".join(f"{100 + n % 2},{'xy'[n % 2]}\n" for n in range(2)) + "100,x\n"
    )
    (folder / "test.csv").write_text("id\n900\n901\n")
    (folder / "sample_submission.csv").write_text("id,kind\n900,x\n901,x\n")
    manifest = read_manifest(folder)
    assert [product.images[0].name for product in manifest.products] == ["100.jpg", "101.jpg"]
    said = [str(remark) for remark in manifest.remarks if remark.kind == "tables"]
    assert any(sentence.startswith("test.csv has none of the label columns 'kind', so its 2 rows") for sentence in said)
    assert any("1 table is not read: 'sample_submission.csv'" in sentence for sentence in said)


def test_tables_with_the_same_columns_beside_each_other_are_one_data_set(folder):
    for month in ("may", "june"):
        (folder / f"{month}.csv").write_text(f"id,text,kind\n1,{month} tea,x\n2,{month} jam,y\n")
    manifest = read_manifest(folder)
    assert [product.id for product in manifest.products] == ["1", "2", "may-1", "may-2"]
    assert "2 ids come in several tables, in the later one with its name in front." in map(str, manifest.remarks)


def test_another_table_below_is_named_when_one_is_read(folder):
    (folder / "metadata.csv").write_text("id,text,kind\n1,tea,x\n2,jam,y\n3,oat,x\n")
    (folder / "old").mkdir()
    (folder / "old" / "prices.csv").write_text("a,b\n1,2\n")
    remarks = [str(remark) for remark in read_manifest(folder).remarks]
    assert "1 table is not read: 'old/prices.csv'; 'metadata.csv' is. Name another to use it." in remarks


@pytest.mark.parametrize("top", ["", "wrapped/"])
@pytest.mark.parametrize("as_zip", [False, True])
def test_class_folders_are_labels_and_folders_named_after_splits_are_splits(folder, top, as_zip):
    for split, count in (("train", 4), ("test", 2)):
        for kind in ("tea", "milk and more"):
            for number in range(count):
                photo(folder / top / split / kind / f"{number}.jpg", f"#0{number}{count}000")
    manifest = read_manifest(packed(folder) if as_zip else folder)
    assert manifest.tasks == ("label",) and manifest.has_split
    assert manifest.vocabularies()["label"].classes == ("milk and more", "tea")
    assert len(manifest.in_split("test")) == 4 and not manifest.has_validation
    assert manifest.products[0].id.endswith(".jpg") and not manifest.problems


def test_class_folders_without_splits_are_split_and_a_damaged_photo_is_named_by_its_file(folder):
    for kind in ("tea", "jam"):
        for number in range(10):
            photo(folder / kind / f"{number}.png", f"#0{number}0000")
    (folder / "tea" / "3.png").write_bytes(b"no photo")
    manifest = read_manifest(folder, check_media=True)
    assert not manifest.has_split and len(manifest.in_split("test")) >= 2
    assert len(manifest.problems) == 2 and all(str(problem).startswith("tea/3.png") for problem in manifest.problems)


def test_photos_and_sounds_of_one_name_are_one_product_without_a_label(folder):
    photo(folder / "images" / "a.jpg")
    photo(folder / "images" / "b.jpg")
    (folder / "audio").mkdir()
    (folder / "audio" / "a.wav").write_bytes(b"x")
    (folder / "notes.txt").write_text("no table\n")
    manifest = read_manifest(folder, use_split=False)
    assert [product.modalities for product in manifest.products] == [("audio", "image"), ("image",)]
    assert manifest.tasks == () and read_rows(folder).header == ["id", "image_file_name", "audio_file_name"]


def test_a_folder_with_nothing_to_read_says_what_was_expected(folder):
    (folder / "readme.md").write_text("hello")
    with pytest.raises(
        UserError, match="has no table .*, no photo and no sound, but 'readme.md'; name a folder or ZIP"
    ):
        read_manifest(folder)
    with pytest.raises(UserError, match="does not exist; name a folder or ZIP"):
        open_source(folder / "nowhere")


def test_linked_folders_are_walked_for_their_owner_and_once(folder, tmp_path):
    photo(tmp_path / "store" / "a.png")
    (folder / "store").symlink_to(tmp_path / "store")
    (folder / "store" / "back").symlink_to(folder)
    assert list_files(folder, follow_links=True).files == ("store/a.png",)
    assert list_files(folder, follow_links=False).files == ()
    assert list_files(folder, follow_links=True, most=1).cut


def test_twenty_thousand_photos_are_listed_without_opening_one(folder, monkeypatch):
    for kind in ("x", "y"):
        (folder / kind).mkdir()
        for number in range(1000):
            (folder / kind / f"{number}.jpg").touch()
    opened: list[str] = []
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *rest, **kw: opened.append(self.name) or real(self, *rest, **kw))
    manifest = read_manifest(folder)
    assert len(manifest.products) == 2000 and not [name for name in opened if name.endswith(".jpg")]


def test_json_lines_and_parquet_are_tables_too(folder):
    rows = [{"text": f"thing {n}", "kind": "xy"[n % 2]} for n in range(6)]
    (folder / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    assert read_manifest(folder).tasks == ("kind",) and len(read_manifest(folder).products) == 6


def files_said(folder: Path) -> list[str]:
    return [str(remark) for remark in read_manifest(folder).remarks if remark.kind == "files"]


def test_files_that_nobody_reads_are_named_with_what_to_do(folder):
    for kind in ("tea", "jam"):
        photo(folder / kind / "a.jfif.jpg")
        photo(folder / kind / "b.png")
    Image.new("RGB", (8, 8)).save(folder / "tea" / "c.JPE", "JPEG")
    (folder / "tea" / "film.mp4").write_bytes(b"x")
    (folder / "tea" / "logo.svg").write_text("<svg/>")
    (folder / "tea" / "unnamed").write_bytes(b"x")
    for nobodys in ("Thumbs.db", ".DS_Store", "~$list.xlsx", "desktop.ini"):
        (folder / "tea" / nobodys).write_bytes(b"x")
    assert files_said(folder) == [
        "3 other files are not read ('tea/film.mp4', 'tea/logo.svg', 'tea/unnamed'); give files their ending, such as "
        ".jpg, save pictures as JPEG or PNG, save stills of films as JPEG and their sound as MP3."
    ]
    assert len(read_manifest(folder).products) == 5
    (folder / "metadata.csv").write_text("file_name,kind\n" + "tea/b.png,x\njam/b.png,y\n")
    assert any("'tea/film.mp4'" in said for said in files_said(folder)), "also where a table is read"
    assert not any("metadata.csv" in said for said in files_said(folder))


def test_links_that_lead_nowhere_and_empty_folders_are_named(folder):
    photo(folder / "tea" / "a.png")
    photo(folder / "jam" / "b.png")
    (folder / "jam" / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "mint").mkdir()
    assert files_said(folder) == [
        "1 folder or link cannot be opened ('jam/gone.jpg'); mend or remove what is listed.",
        "1 folder has nothing in it ('mint'); put files into it, or remove it.",
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("shop.tar.gz", b"\x1f\x8b\x08\x00", "is an archive that is not read; unpack it, or pack its files as ZIP"),
        ("shop.7z", b"7z\xbc\xaf\x27\x1c", "is an archive that is not read"),
        ("shop.csv", b"Rar!\x1a\x07\x00", "is an archive that is not read"),
        ("list.pdf", b"%PDF-1.7\n", "is a PDF, but a table was expected; export the table as CSV or Excel"),
        ("tea.JPG", b"\xff\xd8\xff", "is a photo or a sound, but a table was expected; name the folder it lies in"),
    ],
)
def test_a_file_that_is_no_table_says_what_it_is(folder, name, content, said):
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=f"^{name} {said}"):
        read_manifest(folder / name)


ROWS = "id\ttext\tkind\n" + "".join(f"{n}\tthing {n}\t{'xy'[n % 2]}\n" for n in range(6))


def test_notes_are_a_table_where_nothing_else_is_and_beside_photos_where_they_name_one(folder):
    (folder / "list.txt").write_text(ROWS)
    assert len(read_manifest(folder).products) == 6
    photo(folder / "photos" / "9.png")
    assert [product.id for product in read_manifest(folder).products] == ["photos/9.png"], "the list names no photo"
    (folder / "list.txt").write_text("photo\tkind\n9.png\tx\n9.png\ty\n")
    manifest = read_manifest(folder)
    assert [product.id for product in manifest.products] == ["line-2", "line-3"] and manifest.tasks == ()


@pytest.mark.parametrize("indent", [None, 2])
def test_the_only_list_of_a_json_is_a_table_and_annotations_are_none(folder, indent):
    rows = [{"text": f"thing {n}", "kind": "xy"[n % 2]} for n in range(6)]
    (folder / "products.json").write_text(json.dumps({"page": 1, "tags": ["a"], "products": rows}, indent=indent))
    assert [product.text for product in read_manifest(folder).products] == [row["text"] for row in rows]
    coco = {"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [{"image_id": 1, "category_id": 1}]}
    (folder / "products.json").write_text(json.dumps(coco, indent=indent))
    with pytest.raises(UserError, match="no photo and no sound, but 'products.json'"):
        read_manifest(folder)
    with pytest.raises(UserError, match="products.json is no table: an object in each line"):
        read_manifest(folder / "products.json")


def test_a_stray_table_does_not_hide_class_folders_or_loose_photos(folder):
    for number in range(12):
        photo(folder / ("tea", "jam")[number % 2] / f"p{number}.png", f"#{number:02d}0000")
    (folder / "classes.csv").write_text("class,description\ntea,All about tea\njam,All about jam\n")
    manifest = read_manifest(folder)
    assert manifest.tasks == ("label",) and len(manifest.products) == 12
    assert [str(remark) for remark in manifest.remarks if remark.kind == "tables"] == [
        "1 table names none of the photos and sounds, so the files were read without: 'classes.csv'; name a table as "
        "the data to use it, or write the files' names into it."
    ]
    for path in folder.glob("*/*.png"):
        path.rename(folder / path.name)
    assert len(read_manifest(folder).products) == 2, "loose photos have no classes, and the table has descriptions"
    (folder / "classes.csv").write_text("order,total\n1,3\n2,4\n")
    assert len(read_manifest(folder, use_split=False).products) == 12
    rows = [f"{n},p{n},thing {n},{'xy'[n % 2]}" for n in range(4)]
    (folder / "classes.csv").write_text("\n".join(["order,photo,text,kind", *rows]))
    assert len(read_manifest(folder).products) == 4, "the table names some of the photos"


def test_tables_that_are_read_as_one_are_named(folder):
    for kind in ("tea", "jam"):
        (folder / f"{kind}.csv").write_text(f"id,text,colour\n{kind}1,a,x\n{kind}2,b,y\n")
    said = [str(remark) for remark in read_manifest(folder).remarks if remark.kind == "rows"]
    assert said == [
        "2 tables are read as one ('jam.csv', 'tea.csv'); their names are not learned, so write them into a column if "
        "they are classes."
    ]


def test_folders_within_class_folders_are_further_questions(folder):
    for number in range(12):
        within = ("tea/green", "tea/black", "jam/plum")[number % 3]
        photo(folder / "shop" / "images" / within / f"{number}.png", f"#{number:02d}0000")
    manifest = read_manifest(folder)
    assert manifest.tasks == ("label", "label_2")
    assert {tuple(product.labels.values()) for product in manifest.products} == {
        ("tea", "green"),
        ("tea", "black"),
        ("jam", "plum"),
    }


@pytest.mark.parametrize("names", [("Training Set", "Test Set"), ("train_images", "test_images")])
def test_folders_named_after_splits_in_several_words_are_splits(folder, names):
    for number in range(12):
        photo(folder / names[number % 3 == 0] / ("tea", "jam")[number % 2] / f"{number}.png", f"#{number:02d}0000")
    manifest = read_manifest(folder)
    assert manifest.tasks == ("label",) and len(manifest.in_split("test")) == 4 and manifest.has_split
    photo(folder / "kitchen" / "tea" / "12.png")
    assert read_manifest(folder).tasks == ("label", "label_2"), "not all folders are named after a split"


def test_a_class_may_be_called_train(folder):
    for number in range(12):
        photo(folder / ("train", "car", "bus")[number % 3] / f"{number}.png", f"#{number:02d}0000")
    manifest = read_manifest(folder)
    assert {product.labels["label"] for product in manifest.products} == {"train", "car", "bus"}
    assert not manifest.problems and not manifest.has_split
