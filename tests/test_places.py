"""Cells and the files they mean: as written, as tables are usually wrong about it, and never out of a ZIP."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

import pytest

from retail.dataset import places as places_module
from retail.dataset.places import (
    BASE_NAME,
    DECODED,
    FROM_TOP,
    IN_FOLDER,
    NO_ENDING,
    OTHER_CASE,
    OTHER_ENDING,
    WEB,
    Found,
    Places,
    web,
)
from retail.dataset.places.listing import Listing, list_files
from retail.dataset.places.names import addresses_in, parts_of

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links and these names need another system than Windows")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


def shop(tmp_path: Path, *names: str) -> Path:
    root = tmp_path / "shop"
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"content is not looked at")
    root.mkdir(exist_ok=True)
    return root


def places(root: Path, own: bool = True) -> Places:
    return Places(root, own, lambda: list_files(root, follow_links=own))


def found(root: Path, cell: str, kind: str = "image", own: bool = True, folder: Path | None = None) -> list[Found]:
    return places(root, own).find(cell, kind, folder)


def one(root: Path, cell: str, kind: str = "image", own: bool = True, folder: Path | None = None) -> tuple[str, str]:
    """Where the only file lies below the root, and the remark."""
    (each,) = found(root, cell, kind, own, folder)
    assert each.path and each.path.is_file(), each.message
    return each.path.relative_to(root.resolve()).as_posix(), each.remark


def message(root: Path, cell: str, kind: str = "image", own: bool = True) -> str:
    (each,) = found(root, cell, kind, own)
    assert each.path is None and each.name == cell
    return each.message


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    ("cell", "place", "remark"),
    [
        ("pics/a b.jpg", "pics/a b.jpg", ""),
        ("  pics/a b.jpg ", "pics/a b.jpg", ""),
        ("./pics/a b.jpg", "pics/a b.jpg", ""),
        ("pics\\a b.jpg", "pics/a b.jpg", ""),
        ("pics/../pics/a b.jpg", "pics/a b.jpg", ""),
        ("pics/a%20b.jpg", "pics/a b.jpg", DECODED),
        ("100%25.png", "100%25.png", ""),
        ("/pics/a b.jpg", "pics/a b.jpg", FROM_TOP),
        ("Pics/A B.JPG", "pics/a b.jpg", OTHER_CASE),
        ("pics/a b.jpeg", "pics/a b.jpg", OTHER_ENDING),
        ("pics/A%20B.png", "pics/a b.jpg", OTHER_ENDING),
        ("pics/a b", "pics/a b.jpg", NO_ENDING),
        ("12345", "deep/down/12345.webp", NO_ENDING),
        ("v1.2", "v1.2.gif", NO_ENDING),
        ("a b.jpg", "pics/a b.jpg", BASE_NAME),
        ("images/A B.JPG", "pics/a b.jpg", BASE_NAME),
        ("C:\\shop\\export\\a b.jpg", "pics/a b.jpg", BASE_NAME),
        ("\\\\server\\share\\a b.jpg", "pics/a b.jpg", BASE_NAME),
        ("/home/anna/shop/a b.jpg", "pics/a b.jpg", BASE_NAME),
        ("file:///home/anna/shop/a%20b.jpg", "pics/a b.jpg", BASE_NAME),
        ("file:///C:/shop/a%20b.jpg", "pics/a b.jpg", BASE_NAME),
        ("../elsewhere/a b.jpg", "pics/a b.jpg", BASE_NAME),
        ("café.jpg", "café.jpg", ""),
    ],
)
def test_a_photo_is_found_as_tables_name_it(tmp_path, own, cell, place, remark):
    root = shop(
        tmp_path, "pics/a b.jpg", "100%25.png", "deep/down/12345.webp", "deep/12345.wav", "v1.2.gif", "café.jpg"
    )
    assert one(root, cell, own=own) == (place, remark)


@POSIX
def test_other_unicode_forms_count_as_written_in_files_and_folders(tmp_path):
    decomposed = unicodedata.normalize("NFD", "crêpes/café.jpg")
    root = shop(tmp_path, decomposed)
    for own in (True, False):
        assert one(root, "crêpes/café.jpg", own=own) == (decomposed, "")
        assert one(root, "crêpes\\café.jpg", own=own) == (decomposed, "")
    assert one(root, "CRÊPES/CAFÉ.JPG") == (decomposed, OTHER_CASE)


def test_an_exact_name_wins_over_every_guess(tmp_path):
    root = shop(tmp_path, "a.jpg", "a.png", "pics/a.jpg", "a%20b.jpg", "a b.jpg")
    assert one(root, "a.jpg") == ("a.jpg", "")
    assert one(root, "a%20b.jpg") == ("a%20b.jpg", "")
    assert one(root, "pics/a.jpg") == ("pics/a.jpg", "")


def test_paths_count_from_the_tables_folder_then_from_the_root(tmp_path):
    root = shop(tmp_path, "train/a.jpg", "a.jpg", "pics/b.jpg")
    assert one(root, "a.jpg", folder=root / "train") == ("train/a.jpg", "")
    assert one(root, "a.jpg", folder=Path("train")) == ("train/a.jpg", "")
    assert one(root, "pics/b.jpg", folder=root / "train") == ("pics/b.jpg", "")
    assert one(root, "../pics/b.jpg", folder=root / "train", own=False) == ("pics/b.jpg", "")
    assert one(root, "A.JPEG", folder=root / "train") == ("train/a.jpg", OTHER_ENDING)


@POSIX
def test_a_root_and_a_folder_behind_a_link_are_the_same_folder(tmp_path):
    root = shop(tmp_path, "train/a.jpg", "b.jpg")
    (tmp_path / "link").symlink_to(root)
    for own in (True, False):
        linked = places(tmp_path / "link", own)
        for cell, remark in [("A.jpg", OTHER_CASE), ("a.jpg", ""), (str(tmp_path / "link" / "train" / "a.jpg"), "")]:
            (each,) = linked.find(cell, "image", tmp_path / "link" / "train")
            assert (each.path, each.remark) == ((root / "train" / "a.jpg").resolve(), remark)


def test_another_ending_must_be_the_only_one_and_of_the_same_kind(tmp_path):
    root = shop(tmp_path, "a.jpg", "a.png", "b.wav", "b.txt", "c.mp3", "c.jpg")
    assert message(root, "a.webp") == "'a.webp' does not exist; fix the path, or leave the cell empty."
    assert "does not exist" in message(root, "b.jpg")
    assert one(root, "c.wav", "audio") == ("c.mp3", OTHER_ENDING)
    assert one(root, "c", "audio") == ("c.mp3", NO_ENDING) and one(root, "c") == ("c.jpg", NO_ENDING)


def test_of_several_files_with_a_name_the_longest_common_path_is_meant(tmp_path):
    root = shop(tmp_path, "archive/pics/a.jpg", "old/a.jpg", "x/one/a.jpg", "y/one/a.jpg", "x/9.png", "y/9.jpg")
    assert one(root, "pics/a.jpg") == ("archive/pics/a.jpg", BASE_NAME)
    assert one(root, "C:\\shop\\PICS\\a.jpg") == ("archive/pics/a.jpg", BASE_NAME)
    assert one(root, "/data/y/one/a.jpg") == ("y/one/a.jpg", BASE_NAME)
    assert message(root, "one/a.jpg") == (
        "'one/a.jpg' could be any of 2 files (x/one/a.jpg, y/one/a.jpg); write the path of the one that is meant."
    )
    assert "any of 4 files (archive/pics/a.jpg, old/a.jpg, …)" in message(root, "a.jpg")
    assert "any of 2 files (x/9.png, y/9.jpg)" in message(root, "9")


@POSIX
def test_names_that_differ_in_case_alone_are_not_guessed_between(tmp_path):
    root = shop(tmp_path, "A.jpg", "a.JPG")
    if len(os.listdir(root)) == 1:
        pytest.skip("this disk does not tell case apart")
    assert "any of 2 files (A.jpg, a.JPG)" in message(root, "a.jpg")


@POSIX
def test_an_owners_links_and_absolute_paths_lead_where_they_lead(tmp_path):
    root, store = shop(tmp_path, "table.csv"), tmp_path / "store"
    store.mkdir()
    (store / "a.jpg").write_bytes(b"a")
    (root / "pics").symlink_to(store)
    (root / "linked.jpg").symlink_to(store / "a.jpg")
    for cell in ("pics/a.jpg", "linked.jpg", str(store / "a.jpg"), (store / "a.jpg").as_uri(), "../store/a.jpg"):
        assert found(root, cell) == [Found((store / "a.jpg").resolve(), cell)], cell
    assert found(root, "a.jpg")[0].remark == BASE_NAME, "the listing looks behind an owner's links"
    for cell in ("pics/a.jpg", "linked.jpg", str(store / "a.jpg"), (store / "a.jpg").as_uri(), "../store/a.jpg"):
        said = message(root, cell, own=False)
        assert said == f"{cell!r} points outside the folder; move the file into the folder."


@POSIX
def test_a_listing_with_links_shows_nothing_outside_a_zip(tmp_path):
    root = shop(tmp_path, "table.csv")
    (tmp_path / "secret.jpg").write_bytes(b"s")
    (root / "deep").mkdir()
    (root / "deep" / "secret.jpg").symlink_to(tmp_path / "secret.jpg")
    hostile = Places(root, False, lambda: Listing(root, ("deep/secret.jpg",), False))
    for cell in ("secret.jpg", "deep/SECRET.jpg", "secret"):
        assert hostile.find(cell, "image")[0].path is None


def test_absolute_paths_inside_need_no_owner(tmp_path, monkeypatch):
    root = shop(tmp_path, "pics/a.jpg")
    assert one(root, str(root / "pics" / "a.jpg"), own=False) == ("pics/a.jpg", "")
    for inner in ("unpacked/x/files/a.jpg", "fetched/b.jpg"):
        path = tmp_path / "home" / inner
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a")
        assert found(root, str(path), own=False) == [Found(path.resolve(), str(path))]


def test_nothing_outside_a_zip_is_looked_at(tmp_path, monkeypatch):
    root, asked = shop(tmp_path, "a.jpg"), []
    for name in ("isfile", "isdir", "realpath", "lexists", "islink"):
        real = getattr(os.path, name)
        monkeypatch.setattr(
            os.path, name, lambda path, *rest, real=real, **named: asked.append(str(path)) or real(path)
        )
    zipped = places(root, own=False)
    asked.clear()
    for cell in ("/srv/secret/x.jpg", "../../srv/x.jpg", "//host/share/x.jpg", "file:///srv/x.jpg"):
        assert zipped.find(cell, "image")[0].path is None
    tops = (str(root), str(root.resolve()), str(tmp_path / "home"))
    assert asked and all(path.startswith(tops) for path in asked), asked


@POSIX
@pytest.mark.parametrize("own", [True, False])
def test_no_cell_raises(tmp_path, own):
    root = shop(tmp_path, "a.jpg")
    (root / "loop").symlink_to(root / "loop")
    cells = [
        "a\0b.jpg",
        "a\0b/c.jpg",
        "x" * 5000,
        "x" * 5000 + "/é.jpg",
        "loop/a.png",
        "loop",
        ".",
        "..",
        "/",
        "\\",
        "%00",
        "[",
        "file:",
    ]
    for cell in [
        *cells,
        "http://[",
        "https://",
        "é\0",
        "\ud800.jpg",
        "[1]",
        "[[[",
        "a.jpg/b.png",
        "C:",
        "//",
        "...",
        "%",
    ]:
        for kind in ("image", "audio"):
            for each in found(root, cell, kind, own):
                assert each.path is None and each.message, cell
    assert found(root, "", own=own) == found(root, ";", own=own) == found(root, "[]", own=own) == []


@pytest.mark.parametrize(
    "cell",
    [
        "a.jpg;b.jpg",
        "a.jpg; b.jpg;",
        "a.jpg|b.jpg",
        "a.jpg, b.jpg",
        "a.jpg\nb.jpg",
        "a.jpg b.jpg",
        '["a.jpg", "b.jpg"]',
        "['a.jpg', 'b.jpg']",
    ],
)
def test_lists_name_several_photos(tmp_path, cell):
    root = shop(tmp_path, "a.jpg", "b.jpg")
    assert [each.path.name for each in found(root, cell)] == ["a.jpg", "b.jpg"]
    assert [each.name for each in found(root, cell)] == ["a.jpg", "b.jpg"]


def test_a_file_name_may_hold_what_separates_names(tmp_path):
    root = shop(
        tmp_path, "tea, 20 bags.jpg", "red;blue.jpg", "a.jpg b.jpg", "b.jpg", "Cap|Hat.PNG" if os.sep == "/" else "x"
    )
    for cell in ("tea, 20 bags.jpg", "red;blue.jpg", "a.jpg b.jpg"):
        assert one(root, cell) == (cell, "")
    assert one(root, "tea, 20 bags.png") == ("tea, 20 bags.jpg", OTHER_ENDING)
    assert one(root, "Red;Blue.JPG") == ("red;blue.jpg", OTHER_CASE)
    assert [each.name for each in found(root, "b.jpg;none.jpg")] == ["b.jpg", "none.jpg"]
    assert "does not exist" in found(root, "b.jpg;none.jpg")[1].message


def test_a_product_has_one_sound_and_the_others_are_named(tmp_path):
    root = shop(tmp_path, "a.wav", "b.wav", "c.wav")
    first, spare = found(root, "a.wav;b.wav", "audio")
    assert (first.path.name, first.message) == ("a.wav", "")
    assert spare == Found(None, "b.wav", "a product has one sound, so 'b.wav' is not used; name one file.")
    first, missing, spare = found(root, "none.wav;a.wav;b.wav;c.wav", "audio")
    assert first.path.name == "a.wav" and "'none.wav' does not exist" in missing.message
    assert spare.message == "a product has one sound, so 'b.wav' and 1 more are not used; name one file."
    assert one(root, "a.wav", "audio") == ("a.wav", "")


def test_a_folder_gives_its_photos(tmp_path):
    names = [f"big/{place:02}.jpg" for place in range(23)]
    root = shop(
        tmp_path, "sku1/b.jpg", "sku1/a.PNG", "sku1/note.txt", "sku1/.hidden.jpg", "sku1/v.wav", "none/x.txt", *names
    )
    for cell in ("sku1", "sku1/", ".\\sku1", "/sku1"):
        got = found(root, cell, own=cell != "/sku1")
        assert [(each.path.name, each.remark) for each in got] == [("a.PNG", IN_FOLDER), ("b.jpg", IN_FOLDER)]
    assert found(root, "sku1/", "audio")[0].path.name == "v.wav"
    assert message(root, "none") == "'none' is a folder without a photo; name a file, or leave the cell empty."
    *used, rest = found(root, "big")
    assert [each.path.name for each in used] == [f"{place:02}.jpg" for place in range(20)]
    assert rest.message == "'big' is a folder of 23 photos, of which the first 20 are used; name the ones you want."
    assert "does not exist" in message(root, "."), "a cell does not mean the whole data set"
    assert "does not exist" in message(root, str(root.parent))


def test_a_web_address_is_its_fetched_file_or_said_to_be_one(tmp_path):
    root = shop(tmp_path, "p.jpg")
    address = "https://cdn.example.com/p.jpg?w=800"
    assert found(root, address) == [
        Found(
            None,
            address,
            f"{address!r} is a web address that was not fetched; fetch it, or put the file into the folder.",
            WEB,
        )
    ]
    kept = web._place(address)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"p")
    assert found(root, address, own=False) == [Found(kept, address)]
    got = found(root, f"{address}, http://cdn.example.com/q.jpg")
    assert [bool(each.path) for each in got] == [True, False]


def test_addresses_in_cells():
    cells = ["a.jpg", "https://h/1,2.jpg", "http://h/a.jpg;http://h/b.jpg", '["https://h/1,2.jpg", "HTTP://H/c"]', ""]
    cells += ["x.jpg|https://h/d.jpg | https://h/e.jpg", "https://h/f.jpg, https://h/g.jpg;"]
    expected = ["https://h/1,2.jpg", "http://h/a.jpg", "http://h/b.jpg", "HTTP://H/c"]
    assert addresses_in(cells) == [*expected, *(f"https://h/{name}.jpg" for name in "defg")]
    assert (
        parts_of("big, red.jpg") == ["big, red.jpg"]
        and parts_of("[tea]") == ["[tea]"]
        and parts_of("[1, 2]") == ["[1, 2]"]
    )


def test_the_folder_is_walked_once_and_only_when_a_file_is_not_where_it_should_be(tmp_path):
    root, walks = shop(tmp_path, *(f"pics/{place}.jpg" for place in range(300))), []

    def listing() -> Listing:
        walks.append(1)
        return list_files(root, follow_links=True)

    files = Places(root, True, listing)
    for place in range(300):
        assert files.find(f"pics/{place}.jpg", "image")[0].remark == ""
    assert not walks
    for place in range(300):
        assert files.find(f"{place}.jpg", "image")[0].remark == BASE_NAME
        assert files.find(f"{place}", "image")[0].remark == NO_ENDING
    assert len(walks) == 1


def test_a_listing_that_was_cut_is_said(tmp_path):
    root = shop(tmp_path, "pics/a.jpg")
    cut = Places(root, True, lambda: Listing(root, ("pics/a.jpg",), True))
    assert "holds too many files to look elsewhere" in cut.find("b.jpg", "image")[0].message
    assert cut.find("a.jpg", "image")[0].remark == BASE_NAME


def test_a_folder_that_cannot_be_listed_is_an_empty_one(tmp_path):
    def gone() -> Listing:
        raise PermissionError("no")

    assert "does not exist" in Places(shop(tmp_path), True, gone).find("a.jpg", "image")[0].message


def test_thousands_of_files_of_one_name_are_told_apart_without_a_look_at_each(tmp_path, monkeypatch):
    root = shop(tmp_path, *(f"all/sku{place}/front.jpg" for place in range(200)))
    files, looks = places(root), []
    for module, name in ((os.path, "isfile"), (places_module, "_folded")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda text, real=real: looks.append(text) or real(text))
    for place in range(200):
        assert files.find(f"pics/sku{place}/front.jpg", "image")[0].path == root.resolve() / f"all/sku{place}/front.jpg"
        assert "any of 200 files" in files.find(f"gone{place}/front.jpg", "image")[0].message
    assert len(looks) < 20 * 400
