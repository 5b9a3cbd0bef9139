"""Compare without a browser: every section says what is stored, and cells open their products."""

from __future__ import annotations

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from retail.components.folded import fold_key
from retail.components.words import table_frame
from retail.escaping import plain
from retail.files import home
from retail.report.answers import three_answers
from retail.report.findings import findings
from retail.report.mistakes import rows_in, saved_by
from retail.report.table_formats import Column, Table
from retail.report.tables import all_tables
from retail.report.verdict import verdict
from tests.results_sample import MODELS, curve_results, ids, sample_json, sample_results, write_finished_run
from tests.test_side_by_side import without_test_labels

TIMEOUT_SECONDS = 300
GROUP = "compare_group"
RUN = "20260101-000000-test"
GROUPS = {
    "Answer": (
        "Fusion minus the best single input",
        "If an input is missing",
        "What each input costs",
        "One input first, more only when unsure",
    ),
    "Mistakes": ("What fusion gains, class by class", "What each input adds to the right answer"),
    "Trust": ("Each mix of inputs", "Sets of answers instead of one"),
    "Details": (
        "Tables and files",
        "One question or all, one input or all",
        "Map of the test products",
        "How many examples does it take?",
        "Beside another comparison",
        "How the comparison was run",
    ),
}
TITLES = {model[0]: model[3] for model in MODELS}


@pytest.fixture
def open_compare():
    """Opens Compare on a run; the runs that a test wrote are gone afterwards."""

    def open_one(run: str = RUN) -> AppTest:
        app = AppTest.from_file("../streamlit_app.py", default_timeout=TIMEOUT_SECONDS)
        app.query_params["run"] = run
        app.run()
        app.switch_page("retail/pages/compare.py").run()
        assert not app.exception, app.exception
        return app

    write_finished_run(home())
    yield open_one
    shutil.rmtree(home() / "runs")


def box(app: AppTest, label: str):
    return next(item for item in app.selectbox if item.label == label)


def group(app: AppTest, name: str, *opened: str) -> AppTest:
    """Chooses a tab and opens sections of it, all others closed; AppTest has no click for either."""
    app.session_state[GROUP] = name
    for title in GROUPS[name]:
        app.session_state[fold_key(title)] = title in opened
    app.run()
    assert not app.exception, (name, app.exception)
    return app


def texts(app: AppTest) -> list[str]:
    """Headings, too: what a person reads above the tabs."""
    return [item.value for kind in (app.header, app.subheader, app.markdown, app.caption) for item in kind]


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return "\n".join(item.value for kind in kinds for item in kind)


def cards(app: AppTest) -> set[str]:
    return {item.value.strip("*") for item in app.markdown if item.value.startswith("**row ")}


def frames(app: AppTest) -> list[list[list[str]]]:
    return [item.value.to_numpy().tolist() for item in app.dataframe]


@pytest.mark.parametrize("task", list(sample_results().tasks))
def test_the_verdict_and_every_finding_of_the_task_are_the_stored_ones(open_compare, task):
    app = box(open_compare(), "Question").set_value(task).run()
    answer = verdict(sample_results(), task)
    assert app.header[0].value == answer.decision and plain(answer.reason) in said(app)
    for one in three_answers(sample_results(), task, answer.model):
        assert {one.question, plain(one.said), plain(one.rests_on)} <= set(texts(app))
    found = findings(sample_results().of_task(task))
    assert len(found) > 3 and all(plain(sentence) in said(app) for sentence in found)


@pytest.mark.parametrize("task", list(sample_results().tasks))
def test_every_section_opens_for_every_task(open_compare, task):
    app = box(open_compare(), "Question").set_value(task).run()
    assert [tab.label for tab in app.tabs] == list(GROUPS)
    for name, sections in GROUPS.items():
        group(app, name, *sections)
        assert set(sections) <= {expander.label for expander in app.expander}


def test_only_what_is_open_is_drawn_so_that_the_page_stays_fast(open_compare):
    app = open_compare()
    assert len(app.get("vega_lite_chart")) == 1
    assert len(group(app, "Answer", *GROUPS["Answer"]).get("vega_lite_chart")) == 5


def test_a_verdict_is_no_alert_and_nothing_else_is_one(open_compare):
    app = open_compare()
    assert not [*app.success, *app.warning, *app.error, *app.info]


def test_every_chart_can_be_taken_along_as_picture_and_as_figures(open_compare):
    app = open_compare()
    for name, sections in GROUPS.items():
        group(app, name, *sections)
        kinds = [item.label for item in app.get("download_button")]
        charts = len(app.get("vega_lite_chart"))
        assert [kinds.count(kind) for kind in ("PNG", "SVG", "CSV")] == [charts] * 3, name


