"""What pages say is formatted as the pages want it, and what comes from data never: read off their sources."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.page_markdown import Reader

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "streamlit_app.py",
    *sorted((ROOT / "retail" / "pages").glob("*.py")),
    *sorted((ROOT / "retail" / "components").glob("*.py")),
]
AS_TEXT = {"alt", "placeholder"}  # what Streamlit never takes for markdown


def found_in(tmp_path: Path, source: str) -> list[str]:
    path = tmp_path / "page.py"
    path.write_text(f"import streamlit as st\nfrom retail.escaping import plain\n\n{source}\n")
    return list(Reader([path]).found)


def test_nothing_from_data_is_shown_as_markdown():
    assert list(Reader(PAGES).found) == []


@pytest.mark.parametrize(
    "source",
    [
        "st.caption(product.id)",
        "st.markdown(f'**{product.id}**')",
        "st.button('Open', help=f'Open {product.id}')",
        "st.radio('Which', names)",
        "st.pills('Tags', tags, format_func=lambda tag: f'# {tag}')",
        "left, right = st.columns(2)\nleft.error(str(error))",
        "def draw(error):\n    (st.info if error.mild else st.error)(error.message)",
        "def draw(error):\n    box = st.info if error.mild else st.error\n    box(error.message)",
        "def draw(title):\n    st.header(title)\n\ndef page():\n    draw(run.title)",
        "def words():\n    return run.title\n\ndef page():\n    st.header(words())",
        "def page():\n    for name in names:\n        label = f'{name} here'\n        st.button(label)",
    ],
)
def test_a_name_that_is_not_escaped_is_noticed(tmp_path, source):
    assert len(found_in(tmp_path, source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "st.caption(plain(product.id))",
        "st.markdown(f'**{plain(product.id)}** {count:,} of {share:.1f}')",
        "st.radio('Which', names, format_func=plain)",
        "st.selectbox('Which', names)",
        "KINDS = ('a', 'b')\nst.pills('Kind', KINDS, format_func=lambda kind: f'{kind}!')",
        "def draw(title):\n    st.header(title)\n\ndef page():\n    draw('Files')",
        "def draw(count: int):\n    st.header(f'{count}')",
        "def page():\n    said = 'one' if few else plain(many)\n    st.caption(said + ' of all')",
    ],
)
def test_what_is_escaped_or_our_own_is_not(tmp_path, source):
    assert found_in(tmp_path, source) == []


def escaped_for_nothing(source: str) -> list[str]:
    """Where backslashes would be shown: Streamlit takes these for text."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", "")
        shown = [word.value for word in call.keywords if word.arg in AS_TEXT]
        if name in ("selectbox", "multiselect"):
            shown += [
                *call.args[1:2],
                *(word.value for word in call.keywords if word.arg in ("options", "format_func")),
            ]
        if name in ("code", "text", "dataframe"):
            shown += call.args[:1]
        found += [
            ast.unparse(node)
            for part in shown
            for node in ast.walk(part)
            if isinstance(node, ast.Name) and node.id == "plain"
        ]
    return found


def test_what_streamlit_takes_for_text_is_not_escaped():
    assert escaped_for_nothing("st.selectbox('Which', names, format_func=plain)") == ["plain"]
    assert {
        path.name: found for path in PAGES if (found := escaped_for_nothing(path.read_text(encoding="utf-8")))
    } == {}
