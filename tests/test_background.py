"""Work in a thread: progress can be watched, a result or one sentence comes out."""

from __future__ import annotations

import threading

from retail.schema import UserError
from retail.workspace.background import Background


def test_progress_is_seen_and_the_result_kept():
    seen, go_on = threading.Event(), threading.Event()

    def work(progress):
        progress("counting", 1, 4)
        seen.set()
        go_on.wait(20)
        return 7

    running = Background(work)
    assert seen.wait(20)
    assert running.running and (running.stage, running.share) == ("counting", 0.25)
    go_on.set()
    running.wait(20)
    assert not running.running and running.result == 7 and running.error == ""


def test_a_mistake_and_an_accident_are_sentences():
    def refuse(progress):
        raise UserError("No such data.")

    def fail(progress):
        raise ValueError("bad")

    for work, sentence in ((refuse, "No such data."), (fail, "Unexpected ValueError: bad")):
        running = Background(work)
        running.wait(20)
        assert not running.running and running.error == sentence
