"""The tab Classes of Data: how many products each class has, with which inputs, and classes without any in training.

In: a `Manifest`. Out: a chart and sentences on the page.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from retail import charts
from retail.components.words import figure, plain
from retail.dataset import summary
from retail.dataset.manifest import Manifest
from retail.splits import unseen_classes


def draw_classes(manifest: Manifest) -> None:
    """Bars of one task's classes by kind of input, and the balance in a sentence."""
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
