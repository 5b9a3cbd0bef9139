"""A recogniser goes to the hub and comes back the same; what the hub refuses is one sentence; no code comes down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import ModelCard, constants
from typer.testing import CliRunner

from retail.__main__ import app
from retail.evaluation.reports import PromiseKept, ScoredData, Scores, SubsetCertainty
from retail.files import DEMO_BUNDLE
from retail.recognizer import Recognizer, hub
from retail.recognizer import bundle as bundle_module
from retail.recognizer.bundle import read_record
from retail.recognizer.card import card_text
from retail.recognizer.origins import origin_of
from retail.schema import Product, UserError
from tests.hub_server import READER, WRITER, Hub, served
from tests.tiny_recognizer import TinyEncoder, tiny_recognizer

REPO = "my-shop/groceries"
PEAR = Product("p", text="a pear")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub of its own, an empty cache and nobody signed in."""
    monkeypatch.setattr(bundle_module, "load_encoder", lambda name: TinyEncoder(name.split(":")[1]))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with served() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.endpoint)
        resolved = running.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", resolved)
        yield running


def subset_row(task: str = "fruit") -> SubsetCertainty:
    kept = PromiseKept(
        wished=0.95, threshold=0.8, n=40, answered=30, coverage=0.75, accuracy=0.9, broken=False, needed=None
    )
    figures = {"accuracy": 0.8123, "accuracy_low": 0.7, "accuracy_high": 0.9, "ece": 0.031}
    return SubsetCertainty(
        task=task,
        modalities=("text",),
        n=40,
        temperature=1.0,
        ece_before=0.1,
        ece_by_chance=0.1,
        promises=(kept,),
        set_coverage=0.95,
        set_size=1.2,
        rises=None,
        **figures,
    )


def scores(bundle: dict | None = None) -> Scores:
    data = ScoredData(name="Fruit | shop", checksum="0", split="test", n=40)
    return Scores(
        bundle=bundle or {},
        data=data,
        scores=(),
        unknown_labels={},
        notes=(),
        predictions={},
        subset_certainty=(subset_row(),),
    )


def test_what_was_pushed_answers_the_same_from_the_hub_and_then_without_it(server: Hub):
    recognizer = tiny_recognizer()
    assert recognizer.push_to_hub(REPO, token=WRITER) == f"{server.endpoint}/{REPO}"
    assert server.repositories[REPO].private
    names = {"README.md", "bundle.json", "head.safetensors", "certainty.safetensors"}
    assert set(server.repositories[REPO].files) == names
    again = Recognizer.from_pretrained(REPO, token=READER)
    assert again.predict(PEAR) == recognizer.predict(PEAR)
    asked = len(server.requests)
    kept = Recognizer.from_pretrained(REPO, local_files_only=True)
    assert kept.predict(PEAR) == recognizer.predict(PEAR) and len(server.requests) == asked
    server.down = True
    assert Recognizer.from_pretrained(REPO).predict(PEAR) == recognizer.predict(PEAR)


def test_a_cache_laid_out_as_the_hub_does_it_is_read_without_a_network(server: Hub, tmp_path):
    kept = tmp_path / "cache" / "models--my-shop--groceries"
    commit, snapshot = "0" * 40, kept / "snapshots" / ("0" * 40)
    written = tiny_recognizer().save(tmp_path / "bundle")
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(commit)
    (kept / "blobs").mkdir()
    snapshot.mkdir(parents=True)
    for place, file in enumerate(written.iterdir()):
        file.rename(kept / "blobs" / str(place))
        (snapshot / file.name).symlink_to(f"../../blobs/{place}")
    answer = Recognizer.from_pretrained(REPO, local_files_only=True).predict(PEAR)
    assert answer == tiny_recognizer().predict(PEAR) and not server.requests


def test_the_card_says_what_was_measured_and_its_metadata_is_the_hubs(server: Hub):
    tiny_recognizer().push_to_hub(REPO, scores=scores(), licence="mit", data_licence="CC0 1.0", token=WRITER)
    text = server.repositories[REPO].files["README.md"].decode()
    card = ModelCard(text)
    assert card.data.library_name == "retail" and card.data.license == "mit"
    assert card.data.pipeline_tag == "image-classification" and card.data.metrics == ["accuracy"]
    (result,) = card.data.eval_results
    assert (result.metric_value, result.dataset_split, result.dataset_type) == (0.8123, "test", "fruit-shop")
    assert result.metric_args == {"n": 40, "low": 0.7, "high": 0.9}
    assert "| fruit | description | 81.2 % | 70.0 % to 90.0 % | 40 | 3.1 % |" in text
    assert "| 75.0 % | 90.0 % |" in text and "Training data: CC0 1.0." in text
    assert "On its validation products." in text and "| colour | photo + description + sound |" in text
    assert "the test rows of Fruit \\| shop, 40 products" in text
    assert "Nobody wrote down what it was trained on." in text


def test_the_card_of_what_ships_names_data_encoders_licences_and_what_is_given_away():
    text = card_text(Recognizer.load("demo"), "someone/demo")
    record = read_record(DEMO_BUNDLE)
    assert f"Trained on demo (SHA-256 `{record.info.data.checksum}`): 312 training and 168 validation" in text
    assert all(entry.fingerprint in text for entry in record.encoders.values())
    assert 'Recognizer.from_pretrained("someone/demo")' in text and "# demo\n" in text
    assert "Photo encoder: weights Apache-2.0; they learned from ImageNet" in text
    assert "The ids of 312 training products and features of them" in text
    assert "Brightwell Light Laundry Refill" in text and "retail push --scores" in text


