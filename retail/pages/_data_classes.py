"""The tab Classes of Data: how many products each class has, with which inputs, and classes without any in training.

In: a `Manifest`. Out: a chart and sentences on the page.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from retail import charts
from retail.components.some_rows import choose_rows
from retail.components.words import figure
from retail.dataset import summary
from retail.dataset.manifest import Manifest
from retail.escaping import plain
from retail.splits import unseen_classes
from retail.wording import task_words


def draw_classes(manifest: Manifest) -> None:
    """Bars of one task's classes by kind of input, and the balance in a sentence."""
    if not manifest.label_columns:
        st.info("No column looks like a label. Choose under Columns what the model should learn.")
        return
    tasks = list(dict.fromkeys([*manifest.tasks, *manifest.label_columns]))
    task = st.selectbox("What to learn", tasks, format_func=task_words)
    st.markdown(plain(summary.balance_sentence(manifest, task)))
    for sentence in unseen_classes(replace(manifest, tasks=(task,))):
        st.warning(plain(sentence))
    counts = summary.class_counts(manifest, task)
    names = list(dict.fromkeys(counts["class"]))
    if not names:
        return
    places = choose_rows(names, f"classes_{manifest.checksum}_{task}", "classes", "The largest and the smallest")
    shown = {names[place] for place in places}
    if shown:
        chart = partial(charts.class_chart, counts[counts["class"].isin(shown)], task)
        figure(chart, name=f"Products per class {task_words(task)}")
