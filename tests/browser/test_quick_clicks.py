"""Whoever clicks on before the browser has heard of the last answer loses nothing that it said."""

from __future__ import annotations

import time

import pytest

from tests.browser.conftest import WAIT_MS
from tests.browser.driving import open_add, reload, settled, upload

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("home_of_own")]

TABLE = b"id,text,kind\n1,a tin,tin\n2,a jar,jar\n3,a jar of jam,jar\n"


class Line:
    """The wire of a page; while it is slow, only new addresses arrive there, and all that it says is heard."""

    def __init__(self, page):
        self.page, self.slow, self.waiting = page, False, []
        page.route_web_socket("**/_stcore/stream", self._between)
        reload(page)
        settled(page)

    def _between(self, browser) -> None:
        server = browser.connect_to_server()
        browser.on_message(server.send)
        server.on_message(lambda message: self._said(browser, message))

    def _said(self, browser, message: bytes) -> None:
        if self.slow and b"dataset=" not in message:
            self.waiting.append((browser, message))
        else:
            browser.send(message)

    def has_said(self, words: str) -> None:
        """Waits until the server has said this."""
        deadline = time.monotonic() + WAIT_MS / 1000
        while not any(words.encode() in message for _, message in self.waiting):
            assert time.monotonic() < deadline, f"nothing says {words}"
            self.page.wait_for_timeout(100)

    def catch_up(self) -> None:
        self.slow = False
        while self.waiting:
            browser, message = self.waiting.pop(0)
            browser.send(message)


def test_new_data_stay_chosen_when_a_tab_is_opened_before_they_are_seen(open_at, server):
    page = open_at(server, "data")
    line = Line(page)
    open_add(page)
    sent = {"name": "new.csv", "mimeType": "text/csv", "buffer": TABLE}
    upload(page, page.locator("input[type=file]").first, "new.csv", sent)
    line.slow = True
    page.get_by_role("button", name="Add", exact=True).click()
    line.has_said("3 usable products")
    page.get_by_role("tab", name="Columns").click()
    line.catch_up()
    page.get_by_role("tabpanel", name="Columns").get_by_text("Columns to learn").wait_for()
    page.get_by_text("3 usable products").wait_for()
    assert "dataset=new" in page.url
