"""Sections of Compare that draw the test products on a plane, and the learning curves there are.

In: a `View`. Out: a map on which a box lists its products, and curves of `python -m retail curve`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from retail import charts
from retail.charts.palette import SERIES
from retail.components.compare_runs import View, results_files
from retail.components.page_words import refusal
from retail.components.products import draw_products, run_manifest
from retail.components.words import figure
from retail.dataset.manifest import Manifest
from retail.escaping import plain
from retail.frozen.results import CURVE_FORMAT, CurveResults
from retail.metrics.projection import MOST_POINTS, UMAP_HINT, methods, on_plane, some_rows
from retail.report.mistakes import answers, seeds_of
from retail.schema import Modality, Progress, UserError
from retail.wording import INPUT_WORDS, number_of, percent, task_words
from retail.workspace.background import Background

SPLIT_WORDS = {"val": "validation"}
# Vega wraps a drawn box in pictures that nobody can name: only its outline, which has a name, is there for all.
BOX_LOOKS = "<style>.box_brush_bg, .box_brush {visibility: hidden} .box_brush path {visibility: visible}</style>"


@st.cache_resource(show_spinner=False, max_entries=8)
def places(
    checksum: str, encoders: str, modality: Modality, method: str, ids: tuple[str, ...], _manifest: Manifest
) -> Background[tuple[pd.DataFrame, float | None]]:
    """id, x and y of the products that have this input, and the variance kept, worked out in the background.

    Embeddings come from the cache where they are in it; the first map by UMAP takes up to a minute more.
    """

    def work(progress: Progress) -> tuple[pd.DataFrame, float | None]:
        from retail.encoders import load_preset
        from retail.store import EmbeddingStore, embed_products

        wanted = set(ids)
        products = [product for product in _manifest.products if product.id in wanted]
        batch, _ = embed_products(products, load_preset(encoders, [modality]), {}, EmbeddingStore(), progress)
        having = batch.present[modality]
        progress(f"drawing the map with {method}", 0, 0)
        points, kept = on_plane(batch.embeddings[modality][having].numpy(), method)
        names = [name for name, here in zip(batch.ids, having.tolist(), strict=True) if here]
        return pd.DataFrame({"id": names, "x": points[:, 0], "y": points[:, 1]}), kept

    return Background(work)


@st.fragment(run_every=1)
def draw_working(work: Background) -> None:
    """How far the map is; the page is drawn again when it is ready."""
    if not work.running:
        st.rerun()
    count = f": {work.done:,} of {work.total:,}" if work.total else " …"
    st.progress(work.share, plain(work.stage[:1].upper() + work.stage[1:]) + count)


def draw_map(view: View) -> None:
    """Look-alikes together: where are the mistakes?"""
    manifest, remark = run_manifest(view)
    if manifest is None:
        st.info(plain(remark))
        return
    taken = {modality for model in view.results.models for modality in model.modalities}
    inputs: list[Modality] = [modality for modality in INPUT_WORDS if modality in taken]
    which, what, how = st.columns(3)
    modality = which.selectbox("Input", inputs, format_func=INPUT_WORDS.__getitem__)
    tasks = list(view.results.tasks)
    shade = what.selectbox(
        "Colour by", tasks, tasks.index(_coloured(view)), key=f"colour_{view.run}_{view.task}", format_func=task_words
    )
    method = how.selectbox("Method", methods(), help=None if "UMAP" in methods() else UMAP_HINT)
    asked = f"map_{view.run}"
    if not st.session_state.get(asked):
        st.caption("Takes seconds to minutes: test products that no run has looked at yet are encoded first.")
        st.button("Draw the map", on_click=lambda: st.session_state.update({asked: True}))
        return
    ids = view.results.predictions.ids
    chosen = some_rows(len(ids))
    encoders, named = view.results.config.encoders, tuple(ids[row] for row in chosen)
    work = places(manifest.checksum, encoders, modality, method, named, manifest)
    work.wait(0.5)  # embeddings in the cache need no longer
    if work.running:
        draw_working(work)
    elif work.result is None:
        places.clear()  # so that another try is one
        st.error(refusal(work.error))
    else:
        _draw_points(view, *work.result, method, shade)


def _coloured(view: View) -> str:
    """The task itself, or, when it has more classes than there are colours, the finest one that has not."""
    sizes = {task: len(classes) for task, classes in view.results.tasks.items() if len(classes) <= len(SERIES)}
    return max(sizes, key=sizes.__getitem__) if sizes and view.task not in sizes else view.task


def _draw_points(view: View, points: pd.DataFrame, kept: float | None, method: str, shade: str) -> None:
    ids = view.results.predictions.ids
    seed = seeds_of(view.results, view.model)[0]
    target, preds, _ = answers(view.results, view.task, view.model, seed)
    classes = view.results.tasks[view.task]
    row_of = {name: row for row, name in enumerate(ids)}
    points = points.assign(place=[row_of[name] for name in points["id"]])
    points = points[target[points["place"]] >= 0]
    points["class"] = [classes[target[row]] for row in points["place"]]
    coarse, names = view.results.predictions.targets[shade], view.results.tasks[shade]
    points["colour"] = [names[coarse[row]] if coarse[row] >= 0 else "no label" for row in points["place"]]
    points["answer"] = ["right" if target[row] == preds[row] else "wrong" for row in points["place"]]
    cap = f" {MOST_POINTS:,} of {len(ids):,} test products, chosen at random." if len(ids) > MOST_POINTS else ""
    share = (
        "" if kept is None else f" The map keeps {percent(kept)} of the variance: neighbours on it may be far apart."
    )
    st.caption(
        plain(f"{method} of the embeddings; answers of {view.title}, seed {seed}.{share}{cap}")
        + " Draw a box with the mouse, or choose a class below, to list products."
    )
    if points.empty:
        st.info("No test product with a label has this input.")
        return
    chart = partial(charts.plane_chart, points, view.task)
    key = f"plane_{view.run}_{view.task}"
    st.html(BOX_LOOKS)
    event = figure(chart, key, "rerun", "box", name=f"Map of the test products {task_words(view.task)}")
    box = event.selection.get("box", {})
    name = st.selectbox(
        "Products in class",
        sorted(points["class"].unique()),
        index=None,
        key=f"class_{key}",
        placeholder="Choose a class",
    )
    inside = points
    for axis in ("x", "y"):
        if axis in box:
            inside = inside[inside[axis].between(min(box[axis]), max(box[axis]))]
    if name:
        inside = inside[inside["class"] == name]
    if box or name:
        st.markdown(f"**{number_of(len(inside), 'product')}**")
        draw_products(view, seed, inside["place"].tolist(), key)


@st.cache_resource(show_spinner=False, max_entries=8)
def read_curve(path: str, changed: float) -> CurveResults | None:
    """A run's learning curve, shared by all sessions; None where its file is damaged. `changed` is its time stamp."""
    try:
        return CurveResults.read(Path(path))
    except UserError:
        return None