def test_every_table_of_the_command_line_can_be_reached_with_its_numbers(open_compare):
    app = group(open_compare(), "Details", "Tables and files")
    for table in all_tables(sample_results()):
        box(app, "Table, of all questions").set_value(table.title).run()
        assert frames(app)[0] == table_frame(table, TITLES).to_numpy().tolist(), table.name


def test_sections_show_the_same_numbers_as_the_tables(open_compare):
    cut = {
        table.name: table_frame(table, TITLES).to_numpy().tolist()
        for table in all_tables(sample_results().of_task("product"))
    }
    app = open_compare()
    for name, tables in {
        "Answer": ("dedicated", "costs", "cascade"),
        "Mistakes": ("attribution",),
        "Trust": ("calibration", "reliability", "coverage", "thresholds", "conformal", "subset_certainty"),
        "Details": ("hierarchy",),
    }.items():
        drawn = frames(group(app, name, *GROUPS[name]))
        assert all(cut[table] in drawn for table in tables), name


def test_a_damaged_file_is_named_and_another_run_can_be_chosen(open_compare):
    results = sample_json()
    del results["scores"][0]["accuracy"]
    write_finished_run(home(), "20250101-000000-damaged", results)
    app = open_compare("20250101-000000-damaged")
    assert "is damaged at scores.0.accuracy" in said(app)
    box(app, "Results").set_value(RUN).run()
    assert verdict(sample_results(), "product").decision == app.header[0].value


def test_the_address_names_the_run_and_another_choice_changes_it(open_compare):
    app = open_compare("demo")
    assert box(app, "Results").value == "demo"
    box(app, "Results").set_value(RUN).run()
    assert app.query_params["run"] in (RUN, [RUN])
    assert box(app, "Results").value == RUN


def test_a_cell_lists_only_its_products_and_says_which_input_would_have_saved_each(open_compare):
    app = group(open_compare(), "Mistakes")
    cell = (0, 1)
    rows = rows_in(sample_results(), "product", "gated", "0", cell)
    assert not cards(app)
    box(app, "Products of").set_value(cell).run()
    assert not app.exception
    assert cards(app) == {ids()[row] for row in rows[:12]}
    words = {"image": "photo", "text": "description", "audio": "sound"}
    for row in rows[:12]:
        alone = [words[name] for name in saved_by(sample_results(), "product", "0", row)]
        assert f"Would have been right alone: {', '.join(alone) or 'no single input'}." in said(app)
        assert f"“words of {ids()[row]}”" in said(app)


def test_right_answers_come_a_page_at_a_time(open_compare):
    app = group(open_compare(), "Mistakes")
    box(app, "Products of").set_value((2, 2)).run()
    rows = rows_in(sample_results(), "product", "gated", "0", (2, 2))
    assert f"12 of {len(rows)} products at a time." in said(app)
    app.get("pagination")[0].set_value(2).run()
    assert cards(app) == {ids()[row] for row in rows[12:24]}


def test_another_model_and_seed_have_their_own_matrix(open_compare):
    app = group(open_compare(), "Mistakes")
    box(app, "Model").set_value("audio").run()
    next(item for item in app.radio if item.label == "Seed").set_value("1").run()
    assert "Sound only, seed 1: 78 of 200 test products right." in said(app)


def test_products_whose_data_are_gone_are_still_named(open_compare):
    shutil.rmtree(home() / "sample")
    app = group(open_compare(), "Mistakes")
    box(app, "Products of").set_value((0, 1)).run()
    assert not app.exception
    assert "The data of this run is not on this machine" in said(app) and cards(app)


def test_the_wished_accuracy_tells_its_threshold(open_compare):
    app = group(open_compare(), "Trust")
    (row,) = sample_results().of_task("product").calibration
    for wish in [row.threshold_for(wished) for wished in (0.5, 0.725, 0.9, 0.99)]:
        app.slider[0].set_value(100 * wish.wished).run()
        if wish.threshold is None:
            assert "of the time cannot be promised yet" in said(app)
        else:
            assert f"at least {100 * wish.threshold:.1f} % sure; that answers" in said(app)


def test_a_threshold_that_no_test_product_reaches_is_not_called_missing(open_compare):
    results = sample_json()
    for row in results["calibration"]:
        row["judged"]["test"]["confidence"] = [0.01] * len(row["judged"]["test"]["confidence"])
    write_finished_run(home(), "20250101-000000-unsure", results)
    app = group(open_compare("20250101-000000-unsure"), "Trust")
    app.slider[0].set_value(50.0).run()
    assert "sure; the model is that sure for no test product" in said(app)
    assert "the cross shows" not in said(app)


