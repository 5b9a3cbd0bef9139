"""Who can come in: this machine alone by default, a warning where others can, pages of other sites never."""

from __future__ import annotations

import runpy
import sys
import tomllib
from pathlib import Path

import pytest
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from typer.testing import CliRunner

from retail.__main__ import app
from retail.workspace.exposure import is_local, names_of
from tests.pages_driving import open_page, said

SERVER = tomllib.loads((Path(__file__).parents[1] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["server"]


@pytest.mark.parametrize(("address", "local"), [("127.0.0.1", True), ("127.3.2.1", True), ("::1", True)])
def test_loopback_is_local(address, local):
    assert is_local(address) is local


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "192.168.1.5", "shop.example", "localhost.evil.example"])
def test_every_other_address_is_not(address):
    assert not is_local(address)


def test_browsers_may_use_the_names_of_the_address_and_no_others():
    assert names_of("127.0.0.1") == names_of("localhost") == ["localhost", "127.0.0.1", "::1"]
    assert names_of("192.168.1.5") == ["localhost", "127.0.0.1", "::1", "192.168.1.5"]
    every = names_of("0.0.0.0")
    assert {"localhost", "127.0.0.1"} < set(every) and "*" not in every and not any("%" in name for name in every)


def test_the_configuration_lets_in_this_machine_alone_and_no_page_of_another_site():
    assert SERVER["address"] == "127.0.0.1" and SERVER["allowedHosts"] == names_of("127.0.0.1")
    assert SERVER["enableCORS"] is True and SERVER["enableXsrfProtection"] is True


@pytest.fixture
def started(monkeypatch):
    """How the dashboard would be started."""
    calls: list[list[str]] = []
    monkeypatch.setattr(runpy, "run_module", lambda name, run_name: calls.append(list(sys.argv)))
    monkeypatch.setattr(sys, "argv", ["retail"])
    return calls


def test_the_dashboard_warns_only_who_lets_others_in(started):
    assert CliRunner().invoke(app, ["dashboard"]).output == ""
    told = CliRunner().invoke(app, ["dashboard", "--address", "0.0.0.0", "--host", "shop.example"]).stderr
    assert "everybody who reaches 0.0.0.0" in told and "proxy" in told and "secrets.toml" in told
    own, other = ([item.partition("=")[2] for item in call if "allowedHosts" in item] for call in started)
    assert own == names_of("127.0.0.1") and other[-1] == "shop.example" and "*" not in other
    assert "--server.address=127.0.0.1" in started[0] and "--server.address=0.0.0.0" in started[1]


@pytest.fixture
def at():
    """The dashboard as if it listened there."""
    before = config.get_option("server.address")
    yield lambda address: config.set_option("server.address", address)
    config.set_option("server.address", before)


@pytest.fixture
def secrets(tmp_path):
    """Writes Streamlit's secrets, which are read anew."""
    file, before = tmp_path / "secrets.toml", config.get_option("secrets.files")

    def write(text: str) -> None:
        file.write_text(text, encoding="utf-8")
        config.set_option("secrets.files", [str(file)])
        secrets_singleton._reset()

    yield write
    config.set_option("secrets.files", before)
    secrets_singleton._reset()


def test_the_page_says_that_others_can_come_in_and_what_to_do(empty_home, at):
    at("127.0.0.1")
    assert "Everybody on the network" not in said(open_page("runs"))
    at("0.0.0.0")
    page = said(open_page("runs"))
    assert "Everybody on the network who can open this page" in page and "Streamlit's login" in page


LOGIN = '[auth]\nredirect_uri = "http://localhost:8501/oauth2callback"\ncookie_secret = "0123456789"\n'


def test_nobody_sees_a_page_before_the_login_that_is_set_up(empty_home, at, secrets):
    at("0.0.0.0")
    secrets(f'{LOGIN}client_id = "a"\n')
    page = open_page("runs")
    assert [button.label for button in page.button] == ["Log in"] and [title.value for title in page.title] == [
        "Retail"
    ]
    assert said(page) == "Log in to use this dashboard."
    secrets(f'{LOGIN}[auth.shop]\nclient_id = "a"\n')
    assert [button.label for button in open_page("runs").button] == ["Log in with shop"]
    secrets("other = 1")
    assert "No runs yet" in said(open_page("runs"))
