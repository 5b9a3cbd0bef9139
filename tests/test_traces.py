"""Nothing of what people upload is in any log: a marked name, text and sound go through every door."""

from __future__ import annotations

import io
import time

import pytest

from retail.files import DEMO_BUNDLE, home
from retail.wording import nameless
from retail.workspace import bulk, jobs
from tests.conftest import share

MARKER = "zanzibarmarker"


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("line 4: 'mine.jpg' does not exist", "line 4: '…' does not exist"),
        ("column 'a': 'it's' is \"x'y\", not “z”.", "column '…': '…' is \"…\", not “…”."),
        ("The machine's log, the user's words", "The machine's log, the user's words"),
        ("nothing is quoted", "nothing is quoted"),
    ],
)
def test_what_sentences_quote_is_left_out_of_a_log(said, logged):
    assert nameless(said) == logged


def test_the_log_of_a_run_names_lines_and_nothing_of_the_upload(empty_home, session_home):
    share(home(), session_home)
    rows = ["id,image_file_name,text", f"{MARKER}1,,{MARKER} tea", f"2,{MARKER}.jpg,", f"3,{MARKER}lost.jpg,"]
    rows += [f"{MARKER}1,,{MARKER}", f"4,,{MARKER},{MARKER}"]
    files = [
        ("shop.csv", "\n".join(rows).encode()),
        (f"{MARKER}.jpg", b"no photo"),
        (f"{MARKER}stray.jpg", b"no photo"),
    ]
    kept = bulk.keep_uploads([(name, io.BytesIO(content)) for name, content in files])
    job = bulk.start(DEMO_BUNDLE, kept, "Recognise 3 files")
    broken = bulk.start(DEMO_BUNDLE, kept, "Recognise 3 files", text_column=f"{MARKER}column")
    deadline = time.monotonic() + 180
    while any(jobs.status(one).state in jobs.LIVE for one in (job, broken)):
        assert time.monotonic() < deadline, job.log_tail()
        time.sleep(0.2)
    assert jobs.status(job).state == "done", job.log_tail()
    log = (job.folder / jobs.LOG).read_text(encoding="utf-8")
    assert "Note: line 4, column '…': '…' does not exist" in log, "it says where to look"
    assert jobs.status(broken).state == "failed" and "Error: " in (broken.folder / jobs.LOG).read_text(encoding="utf-8")
    assert MARKER in bulk.predictions(job).rows[2]["notes"], "its owner reads it all in the answers"
    logs = [path for path in home().rglob("*") if path.suffix in (".txt", ".log") and path.is_file()]
    assert len(logs) >= 2 and not [path for path in logs if MARKER in path.read_text(encoding="utf-8")]