def test_any_wish_gives_what_the_file_says_of_its_own_wishes():
    for row in sample_results().calibration:
        for wish in row.thresholds:
            assert vars(row.threshold_for(wish.wished)) == pytest.approx(vars(wish), abs=1e-5)


def test_two_runs_stand_side_by_side_with_their_verdicts(open_compare):
    write_finished_run(home(), "20260202-000000-twin")
    app = group(open_compare(), "Details", "Beside another comparison")
    table = app.dataframe[0].value
    assert set(table["run"]) == {f"Sample comparison · {run}" for run in (RUN, "20260202-000000-twin")}
    assert table[table["question"] == "product"]["verdict"].tolist() == ["fusion pays"] * 2
    assert said(app).count(plain(verdict(sample_results(), "product").sentence)) == 2


def test_a_learning_curve_at_hand_is_drawn_and_is_no_comparison(open_compare):
    write_finished_run(home(), "20260303-000000-curve", curve_results())
    app = group(open_compare(), "Details", "How many examples does it take?")
    assert box(app, "Learning curve").options == ["Sample comparison · 20260303-000000-curve"]
    assert "20260303-000000-curve" not in str(box(app, "Results").options)
    box(app, "Question").set_value("brand").run()
    assert "No learning curve for brand yet" in said(app)


def test_a_single_task_needs_no_column_and_models_have_titles():
    table = Table("t", "", [Column("task"), Column("model"), Column("n")], [["a", "gated", 1], ["a", "image", 2]])
    frame = table_frame(table, TITLES)
    assert list(frame.columns) == ["model", "n"]
    assert frame["model"].tolist() == ["Gated sum", "Photo only"]


def test_many_classes_are_cut_to_those_with_most_mistakes_and_the_page_says_so(open_compare):
    results = sample_json()
    results["tasks"]["product"] += [f"never seen {place}" for place in range(30)]
    write_finished_run(home(), "20260404-000000-many", results)
    app = group(open_compare("20260404-000000-many"), "Mistakes")
    assert "The 24 of 33 classes with the most mistakes." in said(app)
    next(item for item in app.text_input if item.label == "Find a class").set_value("cocoa").run()
    assert "1 of 33 classes have this in their name" in said(app)


def test_a_run_without_any_fusion_opens_in_every_section(open_compare):
    results = sample_json()
    singles = [model for model in results["models"] if model["kind"] == "single"]
    results |= {"models": singles, "selected": {task: {"single": "image"} for task in results["tasks"]}}
    results["scores"] = [row for row in results["scores"] if row["kind"] == "single"]
    for name in ("differences", "subsets", "dedicated", "attribution", "cascade", "costs", "calibration"):
        results[name] = []
    del results["predictions"]["models"]["gated"], results["predictions"]["models"]["mean"]
    for row in (*results["conformal"], *results["settings"]):
        row |= {"model": "image"} | ({"modalities": ["image"]} if "modalities" in row else {})
    write_finished_run(home(), "20260606-000000-single", results)
    app = open_compare("20260606-000000-single")
    assert "Photo is the only input here" in app.header[0].value
    for name, sections in GROUPS.items():
        group(app, name, *sections)


def test_somebody_who_comes_back_by_a_link_sees_the_run_it_names(open_compare):
    app = open_compare("demo")
    app.switch_page("retail/pages/recognise.py").run()
    app.query_params["run"] = "demo"
    app.switch_page("retail/pages/compare.py").run()
    assert box(app, "Results").value == "demo"


def drawn(app: AppTest) -> str:
    """The id of the first chart: one with the same id keeps its selection and hears no second click on it."""
    return app.get("vega_lite_chart")[0].proto.id


def test_charts_to_click_are_fresh_after_each_choice(open_compare):
    app = open_compare()
    before = drawn(app)
    box(app, "Model").set_value("image").run()
    assert drawn(app) != before
    group(app, "Mistakes")
    before = drawn(app)
    box(app, "Products of").set_value((0, 1)).run()
    assert drawn(app) != before


def test_a_task_without_any_labelled_test_row_is_left_out_and_the_page_says_so(open_compare):
    results = without_test_labels(sample_json(), "product")
    write_finished_run(home(), "20260505-000000-part", results)
    app = open_compare("20260505-000000-part")
    assert (
        box(app, "Question").options == ["brand"]
        and "no test product has a label: product" in box(app, "Question").help
    )
    write_finished_run(home(), "20260506-000000-none", without_test_labels(results, "brand"))
    assert "No test product of this run has a label" in said(open_compare("20260506-000000-none"))
