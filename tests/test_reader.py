"""What is read otherwise than it is written, or not at all, is said with a count; decisions about labels are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail.__main__ import app
from retail.dataset.columns import read_pointer
from retail.dataset.decisions import keep_decisions
from retail.dataset.manifest import most_alike
from retail.dataset.plan import plan
from retail.dataset.reader import header_of, media_cells, read_manifest, read_rows
from retail.files import DEMO_DIR
from retail.schema import UserError
from retail.workspace import datasets
from tests.conftest import photo

pytestmark = pytest.mark.usefixtures("empty_home")


def write(folder: Path, *lines: str) -> Path:
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def remarks(folder: Path, kind: str, **options) -> list[str]:
    return [str(remark) for remark in read_manifest(folder, **options).remarks if remark.kind == kind]


@pytest.mark.parametrize("column", ["file_name", "image", "Photo URL", "img_path"])
def test_a_photo_column_of_another_name_is_known_by_its_cells(folder, column):
    for number in range(4):
        photo(folder / f"{number}.png", f"#0{number}0000")
    write(folder, f"{column},kind", *(f"{number}.png,{'xy'[number % 2]}" for number in range(4)))
    manifest = read_manifest(folder)
    assert all(product.modalities == ("image",) for product in manifest.products)
    assert manifest.inputs == {"image": (column,)} and manifest.tasks == ("kind",)
    added = read_manifest(datasets.add_folder("Shop", folder).path)
    assert added.products == manifest.products and added.checksum == manifest.checksum, "the page reads the same"


def test_web_addresses_are_said_once_with_the_command_that_fetches_them(folder):
    write(
        folder, "image_link,text,kind", *(f"https://cdn.example.com/{n}.jpg?w=800,tea,{'xy'[n % 2]}" for n in range(6))
    )
    manifest = read_manifest(folder)
    assert not manifest.problems and len(manifest.products) == 6 and not manifest.lost
    assert remarks(folder, "addresses") == [
        "6 photos in column 'image_link' are web addresses that were not fetched; `retail fetch` or the Data page "
        "fetches them."
    ]
    assert len(media_cells(folder)["image"]) == 6 and media_cells(folder)["audio"] == []


def test_words_for_missing_are_absent_and_counted_in_every_column(folder):
    photo(folder / "a.png")
    rows = ["1,a.png,nan,x,g", "2,None,tea,y,null", "3,-,N/A,x,g", "nan,a.png,jam,None,h", "5,a.png,oat,null,-"]
    manifest = read_manifest(write(folder, "id,image_file_name,text,brand,group", *rows), ["brand"])
    assert [product.id for product in manifest.products] == ["1", "2", "line-5", "5"]
    assert [product.labels["brand"] for product in manifest.products] == ["x", "y", "", ""]
    assert [product.group for product in manifest.products] == ["g", "", "h", ""]
    said = " ".join(map(str, manifest.remarks))
    assert "image_file_name: 2 cells say 'None', '-' and count as empty." in said and "text: 2 cells say" in said
    assert "brand: 2 cells say 'None' (1), 'null' (1)" in said or "brand: 2 cells" in said


def test_spellings_of_one_label_are_one_class_until_somebody_decides_otherwise(folder):
    spellings = [
        "Café",
        "cafe\u0301",
        "CAFÉ ",
        "Café",
        "Home &amp; Garden",
        "Home & Garden",
        "3",
        "3.0",
        "TRUE",
        "true",
    ]
    write(folder, "text,kind", *(f"thing {n},{label}" for n, label in enumerate(spellings)))
    manifest = read_manifest(folder, ["kind"])
    assert len({product.labels["kind"] for product in manifest.products}) == 4
    assert any("joined" in sentence and "Café" in sentence for sentence in remarks(folder, "labels", tasks=["kind"]))
    before = manifest.checksum
    keep_decisions(folder, ["kind=apart"])
    apart = read_manifest(folder, ["kind"])
    assert len({product.labels["kind"] for product in apart.products}) > 7 and apart.checksum != before
    keep_decisions(folder, ["kind=joined"])
    assert read_manifest(folder, ["kind"]).checksum == before


def test_each_label_of_a_list_becomes_a_question_that_can_be_named(folder):
    cells = ["organic|vegan", "vegan", "organic", "vegan|new", "new", "organic|new", "vegan", "organic"]
    write(folder, "text,tags", *(f"thing {n},{cell}" for n, cell in enumerate(cells * 3)))
    assert any("two or more labels" in sentence for sentence in remarks(folder, "labels"))
    result = CliRunner().invoke(app, ["check", str(folder), "--decide", "tags=each"])
    assert result.exit_code == 0, result.output
    manifest = read_manifest(folder)
    assert set(manifest.tasks) == {"tags: new", "tags: organic", "tags: vegan"}
    assert [product.labels["tags: vegan"] for product in manifest.products[:3]] == ["yes", "yes", "no"]
    assert set(manifest.tasks) < set(header_of(folder))
    assert read_manifest(folder, ["tags: vegan"]).tasks == ("tags: vegan",)
    keep_decisions(folder, ["tags=first"])
    assert read_manifest(folder).products[0].labels == {"tags": "organic"}


def test_a_decision_that_nobody_understands_or_can_keep_is_one_sentence(folder, tmp_path):
    write(folder, "text,kind", "a,x", "b,y", "c,x")
    with pytest.raises(UserError, match="kind"):
        keep_decisions(folder, ["kind=often"])
    with pytest.raises(UserError, match="demo is built in"):
        keep_decisions("demo", ["brand=apart"])
    with pytest.raises(UserError, match="is no folder; unpack it"):
        keep_decisions(folder / "metadata.csv", ["kind=apart"])
    assert read_pointer(folder) is None and not (DEMO_DIR / "dataset.json").exists()


def test_ids_that_a_spreadsheet_rounded_name_no_row(folder):
    rows = [f"4.00638E+12,thing {n},{'xy'[n % 2]}" for n in range(6)]
    manifest = read_manifest(write(folder, "id,text,kind", *rows))
    assert [product.id for product in manifest.products] == [f"line-{n}" for n in range(2, 8)] and not manifest.problems
    assert "6 of 6 product numbers were rounded by a spreadsheet (such as '4.00638E+12')" in str(manifest.remarks[0])


def test_rows_of_one_id_with_other_photos_stay_in_one_split_or_become_one_product(folder):
    for number in range(20):
        photo(folder / f"{number}.png", f"#{number:02d}0000")
    rows = [f"p{n // 2},{n}.png,thing {n // 2},{'xy'[n // 2 % 2]}" for n in range(20)]
    write(folder, "id,image_file_name,text,kind", *rows, "p0,0.png,copy,x")
    manifest = read_manifest(folder)
    assert len(manifest.products) == 20 and manifest.products[1].id == "p0 (2)"
    assert "'p0' is already used in line 2; this row is left out." in str(manifest.problems[0])
    by_product: dict[str, set[str]] = {}
    for product in manifest.products:
        by_product.setdefault(product.group, set()).add(product.split)
    assert len(by_product) == 10 and all(len(splits) == 1 for splits in by_product.values())
    assert "10 products have several rows with other photos" in remarks(folder, "photos")[0]
    keep_decisions(folder, ["rows=join"])
    joined = read_manifest(folder)
    assert len(joined.products) == 10 and all(len(product.images) == 2 for product in joined.products)
    assert joined.checksum != manifest.checksum and not remarks(folder, "photos")


def test_labels_that_differ_between_the_rows_of_one_product_are_said(folder):
    for number in range(2):
        photo(folder / f"{number}.png", f"#0{number}0000")
    write(folder, "id,image_file_name,kind", "a,0.png,x", "a,1.png,y")
    keep_decisions(folder, ["rows=join"])
    manifest = read_manifest(folder, ["kind"])
    assert manifest.products[0].labels == {"kind": "x"}
    assert "'y', but an earlier row of 'a' says 'x', which stays." in str(manifest.problems[0])


def test_several_text_columns_make_one_description(folder):
    write(folder, "title,brand,kind", "Oat drink,Fen,x", "Tea!,,y", ",Oak,x", "Jam,nan,y")
    manifest = read_manifest(folder, ["kind"], "title,brand")
    assert [product.text for product in manifest.products] == ["Oat drink. Fen", "Tea!", "Oak", "Jam"]
    assert manifest.inputs["text"] == ("title", "brand")
    with pytest.raises(UserError, match="no text column 'maker'"):
        read_manifest(folder, ["kind"], "title,maker")


def test_a_column_is_text_and_label_only_when_both_are_named(folder):
    write(folder, "title,brand,kind", *(f"thing {n},{'ab'[n % 2]},{'xy'[n % 2]}" for n in range(6)))
    assert "brand" not in read_manifest(folder, None, "title,brand").tasks
    manifest = read_manifest(folder, ["brand"], "title,brand")
    assert manifest.tasks == ("brand",) and any("the answer stands in the input" in str(r) for r in manifest.remarks)
    with pytest.raises(UserError, match="'title' is an input"):
        read_manifest(folder, ["title"], "title")


def test_photos_named_by_another_columns_value_or_lying_elsewhere_are_found(folder):
    for number in range(4):
        photo(folder / "archive" / "pics" / f"{100 + number}.jpg", f"#0{number}0000")
    write(folder, "id,kind", *(f"{100 + number},{'xy'[number % 2]}" for number in range(4)))
    manifest = read_manifest(folder)
    assert all(len(product.images) == 1 for product in manifest.products) and manifest.inputs["image"] == ("id",)
    write(folder, "id,photo,kind", *(f"{number},pics/{100 + number}.JPG,{'xy'[number % 2]}" for number in range(4)))
    assert all(len(product.images) == 1 for product in read_manifest(folder).products)
    assert any("4 photos were found" in sentence for sentence in remarks(folder, "cells"))


def test_an_owners_links_and_absolute_paths_are_followed_and_a_zips_are_not(folder, tmp_path):
    photo(tmp_path / "store" / "a.png")
    (folder / "images").symlink_to(tmp_path / "store")
    write(folder, "image_file_name,kind", "images/a.png,x", f"{tmp_path}/store/a.png,y")
    assert [len(product.images) for product in read_manifest(folder, ["kind"]).products] == [1, 1]
    upload = datasets.add_files(
        "Shop", [("metadata.csv", f"text,image_file_name\ntea,{tmp_path}/store/a.png\n".encode())]
    )
    manifest = read_manifest(upload.path)
    assert not manifest.products[0].images and "points outside the folder" in str(manifest.problems[0])


def test_what_lies_in_the_folder_and_is_not_used_is_named(folder):
    for name in ("a.png", "b.png", "c.png"):
        photo(folder / name)
    rows = [f"{n},a.png,{n}.99,2026-01-{n + 1:02d},{'xy'[n % 2]}" for n in range(9)]
    manifest = read_manifest(write(folder, "id,image_file_name,price,day,kind", *rows))
    assert manifest.tasks == ("kind",)
    column, files = (next(str(r) for r in manifest.remarks if r.kind == kind) for kind in ("columns", "files"))
    assert column.startswith("2 columns are not used: 'price' (it holds prices), 'day' (it holds dates")
    assert files.startswith("2 of 3 photos in the folder are named by no row ('b.png', 'c.png')")


def test_the_plan_says_what_is_learned_and_what_to_mend_first(folder):
    rows = [f"{n},none{n}.png,thing {n},{'xy'[n % 2]}" for n in range(12)]
    manifest = read_manifest(write(folder, "id,image_file_name,text,kind", *rows, "12,,,x"))
    lines = {line.heading: line.text for line in plan(manifest)}
    assert lines["Inputs"] == "description 12 of 12 (text)" and lines["Questions"] == "kind (2 classes)"
    assert lines["Rows"].startswith("12 of 13 used; 1 left out") and "split for you" in lines["Splits"]
    assert lines["Mend 1"] == "None of the 12 photos was found: mend the paths in column 'image_file_name'."
    assert manifest.lost == {"image": 12}


def test_learning_stops_where_no_photo_was_found_and_goes_on_without_them(folder, tmp_path):
    write(folder, "image_file_name,text,kind", *(f"none{n}.png,thing {n},{'xy'[n % 2]}" for n in range(20)))
    options = ["train", str(folder), "--tasks", "kind", "--out", str(tmp_path / "bundle")]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 1 and "None of the 20 photos that column 'image_file_name' names" in result.output
    result = CliRunner().invoke(app, [*options, "--modalities", "text"])
    assert result.exit_code == 0, result.output


def test_problems_of_one_kind_are_listed_a_few_times(folder):
    write(folder, "image_file_name,text,kind", *(f"none{n}.png,thing {n},{'xy'[n % 2]}" for n in range(30)))
    manifest = read_manifest(folder)
    assert len(manifest.problems) == 30 and [len(alike) for alike in most_alike(manifest.problems).values()] == [30]
    output = CliRunner().invoke(app, ["check", str(folder)]).output
    assert output.count("does not exist") == 20 and "… and 10 more of this kind." in output


def test_labels_in_another_spelling_are_the_recognisers_classes(folder, tmp_path):
    train = write(
        folder, "text,grade", *(f"{'good' if n % 2 else 'bad'} thing {n},{'3' if n % 2 else 'TRUE'}" for n in range(30))
    )
    bundle = tmp_path / "bundle"
    options = ["--tasks", "grade", "--modalities", "text", "--out", str(bundle)]
    assert CliRunner().invoke(app, ["train", str(train), *options]).exit_code == 0
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other", "text,grade", *(f"thing {n},{'3.0' if n % 2 else 'True'}" for n in range(9)))
    out = tmp_path / "scores.json"
    result = CliRunner().invoke(app, ["evaluate", str(bundle), str(other), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text())["unknown_labels"] == {"grade": []}


def test_predict_keeps_the_rows_of_several_tables_and_of_files(folder, tmp_path):
    for split in ("train", "test"):
        (folder / split).mkdir()
        (folder / split / "metadata.csv").write_text(f"text,kind\n{split} tea,x\n{split} tin,y\n")
    out = tmp_path / "out.csv"
    result = CliRunner().invoke(app, ["predict", "demo", "--data", str(folder), "--out", str(out)])
    assert result.exit_code == 0, result.output
    lines = out.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5 and lines[1].startswith("train/metadata-line-2,train tea,x,")
    assert read_rows(folder).header == ["text", "kind"]


def test_hostile_cells_end_nothing(folder):
    rows = [
        "\x00.png,a,x",
        f"{'a' * 5000}.png,b,y",
        "http://[::1,c,x",
        "C:\\\\x.png,d,y",
        '"[""a.png"",",e,x',
        "..,f,y",
    ]
    write(folder, "image_file_name,text,kind", *rows)
    with pytest.raises(UserError):  # NUL is no text
        read_manifest(folder)
    write(folder, "image_file_name,text,kind", *rows[1:])
    manifest = read_manifest(folder, ["kind"])
    assert len(manifest.products) == 5 and not any(product.images for product in manifest.products)


def test_training_names_the_files_that_nobody_can_read(folder, tmp_path):
    for number in range(40):
        photo(folder / f"{number}.png", ("red", "blue")[number % 2])
    (folder / "3.png").write_bytes(b"no photo")
    write(folder, "image_file_name,kind", *(f"{number}.png,{'xy'[number % 2]}" for number in range(40)))
    options = ["--tasks", "kind", "--modalities", "image", "--out", str(tmp_path / "bundle")]
    result = CliRunner().invoke(app, ["train", str(folder), *options])
    assert result.exit_code == 0 and "product line-5: '3.png' is not a usable photo" in result.output, result.output


def test_empty_rows_and_headers_in_between_are_no_rows(folder):
    header = "id,text,kind"
    rows = [f"{n},thing {n},{'xy'[n % 2]}" for n in range(8)]
    clean = read_manifest(write(folder, header, *rows))
    manifest = read_manifest(write(folder, header, *rows[:4], ",,", "\ufeff" + header, *rows[4:], ",,", ",,"))
    assert [product.id for product in manifest.products] == [product.id for product in clean.products]
    assert manifest.rows == 8 and not manifest.problems and manifest.vocabularies() == clean.vocabularies()
    assert remarks(folder, "cells") == [
        "3 rows have no cell filled and are passed over.",
        "1 row repeats the header and is passed over.",
    ]


def test_problems_that_differ_in_a_line_number_are_of_one_kind(folder):
    manifest = read_manifest(write(folder, "id,text", *(f"{n // 2},thing {n}" for n in range(20))))
    assert len(manifest.problems) == 10 and len(most_alike(manifest.problems)) == 1


def test_rows_are_split_as_the_folders_of_their_photos_say(folder):
    for number in range(12):
        photo(folder / "photos" / ("test" if number % 3 == 0 else "train") / f"{number}.png", f"#{number:02d}0000")
    rows = [f"{number}.png,{'xy'[number % 2]}" for number in range(12)]
    manifest = read_manifest(write(folder, "file_name,kind", *rows))
    assert manifest.has_split and {p.images[0].parent.name for p in manifest.in_split("test")} == {"test"}
    assert len(manifest.in_split("test")) == 4
    assert remarks(folder, "rows") == [
        "The rows are split as the folders of their files are named; a column 'split' would count more."
    ]
    photo(folder / "photos" / "12.png")
    assert not read_manifest(write(folder, "file_name,kind", *rows, "12.png,x")).has_split, "not all files say it"


def test_a_description_is_known_by_its_words_where_its_name_says_nothing(folder):
    sentences = [f"Thing number {n} in a box of its own, for every day of the week and a bit more." for n in range(12)]
    rows = [f'A-{n},"{text}",{"xy"[n % 2]}' for n, text in enumerate(sentences)]
    manifest = read_manifest(write(folder, "Artikelnummer,Inhalt,kind", *rows))
    assert manifest.inputs == {"text": ("Inhalt",)} and manifest.products[1].id == "A-1"
    added = read_manifest(datasets.add_folder("Shop", folder).path)
    assert added.products == manifest.products and added.tasks == manifest.tasks == ("kind",)
    write(folder, "Anzahl,kind", *(f"{n % 3},{'xy'[n % 2]}" for n in range(12)))
    with pytest.raises(
        UserError, match="no column of photos, sounds or descriptions that is known .* 'Anzahl', 'kind'"
    ):
        read_manifest(folder)


def test_a_table_without_names_above_its_columns_is_said(folder):
    for number in range(5):
        photo(folder / f"{number}.png", f"#0{number}0000")
    write(folder, *(f"{number}.png,{'xy'[number % 2]}" for number in range(5)))
    assert any("'0.png' is no name; write names above it" in said for said in remarks(folder, "rows"))
    write(folder, "file,kind", *(f"{number}.png,{'xy'[number % 2]}" for number in range(5)))
    assert not remarks(folder, "rows")


def test_photos_in_several_columns_are_all_the_products(folder):
    for number in range(6):
        for side in "ab":
            photo(folder / f"{number}{side}.png", f"#0{number}{'a' if side == 'a' else 'c'}000")
    rows = [f"{number}a.png,{number}b.png,https://example.com/{number}.jpg,{'xy'[number % 2]}" for number in range(6)]
    manifest = read_manifest(write(folder, "img1,img2,image_source,kind", *rows), check_media=True)
    assert [path.name for path in manifest.products[3].images] == ["3a.png", "3b.png"] and not manifest.problems
    assert manifest.inputs == {"image": ("img1", "img2")}
    assert "The photos of a product stand in 2 columns ('img1', 'img2'), and all of them count." in manifest.sentences
    assert any("'image_source' (it holds addresses)" in said for said in remarks(folder, "columns"))
    assert media_cells(folder)["image"][:2] == ["0a.png", "0b.png"]
    added = read_manifest(datasets.add_folder("Shop", folder).path)
    assert added.products == manifest.products


def test_rows_that_go_on_with_a_product_give_it_their_photos(folder):
    rows = []
    for number in range(6):
        photo(folder / f"{number}.png", f"#0{number}0000")
        photo(folder / f"{number}-2.png", f"#0{number}0e00")
        rows += [f"h{number},Tea {number},{'xy'[number % 2]},9,{number}.png,1", f"h{number},,,,{number}-2.png,2"]
    manifest = read_manifest(write(folder, "Handle,Title,Type,Weight,Image Src,Image Position", *rows))
    assert [product.id for product in manifest.products] == [f"h{number}" for number in range(6)]
    assert [path.name for path in manifest.products[4].images] == ["4.png", "4-2.png"] and not manifest.problems
    assert manifest.tasks == ("Type",) and manifest.rows == 6
    assert remarks(folder, "rows") == [
        "6 rows go on with a product above, with its id and few cells filled: the photos count for it; "
        "nothing else is read."
    ]


@pytest.mark.parametrize("written", ["{}", "{}.0", "000{}"])
@pytest.mark.parametrize("file", ["{}.png", "00{}.png"])
def test_numbers_name_photos_however_a_tool_writes_them(folder, written, file):
    for number in range(1, 7):
        photo(folder / "images" / file.format(number), f"#0{number}0000")
    write(folder, "article,kind", *(f"{written.format(number)},{'xy'[number % 2]}" for number in range(1, 7)))
    manifest = read_manifest(folder)
    assert [product.images[0].name for product in manifest.products] == [file.format(n) for n in range(1, 7)]


def test_numbers_that_two_photos_could_mean_are_taken_as_written(folder):
    for name in ("07", "007", "8", "9"):
        photo(folder / f"{name}.png", f"#{int(name):02d}{len(name)}000")
    manifest = read_manifest(write(folder, "article,kind", "07,x", "007,y", "7.0,x", "8,x", "9.0,y"))
    names = [product.images[0].name for product in manifest.products]
    assert names == ["07.png", "007.png", "8.png", "9.png"] and len(manifest.problems) == 2


def test_file_names_are_no_description_whatever_their_column_is_called(folder):
    for number in range(6):
        photo(folder / f"{number}.png", f"#0{number}0000")
    rows = [f"{number}.png,https://shop.example/{number},{'xy'[number % 2]}" for number in range(6)]
    manifest = read_manifest(write(folder, "front_file_name,link_text,kind", *rows))
    assert manifest.inputs == {"image": ("front_file_name",)} and manifest.tasks == ("kind",)


def test_a_product_number_that_comes_with_each_photo_ties_its_rows_and_is_no_question(folder):
    for number in range(12):
        photo(folder / f"{number}.png", f"#{number:02d}0000")
    rows = [f"A{n // 2},{n}.png,thing {n // 2},{'xyz'[n // 2 % 3]}" for n in range(12)]
    manifest = read_manifest(write(folder, "sku,photo,title,kind", *rows))
    assert manifest.tasks == ("kind",) and manifest.products[1].id == "A0 (2)" and manifest.products[1].group == "A0"
    assert any("To make one product of them: --decide rows=join." in said for said in manifest.sentences)
    classes = [f"A{n % 3},{n}.png" for n in range(12)]
    assert read_manifest(write(folder, "sku,photo", *classes)).tasks == ("sku",), "nothing tells it from a class"
    apart = [f"A{n % 3},{n}.png,thing {n % 4},{'xy'[n % 2]}" for n in range(12)]
    assert "sku" in read_manifest(write(folder, "sku,photo,title,kind", *apart)).tasks


def test_blank_lines_are_no_rows(folder):
    manifest = read_manifest(write(folder, "id,text,kind", "1,tea,x", "", "2,jam,y", "", "(2 rows)"))
    assert manifest.rows == 3 and len(manifest.products) == 2 and len(manifest.problems) == 1


def test_a_row_of_a_used_id_with_a_description_of_its_own_is_a_problem_and_not_another_photo(folder):
    rows = [f"{n},thing {n},{'xy'[n % 2]},a,b,c" for n in range(6)]
    manifest = read_manifest(write(folder, "id,text,kind,e,f,g", *rows, "1,another thing,,,,"))
    assert [str(problem) for problem in manifest.problems] == [
        "line 8, column 'id': '1' is already used in line 3; this row is left out."
    ]
