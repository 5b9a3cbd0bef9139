"""Long charts: a search finds rows by every word of it, and no more are drawn than can be read."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from retail.components.some_rows import MOST, PAGE, matching


def test_a_search_wants_every_word_in_any_order_and_case():
    names = ["Honey Oat drink", "Oat drink", "Honey"]
    assert matching(names, "OAT honey") == [0]
    assert matching(names, "  ") == [0, 1, 2]


def page(count: int) -> AppTest:
    script = (
        "import streamlit as st\nfrom retail.components.some_rows import choose_rows\n"
        f"names = [f'class {{place}}' for place in range({count})]\n"
        "st.session_state.drawn = choose_rows(names, 'key', 'classes', 'The largest and smallest')\n"
    )
    return AppTest.from_string(script).run()


@pytest.mark.parametrize("count", [2, MOST])
def test_few_rows_are_all_drawn_without_a_choice(count):
    app = page(count)
    assert app.session_state.drawn == list(range(count)) and not app.text_input


def test_of_many_rows_both_ends_are_drawn_and_all_of_them_can_be_reached():
    app = page(3000)
    assert app.session_state.drawn == [*range(MOST // 2), *range(3000 - MOST // 2, 3000)]
    assert app.caption[0].value == "The largest and smallest of 3,000 classes."
    app.toggle[0].set_value(True).run()
    seen = list(app.session_state.drawn)
    for number in range(2, 3000 // PAGE + 1):
        seen += app.number_input[0].set_value(number).run().session_state.drawn
    assert seen == list(range(3000))
    app.text_input[0].set_value("class 2999").run()
    assert app.session_state.drawn == [2999]