def test_fine_tuned_weights_come_from_what_they_were_before_and_unknown_ones_say_so():
    tuned = origin_of("timm:tf_efficientnet_lite0@{bundle}/image_encoder.safetensors#size=320")
    assert tuned == origin_of("timm:tf_efficientnet_lite0@bundled") and "Apache-2.0" in tuned.licence
    assert origin_of("hf:intfloat/e5-small@main").base == "intfloat/e5-small"
    assert origin_of("timm:resnet18#flip").base == "timm/resnet18"
    assert origin_of("hf:{bundle}/text_encoder").base == "" and origin_of("torchaudio:WAVLM").base == ""


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "There is no my-shop/groceries on the hub that you may write to"),
        (READER, "sign in with 'hf auth login'"),
    ],
)
def test_who_may_not_write_is_told_what_to_do(server: Hub, token, said):
    with pytest.raises(UserError, match=said):
        tiny_recognizer().push_to_hub(REPO, token=token)
    assert not server.repositories


def test_what_everybody_sees_is_not_added_to_by_mistake(server: Hub):
    tiny_recognizer().push_to_hub(REPO, public=True, token=WRITER)
    before = server.repositories[REPO].sha
    with pytest.raises(UserError, match="can be seen by everybody"):
        tiny_recognizer().push_to_hub(REPO, scores=scores(), token=WRITER)
    assert server.repositories[REPO].sha == before
    tiny_recognizer().push_to_hub(REPO, scores=scores(), public=True, token=WRITER)
    assert server.repositories[REPO].sha != before


def test_what_cannot_be_had_is_said_in_one_sentence(server: Hub, monkeypatch):
    with pytest.raises(UserError, match="There is no my-shop/groceries on the hub that you may read; check the name"):
        Recognizer.from_pretrained(REPO)
    with pytest.raises(UserError, match="is not kept on this machine and the hub cannot be reached"):
        Recognizer.from_pretrained(REPO, local_files_only=True)
    tiny_recognizer().push_to_hub(REPO, token=WRITER)
    with pytest.raises(UserError, match="no such revision"):
        Recognizer.from_pretrained(REPO, revision="v2", token=WRITER)
    server.down = True
    with pytest.raises(UserError, match="The hub answers 503"):
        tiny_recognizer().push_to_hub(REPO, token=WRITER)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="The hub cannot be reached to write to my-shop/groceries"):
        tiny_recognizer().push_to_hub(REPO, token=WRITER)
    with pytest.raises(UserError, match="and the hub cannot be reached; connect"):
        Recognizer.from_pretrained("my-shop/other")
    with pytest.raises(UserError, match="called ORG/NAME"):
        Recognizer.from_pretrained("no-such-folder")


def test_nothing_that_could_run_code_comes_down(server: Hub):
    tiny_recognizer().push_to_hub(REPO, token=WRITER)
    files = server.repositories[REPO].files
    files |= {name: b"print('run')" for name in ("code.py", "weights.pt", "weights.bin", "text_encoder/tokenizer.pkl")}
    folder = hub.fetched(REPO, token=READER)
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".json", ".safetensors", ".md"}
    files["text_encoder/config.json"] = json.dumps({"auto_map": {"AutoModel": "code.Model"}}).encode()
    with pytest.raises(UserError, match="code of its own, which is never run"):
        Recognizer.from_pretrained(REPO, token=READER)


def test_an_encoder_outside_the_bundle_neither_goes_up_nor_is_loaded(server: Hub, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    recognizer = tiny_recognizer()
    recognizer.push_to_hub(REPO, token=WRITER)
    files = server.repositories[REPO].files
    found = json.loads(files["bundle.json"])
    for name in ("hf:/etc", "timm:a@{bundle}/../../x.safetensors", "hf:../elsewhere", "hf:tests"):
        found["encoders"]["text"]["name"] = name
        files["bundle.json"] = json.dumps(found).encode()
        with pytest.raises(UserError, match="names an encoder outside its own folder"):
            Recognizer.from_pretrained(REPO, token=READER)
        recognizer.encoders["text"].name = name
        with pytest.raises(
            UserError, match="lies on this machine and not in the bundle|no encoder that a bundle can hold"
        ):
            recognizer.push_to_hub(REPO, token=WRITER)


def test_scores_of_another_recogniser_are_refused(tmp_path):
    with pytest.raises(UserError, match="scores are of another recogniser"):
        hub.write_folder(tiny_recognizer(), tmp_path, REPO, scores({"config": {}}))


def test_the_command_writes_a_folder_to_look_at_before(tmp_path):
    own = read_record(DEMO_BUNDLE).info.to_dict()
    scores(own).write(tmp_path / "scores.json")
    call = ["push", "demo", REPO, "--scores", str(tmp_path / "scores.json"), "--folder", str(tmp_path / "out")]
    said = CliRunner().invoke(app, call)
    assert said.exit_code == 0, said.output
    assert (tmp_path / "out" / "README.md").read_text(encoding="utf-8").startswith("---\nbase_model:")
    assert read_record(tmp_path / "out").to_dict() == read_record(DEMO_BUNDLE).to_dict()
    refused = CliRunner().invoke(app, ["push", "demo", "groceries"])
    assert refused.exit_code == 1 and "called ORG/NAME" in refused.output
