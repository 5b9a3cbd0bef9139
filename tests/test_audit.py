"""The leak audit: every planted kind is found, with its rows, and a clean set is not accused."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from typer.testing import CliRunner

from retail.__main__ import app
from retail.audit import KINDS, AuditReport, audit
from retail.audit.media_facts import sound_fingerprint
from retail.dataset.manifest import Manifest
from retail.dataset.reader import read_manifest
from retail.report.audit_tables import audit_tables, audit_text
from retail.schema import UserError
from retail.store import EmbeddingBatch

ROWS = 150
CLASSES = ("amber", "birch", "cedar")
HUES = {"amber": (150, 110, 60), "birch": (60, 150, 110), "cedar": (110, 60, 150)}
WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprstvz" for b in "aeiou" for c in ("l", "m", "n", "rk", "st")]


def clean_rows(folder: Path) -> list[dict[str, str]]:
    """Photos with a class's tint under noise, sentences with class-typical words, clips with a class-typical tone."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    (folder / "audio").mkdir()
    classes = rng.permutation(np.repeat(CLASSES, ROWS // 3))
    names = rng.permutation(100_000)[:ROWS]
    rows = []
    for name, label in zip(names.tolist(), classes.tolist(), strict=True):
        place = CLASSES.index(label)
        noise = rng.normal(0, 45, (24, 24, 3)).repeat(2, 0).repeat(2, 1)
        pixels = np.clip(np.array(HUES[label]) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{name:05}.bmp")
        steps = np.arange(int(rng.integers(6_000, 9_000)))
        loudness = np.interp(steps, np.linspace(0, len(steps), 12), rng.uniform(0, 0.3, 12) ** 2)
        clip = 0.02 * np.sin(steps * (0.2 + 0.15 * place)) + loudness * rng.normal(size=len(steps))
        soundfile.write(folder / "audio" / f"{name:05}.wav", clip.astype("float32"), 16_000)
        typical = rng.choice(WORDS[place * 40 : place * 40 + 40], 3).tolist()
        text = " ".join(typical + rng.choice(WORDS, 5).tolist())
        row = {"id": f"{name:05}", "image_file_name": f"images/{name:05}.bmp"}
        row |= {"audio_file_name": f"audio/{name:05}.wav", "text": text, "wood": label}
        rows.append(row | {"split": str(rng.choice(["train", "train", "train", "val", "test"]))})
    return rows


def write(folder: Path, rows: list[dict[str, str]]) -> Manifest:
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return read_manifest(folder, ["wood"])


def embedded(manifest: Manifest) -> EmbeddingBatch:
    """Stand-ins for encoders: a photo's mean colour and a clip's spectrum under noise, in 24 numbers."""
    rng = np.random.default_rng(1)
    labels = np.array([CLASSES.index(product.labels["wood"]) for product in manifest.products])
    embeddings, present = {}, {}
    for modality in ("audio", "image", "text"):
        rows = rng.normal(size=(len(labels), 24)).astype("float32")
        rows[np.arange(len(labels)), labels] += 3
        mask = np.array([modality in product.modalities for product in manifest.products])
        rows[~mask] = 0
        embeddings[modality], present[modality] = torch.from_numpy(rows), torch.from_numpy(mask)
    return EmbeddingBatch(tuple(product.id for product in manifest.products), embeddings, present, {})


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> tuple[Path, list[dict[str, str]]]:
    folder = tmp_path_factory.mktemp("audit") / "clean"
    return folder, clean_rows(folder)


@pytest.fixture
def planted(clean, tmp_path) -> tuple[Path, list[dict[str, str]]]:
    """A copy to spoil."""
    folder, rows = clean
    shutil.copytree(folder, tmp_path / "planted")
    return tmp_path / "planted", [dict(row) for row in rows]


def look(folder: Path, rows: list[dict[str, str]]) -> AuditReport:
    manifest = write(folder, rows)
    return audit(manifest, embedded(manifest))


def found(report: AuditReport) -> set[str]:
    return {finding.kind for finding in report.findings}


def test_a_clean_set_is_not_accused(clean):
    report = look(*clean)
    assert report.findings == () and not any(check.found for check in report.checks)
    assert "Not found: " + ", ".join(KINDS) in audit_text(report)
    assert len(report.controls) == 3
    assert all(row.intact > 0.6 and row.shuffled < 0.45 for row in report.controls)


def test_one_text_for_a_whole_class(planted):
    folder, rows = planted
    for row in rows:
        row["text"] = {"amber": "lorem dolor", "birch": "ipsum sit", "cedar": "amet elit"}[row["wood"]]
    report = look(folder, rows)
    assert found(report) == {"constant text"}
    (finding,) = report.findings
    assert finding.severity == "leak" and finding.n == ROWS
    assert "3 of 3 classes have one description for all their products" in finding.sentence


def test_one_text_for_all_products_tells_nothing(planted):
    folder, rows = planted
    assert found(look(folder, [row | {"text": "lorem dolor"} for row in rows])) == set()


def test_the_answer_is_written_in_the_text(planted):
    folder, rows = planted
    for row in rows[:45]:
        row["text"] += f" {row['wood'].upper()}s"
    report = look(folder, rows)
    assert found(report) == {"label words"}
    (finding,) = report.findings
    assert finding.severity == "note" and set(finding.rows) == {row["id"] for row in rows[:45]}
    assert "the answer is written in the description of 30.0 % of the products (45 of 150)" in finding.sentence
    for row in rows[45:]:
        row["text"] = f"{row['wood']} {row['text']}"
    (finding,) = look(folder, rows).findings
    assert finding.severity == "warning" and finding.n == ROWS


def test_label_words_that_all_classes_use_are_no_answer(planted):
    folder, rows = planted
    for place, row in enumerate(rows):
        row["text"] += f" {CLASSES[place % 3]}"
    assert "label words" not in found(look(folder, rows))


def rename(folder: Path, rows: list[dict[str, str]], column: str, names: list[str]) -> None:
    for row, name in zip(rows, names, strict=True):
        old = folder / row[column]
        new = folder / f"{name}{old.suffix}"
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
        row[column] = new.relative_to(folder).as_posix()


def test_folders_and_file_names_tell_the_class(planted):
    folder, rows = planted
    rename(folder, rows, "image_file_name", [f"photos/{row['wood']}/{row['id']}" for row in rows])
    report = look(folder, rows)
    assert found(report) == {"names"}
    (finding,) = report.findings
    assert "photo names give the class away" in finding.sentence and finding.severity == "note"
    assert finding.n > 0.9 * ROWS


def test_ids_numbered_class_by_class_tell_the_class(planted):
    folder, rows = planted
    rows.sort(key=lambda row: row["wood"])
    for place, row in enumerate(rows):
        row["id"] = f"{10_000 + place:05}"
    (finding,) = look(folder, rows).findings
    assert finding.kind == "names" and "ids give the class away" in finding.sentence


def test_barcodes_in_the_text_tell_the_class(planted):
    folder, rows = planted
    codes = {"amber": "4001724819", "birch": "4001724826", "cedar": "AB-40017"}
    for place, row in enumerate(rows):
        row["text"] += f" {codes[row['wood']]}" if place % 2 else f" {30_000 + place}"
    (finding,) = look(folder, rows).findings
    assert finding.kind == "names" and finding.severity == "warning"
    assert set(finding.rows) == {row["id"] for row in rows[1::2]} and "75 of 150" in finding.sentence


def halves(rows: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Six training rows and six test rows of the same classes in turn."""
    pairs: list[tuple[dict, dict]] = []
    for label in CLASSES:
        of = {split: [r for r in rows if r["wood"] == label and r["split"] == split] for split in ("train", "test")}
        pairs += list(zip(of["train"][:2], of["test"][:2], strict=True))
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def test_copies_of_photos_across_splits(planted):
    folder, rows = planted
    for place, (train, test) in enumerate(zip(*halves(rows), strict=True)):
        picture = Image.open(folder / train["image_file_name"])
        if place % 2:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        picture.resize((96, 96)).resize((48, 48)).save(folder / test["image_file_name"])
    report = look(folder, rows)
    assert found(report) == {"near-duplicates"}
    (finding,) = report.findings
    assert finding.severity == "leak"
    train, test = ([row["id"] for row in half] for half in halves(rows))
    assert dict(zip(finding.rows, finding.twins, strict=True)) == dict(zip(test, train, strict=True))


def test_look_alikes_by_their_embeddings(clean):
    folder, rows = clean
    manifest = write(folder, rows)
    batch = embedded(manifest)
    train, test = (next(i for i, p in enumerate(manifest.products) if p.split == split) for split in ("train", "test"))
    batch.embeddings["image"][test] = batch.embeddings["image"][train] + 0.01
    (finding,) = audit(manifest, batch).findings
    assert finding.kind == "near-duplicates" and finding.rows == (manifest.products[test].id,)
    assert "almost the same picture" in finding.sentence and finding.severity == "warning"


def test_copies_of_sounds_and_of_sentences(planted):
    folder, rows = planted
    train, test = halves(rows)
    for place, (one, other) in enumerate(zip(train, test, strict=True)):
        clip, rate_hz = soundfile.read(folder / one["audio_file_name"], dtype="float32")
        soundfile.write(folder / other["audio_file_name"], clip * (0.3 if place % 2 else 1.0), rate_hz)
    (finding,) = look(folder, rows).findings
    assert "the same recording" in finding.sentence and set(finding.rows) == {row["id"] for row in test}
    folder.joinpath("metadata.csv").unlink()
    for row in train[:3] + test[:3]:
        row["audio_file_name"] = ""
    for one, other in zip(train, test, strict=True):
        other["text"], other["audio_file_name"] = one["text"].upper(), ""
    (finding,) = look(folder, rows).findings
    assert "the same sentence" in finding.sentence and finding.severity == "warning"
    assert set(finding.rows) == {row["id"] for row in test}


def test_short_texts_may_repeat(planted):
    folder, rows = planted
    assert found(look(folder, [row | {"text": " ".join(row["text"].split()[3:5])} for row in rows])) == set()


def test_a_group_on_both_sides_of_a_split(planted):
    folder, rows = planted
    train, test = halves(rows)
    groups = {row["id"]: f"shelf {place}" for pair in (train, test) for place, row in enumerate(pair)}
    report = look(folder, [row | {"group": groups.get(row["id"], "")} for row in rows])
    (finding,) = report.findings
    assert finding.kind == "shortcut" and finding.severity == "leak"
    assert "6 groups are in more than one split" in finding.sentence and set(finding.rows) == set(groups)
    for place, (one, other) in enumerate(zip(train, test, strict=True)):
        one["id"], other["id"] = f"jar{place}-1", f"jar{place}-2"
    (finding,) = look(folder, rows).findings
    assert finding.severity == "warning" and "6 families of ids" in finding.sentence


def test_the_size_of_photos_tells_the_class(planted):
    folder, rows = planted
    for row in rows:
        path = folder / row["image_file_name"]
        if row["wood"] == "birch":
            Image.open(path).resize((50, 48)).save(path)
    report = look(folder, rows)
    assert found(report) == {"shortcut"}
    worst = report.findings[0]
    assert "size and format of the photo file alone give away the class" in worst.sentence


def test_missing_sounds_tell_the_class_even_when_shuffled(planted):
    folder, rows = planted
    for row in rows:
        if row["wood"] == "cedar":
            row["audio_file_name"] = ""
    report = look(folder, rows)
    assert found(report) == {"shuffled control"}
    (finding,) = report.findings
    assert finding.severity == "leak" and "the sound still gives away the class" in finding.sentence
    sound = next(row for row in report.controls if row.input == "sound")
    assert sound.shuffled > 0.6 > sound.chance


def test_without_encoders_missing_inputs_are_found_all_the_same(planted):
    folder, rows = planted
    for row in rows:
        if row["wood"] == "cedar":
            row["audio_file_name"] = ""
    report = audit(write(folder, rows))
    assert found(report) == {"shuffled control"} and "No embeddings were given" in report.limits[0]


def test_an_audit_needs_labels(clean):
    folder, rows = clean
    with pytest.raises(UserError, match="needs labels"):
        audit(replace(write(folder, rows), tasks=()))


def test_a_fingerprint_knows_a_clip_again_but_not_another():
    rng = np.random.default_rng(0)
    clip, other = (np.cumsum(rng.normal(size=8_000)) * np.hanning(8_000) for _ in range(2))
    one = sound_fingerprint(clip)
    assert one @ sound_fingerprint(0.2 * clip) > 0.99 > one @ sound_fingerprint(other)
    assert np.isfinite(sound_fingerprint(np.zeros(10, dtype=np.float32))).all()


def test_the_command_prints_and_writes(planted, tmp_path):
    folder, rows = planted
    write(folder, [row | {"text": f"{row['wood']} {row['text']}"} for row in rows])
    out = tmp_path / "audit.json"
    options = ["--tasks", "wood", "--encoders", "none", "--json", str(out), "--csv", str(tmp_path / "csv")]
    result = CliRunner().invoke(app, ["audit", str(folder), *options])
    assert result.exit_code == 0, result.output
    assert "WARNING · label words · wood: the answer is written in the description of 100.0 %" in result.output
    report = AuditReport.read(out)
    assert report.format == "retail-audit/1" and len(report.findings[0].rows) == ROWS
    assert [table.name for table in audit_tables(report)] == ["audit", "audit_rows"]
    assert (tmp_path / "csv" / "audit.csv").read_text().startswith("severity,kind,task")
    first, second, *_ = (tmp_path / "csv" / "audit_rows.csv").read_text().splitlines()[1:]
    assert first.startswith(f"2,{rows[0]['id']},,warning,label words,wood,")
    assert second.startswith(f"3,{rows[1]['id']},")
    assert f"rows: {rows[0]['id']} (line 2), {rows[1]['id']} (line 3), " in result.output
