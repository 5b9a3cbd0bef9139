"""Data: choose or add a data set, see what is in it and what is wrong with it, and say what its columns hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from retail import charts
from retail.components.choose_data import choose_dataset, draw_add, draw_columns, draw_manage, keep
from retail.components.data_cards import draw_products
from retail.components.products import load_manifest
from retail.components.words import download, figure, plain
from retail.dataset import summary
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.files import PAGES
from retail.media import SAMPLE_RATE_HZ, MediaError
from retail.pages._data_audit import draw_audit
from retail.report.table_formats import safe_cell
from retail.schema import UserError
from retail.splits import unseen_classes
from retail.wording import INPUT_WORDS, inputs_words
from retail.workspace import audits
from retail.workspace.datasets import Dataset

TITLE = "Data"
ICON = ":material/folder_open:"
ORDER = 2

LISTED = 100  # problems shown at a time
EXAMPLES = 4  # augmented examples shown


@st.cache_data(show_spinner="Reading the data …", max_entries=8)
def quick_look(path: str, changed: float, look: str = "") -> Manifest:
    """The manifest with every label column, files found but not opened; read again for each `look` for leaks."""
    return read_manifest(Path(path))


@st.cache_data(show_spinner=False, max_entries=8)
def full_check(path: str, changed: float, look: str = "") -> Manifest:
    """The same with every photo and sound opened."""
    bar = st.progress(0.0, "Opening every file")

    def show(stage: str, done: int, total: int) -> None:
        bar.progress(done / max(total, 1), f"Checked {done:,} of {total:,} rows")

    manifest = read_manifest(Path(path), check_media=True, progress=show)
    bar.empty()
    return manifest


@st.cache_data(show_spinner=False, max_entries=8)
def repeats(checksum: str, _manifest: Manifest) -> list[summary.Repeat]:
    """Products that share a file."""
    return summary.repeats(_manifest)


def newest_manifest(dataset: Dataset, checked: bool) -> Manifest:
    """What was read already, unless a look for leaks has since seen other files under the same table."""
    read = full_check if checked else quick_look
    manifest = read(str(dataset.path), dataset.changed)
    job = audits.latest(dataset)
    found = audits.report(job) if job else None
    if job is None or found is None or found.data.checksum == manifest.checksum:
        return manifest
    return read(str(dataset.path), dataset.changed, job.id)


def draw_numbers(manifest: Manifest) -> None:
    """How many products there are and which inputs they have."""
    sizes = {name: len(manifest.in_split(name)) for name in ("train", "val", "test")}
    how = "as the table says" if manifest.has_split else "split for you, whole groups together, every class in training"
    if manifest.has_split and not manifest.has_validation:
        how += "; validation is taken from the training products, as none are marked"
    with st.container(horizontal=True, gap="large"):
        st.metric("Usable products", f"{len(manifest.products):,}", width="content")
        for row in summary.coverage(manifest):
            help_text = f"{row.products:,} products."
            st.metric(f"With {INPUT_WORDS[row.modality]}", f"{row.share:.0%}", help=help_text, width="content")
    st.caption(
        f"{sizes['train']:,} for training, {sizes['val']:,} for validation, {sizes['test']:,} for testing, {how}."
    )


def draw_classes(dataset: Dataset, manifest: Manifest) -> None:
    """Bars of one task's classes by kind of input, the balance in a sentence, and repeated files."""
    if not manifest.label_columns:
        st.info("No column looks like a label. Choose under Columns what the model should learn.")
        return
    tasks = list(dict.fromkeys([*manifest.tasks, *manifest.label_columns]))
    task = st.selectbox("What to learn", tasks, format_func=lambda name: name.replace("_", " "))
    st.markdown(plain(summary.balance_sentence(manifest, task)))
    for sentence in unseen_classes(replace(manifest, tasks=(task,))):
        st.warning(plain(sentence))
    figure(charts.class_chart(summary.class_counts(manifest, task), task))
    classes = len({product.labels.get(task) for product in manifest.products} - {"", None})
    if classes > charts.MAX_CLASSES:
        st.caption(f"The {charts.MAX_CLASSES} largest of {classes} classes are shown.")
    found = repeats(manifest.checksum, manifest)
    leaks = sum(repeat.leaks for repeat in found)
    if leaks:
        st.warning(
            f"{leaks} files appear in more than one split: the test would look better than it is. Give those rows the "
            "same group, or delete the copies; they are listed under Problems."
        )
    elif found:
        st.caption(f"{len(found)} files belong to several products, always within one split.")
    else:
        st.caption("No photo or sound file appears twice.")


