"""Data seen from above: coverage, bars per class and input, balance in words, files that repeat across splits."""

from __future__ import annotations

import csv

import pytest

from retail import charts
from retail.dataset import summary
from retail.dataset.reader import read_manifest


@pytest.fixture
def manifest(tmp_path):
    for name, content in (("a.png", b"same"), ("b.png", b"same"), ("c.png", b"other"), ("d.wav", b"sound")):
        (tmp_path / name).write_bytes(content)
    rows = [
        ("id", "image_file_name", "audio_file_name", "text", "kind", "split"),
        ("1", "a.png", "d.wav", "tin", "tin", "train"),
        ("2", "b.png", "", "", "tin", "test"),
        ("3", "c.png", "", "jar", "jar", "train"),
        ("4", "c.png", "", "jar", "jar", "train"),
        ("5", "", "", "a mug", "", "val"),
    ]
    with (tmp_path / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    return read_manifest(tmp_path)


def test_coverage_counts_products(manifest):
    found = {row.modality: (row.products, row.share) for row in summary.coverage(manifest)}
    assert found == {"image": (4, 0.8), "text": (4, 0.8), "audio": (1, 0.2)}


def test_bars_count_each_input_of_each_class(manifest):
    frame = summary.class_counts(manifest, "kind").set_index(["class", "input"])["products"]
    assert frame["tin"].to_dict() == {"photo": 2, "description": 1, "sound": 1}
    assert frame["jar"].to_dict() == {"photo": 2, "description": 2, "sound": 0}
    chart = charts.class_chart(summary.class_counts(manifest, "kind"), "kind")
    assert "tin 2 with a photo, 1 with a description, 1 with a sound" in chart.description


def test_balance_is_said_in_words(manifest):
    sentence = summary.balance_sentence(manifest, "kind")
    assert "“jar”, has 2 training products, the smallest, “tin”, 1; the median is 1.5." in sentence
    assert "All have fewer than 10" in sentence


def test_a_file_in_two_splits_is_a_leak_and_stands_first(manifest):
    first, second = summary.repeats(manifest)
    assert (first.products, first.leaks) == (("1", "2"), True)
    assert (second.products, second.leaks) == (("3", "4"), False)
