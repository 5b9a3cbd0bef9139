"""What a visitor gave is told, reached by nobody else's session, leaves no trace, and goes at the press of a button."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit import config

from retail.components.your_uploads import KEPT, LEAVE_MINUTES
from retail.dataset.places.archive import unpack
from retail.files import DEMO_BUNDLE, home
from retail.workspace import bulk, datasets, jobs
from retail.workspace.records import JobRecord, Status
from retail.workspace.requests import PredictRequest, write_request
from tests.conftest import share, zipped
from tests.pages_driving import element, open_page, press, said

MARKER = "zanzibarmarker"
TABLE = b"id,text\n1,tea\n"


@pytest.fixture(autouse=True)
def own_store(empty_home, session_home):
    """A home of the test's own whose embeddings are there already."""
    share(home(), session_home)


def photo(seed: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def box(app, words: str):
    return next(item for item in app.file_uploader if words in item.label)


def run_of(upload: Path, name: str = "20260101-000000-aaaa") -> jobs.Job:
    """A finished run on an upload, as another visitor may have started it."""
    job = jobs.Job(name, jobs.runs_folder() / name)
    job.folder.mkdir(parents=True)
    JobRecord(title=name, started=1.0).write(job.folder / jobs.RECORD)
    Status(state="done").write(job.folder / jobs.STATUS)
    write_request(PredictRequest(bundle=DEMO_BUNDLE, data=upload, out=Path(bulk.PREDICTIONS)), job.folder)
    return job


def given():
    """Recognise with a photo and words of somebody's own."""
    app = open_page("recognise")
    box(app, "Photos (").set_value([(f"{MARKER}.png", photo(), "image/png")]).run()
    element(app, "text_area", "Description").set_value(f"{MARKER} in a tin").run()
    assert not app.exception and len(app.session_state.photos) == 1
    return app


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def test_one_product_leaves_no_file_is_seen_by_no_other_session_and_goes_at_a_press_of_the_button():
    app = given()
    assert KEPT["recognise"] in said(app) and KEPT["many"] in said(app)
    marks = (MARKER.encode(), photo()[64:128])
    assert not [path for path in files_of(home()) if any(mark in path.read_bytes() for mark in marks)]
    assert not [path for path in files_of(home()) if MARKER in path.name]
    press(app, "Your uploads")
    assert "1 photo and a description, in memory" in said(app)
    other = press(open_page("runs"), "Your uploads")
    assert MARKER not in said(other) and "You have given nothing" in said(other)
    press(app, "Delete all of it")
    assert app.session_state.photos == [] and element(app, "text_area", "Description").value == ""
    assert "Your uploads are deleted." in said(app) and "looked" not in app.session_state
    assert "Any one input is enough" in said(app)
    press(app, "Try an example")
    press(app, "Your uploads")
    assert app.session_state.photos and "You have given nothing" in said(app), "an example is nobody's upload"
    assert not [button for button in app.button if button.label == "Delete all of it"]


def test_files_for_many_products_go_with_their_runs_unless_somebody_elses_run_needs_them():
    app = open_page("recognise")
    content = zipped({"metadata.csv": TABLE})
    box(app, "Photos, sounds, a table or a ZIP").set_value([("shop.zip", content, "application/zip")]).run()
    box(app, "Photos, sounds, a table or a ZIP").set_value([("other.csv", TABLE, "text/csv")]).run()
    shop, other = app.session_state.own_uploads.uploads
    data = shop / bulk.UPLOAD / "shop.zip"
    unpacked, mine = unpack(data)[0].parent, run_of(data)
    theirs = run_of(other / bulk.UPLOAD / "other.csv", "20260101-000000-bbbb")
    app.session_state.own_uploads.runs.append(mine.id)
    press(app, "Your uploads")
    assert "shop.zip" in said(app) and "Runs that you started" in said(app)
    press(app, "Delete all of it")
    assert not shop.exists() and not mine.folder.exists() and not unpacked.exists()
    assert theirs.folder.is_dir() and Path(theirs.request.data).is_file()
    assert "bulk_data" not in app.session_state
    assert "Your uploads are deleted. other.csv stays: another run needs it." in said(app)


def test_a_run_that_is_deleted_takes_its_upload_along_and_nothing_else(tmp_path):
    own_folder = tmp_path / "mine"
    own_folder.mkdir()
    (own_folder / "metadata.csv").write_bytes(TABLE)
    kept = bulk.keep_upload("shop.csv", io.BytesIO(TABLE))
    first, second = run_of(kept, "20260101-000000-aaaa"), run_of(kept, "20260101-000000-bbbb")
    elsewhere = run_of(own_folder, "20260101-000000-cccc")
    bulk.delete(first)
    assert kept.is_file() and not first.folder.exists()
    bulk.delete(second)
    bulk.delete(elsewhere)
    assert not kept.exists() and (own_folder / "metadata.csv").is_file()


def test_a_data_set_of_this_session_goes_too_and_those_of_others_stay(tmp_path):
    other = datasets.add_files("Theirs", [("theirs.csv", b"id,text,kind\n1,tea,a\n2,cup,b\n")])
    app = open_page("data")
    assert KEPT["data"] in said(app)
    element(app, "file_uploader", "A ZIP, a table").set_value(
        [("mine.csv", b"id,text,kind\n1,x,a\n2,y,b\n", "text/csv")]
    )
    press(app, "Add")
    press(app, "Your uploads")
    assert "the data set “mine”" in said(app)
    press(app, "Delete all of it")
    assert [one.name for one in datasets.list_datasets()] == [datasets.DEMO_NAME, "Theirs"] and other.path.is_dir()


def test_what_is_promised_of_memory_is_what_the_server_does():
    assert config.get_option("server.disconnectedSessionTTL") == 60 * LEAVE_MINUTES
