"""The home folder looked after: what is damaged, left over or unused is found, and mending touches nothing in use."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from benchmarks.health import kill_and_clean
from retail.__main__ import app
from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.dataset.places.archive import unpack
from retail.files import PACKAGE, home, note_use
from retail.files.whole import partial_of
from retail.inference import kept
from retail.schema import Product
from retail.store import EmbeddingStore, upkeep
from retail.workspace import bulk, datasets, health, jobs, processes, runs
from retail.workspace.health.finding import AT_REST_SECONDS
from retail.workspace.health.unused import DAY_SECONDS, UNPACKED_DAYS, UNUSED_DAYS
from retail.workspace.records import JobRecord, ProcessRecord, Status
from retail.workspace.requests import EmbedRequest, PredictRequest, write_request
from tests.conftest import photo

pytestmark = pytest.mark.usefixtures("empty_home")
LONG_AGO = AT_REST_SECONDS + 60


def aged(path: Path, seconds: float = LONG_AGO) -> Path:
    """As if it, and all in it, had been written so long ago."""
    stamp = time.time() - seconds
    for inner in (*(path.rglob("*") if path.is_dir() else ()), path):
        os.utime(inner, (stamp, stamp))
    return path


def written(path: Path, content: bytes = b"x" * 2048) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def made_run(name: str, told: Status | None = None, record: JobRecord | None = None, request=None) -> jobs.Job:
    job = jobs.Job(name, jobs.runs_folder() / name)
    job.folder.mkdir(parents=True)
    (record or JobRecord(title=name, started=1.0)).write(job.folder / jobs.RECORD)
    (told or Status(state="done")).write(job.folder / jobs.STATUS)
    if request is not None:
        write_request(request, job.folder)
    return job


def names_of_a_dead_process(path: Path) -> list[Path]:
    """Where a process that has ended would have written this."""
    code = f"import pathlib, retail.files.whole as w; print(w.partial_of(pathlib.Path({str(path)!r})))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=PACKAGE.parent)
    return [Path(done.stdout.strip())]


def said() -> dict[str, list[str]]:
    """{kind: sentences} of everything that is found."""
    found: dict[str, list[str]] = {}
    for finding in health.examine(checksums=True).findings:
        found.setdefault(finding.kind, []).append(finding.sentence)
    return found


def clean() -> None:
    health.mend(health.examine().cleanings)


def repair(checksums: bool = True) -> None:
    health.mend(health.examine(checksums).repairs)


def filled_store() -> EmbeddingStore:
    store = EmbeddingStore()
    for number in range(3):
        store._write("encoder", {f"{number}{row}": torch.ones(4) for row in range(2)})
    return store


def shards() -> list[Path]:
    return sorted((home() / "embeddings" / "shards").glob("*.safetensors"))


def test_an_empty_home_and_one_that_does_not_exist_are_sound():
    assert not home().exists() and health.examine().is_sound and not home().exists(), "looking makes nothing"
    home().mkdir()
    assert health.examine() == health.Health((), ())


def test_a_home_in_use_is_sound_and_each_part_is_counted():
    filled_store()
    made_run("20260101-000000-aaaa")
    runs.history()
    datasets.add_files("Mine", [("mine.csv", b"id,text,kind\n1,tea,a\n2,cup,b\n")])
    bulk.keep_upload("shop.csv", io.BytesIO(b"id,text\n1,tea\n"))
    found = health.examine(checksums=True)
    assert found.findings == () and found.is_sound
    sizes = {use.name: use.size for use in found.uses}
    assert set(sizes) == {"Embeddings", "Runs", "Data sets", "Uploads", "Everything else"}
    assert found.size == sum(path.stat().st_size for path in home().rglob("*") if path.is_file())


def test_what_was_never_finished_is_found_and_deleted_once_it_rests():
    of_dead = [written(path) for path in names_of_a_dead_process(home() / "scores" / "a.json")]
    of_mine = written(partial_of(home() / "scores" / "b.json"))
    shard = written(home() / "embeddings" / "shards" / f"{'ab' * 16}.safetensors.part")
    folder = written(home() / "datasets" / "mine.0123abcd.part" / "files" / "mine.csv").parents[1]
    unpacking = written(home() / "unpacked" / "part-x1y2" / "files" / "a.jpg").parents[1]
    deleted = written(jobs.runs_folder() / jobs.DELETED / "20260101-000000-aaaa" / "log.txt").parent
    lost = (shard, folder, unpacking, deleted)
    told = said()
    assert told == {"left over": ["1 file or folder was never finished."]}, "all else was written a moment ago"
    for path in (*lost, of_mine):
        aged(path)
    assert said() == {"left over": ["5 files or folders were never finished."]}
    (finding,) = health.examine().cleanings
    assert set(finding.paths) == {*lost, *of_dead} and finding.size == 5 * 2048
    clean()
    assert not any(path.exists() for path in (*lost, *of_dead)) and health.examine().is_sound
    assert of_mine.exists(), "its process, this one, may still write it"


def test_a_folder_that_was_to_be_replaced_gets_its_name_back():
    (part,) = names_of_a_dead_process(jobs.runs_folder() / "bundle")
    written(part.with_name(part.name.removesuffix(".part") + ".former.part") / "bundle.json")
    clean()
    assert (jobs.runs_folder() / "bundle" / "bundle.json").is_file()


def test_files_of_users_and_of_runs_at_work_are_left_alone_whatever_they_are_called():
    theirs = [
        written(home() / "datasets" / "mine" / "files" / "photo.0123abcd.part"),
        written(home() / "uploads" / "0123456789abcdef" / "upload" / "photo.0123abcd.part"),
        written(home() / "unpacked" / "abc-2" / "files" / "photo.0123abcd.part"),
    ]
    me = processes.recorded(os.getpid())
    busy = made_run("20260101-000000-aaaa", Status(state="running"), JobRecord(process=me))
    theirs.append(written(busy.folder / "results.json.0123abcd.part"))
    theirs.append(written(busy.folder / "predictions.csv.parts" / "000000.part"))
    for path in theirs:
        aged(path)
    assert not [sentence for sentence in said().get("left over", []) if "never finished" in sentence]


def test_what_a_process_has_open_stays_however_old_it_is():
    path = aged(written(home() / "scores" / "a.json.0123abcd.part"))
    with path.open("rb"):
        clean()
        assert path.exists()
    clean()
    assert not path.exists()


def test_what_was_written_between_looking_and_cleaning_stays():
    path = aged(written(home() / "scores" / "a.json.0123abcd.part"))
    found = health.examine().cleanings
    path.write_bytes(b"it goes on")
    health.mend(found)
    assert path.exists()


def test_a_time_stamp_from_the_future_is_no_reason_to_delete():
    aged(written(home() / "scores" / "a.json.0123abcd.part"), -10 * DAY_SECONDS)
    assert said() == {}


def test_missing_damaged_and_unnamed_shards_are_found_and_the_rest_is_read_as_before():
    store = filled_store()
    missing, damaged, whole = shards()
    missing.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    unnamed = aged(written(whole.with_name(f"{'cd' * 16}.safetensors")))
    assert upkeep.examined(store.root).damaged == (), "names alone do not tell"
    assert said() == {
        "damaged": [
            "2 files of embeddings are missing or damaged; what stood there is computed again when it is needed."
        ],
        "left over": ["1 file of embeddings that no index names."],
    }
    repair()
    clean()
    assert said() == {} and shards() == [whole] and not unnamed.exists()
    names = [f"{number}{row}" for number in range(3) for row in range(2)]
    assert len(store._read("encoder", names)) == 2


def test_an_index_that_is_no_database_is_made_again_from_the_shards():
    store = filled_store()
    for path in store.root.glob("index.sqlite-*"):
        path.unlink()
    (store.root / "index.sqlite").write_bytes(b"no database at all" * 100)
    said_now = "The index of embeddings is damaged; it is made again from the files that it names."
    assert said()["damaged"] == [said_now]
    repair()
    assert said() == {}
    assert len(EmbeddingStore()._read("encoder", ["00", "21"])) == 2


def test_an_entry_that_lost_its_place_in_the_index_is_found_when_everything_is_read():
    store = filled_store()
    with sqlite3.connect(store.root / "index.sqlite") as index:
        index.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = (store.root / "index.sqlite").read_bytes()
    assert b"encoder00" in content
    for path in store.root.glob("index.sqlite*"):
        path.unlink()
    (store.root / "index.sqlite").write_bytes(content.replace(b"encoder00", b"encoder99"))
    assert len(EmbeddingStore()._read("encoder", ["00", "21"])) == 1
    (finding,) = health.examine(checksums=True).findings
    assert "The index of embeddings is damaged" in finding.sentence
    health.mend([finding])
    assert len(EmbeddingStore()._read("encoder", ["00", "21"])) == 2 and health.examine(checksums=True).is_sound


def test_an_index_that_is_locked_says_nothing_about_its_shards(monkeypatch):
    store = filled_store()
    monkeypatch.setattr(upkeep, "_named", lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError("locked")))
    for path in shards():
        aged(path)
    assert said() == {"damaged": [f"The index in {store.root} cannot be read now (locked); try again."]}
    clean()
    repair()
    assert len(shards()) == 3


def test_a_run_that_says_it_is_running_without_a_process_is_ended():
    gone = ProcessRecord(pid=os.getpid(), born=1.0)  # the number was used again
    job = made_run("20260101-000000-aaaa", Status(state="running", stage="training"), JobRecord(process=gone))
    mine = JobRecord(process=processes.recorded(os.getpid()))
    busy = made_run("20260101-000000-bbbb", Status(state="running"), mine)
    waiting = made_run("20260101-000000-cccc", Status(state="starting"), JobRecord(queued=True))
    assert said() == {}, "each was written a moment ago"
    for one in (job, busy, waiting):
        aged(one.folder)
    assert said()["damaged"] == [f"The run {job.id} says that it is running, but its process is gone."]
    repair()
    assert job.told.state == "failed" and "ended before it was done" in job.told.message
    assert busy.told.state == "running" and waiting.told.state == "starting"


def test_a_run_that_came_back_to_life_is_not_ended():
    job = made_run("20260101-000000-aaaa", Status(state="running"))
    aged(job.folder)
    found = health.examine().repairs
    JobRecord(process=processes.recorded(os.getpid())).write(job.folder / jobs.RECORD)
    health.mend(found)
    assert len(found) == 1 and job.told.state == "running"


def test_a_damaged_record_is_made_anew_and_a_damaged_status_means_failed():
    data = written(home() / "data" / "metadata.csv", b"id,text\n").parent
    job = made_run("20260102-030405-aaaa", request=EmbedRequest(data=data))
    (job.folder / jobs.RECORD).write_bytes(b"{")
    (job.folder / jobs.STATUS).write_bytes(b"\xff")
    (job.folder / jobs.NOTES).write_text("[")
    (job.folder / "results.json").write_text("")
    aged(job.folder)
    assert sorted(said()["damaged"]) == [
        f"job.json of the run {job.id} is damaged; it is made anew, without its name.",
        f"notes.json of the run {job.id} is damaged; what was noted is lost.",
        f"results.json of the run {job.id} is damaged; retry the run, or delete it on Runs.",
        f"status.json of the run {job.id} is damaged; how the run ended is lost.",
    ]
    repair()
    assert job.record.command == tuple(jobs.command_of(job)) and job.record.started > 0
    assert jobs.status(job).state == "failed" and len(said()["damaged"]) == 1


def test_a_damaged_data_set_is_read_anew_from_what_was_uploaded(tmp_path):
    one = datasets.add_files("Mine", [("mine.csv", b"id,text,kind\n1,tea,a\n2,cup,b\n")])
    theirs = written(tmp_path / "theirs" / "metadata.csv", b"id,text,kind\n1,tea,a\n").parent
    other = datasets.add_folder("Theirs", theirs)
    for dataset in (one, other):
        (dataset.path / "dataset.json").write_bytes(b"{")
        aged(dataset.path)
    assert len(said()["damaged"]) == 2
    repair()
    assert said() == {} and [kept.name for kept in datasets.list_datasets()] == ["Demo products", "mine"]
    assert not other.path.exists() and (theirs / "metadata.csv").is_file(), "a folder of somebody's own stays"


def test_data_that_is_gone_is_said_and_nothing_is_deleted_for_it(tmp_path):
    theirs = written(tmp_path / "theirs" / "metadata.csv", b"id,text,kind\n1,tea,a\n").parent
    dataset = datasets.add_folder("Theirs", theirs)
    job = made_run("20260101-000000-aaaa", request=EmbedRequest(data=dataset.path))
    other = made_run("20260101-000000-bbbb", request=EmbedRequest(data=theirs))
    (theirs / "metadata.csv").unlink()
    theirs.rmdir()
    found = health.examine()
    assert found.is_sound and [finding.kind for finding in found.findings] == ["gone", "gone"]
    assert (
        found.findings[0].sentence == f"{theirs}, the data of “Theirs”, is gone; bring it back, or delete the data set."
    )
    assert found.findings[1].paths == (other.folder,)
    clean()
    repair()
    assert dataset.path.is_dir() and job.folder.is_dir() and other.folder.is_dir()


def test_an_upload_goes_only_when_no_run_needs_it():
    wanted = bulk.keep_upload("shop.csv", io.BytesIO(b"id,text\n1,tea\n"))
    nobodys = bulk.keep_upload("old.csv", io.BytesIO(b"id,text\n1,cup\n"))
    made_run("20260101-000000-aaaa", request=PredictRequest(bundle=Path("demo"), data=wanted, out=Path("p.csv")))
    assert said() == {}, "somebody may be about to start a run"
    for upload in (wanted, nobodys):
        aged(upload.parents[1], 2 * DAY_SECONDS)
    assert said() == {"left over": ["1 upload belongs to no run."]}
    clean()
    assert wanted.is_file() and not nobodys.exists() and said() == {}


def test_graphs_and_unpacked_zips_go_after_a_long_time_and_use_counts(tmp_path):
    for key in ("a" * 32, "b" * 32):
        size = written(kept.graph_of(key)).stat().st_size
        kept.GraphRecord(onnxruntime=kept._version(), bytes=size).write(kept.graph_of(key).with_suffix(".json"))
        for path in (home() / "graphs").glob(f"{key}*"):
            aged(path, (UNUSED_DAYS + 1) * DAY_SECONDS)
    zipped = tmp_path / "shop.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.txt", "tea")
    folder = aged(unpack(zipped)[0].parent, (UNPACKED_DAYS + 1) * DAY_SECONDS)
    note_use(kept.graph_of("b" * 32))
    found = health.examine()
    assert found.is_sound and len(found.cleanings) == 2 and {one.kind for one in found.findings} == {"unused"}
    unpack(zipped)
    clean()
    assert folder.is_dir() and [path.name for path in sorted((home() / "graphs").glob("a*"))] == []
    assert len(list((home() / "graphs").glob("b*"))) == 2


def test_a_graph_of_another_version_is_left_over():
    size = written(kept.graph_of("a" * 32)).stat().st_size
    kept.GraphRecord(onnxruntime="0.0.1", bytes=size).write(kept.graph_of("a" * 32).with_suffix(".json"))
    aged(home() / "graphs")
    assert "fits no installed version" in said()["left over"][0]
    clean()
    assert not list((home() / "graphs").iterdir())


def test_damaged_caches_and_the_list_of_runs_are_made_again():
    made_run("20260101-000000-aaaa")
    runs.history()
    (home() / "runs.sqlite").write_bytes(b"no database" * 500)
    written(home() / "scores" / "a.json", b"{")
    written(home() / "speed.json", b"")
    assert len(said()["damaged"]) == 2
    repair()
    assert said() == {} and len(runs.history()) == 1


def test_a_damaged_file_of_corrections_is_told_and_not_touched():
    path = written(home() / "corrections" / "corrections.sqlite", b"no database" * 500)
    example = aged(written(home() / "corrections" / "files" / "abc.jpg"))
    (sentence,) = said()["damaged"]
    assert sentence.startswith(str(path)) and "copy" in sentence
    repair()
    clean()
    assert path.is_file() and example.is_file(), "nobody knows whose it is until it is mended"


def test_a_catalogue_that_nobody_can_open_or_whose_photos_are_gone_is_told_and_not_touched(tmp_path):
    photo(tmp_path / "jam.png")
    shop = Catalogue.open("Shop")
    shop.add([(CatalogueProduct("jam", "Jam"), Product("jam", (tmp_path / "jam.png",)))])
    shop.add([(CatalogueProduct("tea", "Tea"), Product.of(text="a tin of tea"))])
    assert health.examine().is_sound
    (kept,) = (path for path in (shop.folder / "media").rglob("*") if path.is_file())
    kept.unlink()
    (finding,) = health.examine().findings
    assert (finding.kind, finding.paths, finding.mend) == ("gone", (kept,), None)
    assert "“Shop” misses 1 photo or clip" in finding.sentence
    for rows in (shop.folder / "products.lance" / "data").glob("*.lance"):
        rows.write_bytes(b"damaged")
    (finding,) = health.examine().findings
    assert (finding.kind, finding.paths, finding.mend) == ("damaged", (shop.folder,), None)
    assert "restore the folder from a copy" in finding.sentence


def test_a_process_of_a_run_that_was_deleted_is_ended():
    folder = jobs.runs_folder() / "20260101-000000-gone"
    jobs.runs_folder().mkdir(parents=True)
    code = "import time; time.sleep(600)"
    process = processes.launch([sys.executable, "-c", code], home() / "log.txt", mark=str(folder))
    try:
        assert said()["damaged"] == [f"1 process of the run {folder.name} still at work, though the run has ended."]
        repair()
        assert process.wait(timeout=30) != 0
    finally:
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="the writers are forked")
def test_cleaning_after_kills_leaves_nothing_over_and_loses_nothing_that_was_kept():
    found = kill_and_clean(kills=12)
    assert found.is_sound and found.lost == 0 and found.kept > 0


def run_command(*options: str, answer: str = "") -> tuple[int, str]:
    found = CliRunner().invoke(app, ["home", *options], input=answer)
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found.exit_code, found.output


def test_the_command_tells_asks_and_says_by_its_exit_code_whether_all_is_well():
    assert run_command() == (0, f"{home()}: 0 KiB\nNothing is damaged, nothing is left over.\n")
    path = aged(written(home() / "scores" / "a.json.0123abcd.part"))
    code, output = run_command()
    assert code == 1 and str(path) in output and "--clean deletes" in output and path.exists()
    code, output = run_command("--clean", answer="n\n")
    assert code == 1 and path.exists() and "2.0 KiB" not in output and "2 KiB to gain" in output
    code, output = run_command("--repair", "--yes")
    assert code == 1 and path.exists(), "there is nothing to repair"
    code, output = run_command("--clean", answer="y\n")
    assert code == 0 and not path.exists() and "Afterwards" in output


def test_the_command_reads_every_embedding_only_on_demand():
    filled_store()
    shards()[0].write_bytes(b"damaged" * 9)
    assert run_command()[0] == 0 and run_command("--checksums")[0] == 1
    code, output = run_command("--checksums", "--repair", "--yes")
    assert code == 0 and "1 file of embeddings is missing or damaged" in output and len(shards()) == 2
