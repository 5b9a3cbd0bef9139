"""One thread for the recogniser: what waits together is answered together, and as each alone."""

from __future__ import annotations

import threading

import pytest

from retail.schema import Product
from retail.serve.desk import Desk
from retail.serve.worker import Worker
from tests.serve_sample import photo_bytes, real_recognizer, recognizer

PRODUCTS = [Product(str(place), text="x" * place) for place in range(1, 11)]


def held_worker(desk, together=4):
    """A worker that is busy until it is told to go on, its batches and failures."""
    go, batches, failures = threading.Event(), [], []
    worker = Worker(lambda: desk, together, batches.append, failures.append)
    worker.run(lambda _: go.wait(30))
    return worker, go, batches, failures


def assert_same(found, alone):
    assert (found.id, found.used, found.notes) == (alone.id, alone.used, alone.notes)
    for task, answer in alone.answers.items():
        assert found.probs[task] == pytest.approx(alone.probs[task], abs=1e-6)
        same = ("label", "decision", "candidates", "like_this")
        assert all(getattr(found.answers[task], name) == getattr(answer, name) for name in same)


def test_what_waits_together_goes_through_the_encoders_together_and_is_answered_as_alone():
    worker, go, batches, _ = held_worker(Desk(recognizer()))
    wishes = [0.9 if place % 3 else 0.8 for place in range(len(PRODUCTS))]
    asked = [worker.recognise(product, wish) for product, wish in zip(PRODUCTS, wishes, strict=True)]
    go.set()
    for future, product, wish in zip(asked, PRODUCTS, wishes, strict=True):
        found, alone = future.result(30), recognizer().predict(product, accuracy=wish)
        assert_same(found, alone)
    assert batches == [4, 4, 2]
    worker.close(30)


def test_errands_keep_their_turn_between_batches():
    worker, go, batches, _ = held_worker(Desk(recognizer()))
    first = worker.recognise(PRODUCTS[0], 0.9)
    seen = worker.run(lambda desk: (first.done(), last.done()))
    last = worker.recognise(PRODUCTS[1], 0.9)
    go.set()
    assert seen.result(30) == (True, False) and last.result(30).used == ("text",)
    assert batches == [1, 1]
    worker.close(30)


def test_a_product_that_breaks_the_desk_spoils_no_other_answer():
    class Fragile(Desk):
        def recognise(self, products, accuracies):
            if any(product.id == "2" for product in products):
                raise ZeroDivisionError
            return super().recognise(products, accuracies)

    worker, go, _, _ = held_worker(Fragile(recognizer()))
    asked = [worker.recognise(product, 0.9) for product in PRODUCTS[:3]]
    go.set()
    assert [type(one.exception(30)) for one in asked] == [type(None), ZeroDivisionError, type(None)]
    worker.close(30)


def test_who_gave_up_is_passed_over_and_a_closing_worker_finishes_the_others():
    worker, go, batches, _ = held_worker(Desk(recognizer()))
    gone, kept = worker.recognise(PRODUCTS[0], 0.9), worker.recognise(PRODUCTS[1], 0.9)
    assert gone.cancel()
    threading.Timer(0.05, go.set).start()
    worker.close(30)
    assert kept.done() and kept.result().id == "2" and batches == [1]


def test_a_desk_that_cannot_be_opened_is_told():
    told = threading.Event()
    worker = Worker(lambda: 1 / 0, 1, lambda size: None, lambda error: told.set())
    assert told.wait(30) and worker.desk is None


def test_networks_that_pad_and_pool_answer_together_as_alone(tmp_path):
    recognizer = real_recognizer(tmp_path)
    products = [
        Product("0", (photo_bytes("red"),), "fresh tea"),
        Product("1", (photo_bytes("blue"), photo_bytes("green")), "no coffee before a b c d e f g h"),
        Product("2", text="tea"),
        Product("3", (photo_bytes("blue"),)),
        Product("4", (b"no photo",), "fresh coffee"),
    ]
    together = Desk(recognizer).recognise(products, [0.9, 0.9, 0.8, 0.9, 0.9])
    for found, product in zip(together, products, strict=True):
        assert_same(found, recognizer.predict(product, accuracy=0.8 if product.id == "2" else 0.9))
