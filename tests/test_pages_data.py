"""The Data page without a browser: the demo stands, own data is added, fixed, mapped, renamed and deleted."""

from __future__ import annotations

import re
from html import unescape

import pytest

from retail.audit import audit
from retail.components import kept_choice
from retail.dataset.columns import Columns
from retail.dataset.places.web import Fetched
from retail.dataset.reader import read_manifest
from retail.files import DEMO_TASKS
from retail.pages import _data_fetch
from retail.workspace import audits, datasets, jobs
from tests.conftest import write_small_data
from tests.pages_driving import element, open_page, press, said
from tests.test_audits import finish

BROKEN = (
    "id,image_file_name,text,kind,split\n1,gone.png,a tin,tin,train\n2,,,jar,train\n"
    "3,,a jar,jar,weekday\n4,,a jar,jar,test\n"
)


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


def upload(app, name: str, content: bytes):
    element(app, "file_uploader", "A ZIP, a table").set_value([(name, content, "application/octet-stream")])
    return press(app, "Add")


def look_at(app, tab: str):
    """With another tab open."""
    app.session_state.tab = tab
    return app.run()


def plan_of(app) -> dict[str, str]:
    """Heading -> text of the plan."""
    (html,) = [item.proto.body for item in app.get("html") if "class='plan'" in item.proto.body]
    return {heading: unescape(text) for heading, text in re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", html)}


def test_the_demo_stands_with_numbers_classes_products_and_no_problem():
    app = open_page("data")
    assert "**600 usable products, 0 problems.**" in said(app) and "1 to 24 of 600 products" in said(app)
    assert plan_of(app)["Inputs"] == (
        "photo 556 of 600 (image_file_name) · description 553 of 600 (text) · sound 557 of 600 (audio_file_name)"
    )
    look_at(app, "Classes")
    assert [task.replace("_", " ") for task in DEMO_TASKS] == element(app, "selectbox", "What to learn").options
    assert "24 classes with 13 training products each" in said(app)
    assert "No problems so far." in said(look_at(app, "Problems"))
    assert "is built in" in said(look_at(app, "Rename or delete"))


def test_taking_the_template_does_not_draw_the_page_again():
    """Streamlit takes a file away when the page is drawn again, perhaps before the browser has fetched it."""
    every = [item.proto for item in open_page("data").get("download_button")]
    buttons = [item for item in every if item.label.startswith("Template")]
    assert [(item.label, item.ignore_rerun, bool(item.url)) for item in buttons] == [
        ("Template as ZIP", True, True),
        ("Template as CSV", True, True),
    ]


def test_broken_rows_are_named_with_line_column_and_fix_and_valid_rows_stay():
    app = upload(open_page("data"), "shop.csv", BROKEN.encode())
    assert element(app, "selectbox", "Data set").value == "shop"
    assert "**2 usable products, 3 problems.**" in said(app)
    table = look_at(app, "Problems").table[0].value
    assert [tuple(row) for row in table[["line", "column"]].values.tolist()] == [
        ("2", "image\\_file\\_name"),
        ("3", ""),
        ("4", "split"),
    ]
    assert "fix the path" in table.iloc[0, 2] and "'weekday' is not train, val or test" in table.iloc[2, 2]
    assert "3 problems. 2 products can be used all the same" in said(app)


def test_columns_get_their_meaning_and_are_learned():
    table = "Words,Colour,Part\na tin,red,train\na jar,red,train\na box,blue,test\na bag,blue,test\n"
    app = upload(open_page("data"), "shop.csv", table.encode())
    look_at(app, "Columns")
    element(app, "multiselect", "Description").set_value(["Words"])
    element(app, "multiselect", "Columns to learn").set_value(["Colour"])
    press(app, "Save")
    assert "**4 usable products, 0 problems.**" in said(app)
    assert plan_of(app)["Questions"] == "Colour (1 class)"
    element(app, "selectbox", "Sound").set_value("Words")
    press(app, "Save")
    assert "is chosen twice" in said(app)


def test_a_file_in_two_splits_is_a_warning_with_its_products_and_no_problem_of_a_row(small_data):
    app = open_page("data", tab="Leaks", dataset=datasets.add_folder("Small", small_data).id)
    table = next(item.value for item in app.dataframe if "products that share a file" in item.value)
    assert " and " in table.iloc[0, 1] and ", " in table.iloc[0, 0]
    assert "in more than one split: the test would look better" in said(
        app
    ) and "**48 usable products, 0 problems.**" in said(app)


def test_leaks_are_looked_for_in_a_run_and_named_with_products_lines_and_the_way_to_mend(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "advance", lambda: None)
    small_data = write_small_data(tmp_path / "data")
    added = datasets.add_folder("Small", small_data)
    app = press(open_page("data", tab="Leaks", dataset=added.id), "Look for leaks")
    assert "Leaks in Small" in said(app) and "Starting" in said(app)
    job = audits.latest(added)
    finish(job, audit(read_manifest(small_data)))
    app.run()
    assert not app.exception, app.exception
    assert "**2 leaks, 2 warnings, 1 note** in 48 products" in said(app)
    leak = next(item.value for item in app.error if "the same recording" in item.value)
    assert leak.startswith("**Leak: near-duplicates.** 12 of 12 test products (100.0 %)")
    assert "Put such products into one split" in leak and "Products: 012 (line 14), 013 (line 15)" in leak
    assert "Not found: constant text, names, shuffled control." in said(app)
    box = element(app, "selectbox", "Products of")
    box.set_value(next(place for place, title in enumerate(box.options) if "Leak" in title)).run()
    table = next(item.value for item in app.dataframe if "copy of" in item.value)
    assert table.iloc[0].tolist()[:3] == [14, "012", "val"]
    assert "012 (line 14, val): colour red, drink tea." in said(app)
    with (small_data / "metadata.csv").open("a", encoding="utf-8") as stream:
        stream.write("900,,,one more,red,tea,test\n")
    app.run()
    assert "The data has changed since this check" in said(app)


@pytest.mark.parametrize("page", ["data", "train"])
def test_every_choice_of_a_data_set_counts_and_stays_on_other_pages(page, small_data):
    datasets.add_folder("Small", small_data)
    app = open_page(page)
    for wanted in ("small", "demo", "demo", "small"):
        element(app, "selectbox", "Data set").set_value(wanted).run()
        assert element(app, "selectbox", "Data set").value == wanted == app.session_state.dataset
    for other in ("data", "train"):
        app.switch_page(f"retail/pages/{other}.py").run()
        assert element(app, "selectbox", "Data set").value == "small"


def test_what_is_no_data_is_refused_in_words():
    app = upload(open_page("data"), "broken.zip", b"PK")
    assert "not a usable ZIP" in said(app)
    app = press(open_page("data"), "Add")
    assert "Choose files to upload" in said(app)
    element(app, "text_input", "Or a folder").set_value("/no/such/place")
    press(app, "Add")
    assert "/no/such/place does not exist on this machine" in said(app)


def test_rename_and_delete_ask_and_do(small_data):
    added = datasets.add_folder("Small", small_data)
    app = open_page("data", tab="Rename or delete", dataset=added.id)
    element(app, "text_input", "Name of this").set_value("Smaller")
    press(app, "Rename")
    assert "Smaller" in element(app, "selectbox", "Data set").options
    press(app, "Delete …")
    press(app, "Delete it")
    assert element(app, "selectbox", "Data set").options == [datasets.DEMO_NAME] and small_data.exists()


def test_products_can_be_augmented(small_data):
    added = datasets.add_folder("Small", small_data)
    app = press(open_page("data", tab="Augmentation", dataset=added.id), "Show examples")
    first = [item.value for item in app.text][-4:]
    assert len(set(first)) == 4 and "tea" in " ".join(first)  # the words of the chosen product, each time others lost


def shop(kept: str) -> datasets.Dataset:
    """Tins whose columns do not follow the convention, kept under this name."""
    lines = [f"tin {row},note {row},{row % 2},{row % 3},{row % 4}" for row in range(12)]
    table = "\n".join(["Words,Other,Colour,Shop,Size", *lines])
    return datasets.add_upload(kept, "shop.csv", table.encode())


def test_each_data_set_shows_and_saves_its_own_columns():
    first, second = shop("First"), shop("Second")
    datasets.set_columns(first, Columns(text="Words", tasks=("Colour",)))
    datasets.set_columns(second, Columns(text="Other", tasks=("Colour",)))
    app = open_page("data", tab="Columns", dataset=first.id)
    assert element(app, "multiselect", "Description").value == ["Words"]
    element(app, "selectbox", "Data set").set_value(second.id).run()
    assert element(app, "multiselect", "Description").value == ["Other"]
    press(app, "Save")
    assert second.columns.text == "Other"


def test_the_address_leads_back_but_not_that_of_a_browser_which_has_not_heard_of_the_choice(monkeypatch):
    first, second = shop("First"), shop("Second")
    app = open_page("data", dataset=first.id)
    element(app, "selectbox", "Data set").set_value(second.id).run()
    for seconds, shown in ((3600, second), (0, first)):
        monkeypatch.setattr(kept_choice, "UNHEARD_SECONDS", seconds)
        app.query_params["dataset"] = first.id
        app.run()
        assert element(app, "selectbox", "Data set").value == shown.id
        assert app.query_params["dataset"] in (shown.id, [shown.id])


def test_what_was_left_out_stays_out_when_a_role_takes_a_likely_column():
    added = shop("Shop")
    app = open_page("data", tab="Columns", dataset=added.id)
    assert element(app, "multiselect", "Columns to learn").value == ["Colour", "Shop", "Size"]
    element(app, "multiselect", "Columns to learn").set_value(["Colour"])
    element(app, "multiselect", "Group").set_value(["Size", "Shop"])
    element(app, "multiselect", "Description").set_value(["Words"])
    press(app, "Save")
    assert (added.columns.groups, added.columns.tasks) == (("Shop", "Size"), ("Colour",))
    typed = read_manifest(added.path / "files", ["Colour"], "Words", group=("Shop", "Size"))
    shown = read_manifest(added.path)
    assert [(row.group, row.split) for row in shown.products] == [(row.group, row.split) for row in typed.products]


def test_data_sets_of_one_name_can_be_told_apart_and_chosen():
    shop("Shop"), shop("Shop")
    app = open_page("data")
    box = element(app, "selectbox", "Data set")
    assert box.options == [datasets.DEMO_NAME, "Shop (shop)", "Shop (shop-2)"]
    box.set_value("shop-2").run()
    assert app.session_state.dataset == "shop-2"


def test_after_a_data_set_was_added_the_form_is_empty_for_the_next_one(small_data):
    app = open_page("data")
    element(app, "text_input", "Name").set_value("Shop")
    upload(app, "shop.csv", BROKEN.encode())
    assert element(app, "text_input", "Name").value == "" and not element(app, "file_uploader", "A ZIP").value
    element(app, "text_input", "Or a folder").set_value(str(small_data))
    press(app, "Add")
    assert [known.name for known in datasets.list_datasets()] == [datasets.DEMO_NAME, "Shop", small_data.name]
    assert element(app, "text_input", "Or a folder").value == ""
    element(app, "text_input", "Or a folder").set_value(str(small_data))
    assert "one data set is added at a time" in said(upload(app, "shop.csv", BROKEN.encode()))


def test_files_that_come_back_or_break_are_seen_without_another_table(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "advance", lambda: None)
    small_data = write_small_data(tmp_path / "data")
    first, second = sorted((small_data / "images").iterdir())[:2]
    content = first.read_bytes()
    first.unlink()
    added = datasets.add_folder("Small", small_data)

    def problems(app) -> str:
        return " ".join(cell for table in app.table for cell in table.value.to_numpy().ravel())

    gone = f"'images/{first.name}' does not exist"
    app = open_page("data", tab="Problems", dataset=added.id)
    assert gone in problems(app)
    first.write_bytes(content)
    press(app, "Open every file")
    assert gone not in problems(app)
    other = open_page("data", tab="Problems", dataset=added.id)
    assert gone not in problems(other)
    second.write_bytes(b"broken")
    press(app, "Open every file again")
    assert f"'{second.name}' is not a usable photo" in problems(app)


def test_a_look_for_leaks_that_saw_other_files_makes_the_page_read_them_too(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "advance", lambda: None)
    small_data = write_small_data(tmp_path / "data")
    added = datasets.add_folder("Small", small_data)
    app = open_page("data", tab="Leaks", dataset=added.id)
    sorted((small_data / "images").iterdir())[0].write_bytes(b"another")
    press(app, "Look for leaks")
    finish(audits.latest(added), audit(read_manifest(small_data)))
    app.run()
    assert "in 48 products" in said(app) and "The data has changed since this check" not in said(app)


def test_many_files_at_once_are_one_data_set_and_a_wrong_one_stays_on_the_form(small_data):
    photos = [(path.name, path.read_bytes(), "image/jpeg") for path in sorted((small_data / "images").iterdir())[:6]]
    rows = [f"{name},{'ab'[place % 2]}" for place, (name, _, _) in enumerate(photos)]
    table = ("shop.csv", "\n".join(["photo,kind", *rows]).encode(), "text/csv")
    app = open_page("data")
    element(app, "text_input", "Name").set_value("Shop")
    uploader = element(app, "file_uploader", "A ZIP, a table")
    uploader.set_value([*photos, table, ("notes.pdf", b"%PDF", "application/pdf")])
    press(app, "Add")
    assert "notes.pdf is not a data set" in said(app) and element(app, "text_input", "Name").value == "Shop"
    assert len(element(app, "file_uploader", "A ZIP, a table").value) == 8
    element(app, "file_uploader", "A ZIP, a table").set_value([*photos, table])
    press(app, "Add")
    assert plan_of(app)["Inputs"] == "photo 6 of 6 (photo)" and plan_of(app)["Questions"] == "kind (2 classes)"


def test_problems_of_one_kind_are_listed_ten_times_and_counted(small_data):
    lines = "\n".join(["image_file_name,text,kind", *(f"gone{row}.png,thing {row},{row % 2}" for row in range(30))])
    app = upload(open_page("data"), "shop.csv", lines.encode())
    table = look_at(app, "Problems").table[0].value
    assert len(table) == 11 and table.iloc[10].tolist() == ["…", "image\\_file\\_name", "and 20 more of this kind."]
    assert "**30 usable products, 30 problems.**" in said(app)
    app.switch_page("retail/pages/train.py").run()
    assert "30 usable products, 30 problems." in said(app)


def test_a_description_of_several_columns_is_read_in_their_order_and_never_learned_too():
    added = shop("Shop")
    app = open_page("data", tab="Columns", dataset=added.id)
    element(app, "multiselect", "Description").set_value(["Other", "Words"])
    press(app, "Save")
    assert added.columns.texts == ("Other", "Words")
    assert read_manifest(added.path).products[0].text == "note 0. tin 0"
    element(app, "multiselect", "Columns to learn").set_value(["Colour", "Words"])
    press(app, "Save")
    assert "Column 'Words' is both an input and a question" in said(app) and added.columns.tasks != ("Colour", "Words")


def test_files_behind_web_addresses_are_fetched_when_asked_for_and_failures_are_named(monkeypatch):
    lines = [f"thing {row},http://shop.example/{row}.jpg,{row % 2}" for row in range(12)]
    app = upload(open_page("data"), "shop.csv", "\n".join(["text,image_link,kind", *lines]).encode())
    assert "12 photos in column 'image\\_link' are web addresses that were not fetched." in said(app)
    asked = []

    def fetch(data, progress):
        asked.append(data)
        return Fetched(11, [("http://shop.example/3.jpg", "the server answered 404.")])

    monkeypatch.setattr(_data_fetch, "fetch_addresses", fetch)
    press(app, "Fetch 12 files")
    app.run()
    assert asked == [datasets.find("shop").path]
    assert "11 files fetched, 0 there already, 1 failed." in said(app)
    assert "shop.example/3.jpg: the server answered 404." in said(app).replace("\\", "")
