"""The next version of a data set: corrected examples teach, held-out rows stay as they are and are never learned."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from retail.dataset.added import KeptFile, with_added
from retail.dataset.columns import DATASET
from retail.dataset.reader import read_manifest, read_rows
from retail.dataset.source import changed
from retail.media import content_hash
from retail.review.corrections import Corrections
from retail.review.examples import kept_folder
from retail.review.record import Correction, Example
from retail.review.version import note_version, with_corrections
from retail.schema import UserError
from retail.workspace import datasets
from tests.conftest import photo

pytestmark = pytest.mark.usefixtures("empty_home")

COLOURS = ("red", "green", "blue", "yellow")


@pytest.fixture
def data(folder) -> Path:
    """Without a column of splits, so that a hash decides them."""
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "image_file_name", "text", "colour", "shop"])
        for row in range(40):
            photo(folder / "images" / f"{row}.png", (row * 5, 20, 30))  # every photo is another
            writer.writerow([f"p{row}", f"images/{row}.png", f"tin {row % 3}", COLOURS[row % 4], f"s{row % 7}"])
    return folder


def correction(number: int, file: Path | None = None, **said) -> Correction:
    """About an answer of a recogniser of any data, with one photo."""
    images = ()
    if file is not None:
        content = file.read_bytes()
        kept_folder().mkdir(parents=True, exist_ok=True)
        (kept_folder() / f"{number}.png").write_bytes(content)
        images = (KeptFile(name=f"{number}.png", sha256=content_hash(content), size=len(content)),)
    example = Example(images=images, text=said.pop("text", ""), group=said.pop("group", ""))
    facts = {"labels": {"colour": "red"}, "name": "", "learned_from": "", **said}
    return Correction(
        id=f"c{number}",
        time=number,
        origin="bulk",
        verdict="class",
        bundle="b",
        recognizer="r",
        said={},
        catalogue="shop",
        product_id="x",
        example=example,
        **facts,
    )


@pytest.fixture
def new(tmp_path) -> Correction:
    photo(tmp_path / "new.png", "white")
    return correction(1, tmp_path / "new.png", text="tin 1", labels={"colour": "white"})


def test_a_version_reads_as_the_data_with_the_examples_among_the_training_rows(data, new):
    before = read_manifest(data)
    after = read_manifest(with_corrections(data, [new, correction(2, text="a jar")]))
    assert after.title == "data with 2 corrections"
    assert after.products[:40] == before.products and len(after.products) == 42
    assert (after.tasks, after.label_columns, after.inputs) == (before.tasks, before.label_columns, before.inputs)
    photographed, described = after.products[40:]
    assert (photographed.split, photographed.labels) == ("train", {"colour": "white", "shop": ""})
    assert photographed.images[0].read_bytes() == (kept_folder() / "1.png").read_bytes()
    assert (described.text, described.images) == ("a jar", ())
    assert after.checksum != before.checksum
    assert "2 corrected examples are among the training rows." in after.sentences
    assert after.vocabularies()["colour"].classes == ("blue", "green", "red", "white", "yellow")
    assert len(set(after.lines.values())) == len(after.lines) == after.rows == 42


def test_the_checksum_covers_labels_and_files_of_the_examples(data, new):
    folder = with_corrections(data, [new])
    first = read_manifest(folder).checksum
    assert read_manifest(with_corrections(data, [new])).checksum == first, "the same call gives the same folder"
    other = new.model_copy(update={"labels": {"colour": "red"}})
    assert read_manifest(with_corrections(data, [other])).checksum != first
    next(folder.glob("1.png")).write_bytes(b"other bytes")
    assert read_manifest(folder).checksum != first


def test_examples_that_equal_a_held_out_row_or_share_its_group_stay_out(data):
    products = read_manifest(data, group=["shop"]).products
    tested = next(row for row in products if row.split == "test")
    learned = next(row for row in products if row.split == "train")
    examples = [
        correction(1, tested.images[0], text="other words"),
        correction(2, learned.images[0]),
        correction(3, group=tested.group, text="quite other words"),
        correction(4, group=learned.group, text="more words"),
        correction(5, text=f" {tested.text.upper()} "),
    ]
    manifest = read_manifest(with_corrections(data, examples), group=["shop"])
    assert [row.id for row in manifest.products[40:]] == ["c2", "c4"]
    sentence = (
        "3 corrected examples that equal a validation or test row, or belong to its group, are left out of training."
    )
    assert sentence in manifest.sentences
    assert Counter(row.split for row in manifest.products[:40]) == Counter(row.split for row in products)


def test_words_that_a_held_out_row_has_beside_its_photo_do_not_keep_another_photo_out(data, new):
    tested = read_manifest(data).in_split("test")[0]
    alike = correction(1, kept_folder() / "1.png", text=tested.text)
    assert [row.id for row in read_manifest(with_corrections(data, [alike])).products[40:]] == ["c1"]


def test_a_smaller_copy_of_a_held_out_photo_is_known_by_the_checksum_of_the_original(data):
    tested = read_manifest(data).in_split("test")[0]
    made = correction(1, tested.images[0])
    (kept_folder() / "1.png").write_bytes(b"a smaller copy")
    image = made.example.images[0].model_copy(update={"size": 0})
    made = made.model_copy(update={"example": Example(images=(image,))})
    assert len(read_manifest(with_corrections(data, [made])).products) == 40


def test_of_several_verdicts_on_one_example_the_last_counts(data, new):
    again = new.model_copy(update={"id": "c2", "labels": {"colour": "red"}})
    manifest = read_manifest(with_corrections(data, [new, again]))
    assert manifest.title == "data with 1 correction"
    assert manifest.products[40].labels["colour"] == "red"


def test_a_product_of_the_catalogue_teaches_its_name_where_the_question_is_which_product_it_is(folder):
    lines = [f"p{row},tin {row},{'tea' if row % 2 else 'rice'}" for row in range(24)]
    (folder / "metadata.csv").write_text("\n".join(["id,text,product", *lines]), encoding="utf-8")
    named = correction(1, text="a sour apple", name="Granny Smith", labels={})
    labelled = correction(2, text="a red apple", name="Apple 7", labels={"product": "Gala"})
    manifest = read_manifest(with_corrections(folder, [named, labelled]))
    assert [row.labels["product"] for row in manifest.products[24:]] == ["Granny Smith", "Gala"]


def test_rows_to_recognise_are_those_of_the_data(data, new):
    folder = with_corrections(data, [new])
    assert len(read_manifest(folder, use_split=False).products) == 40
    assert len(read_rows(folder).rows) == 40


def test_a_version_of_a_named_data_set_is_named_after_it_and_is_in_the_list(data, new):
    own = datasets.add_folder("Fashion", data)
    folder = with_corrections(own.path, [new])
    made = datasets.find(folder.name)
    assert made.name == "Fashion with 1 correction" and made.path == folder
    assert made.columns == own.columns
    with pytest.raises(UserError, match="is a version of"):
        datasets.decide(made, ["colour=each"])
    with pytest.raises(UserError, match="is a version of"):
        datasets.set_columns(made, own.columns)
    datasets.decide(own, ["colour:red=rot"])
    assert "rot" in read_manifest(folder).vocabularies()["colour"].classes, "what is decided of the data holds here"
    datasets.delete(own)
    with pytest.raises(UserError, match="is missing; restore it"):
        read_manifest(folder)


def test_a_version_changes_when_its_data_change(data, new):
    folder = with_corrections(data, [new])
    before, table = changed(folder), data / "metadata.csv"
    import os

    os.utime(table, (before + 50, before + 50))
    assert changed(folder) == before + 50


def test_a_version_of_a_version_holds_what_was_not_taken_back(data, new, monkeypatch):
    other = correction(2, text="a jar")
    first = with_corrections(data, [new, other])
    monkeypatch.setattr(Corrections, "all", lambda self: [other])  # the first was taken back
    second = read_manifest(with_corrections(first, [correction(3, text="a bag")]))
    assert [row.id for row in second.products[40:]] == ["c2", "c3"]
    assert second.title == "data with 2 corrections"


def test_corrections_of_a_version_are_known_to_have_been_learned(data, new, monkeypatch):
    store, checksum = Corrections(), read_manifest(data).checksum
    about = [new.model_copy(update={"learned_from": checksum}), correction(2, text="a jar", learned_from=checksum)]
    with store._base() as base:
        base.executemany(
            "INSERT INTO corrections (id, time, catalogue, product, knows, content) VALUES (?, ?, 'shop', 'x', ?, ?)",
            [(one.id, one.time, one.knows, one.model_dump_json()) for one in about],
        )
    manifest = read_manifest(with_corrections(data, about[:1]))
    note_version(manifest)
    version = manifest.checksum
    monkeypatch.setattr("retail.review.corrections.knows_of", lambda bundle: str(bundle))
    assert store.since_training(Path(checksum)) == about
    assert store.since_training(Path(version)) == about[1:], "what the data hold is learned, what came later is not"
    assert store.of_data(version) == about


def test_a_damaged_file_of_examples_says_what_to_do(data, new):
    folder = with_corrections(data, [new])
    (folder / "added.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="train again from the corrections"):
        read_manifest(folder)
    with pytest.raises(UserError, match="no correction to learn from"):
        with_corrections(data, [])


def test_without_examples_that_may_teach_nothing_is_added(data, tmp_path):
    manifest = read_manifest(data)
    tested = manifest.in_split("test")[0]
    folder = with_corrections(data, [correction(1, tested.images[0])])
    assert (folder / DATASET).is_file()
    again = with_added(replace(manifest, products=()), folder / "added.json")
    assert [row.id for row in again.products] == ["c1"], "where that row is not held out the example teaches"
