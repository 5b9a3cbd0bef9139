"""Suspicious rows on the Data page without a browser: each is shown, decided with a button, and comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from retail.audit import audit
from retail.dataset.reader import read_manifest
from retail.store import EmbeddingBatch
from retail.workspace import audits, datasets, jobs
from tests.pages_driving import element, open_page, press, said

ROWS = 80


@pytest.fixture(autouse=True)
def quiet_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(jobs, "advance", lambda: None)


def shop() -> datasets.Dataset:
    """Two brands told by their texts; row 5 has the wrong one, rows 8 and 9 share a sentence, 9 as another brand."""
    lines = ["id,text,brand"]
    for row in range(ROWS):
        brand = ("Nike", "Puma")[row % 2]
        brand = "Nike" if row == 5 else brand
        lines.append(f"p{row},the same five words here {8 if row == 9 else row},{brand}")
    return datasets.add_upload("Shop", "shop.csv", "\n".join(lines).encode())


def look(dataset: datasets.Dataset) -> None:
    """An audit as if the queue had worked it off; what a text says is known from its number."""
    manifest = read_manifest(dataset.path)
    rows = np.random.default_rng(0).normal(size=(len(manifest.products), 8)).astype("float32")
    places = [int(product.id.removeprefix("p")) % 2 for product in manifest.products]
    rows[np.arange(len(rows)), places] += 4
    present = torch.ones(len(rows), dtype=torch.bool)
    ids = tuple(product.id for product in manifest.products)
    job = audits.start(dataset)
    audit(manifest, EmbeddingBatch(ids, {"text": torch.from_numpy(rows)}, {"text": present}, {})).write(
        job.folder / audits.REPORT
    )
    job.record.model_copy(update={"queued": False}).write(job.folder / jobs.RECORD)
    (job.folder / "status.json").write_text('{"state": "done"}', encoding="utf-8")


@pytest.fixture
def desk():
    added = shop()
    look(added)
    return added, open_page("data", tab="Suspicious rows", dataset=added.id)


def brands(dataset: datasets.Dataset) -> dict[str, str]:
    return {product.id: product.labels["brand"] for product in read_manifest(dataset.path).products}


def show(app, kind: str):
    radio = element(app, "radio", "Look at")
    radio.set_value(next(name for name in ("Labels", "Duplicates", "Decided") if name == kind)).run()
    assert not app.exception, app.exception
    return app


def counts(app) -> list[str]:
    return list(element(app, "radio", "Look at").options)


def test_a_wrong_label_is_accepted_and_taken_back(desk):
    added, app = desk
    assert counts(app) == ["Labels (1)", "Duplicates (1)", "Decided (0)"]
    assert "brand: **Nike**" in said(app) and "probably **Puma**" in said(app)
    assert "Nearest labelled Puma" in said(app) and "Nearest labelled Nike" in said(app)
    press(app, "Accept: Puma")
    assert brands(added)["p5"] == "Puma" and counts(app)[0] == "Labels (0)"
    show(app, "Decided")
    assert "p5: brand Nike → Puma" in said(app)
    press(app, "Undo")
    assert brands(added)["p5"] == "Nike" and counts(app)[0] == "Labels (1)"


def test_a_dismissed_label_stays_and_does_not_come_back_in_the_next_look(desk):
    added, app = desk
    press(app, "Dismiss: Nike is right")
    assert brands(added)["p5"] == "Nike" and counts(app)[0] == "Labels (0)"
    look(added)
    assert counts(open_page("data", tab="Suspicious rows", dataset=added.id))[0] == "Labels (0)"


def test_copies_are_shown_with_what_contradicts_and_one_is_left_out(desk):
    added, app = desk
    show(app, "Duplicates")
    assert "same description (100.0 %)" in said(app) and "Labels differ · brand: **Nike** or **Puma**" in said(app)
    press(app, "Accept: keep p8")
    assert "p9" not in brands(added) and counts(app)[1:] == ["Duplicates (0)", "Decided (1)"]
    show(app, "Decided")
    press(app, "Undo")
    assert "p9" in brands(added) and counts(app)[1] == "Duplicates (1)"


def test_rows_called_different_products_do_not_come_back_in_the_next_look(desk):
    added, app = desk
    show(app, "Duplicates")
    press(app, "Dismiss: different")
    assert "p9" in brands(added) and counts(app)[1] == "Duplicates (0)"
    look(added)
    assert counts(open_page("data", tab="Suspicious rows", dataset=added.id))[1] == "Duplicates (0)"


def test_thousands_of_doubts_are_shown_a_page_at_a_time(desk):
    added, _ = desk
    job = audits.latest(added)
    report = audits.report(job)
    (error,) = report.label_errors
    many = tuple(replace(error, row=f"p{row}") for row in range(1, ROWS, 2) if row not in (5, 9)) + (error,)
    labels = {name: brand for name, brand in brands(added).items()}
    many = tuple(replace(one, given=labels[one.row]) for one in many)
    report.model_copy(update={"label_errors": many}).write(job.folder / audits.REPORT)
    app = open_page("data", tab="Suspicious rows", dataset=added.id)
    accepts = [button for button in app.button if button.label.startswith("Dismiss:")]
    assert len(accepts) == 5
    app.get("pagination")[0].set_value(2).run()
    assert not app.exception and len([b for b in app.button if b.label.startswith("Dismiss:")]) == 5
