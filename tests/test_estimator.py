"""The scikit-learn door: a DataFrame in, classes out, inside pipelines, searches and cross-validation."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.validation import check_is_fitted, validate_data

from retail import FusionClassifier, Recognizer, UserError, encoders
from retail.encoders import Encoder
from retail.store import EmbeddingStore
from tests.tiny_encoders import tiny_photo_encoder, tiny_text_encoder

INPUTS = ["photo", "clip", "words"]


@pytest.fixture(scope="module")
def products(small_data) -> pd.DataFrame:
    table = pd.read_csv(small_data / "metadata.csv", dtype=str)
    files = {"photo": table.image_file_name, "clip": table.audio_file_name}
    paths = {name: [str(small_data / file) for file in column] for name, column in files.items()}
    return pd.DataFrame({**paths, "words": table.text, "colour": table.colour, "drink": table.drink})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("encoders")
    photos, texts = tiny_photo_encoder(folder), tiny_text_encoder(folder / "text")
    return f"image={photos},text={texts}"


@pytest.fixture(scope="module")
def fitted(products, tiny, session_home) -> FusionClassifier:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAIL_HOME", str(session_home))
        return quick(tiny).fit(products[["photo", "words"]], products["colour"])


def quick(tiny: str, **parameters) -> FusionClassifier:
    return FusionClassifier("concatenation", **{"encoders": tiny, "width": 32, "max_epochs": 8} | parameters)


def test_importing_retail_loads_neither_torch_nor_scikit_learn():
    code = "import retail, sys; retail.__all__; print({'torch', 'sklearn'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_columns_are_found_by_their_cells_and_every_class_has_a_probability(products):
    whole = FusionClassifier(width=32, max_epochs=3).fit(products[INPUTS], products["drink"])
    assert whole.recognizer_.modalities == ("audio", "image", "text")
    assert whole.classes_.tolist() == ["coffee", "tea"]
    assert whole.feature_names_in_.tolist() == INPUTS and whole.n_features_in_ == 3
    probs = whole.predict_proba(products[INPUTS][:5])
    assert probs.shape == (5, 2) and np.allclose(probs.sum(1), 1)
    assert whole.score(products[INPUTS], products["drink"]) > 0.9


def test_answers_are_those_of_the_recogniser_that_it_keeps(fitted, products, tmp_path):
    row = products[["photo", "words"]][:1]
    alone = Recognizer.load(fitted.save(tmp_path / "bundle")).predict(image=row.photo[0], text=row.words[0])
    probs = dict(zip(fitted.classes_, fitted.predict_proba(row)[0], strict=True))
    assert probs == pytest.approx(dict(alone.probs["colour"]), abs=1e-6)


def test_a_missing_input_is_left_out_and_a_row_without_any_gets_the_classes_shares(fitted, products):
    given = products[["photo", "words"]][:1]
    rows = pd.DataFrame({"photo": [given.photo[0], None, np.nan], "words": [None, given.words[0], ""]})
    with pytest.warns(UserWarning, match="no_photo"):
        damaged = fitted.predict_proba(rows.assign(photo=["no_photo.jpg", "no_photo.jpg", None]))
    probs = fitted.predict_proba(rows)
    assert np.allclose(damaged[1], probs[1])
    assert not np.allclose(probs[0], probs[1])
    assert np.allclose(probs[2], 1 / 3) and np.allclose(damaged[0], 1 / 3)


def test_photos_may_be_a_list_and_files_bytes_or_paths(fitted, products):
    one, other = products.photo[:2]
    ways = [one, Path(one), Path(one).read_bytes(), [one], [one, other], f"{one};{other}"]
    probs = fitted.predict_proba(pd.DataFrame({"photo": ways, "words": None}))
    assert np.allclose(probs[:4], probs[0]) and np.allclose(probs[4], probs[5])
    assert not np.allclose(probs[4], probs[0])


def test_several_questions_are_answered_by_one_head_also_where_labels_are_missing(products, tiny):
    y = products[["colour", "drink"]].copy()
    y.loc[::5, "drink"] = None
    both = quick(tiny).fit(products[["photo", "words"]], y)
    assert [classes.tolist() for classes in both.classes_] == [["blue", "green", "red"], ["coffee", "tea"]]
    probs = both.predict_proba(products[["photo", "words"]])
    assert [part.shape for part in probs] == [(48, 3), (48, 2)]
    answers = both.predict(products[["photo", "words"]])
    known = y.drink.notna().to_numpy()
    expected = [(answers[:, 0] == y.colour).mean(), (answers[known, 1] == y.drink[known]).mean()]
    assert both.score(products[["photo", "words"]], y) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("kind", [int, bool, float, "category"])
def test_classes_keep_their_kind(products, tiny, kind):
    y = (products.drink == "tea").astype(kind)
    classifier = quick(tiny, image=None).fit(products[["words"]], y)
    assert classifier.classes_.tolist() == [0, 1]
    assert set(classifier.predict(products[["words"]])) <= {0, 1}


def test_cross_validation_search_and_pipeline_embed_each_input_once(products, tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    computed = []
    fetch = EmbeddingStore.fetch

    def counted(self, *arguments, **options):
        before = self.computed
        found = fetch(self, *arguments, **options)
        computed.append(self.computed - before)
        return found

    monkeypatch.setattr(EmbeddingStore, "fetch", counted)
    lower = FunctionTransformer(lambda table: table.assign(words=table.words.str.lower()))
    model = make_pipeline(lower, quick(tiny, max_epochs=2))
    X, y = products[["photo", "words"]], products["colour"]
    assert cross_val_score(model, X, y, cv=3).shape == (3,)
    search = GridSearchCV(model, {"fusionclassifier__strategy": ["concatenation", "averaged"]}, cv=2).fit(X, y)
    assert search.best_estimator_[-1].recognizer_.strategy == search.best_params_["fusionclassifier__strategy"]
    assert sum(computed) == products.photo.map(lambda path: Path(path).read_bytes()).nunique() + X.words.nunique()


def test_a_clone_learns_the_same_and_a_pickle_answers_the_same(fitted, products):
    X = products[["photo", "words"]]
    again = clone(fitted).fit(X, products["colour"])
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))


def test_rows_of_a_group_are_not_parted(products, tiny):
    table = products[["photo", "words"]].assign(shoot=[f"shoot {row // 6}" for row in range(len(products))])
    classifier = quick(tiny, group="shoot")
    seen = []
    classifier._learn = lambda manifest, config: seen.append(manifest)
    classifier.fit(table, products["colour"])
    sides = pd.DataFrame([(product.group, product.split) for product in seen[0].products], columns=["group", "side"])
    assert set(sides.side) == {"train", "val"} and (sides.groupby("group").side.nunique() == 1).all()


@pytest.mark.parametrize(
    ("change", "y", "sentence"),
    [
        (lambda table: table.to_numpy(), "colour", "X is a pandas DataFrame"),
        (lambda table: table[:0], "colour", "0 rows"),
        (lambda table: table[["number"]], "colour", "No column holds photo paths"),
        (lambda table: table.assign(photo="lost.jpg"), "colour", "None of the 48 photos that column 'photo' names"),
        (lambda table: table[:40], "colour", "X has 40 rows and y has 48"),
        (lambda table: table, None, "requires y to be passed"),
    ],
)
def test_what_cannot_be_learned_is_said_in_one_sentence(products, tiny, change, y, sentence):
    table = change(products[["photo", "words"]].assign(number=range(len(products))))
    with pytest.raises(UserError, match=sentence):
        quick(tiny).fit(table, None if y is None else products[y])


def test_other_columns_than_in_training_are_refused(fitted, products):
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(products[["words"]])


class ReadsNumbers(Encoder):
    """Takes a text of numbers for its embedding."""

    modality, name, dim, _fingerprint = "text", "numbers:read", 32, "numbers"

    def _embed(self, items):
        rows = torch.zeros(len(items), self.dim)
        for row, item in zip(rows, items, strict=True):
            numbers = torch.tensor([float(word) for word in item.split()])
            row[: len(numbers)] = numbers
        return rows


class OfNumbers(FusionClassifier):
    """Writes arrays of numbers as texts, because scikit-learn's checks know nothing else."""

    def fit(self, X, y):
        return super().fit(self._written(validate_data(self, X)), y)

    def _probabilities(self, X):
        check_is_fitted(self)
        return super()._probabilities(self._written(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string, tags.input_tags.allow_nan = True, False, False
        return tags

    def _written(self, X) -> pd.DataFrame:
        texts = [" ".join(f"{value:.9g}" for value in row) for row in X]
        return pd.DataFrame({"text": texts} | {f"other {place}": None for place in range(1, X.shape[1])})


# scikit-learn's checks of what X may be, in which `OfNumbers` would be judged and not the classifier: X is no array.
NOT_APPLYING = {
    "check_array_api_input": "arrays of other libraries",
    "check_complex_data": "complex numbers",
    "check_dtype_object": "arrays of objects",
    "check_estimator_sparse_array": "sparse arrays",
    "check_estimator_sparse_matrix": "sparse matrices",
    "check_estimator_sparse_tag": "sparse arrays",
    "check_estimators_dtypes": "kinds of numbers",
    "check_estimators_empty_data_messages": "arrays without columns",
    "check_estimators_nan_inf": "NaN is an input that is missing",
    "check_f_contiguous_array_estimator": "memory layout of an array",
    "check_fit1d": "a row of numbers",
    "check_fit2d_predict1d": "a row of numbers",
    "check_readonly_memmap_input": "memory-mapped arrays",
    "check_classifier_data_not_an_array": "what can become an array",
}
CHECKS = [
    check
    for _, check in estimator_checks_generator(
        OfNumbers(encoders="text=numbers:read", image=None, audio=None, text="text", width=32)
    )
]


def test_only_checks_of_scikit_learn_that_there_are_do_not_apply():
    assert set(NOT_APPLYING) <= {check.func.__name__ for check in CHECKS}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "check",
    [check for check in CHECKS if check.func.__name__ not in NOT_APPLYING],
    ids=lambda check: check.func.__name__,
)
def test_scikit_learns_checks_hold(check, monkeypatch):
    monkeypatch.setitem(encoders._loaded, "numbers:read", ReadsNumbers())
    check(OfNumbers(encoders="text=numbers:read", image=None, audio=None, text="text", width=32))
