"""`retail serve`: every address, what it answers, and one sentence for each mistake."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
import threading
import time
from itertools import combinations

import pytest
from fastapi.testclient import TestClient

from retail.catalogue.database import Catalogue
from retail.catalogue.record import CatalogueProduct
from retail.catalogue.shelf import Shelf
from retail.schema import Product
from retail.serve.app import create_app
from retail.serve.desk import Desk
from retail.serve.records import Recognised
from tests.serve_sample import TINY, Lines, clip_bytes, photo_bytes, recognizer, served

GIVEN = {"image": photo_bytes(), "text": "a red apple", "audio": clip_bytes()}
SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(GIVEN, size)]


@pytest.fixture(scope="module")
def client(session_home):
    with served() as client:
        yield client


@pytest.fixture
def shop(empty_home):
    """A server whose recogniser answers beside a catalogue."""
    settings = dataclasses.replace(TINY, catalogue="Shop")
    with served(settings, lambda: Desk(recognizer(), Catalogue.open("Shop"))) as client:
        yield client


def form(subset=tuple(GIVEN), **fields) -> dict:
    """A request's files and fields."""
    files = [(name, ("secret.bin", GIVEN[name])) for name in subset if name != "text"]
    return {"files": files, "data": {"text": GIVEN["text"], **fields} if "text" in subset else fields}


def as_json(values: dict) -> dict:
    return json.loads(json.dumps(values))


@pytest.mark.parametrize("subset", SUBSETS, ids="+".join)
def test_any_subset_is_answered_as_the_library_answers(client, subset):
    given = {name: GIVEN[name] for name in subset}
    answer = client.post("/recognise", **form(subset))
    assert answer.status_code == 200, answer.text
    assert answer.json() == as_json(recognizer().predict(Product.of(**given)).to_dict())
    assert answer.json()["used"] == sorted(subset)


def test_the_answer_is_the_whole_prediction():
    prediction = recognizer().predict(text="a red apple")
    fields = {field.name for field in dataclasses.fields(prediction)} | {"unknown"}
    assert set(Recognised.model_fields) == set(prediction.to_dict()) == fields


def test_several_photos_are_one_product(client):
    files = [("image", ("", photo_bytes("red"))), ("image", ("b.png", photo_bytes("blue")))]
    assert client.post("/recognise", files=files[1:]).status_code == 200
    answer = client.post("/recognise", files=[("image", ("a.png", photo_bytes("red"))), files[1]])
    assert answer.json()["used"] == ["image"] and not answer.json()["notes"]


def test_a_batch_is_answered_in_order_each_product_by_itself(client):
    photo = base64.b64encode(GIVEN["image"]).decode()
    products = [{"id": "a", "text": "pear"}, {"id": "b"}, {"id": "a", "image": [photo], "text": "a red apple"}]
    found = client.post("/recognise/batch", json={"products": products, "accuracy": 0.9}).json()["predictions"]
    assert [one["id"] for one in found] == ["a", "b", "a"]
    assert [one["used"] for one in found] == [["text"], [], ["image", "text"]]
    assert "at least one photo" in found[1]["notes"][0]
    alone = recognizer().predict(Product("a", text="pear"), accuracy=0.9)
    for task, probs in alone.probs.items():
        assert found[0]["probs"][task] == pytest.approx(probs, abs=1e-6)


