"""The review queue: one row a person, leases that end, undo, and what is left."""

import multiprocessing
import time

import pytest

from retail.review.queue import Counts, ReviewQueue, Undone, _per_hour
from retail.schema import UserError


@pytest.fixture
def queue(tmp_path) -> ReviewQueue:
    queue = ReviewQueue(tmp_path)
    queue.fill([30, 10, 20])
    return queue


def test_rows_come_in_the_order_given_and_a_person_who_asks_again_keeps_his(queue):
    assert [queue.next("ann"), queue.next("ann"), queue.next("bo"), queue.next("cy")] == [30, 30, 10, 20]
    assert queue.next("di") is None
    assert queue.counts() == Counts(done=0, left=3, lent=3, per_hour=None)


def _decide_all(folder, reviewer, barrier, taken):
    queue = ReviewQueue(folder)
    barrier.wait()
    while (number := queue.next(reviewer)) is not None:
        taken.put((reviewer, number))
        queue.decide(reviewer, number, f"{reviewer}-{number}")


@pytest.mark.usefixtures("spawning")
def test_three_processes_never_get_the_same_row(tmp_path):
    ReviewQueue(tmp_path).fill(range(60))
    context = multiprocessing.get_context("spawn")
    barrier, taken = context.Barrier(3), context.Queue()
    people = [context.Process(target=_decide_all, args=(tmp_path, name, barrier, taken)) for name in ("a", "b", "c")]
    for person in people:
        person.start()
    numbers = [taken.get(timeout=60)[1] for _ in range(60)]
    for person in people:
        person.join(60)
    assert sorted(numbers) == list(range(60))
    assert taken.empty() and ReviewQueue(tmp_path).counts().done == 60


def test_a_row_whose_time_is_over_comes_back_and_the_late_answer_is_refused(tmp_path):
    queue = ReviewQueue(tmp_path, lease_seconds=0.05)
    queue.fill([7])
    assert queue.next("ann") == 7
    assert queue.next("bo") is None
    time.sleep(0.06)
    assert ReviewQueue(tmp_path).next("bo") == 7
    with pytest.raises(UserError, match="Somebody else has this row now"):
        queue.decide("ann", 7, "c1")
    ReviewQueue(tmp_path).decide("bo", 7, "c2")
    with pytest.raises(UserError, match="decided already"):
        queue.decide("ann", 7, "c3")


def test_a_late_answer_to_a_row_that_nobody_took_meanwhile_counts(tmp_path):
    queue = ReviewQueue(tmp_path, lease_seconds=0.01)
    queue.fill([7])
    queue.next("ann")
    time.sleep(0.02)
    queue.decide("ann", 7, "c1")
    assert queue.counts().done == 1


def test_what_comes_next_is_seen_ahead_without_what_others_have(queue):
    assert queue.next("ann") == 30
    assert queue.ahead(5) == [10, 20] and queue.ahead(1) == [10]


def test_each_decided_row_names_its_correction(queue):
    queue.decide("ann", queue.next("ann"), "c1")
    queue.next("ann")
    assert queue.decisions() == {30: "c1"}


def test_a_skipped_row_goes_to_the_end(queue):
    queue.skip("ann", queue.next("ann"))
    queue.skip("ann", queue.next("ann"))
    assert [queue.next(name) for name in ("ann", "bo", "cy")] == [20, 30, 10]


def test_undo_opens_the_last_decision_of_this_person_alone_and_names_its_correction(queue):
    queue.decide("ann", queue.next("ann"), "c30")
    queue.decide("ann", queue.next("ann"), "c10")
    queue.decide("bo", queue.next("bo"), "c20")
    assert queue.undo("ann") == Undone(10, "c10")
    assert queue.counts().done == 2
    assert queue.next("bo") is None, "it is lent to the one who took it back"
    assert queue.next("ann") == 10
    assert queue.undo("ann") == Undone(30, "c30")
    assert queue.next("bo") == 10, "what lay before her is free again"
    assert queue.undo("cy") is None


def test_filling_again_keeps_what_is_decided_and_drops_what_is_not_asked_for(queue):
    queue.decide("ann", queue.next("ann"), "c30")
    queue.fill([20, 40, 30])
    assert (queue.counts().done, queue.counts().left) == (1, 2)
    assert [queue.next("ann"), queue.next("bo"), queue.next("cy")] == [20, 40, None]
    with pytest.raises(UserError, match="not to be reviewed any more"):
        queue.decide("ann", 10, "c")


def test_the_pace_leaves_pauses_out_and_tells_how_long_the_rest_takes():
    assert _per_hour([1030.0, 1020.0, 1010.0, 10.0]) == pytest.approx(360)
    assert _per_hour([1000.0]) is None
    assert Counts(31, 191, 1, 1910).sentence == "31 of 222 done, about 6 minutes left."
    assert Counts(31, 191, 1, None).sentence == "31 of 222 done."
    assert Counts(10, 990, 1, 100).sentence == "10 of 1,000 done, about 9.9 hours left."
    assert Counts(222, 0, 0, 1910).sentence == "All 222 done."


def test_the_queue_of_a_deleted_run_says_so(tmp_path):
    with pytest.raises(UserError, match="no run in"):
        ReviewQueue(tmp_path / "gone")