def problem_rows(dataset: Dataset, manifest: Manifest) -> pd.DataFrame:
    """Line, column and what to do, for everything that is wrong."""
    rows = [{"line": p.line, "column": p.column, "what is wrong and what to do": p.message} for p in manifest.problems]
    for repeat in repeats(manifest.checksum, manifest):
        if repeat.leaks:
            message = (
                f"products {', '.join(repeat.products[:5])} share a file but are in {' and '.join(repeat.splits)}; "
                "give them one group, or keep one of them."
            )
            rows.append({"line": None, "column": "", "what is wrong and what to do": message})
    frame = pd.DataFrame(rows, columns=["line", "column", "what is wrong and what to do"])
    return frame.astype({"line": "Int64"})


def draw_problems(dataset: Dataset, manifest: Manifest, frame: pd.DataFrame, checked: bool) -> None:
    """Every problem with line, column and fix; opening every file is asked for, because it takes a while."""
    if not checked:
        st.caption("The files were found, but not opened yet.")
    words = "Open every file again" if checked else "Open every file"
    if st.button(words, help="Finds damaged photos and sounds; takes seconds to minutes."):
        st.cache_data.clear()  # files may have come back under the same table
        load_manifest.clear()
        keep(dataset)
    if frame.empty:
        st.success("No problems were found." if checked else "No problems so far.")
        return
    st.warning(
        f"{len(frame):,} problems. The {len(manifest.products):,} usable products stay usable: fix these rows when "
        "you like and add the data again."
    )
    if len(frame) > LISTED:
        st.caption(f"The first {LISTED} are listed; the CSV has all of them.")
    shown = frame.head(LISTED).astype(object).map(lambda cell: "" if pd.isna(cell) else plain(str(cell)))
    st.table(shown, hide_index=True)
    text = frame.map(lambda cell: safe_cell(cell) if isinstance(cell, str) else cell).to_csv(index=False)
    download("Problems as CSV", text, "problems.csv", "text/csv")


def draw_augmentation(manifest: Manifest) -> None:
    """One product as fine-tuning sees it, changed at random a few times."""
    st.markdown(
        "Fine-tuning never shows a model the same photo twice: it crops and recolours photos, drops and mistypes "
        "words, and plays sounds in other voices, rooms and microphones, so that the model learns what matters."
    )
    product = st.selectbox(
        "Product", manifest.products[:200], format_func=lambda product: f"{product.id}: {product.text[:50]}"
    )
    seed = st.session_state.get("augment_seed", 0)
    if not st.button("Show examples" if not seed else "More examples"):
        return
    st.session_state.augment_seed = seed + 1
    from retail.augmentation import preview

    with st.spinner("Changing it at random …"):
        try:
            examples = preview(product, seed, EXAMPLES)
        except MediaError as error:
            st.error(str(error))
            return
    for place, (cell, example) in enumerate(zip(st.columns(EXAMPLES), examples, strict=True)):
        with cell.container(border=True):
            if example.photo is not None:
                st.image(example.photo, alt=f"Augmented photo {place + 1}")
            if example.text:
                st.text(example.text)
            if example.sound is not None:
                st.audio(example.sound, sample_rate=SAMPLE_RATE_HZ)


def draw(dataset: Dataset) -> None:
    """Everything about the chosen data set."""
    checked = dataset.id in st.session_state.get("checked", set())
    try:
        manifest = newest_manifest(dataset, checked)
    except UserError as error:
        st.error(str(error))
        st.caption("Choose below what the columns hold, or add the data again.")
        draw_columns(dataset)
        draw_manage(dataset)
        return
    draw_numbers(manifest)
    wrong = problem_rows(dataset, manifest)
    names = ["Classes", "Products", f"Problems ({len(wrong)})", "Leaks", "Columns", "Augmentation", "Rename or delete"]
    classes, products, problems, leaks, columns, augmentation, manage = st.tabs(names)
    with classes:
        draw_classes(dataset, manifest)
    with products:
        draw_products(manifest)
    with problems:
        draw_problems(dataset, manifest, wrong, checked)
    with leaks:
        draw_audit(dataset, manifest)
    with columns:
        draw_columns(dataset)
    with augmentation:
        draw_augmentation(manifest)
    with manage:
        draw_manage(dataset)
    st.caption(plain(f"Questions to learn: {', '.join(manifest.tasks) or 'none yet'}. Inputs: {seen(manifest)}."))
    st.page_link(PAGES / "train.py", label="Train on this data", icon=":material/model_training:")


def seen(manifest: Manifest) -> str:
    """The kinds of input that occur."""
    return inputs_words(row.modality for row in summary.coverage(manifest) if row.products) or "none"


st.title("Data", anchor=False)
dataset = choose_dataset()
draw_add()
draw(dataset)