MISTAKES = [
    ("/recognise", {"data": {"text": " "}}, 422, "Nothing to recognise yet"),
    ("/recognise", {"files": {"image": ("x.jpg", b"no photo")}}, 422, "not a usable photo: its format is not known"),
    ("/recognise", {"files": {"audio": ("x.wav", b"no sound")}}, 422, "not a usable sound clip"),
    ("/recognise", {"files": {"image": ("x.jpg", b"")}}, 422, "is empty; give a photo"),
    ("/recognise", {"data": {"text": "x", "image": "x.jpg"}}, 422, "'image.0' does not fit: it should be a file"),
    ("/recognise", {"data": {"text": "x", "accuracy": "2"}}, 422, "'accuracy' does not fit: input should be less"),
    ("/recognise", {"files": [("image", ("x", b"x"))] * 9}, 422, "at most 8 items"),
    ("/recognise", {"data": {"text": "x" * 2**20 + "x"}, "files": {"image": ("x", b"x")}}, 400, "maximum size"),
    ("/recognise", {"json": {"text": "x"}}, 415, "Send the body as multipart/form-data"),
    ("/recognise", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "boundary"),
    ("/recognise/batch", {"data": {"text": "x"}}, 415, "Send the body as application/json"),
    ("/recognise/batch", {"content": b"{", "headers": {"content-type": "application/json"}}, 400, "is no JSON"),
    ("/recognise/batch", {"json": {"products": []}}, 422, "at least 1 item"),
    ("/recognise/batch", {"json": {"products": [{"text": "x"}] * 65}}, 422, "at most 64 items"),
    ("/recognise/batch", {"json": {"products": [{"image": ["%"]}]}}, 422, "'products.0.image.0' does not fit: a file"),
    ("/recognise/batch", {"json": {"products": [{"photo": "x"}]}}, 422, "'products.0.photo' does not fit: extra"),
    ("/catalogue/search", {"data": {"words": "x"}}, 404, "start it with --catalogue NAME"),
    ("/nothing", {}, 404, "There is nothing at this address"),
    ("/health", {}, 405, "does not take that method"),
]


@pytest.mark.parametrize(("path", "sent", "status", "sentence"), MISTAKES, ids=[str(own[2:]) for own in MISTAKES])
def test_a_mistake_is_one_sentence(client, path, sent, status, sentence):
    answer = client.post(path, **sent)
    assert answer.status_code == status and list(answer.json()) == ["error"], answer.text
    assert sentence in answer.json()["error"] and answer.json()["error"].endswith(".")


def test_a_broken_photo_beside_words_is_said_and_the_words_count(client):
    answer = client.post("/recognise", files={"image": ("x.jpg", b"no photo")}, data={"text": "a red apple"})
    assert answer.json()["used"] == ["text"] and "not a usable photo" in answer.json()["notes"][0]


def test_an_enrolled_product_answers_from_the_next_request_on(shop):
    assert shop.get("/ready").json()["catalogue"] == "Shop"
    assert shop.post("/recognise", **form()).json()["recognised"] is None
    added = shop.post("/catalogue", **form(name="Medlar", labels='{"fruit": "fig"}', fields='{"sku": "1"}'))
    assert added.status_code == 201 and len(added.json()["views"]) == 3, added.text
    found = shop.post("/recognise", **form()).json()
    assert found["recognised"]["name"] == "Medlar"
    assert found == as_json(_with_catalogue(Product.of(**GIVEN)))
    assert shop.post("/recognise", **form(("text",))).json()["matches"][0]["id"] == added.json()["id"]
    assert shop.delete(f"/catalogue/{added.json()['id']}").status_code == 204
    assert "no product of this id" in shop.delete(f"/catalogue/{added.json()['id']}").json()["error"]
    assert shop.post("/recognise", **form()).json()["recognised"] is None


def _with_catalogue(product: Product) -> dict:
    return Shelf.of(recognizer(), Catalogue.open("Shop")).predict(product).to_dict()


def test_what_another_process_enrols_answers_too(shop):
    Catalogue.open("Shop").add([(CatalogueProduct("", "Quince"), Product("", text="a red apple"))])
    assert shop.post("/recognise", **form(("text",))).json()["recognised"]["name"] == "Quince"


def test_the_catalogue_is_searched_by_words_photo_and_filter(shop):
    for name, colour in (("Red box", "red"), ("Blue box", "blue")):
        sent = {"name": name, "fields": json.dumps({"colour": colour})}
        assert shop.post("/catalogue", data=sent, files={"image": ("x", photo_bytes(colour))}).status_code == 201

    def names(**sent) -> list[str]:
        return [one["product"]["name"] for one in shop.post("/catalogue/search", **sent).json()["found"]]

    assert names(data={"words": "blue"})[0] == "Blue box"
    assert names(data={"where": '{"colour": "red"}'}) == ["Red box"]
    assert set(names(files={"image": ("x", photo_bytes("red"))})) == {"Red box", "Blue box"}
    assert len(names(data={"count": "1"})) == 1
    refused = shop.post("/catalogue/search", data={"where": '{"size": "1"}'})
    assert refused.status_code == 422 and "No product has a field 'size'" in refused.json()["error"]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"name": " ", "text": "x"}, "needs a name"),
        ({"name": "Medlar"}, "at least one of image, text and audio"),
        ({"text": "x"}, "'name' does not fit: field required"),
        ({"name": "Medlar", "text": "x", "labels": "fig"}, "'labels' does not fit: invalid JSON"),
    ],
)
def test_what_cannot_be_enrolled_is_said(shop, sent, sentence):
    answer = shop.post("/catalogue", data=sent)
    assert answer.status_code == 422 and sentence in answer.json()["error"]


