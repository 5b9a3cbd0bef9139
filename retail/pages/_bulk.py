"""Many products at once in Recognise: a data set in, a run in a process of its own, and its result."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from retail.catalogue.choice import catalogue_of
from retail.components.choose_data import FORMATS
from retail.components.page_words import refusal
from retail.components.reading import draw_reading
from retail.components.uploads import release, uploaded
from retail.components.your_uploads import own, say_kept
from retail.config.wish import DEFAULT_WISH, LEAST, MOST
from retail.escaping import plain, printable
from retail.pages._bulk_table import draw_result
from retail.pages._recogniser import Chosen
from retail.schema import UserError
from retail.wording import number_of
from retail.workspace import bulk, jobs
from retail.workspace.bulk import MAX_ROWS

UPLOAD_MB = 1024
SOURCES = ["Upload", "Folder, ZIP or table on this machine"]


def keep_upload(key: str) -> None:
    """Writes the upload to disk and lets go of it."""
    files, state = uploaded(st.session_state[key]), st.session_state
    if not files:
        return
    state.bulk_error = ""
    try:
        kept = bulk.keep_uploads([(file.name, file) for file in files])
        state.bulk_data = str(kept)
        if (upload := bulk.upload_of(kept)) and upload not in own().uploads:
            own().uploads.append(upload)
        state.bulk_name = files[0].name if len(files) == 1 else f"{len(files):,} files"
    except (UserError, OSError) as error:
        state.bulk_error = str(error)
    release(files)
    state.bulk_generation = state.get("bulk_generation", 0) + 1


@st.cache_data(show_spinner="Looking into the upload …", max_entries=16)
def rows_in(path: str) -> tuple[int, str]:
    """The products of an upload, and why there are none."""
    try:
        return bulk.rows_in(Path(path)), ""
    except UserError as error:
        return 0, str(error)


def chosen_data() -> Path | None:
    """What to recognise: an upload that was kept, or a path on this machine."""
    if st.radio("Products", SOURCES, horizontal=True) != SOURCES[0]:
        path = st.text_input("Path", placeholder="/data/my_products", key="bulk_path", persist_state="session").strip()
        return Path(path) if path else None
    key = f"bulk_{st.session_state.setdefault('bulk_generation', 0)}"
    st.file_uploader(
        "Photos, sounds, a table or a ZIP",
        accept_multiple_files=True,
        key=key,
        max_upload_size=UPLOAD_MB,
        on_change=keep_upload,
        args=(key,),
    )
    say_kept("many")
    if error := st.session_state.get("bulk_error"):
        st.error(plain(error))
    kept = st.session_state.get("bulk_data")
    if not kept:
        return None
    rows, refused = rows_in(kept)
    if rows > MAX_ROWS:
        refused = f"{st.session_state.bulk_name} has {rows:,} rows, but the limit is {MAX_ROWS:,}; split it into parts."
    if refused:
        st.error(plain(refused))
        return None
    st.caption(plain(f"Ready: {st.session_state.bulk_name} ({number_of(rows, 'product')})"))
    return Path(kept)


def draw_start(chosen: Chosen) -> None:
    """The form, and the button that starts a run."""
    st.caption(
        f"Up to {MAX_ROWS:,} products: photos as they are, a table ({FORMATS}) with its photos and sounds or of "
        "descriptions alone, or a ZIP of either; labels are not needed. A photo and a sound of one name are one "
        "product. The run continues when you close this page."
    )
    data = chosen_data()
    with st.expander("Settings: target accuracy, description column, barcodes"):
        accuracy = st.slider(
            "Target accuracy",
            round(100 * LEAST),
            round(100 * MOST),
            round(100 * DEFAULT_WISH),
            format="%d %%",
            key="bulk_accuracy",
            help="Answers that are right as often as this are sure; the others are for a person to review.",
        )
        text_column = st.text_input(
            "Description column",
            "text",
            key="bulk_text_column",
            persist_state="session",
            help="Only where the description stands in another column; several are separated by commas.",
        )
        reading = draw_reading("bulk")
    if st.button("Recognise all", type="primary", disabled=data is None) and data is not None:
        try:
            name = st.session_state.get("bulk_name", "") if str(data) == st.session_state.get("bulk_data") else ""
            title = f"Recognise {name or data.name}"
            catalogue, wanted = catalogue_of(chosen.folder), text_column.strip() or "text"
            job = bulk.start(chosen.folder, data, title, wanted, accuracy / 100, catalogue, reading)
            st.query_params["bulk"] = job.id
            if bulk.upload_of(data):
                own().runs.append(job.id)
            st.rerun()
        except UserError as error:
            st.error(refusal(error))


def go_on(job: jobs.Job) -> None:
    """Starts a run once more, or says why that cannot be."""
    try:
        st.query_params["bulk"] = bulk.restart(job).id
    except UserError as error:
        st.error(refusal(error))
        return
    st.rerun()


def draw_progress(job: jobs.Job) -> None:
    """How far a run is, Cancel while it lives, the reason and Retry if it ended early."""
    now = jobs.status(job)
    if now.state in jobs.UNFINISHED:
        counted = f": {now.done:,} of {now.total:,}" if now.total else " …"
        st.progress(now.share, plain(now.stage.capitalize()) + counted)
        st.button("Cancel", key="bulk_cancel", on_click=jobs.cancel, args=(job,))
        return
    if st.session_state.pop("bulk_watched", "") == job.id:
        st.rerun()  # the whole page, so that the table appears
    if now.state != "done":
        (st.info if now.state == "cancelled" else st.error)(plain(now.message or f"The run was {now.state}."))
        if st.button("Retry", help="Embeddings are kept, so the run picks up where it stopped."):
            go_on(job)
        if tail := job.log_tail():
            with st.expander("Log"):
                st.code(printable(tail), language=None)


def draw(chosen: Chosen) -> None:
    """The run that the address names, earlier runs to open, and the form for a new one."""
    job = jobs.find(st.query_params["bulk"]) if "bulk" in st.query_params else None
    if job is not None:
        live = jobs.status(job).state in jobs.UNFINISHED
        if live:
            st.session_state.bulk_watched = job.id
        st.header(plain(jobs.status(job).title), anchor=False)
        watched = job
        st.fragment(lambda: draw_progress(watched), run_every=0.5 if live else None)()
        draw_result(job)
        if st.button("Recognise other products"):
            del st.query_params["bulk"]
            st.rerun()
        return
    draw_start(chosen)
    earlier = bulk.bulk_jobs()[:10]
    if earlier:
        with st.expander("Earlier runs"):
            for old in earlier:
                now = jobs.status(old)
                label = plain(f"{now.title} · {old.id} · {now.state}")
                if st.button(label, key=f"open_{old.id}", type="tertiary"):
                    st.query_params["bulk"] = old.id
                    st.rerun()
