"""A bulk run under review: which rows need a person, in which order, and the table with what was said."""

from __future__ import annotations

import csv
import io

import pytest

from retail.catalogue.database import Catalogue
from retail.files import DEMO_BUNDLE
from retail.recognizer.bundle import load_bundle
from retail.review.corrections import Corrections
from retail.schema import UserError
from retail.workspace import bulk, reviews
from tests.review_sample import TEXTS, write_bulk_run

pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.fixture
def job(tmp_path):
    return write_bulk_run(tmp_path / "data")


def decide(review, number: int, verdict: str, **said) -> None:
    recognizer = load_bundle(DEMO_BUNDLE)
    product = review.products[number]
    kept = Corrections().record(
        product,
        recognizer.predict(product),
        verdict,
        recognizer=recognizer,
        bundle=DEMO_BUNDLE,
        catalogue=Catalogue.open("Shop"),
        origin="review",
        **said,
    )
    while (row := review.queue.next("ann")) != number:
        review.queue.skip("ann", row)
    review.queue.decide("ann", number, kept.id)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_finished_run_with_unsure_rows_is_offered_and_each_row_is_its_product_again(job):
    assert list(reviews.reviewable()) == [job.id]
    review = reviews.open_review(job)
    assert [review.products[number].text for number in sorted(review.products)] == list(TEXTS[:-1])
    assert review.places[3] == "line 5"
    assert review.wanted == [number for number in range(len(TEXTS) - 1) if review.open_tasks(number)] != []
    assert reviews.reviewable()[job.id][1] == len(review.wanted)


def test_the_queue_holds_exactly_the_rows_that_need_a_person(job):
    review = reviews.open_review(job)
    assert reviews.fill(review, load_bundle(DEMO_BUNDLE)) == len(review.wanted)
    assert sorted(review.queue.ahead(99)) == review.wanted


def test_a_run_whose_data_changed_is_refused_in_one_sentence(job, tmp_path):
    with (tmp_path / "data" / "metadata.csv").open("a", encoding="utf-8") as stream:
        stream.write("one more,a box\n")
    with pytest.raises(UserError, match="has 8 rows now, but 7 were recognised"):
        reviews.open_review(job)


def test_the_table_says_for_each_row_what_counts_now(job):
    review = reviews.open_review(job)
    reviews.fill(review, load_bundle(DEMO_BUNDLE))
    first, second, third = review.wanted[:3]
    decide(review, first, "class", labels={"category": "tea"})
    decide(review, second, "right")
    decide(review, third, "new", name="=Medlar")
    rows = rows_of(reviews.reviewed_table(review))
    assert [rows[number]["reviewed"] for number in (first, second, third)] == ["corrected", "right", "new product"]
    assert rows[first]["category_final"] == "tea"
    assert rows[second]["product_final"] == rows[second]["product"]
    assert rows[third]["reviewed_product"] == "'=Medlar" and rows[third]["product_final"] == ""
    table = bulk.predictions(job)
    for number, row in enumerate(rows):
        if number not in (first, second, third):
            accepted = table.columns.decision(table.rows[number], "category") == "accept"
            assert row["reviewed"] == "" and row["category_final"] == (row["category"] if accepted else "")


def test_a_table_with_such_a_column_keeps_its_own(job, monkeypatch):
    assert reviews._free(["reviewed", "a_final"], ["reviewed"]) == ["reviewed (review)", "a_final"]