def curves_at_hand() -> dict[str, CurveResults]:
    """Title -> learning curve of each run on this machine."""
    files = results_files(CURVE_FORMAT).values()
    found = {title: read_curve(str(path), path.stat().st_mtime) for title, path in files}
    return {title: curve for title, curve in found.items() if curve is not None}


def draw_curves(view: View) -> None:
    """Learning curves of runs on this machine that know this task."""
    found = curves_at_hand()
    with st.expander("Open a learning curve"):
        upload = st.file_uploader("A file of a learning curve (JSON)", type=["json"], max_upload_size=20)
    if upload is not None:
        try:
            found = {upload.name: CurveResults.of(upload.getvalue(), upload.name)} | found
        except UserError as error:
            st.error(refusal(error))
    files = {title: curves for title, curves in found.items() if view.task in curves.tasks}
    if not files:
        st.caption(
            f"No learning curve for {plain(task_words(view.task))} yet; choose “How many examples does it take?” on "
            "Train."
        )
        return
    curves = files[st.selectbox("Learning curve", list(files))]
    rows = curves.of_task(view.task)
    split = SPLIT_WORDS.get(curves.data.split, curves.data.split)
    st.caption(
        f"n = {rows[0].n:,} {plain(split)} products; intervals are over {curves.draws:,} draws of "
        "the examples; for “all”, they are over the products."
    )
    figure(partial(charts.curve_chart, rows, view.task), name=f"How many examples {task_words(view.task)}")
