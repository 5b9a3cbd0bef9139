"""Both pages run without a browser: examples, uploads, switches and the numbers of a finished run."""

from __future__ import annotations

import io
import re
from itertools import product as every

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from retail.escaping import plain
from retail.files import DEMO_TASKS, home
from retail.report.verdict import verdict
from tests.results_sample import MODELS, sample_results, write_finished_run

TIMEOUT_SECONDS = 300
WORDS = ("photo", "description", "sound")


@pytest.fixture
def recognise() -> AppTest:
    app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS).run()
    assert not app.exception, app.exception
    return app


@pytest.fixture
def compare() -> AppTest:
    write_finished_run(home())
    app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS).run()
    app.switch_page("retail/pages/compare.py").run()
    assert not app.exception, app.exception
    return app


def button(app: AppTest, label: str):
    return next(item for item in app.button if item.label == label)


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return "\n".join(item.value for kind in kinds for item in kind)


def cards(app: AppTest) -> list[str]:
    """What is answered to each question: the headline, and a row for each other."""
    rows = [re.findall(r'class="bars-name">[^<]*</span> <strong>([^<]*)', html.proto.body) for html in app.get("html")]
    return [*(item.value for item in app.header), *sum(rows, [])]


def photo(colour: str = "red", size: tuple[int, int] = (80, 80)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


def test_an_empty_page_says_that_any_one_input_is_enough(recognise):
    assert "Any one input is enough" in said(recognise)
    assert not cards(recognise)


def test_an_example_answers_every_question_and_the_next_one_is_another(recognise):
    app = button(recognise, "Try an example").click().run()
    assert not app.exception
    assert len(cards(app)) == len(DEMO_TASKS)
    first = app.session_state.example
    app = button(app, "Try an example").click().run()
    assert app.session_state.example != first
    assert len(cards(app)) == len(DEMO_TASKS)


def test_all_seven_subsets_answer_and_none_is_the_empty_state(recognise):
    app = button(recognise, "Try an example").click().run()
    for wanted in every((True, False), repeat=3):
        for word, on in zip(WORDS, wanted, strict=True):
            next(item for item in app.toggle if item.label == word.capitalize()).set_value(on)
        app.run()
        assert not app.exception
        used = [word for word, on in zip(WORDS, wanted, strict=True) if on]
        assert len(cards(app)) == (len(DEMO_TASKS) if used else 0), used
        assert (f"Used: {' + '.join(used)}." if used else "Any one input is enough") in said(app)


def test_a_description_alone_is_enough(recognise):
    app = recognise.text_area[0].set_value("ground coffee in a tin").run()
    assert not app.exception
    assert len(cards(app)) == len(DEMO_TASKS)
    assert "Used: description." in said(app)


def test_a_damaged_photo_is_named_and_the_description_still_counts(recognise):
    app = recognise.text_area[0].set_value("ground coffee in a tin").run()
    app.file_uploader[0].set_value([("broken.png", b"not a photo", "image/png")])
    app.run()
    assert not app.exception
    assert any("broken.png" in item.value for item in app.error)
    assert "Used: description." in said(app)


def test_photos_and_words_survive_a_change_of_page(recognise):
    app = recognise.text_area[0].set_value("ground coffee in a tin").run()
    app.file_uploader[0].set_value([("front.png", photo(), "image/png")])
    app.run()
    app.switch_page("retail/pages/compare.py").run()
    app.switch_page("retail/pages/recognise.py").run()
    assert not app.exception
    assert [photo.name for photo in app.session_state.photos] == ["front.png"]
    assert app.text_area[0].value == "ground coffee in a tin"
    assert "Used: photo + description." in said(app)


def test_clear_takes_every_input_away(recognise):
    app = button(recognise, "Try an example").click().run()
    app = button(app, "Clear").click().run()
    assert "Any one input is enough" in said(app)
    assert app.text_area[0].value == ""


@pytest.mark.parametrize("task", list(sample_results().tasks))
def test_the_verdict_on_the_page_is_the_stored_one(compare, task):
    app = next(item for item in compare.selectbox if item.label == "Question").set_value(task).run()
    assert not app.exception
    answer = verdict(sample_results(), task)
    assert app.header[0].value == answer.decision and plain(answer.reason) in said(app)


def test_every_strategy_and_baseline_stands_in_the_first_table(compare):
    table = compare.dataframe[0].value
    assert set(table["model"]) == {model[3] for model in MODELS}
    assert set(table["n"]) == {200}
    gated = table[table["model"] == "Gated sum"].iloc[0]
    assert (gated["accuracy"], gated["95 % interval"]) == ("84.0 %", "80.0 % to 88.0 %")