def test_metrics_count_requests_products_and_decisions(session_home):
    with served() as client:
        client.post("/recognise", **form())
        client.post("/recognise", data={"text": ""})
        client.post("/recognise/batch", json={"products": [{"text": "pear"}, {"text": "fig"}]})
        client.get("/somewhere")
        client.request("MADEUP", "/somewhere")
        said = client.get("/metrics").text
    assert 'retail_requests_total{method="POST",path="/recognise",status="200"} 1.0' in said
    assert 'retail_requests_total{method="POST",path="/recognise",status="422"} 1.0' in said
    assert 'retail_requests_total{method="GET",path="other",status="404"} 1.0' in said
    assert 'retail_requests_total{method="other",path="other",status="404"} 1.0' in said
    assert "retail_products_total 3.0" in said and "retail_batch_products_sum 4.0" in said
    decided = sum(float(line.split()[1]) for line in said.splitlines() if line.startswith("retail_decisions_total"))
    assert decided == 3 * 2, "two questions a product"
    assert 'retail_request_seconds_count{path="/recognise"} 2.0' in said


def test_the_log_tells_what_happened_and_nothing_of_what_was_sent(client, caplog):
    lines = Lines()
    log = logging.getLogger("retail.serve")
    log.addHandler(lines)
    log.setLevel(logging.INFO)
    try:
        client.post("/recognise?note=secret", **form())
        client.post("/recognise", files={"image": ("secret.jpg", b"secret")}, data={"accuracy": "secret"})
        client.delete("/catalogue/secret")
        client.get("/health")
    finally:
        log.removeHandler(lines)
    first, second, third = lines.events
    assert (first["event"], first["path"], first["status"]) == ("request", "/recognise", 200)
    assert first["inputs"] == {"audio": 1, "image": 1, "text": 1} and first["products"] == 1
    assert first["bytes"] > len(GIVEN["image"]) and first["milliseconds"] > 0
    assert second["status"] == 422 and third["path"] == "/catalogue/{product_id}"
    said = "\n".join(lines.lines)
    assert "secret" not in said and "apple" not in said


def test_an_error_of_ours_is_a_sentence_and_its_words_stay_out_of_the_log(session_home):
    class Broken(Desk):
        def recognise(self, products, accuracies):
            raise RuntimeError(f"cannot read {products[0].text}")

    lines = Lines()
    logging.getLogger("retail.serve").addHandler(lines)
    with served(open_desk=lambda: Broken(recognizer())) as client:
        answer = client.post("/recognise", data={"text": "secret"})
    logging.getLogger("retail.serve").removeHandler(lines)
    assert answer.status_code == 500 and "secret" not in answer.text + "".join(lines.lines)
    assert [(one["kind"], "test_serve.py" in one["where"]) for one in lines.events if "kind" in one] == [
        ("RuntimeError", True)
    ]


def test_the_documentation_opens_without_a_network(client):
    page = client.get("/docs").text
    assert "<script" not in page and "src=" not in page and "http" not in page.replace("http-equiv", "")
    for path in ("/recognise", "/recognise/batch", "/catalogue/search", "/metrics"):
        assert f" {path}</code>" in page
    assert "Photos (JPEG" in page and client.get("/openapi.json").json()["openapi"].startswith("3.")


def test_it_is_ready_only_once_the_recogniser_is_loaded(session_home):
    go = threading.Event()

    def slowly() -> Desk:
        go.wait()
        return Desk(recognizer())

    with TestClient(create_app(TINY, slowly), base_url="http://localhost") as client:
        assert client.get("/health").json() == {"status": "ok"}
        waiting = client.get("/ready")
        assert waiting.status_code == 503 and waiting.headers["Retry-After"] and "not loaded" in waiting.json()["error"]
        assert client.post("/recognise", **form()).status_code == 503
        go.set()
        while client.get("/ready").status_code != 200:
            time.sleep(0.01)
        assert client.get("/ready").json()["questions"] == {"fruit": 3, "colour": 7}
        assert client.post("/recognise", **form()).status_code == 200
