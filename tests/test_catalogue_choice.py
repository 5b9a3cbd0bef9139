"""Which catalogue a recogniser answers with: a choice that stays, one for each."""

from __future__ import annotations

import shutil

import pytest

from retail.catalogue.choice import OWN, SHIPPED, catalogue_of, choose
from retail.files import DEMO_BUNDLE, home

pytestmark = pytest.mark.usefixtures("empty_home")


def test_a_recogniser_answers_with_ones_own_products_until_somebody_chooses():
    assert catalogue_of(DEMO_BUNDLE) == OWN
    choose(DEMO_BUNDLE, "Winter")
    assert catalogue_of(DEMO_BUNDLE) == "Winter"
    choose(DEMO_BUNDLE, "Spring")
    assert catalogue_of(DEMO_BUNDLE) == "Spring"


def test_a_shipped_recogniser_with_a_catalogue_answers_with_that():
    (folder, name), *_ = SHIPPED.items()
    assert catalogue_of(folder) == name
    assert catalogue_of(home() / folder.name) == OWN


def test_each_recogniser_has_a_choice_of_its_own(tmp_path):
    choose(tmp_path / "one", "Winter")
    choose(tmp_path / "two", "Spring")
    assert [catalogue_of(tmp_path / name) for name in ("one", "two", "three")] == ["Winter", "Spring", OWN]


def test_a_choice_survives_a_move_of_the_home_folder(tmp_path, monkeypatch):
    choose(home() / "runs" / "a" / "bundles" / "gated", "Winter")
    shutil.move(home(), tmp_path / "elsewhere")
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "elsewhere"))
    assert catalogue_of(home() / "runs" / "a" / "bundles" / "gated") == "Winter"


def test_a_damaged_choice_counts_as_none(tmp_path):
    choose(tmp_path / "one", "Winter")
    (file,) = (home() / "catalogues").glob("*.json")
    file.write_text("{", encoding="utf-8")
    assert catalogue_of(tmp_path / "one") == OWN
