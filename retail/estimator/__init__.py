"""A recogniser with scikit-learn's contract, for its pipelines, searches and cross-validation.

In: a DataFrame of photo paths, texts and clip paths with labels beside it. Out: classes and their probabilities. The
training is that of `retail.build`; PyTorch is loaded when something is fitted.

    from retail import FusionClassifier

    classifier = FusionClassifier(strategy="gated").fit(products, products["category"])
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from retail.config import TrainConfig
from retail.dataset.manifest import Manifest, Seal
from retail.dataset.remarks import few_of_each
from retail.dataset.splitting import WITHOUT_VALIDATION, split_products
from retail.estimator.answers import Questions
from retail.estimator.frames import FOUND, Columns, Roles, check_found, products_of_frame
from retail.schema import MODALITIES, Product, UserError

if TYPE_CHECKING:
    from sklearn.utils import Tags

# Parameters that are settings of `TrainConfig` under the same name.
SETTINGS = (
    "strategy loss_balancing class_balance single_inputs width dropout modality_dropout learning_rate weight_decay "
    "max_epochs patience label_smoothing seed"
).split()


class FusionClassifier(ClassifierMixin, BaseEstimator):
    """Learns classes from any mix of photo, description and sound.

    `image`, `text` and `audio` name columns of X: one, a list of them, None for no such input, or "auto" for what the
    columns' names and cells suggest. Cells are paths (several photos in a list), texts and paths; a missing one is
    None, NaN or "". Rows that share a value of a `group` column are not parted between learning and validation, for
    which 15 % of the rows are held out. `encoders` is a preset or a mix as on the command line; the other parameters
    are those of `retail.config.TrainConfig`.

    y of one dimension is one question; a DataFrame or an array of two asks one in each column, answered by one head
    with answers as scikit-learn gives them for several outputs. Labels may be missing.

    Fitted: `recognizer_`, which `save` keeps for the dashboard and the command line; `classes_`, `n_features_in_`,
    `feature_names_in_`, `tasks_`. Embeddings are kept in the home folder, so that neither the folds of a
    cross-validation nor the steps of a search encode anything twice.
    """

    def __init__(
        self,
        strategy: str = TrainConfig.strategy,
        *,
        encoders: str = "bundled",
        image: Columns = FOUND,
        text: Columns = FOUND,
        audio: Columns = FOUND,
        group: Columns = None,
        loss_balancing: str = TrainConfig.loss_balancing,
        class_balance: str = TrainConfig.class_balance,
        single_inputs: float = TrainConfig.single_inputs,
        width: int = TrainConfig.width,
        dropout: float = TrainConfig.dropout,
        modality_dropout: float = TrainConfig.modality_dropout,
        learning_rate: float = TrainConfig.learning_rate,
        weight_decay: float = TrainConfig.weight_decay,
        max_epochs: int = TrainConfig.max_epochs,
        patience: int = TrainConfig.patience,
        label_smoothing: float = TrainConfig.label_smoothing,
        seed: int = TrainConfig.seed,
    ) -> None:
        self.strategy = strategy
        self.encoders = encoders
        self.image = image
        self.text = text
        self.audio = audio
        self.group = group
        self.loss_balancing = loss_balancing
        self.class_balance = class_balance
        self.single_inputs = single_inputs
        self.width = width
        self.dropout = dropout
        self.modality_dropout = modality_dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.label_smoothing = label_smoothing
        self.seed = seed

    def fit(self, X: pd.DataFrame, y: Any) -> FusionClassifier:
        """Trains a head on the embeddings of all rows that have a label; raises UserError for what can be mended."""
        _check_table(X)
        questions = Questions.of(y, len(X))
        roles = Roles.of(X, self.image, self.text, self.audio, self.group)
        products = products_of_frame(X, roles)
        check_found(products, roles)
        inputs = [modality for modality in MODALITIES if getattr(roles, modality)]
        config = TrainConfig(modalities=tuple(inputs), **{name: getattr(self, name) for name in SETTINGS})
        validate_data(self, X, skip_check_array=True)
        self._roles, self._chances = roles, questions.chances()
        self._learn(_manifest(products, questions), config)
        self.tasks_ = list(questions.names)
        self.classes_ = list(questions.classes) if questions.several else questions.classes[0]
        return self

    def predict_proba(self, X: pd.DataFrame) -> Any:
        """(N, C) calibrated for the inputs that each row has, in the order of `classes_`; of several questions a list.

        A row without any usable input gets the shares of the classes in training.
        """
        found = self._probabilities(X)
        return found if self._several else found[0]

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(N,) the likeliest class; of several questions (N, T)."""
        check_is_fitted(self)
        answers = [
            classes[probs.argmax(1)] for classes, probs in zip(self._classes, self._probabilities(X), strict=True)
        ]
        if not self._several:
            return answers[0]
        alike = len({answer.dtype for answer in answers}) == 1
        return np.column_stack(answers if alike else [answer.astype(object) for answer in answers])

    def score(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> float:
        """Accuracy on the rows that have a label, of several questions their mean; other classes count as wrong."""
        truth = Questions.of(y, len(X))
        answers = self.predict(X).reshape(len(X), -1)
        if len(truth.names) != answers.shape[1]:
            raise UserError(f"y has {len(truth.names)} columns, but {answers.shape[1]} questions were learned.")
        weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        scores = []
        for place, name in enumerate(truth.names):
            known = np.array([name in row for row in truth.labels])
            right = [row.get(name) == str(answer) for row, answer in zip(truth.labels, answers[:, place], strict=True)]
            scores.append(np.average(np.array(right)[known], weights=weights[known]))
        return float(np.mean(scores))

    def save(self, folder: str | Path) -> Path:
        """Keeps the recogniser as a bundle; returns the folder."""
        check_is_fitted(self)
        return self.recognizer_.save(folder)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.two_d_array = False  # no numbers: paths and texts
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags

    @property
    def _several(self) -> bool:
        return isinstance(self.classes_, list)

    @property
    def _classes(self) -> list[np.ndarray]:
        return self.classes_ if isinstance(self.classes_, list) else [self.classes_]

    def _learn(self, manifest: Manifest, config: TrainConfig) -> None:
        from retail.build import train_recognizer

        self.recognizer_ = train_recognizer(manifest, None, config, self.encoders, hear=_warn)

    def _probabilities(self, X: pd.DataFrame) -> list[np.ndarray]:
        """(N, C) of each question."""
        from retail.store import EmbeddingStore

        check_is_fitted(self)
        _check_table(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        recognizer = self.recognizer_
        products = products_of_frame(X, self._roles)
        batch, notes = recognizer.embed(products, EmbeddingStore())
        for sentence in few_of_each(map(str, notes)):
            _warn(sentence)
        known = recognizer.certainty.probs(recognizer.head, batch)
        nothing = ~np.stack([batch.present[name].numpy() for name in recognizer.modalities]).any(0)
        found = []
        for task, classes, chances in zip(self.tasks_, self._classes, self._chances, strict=True):
            places = [recognizer.vocabularies[task].index(str(one)) for one in classes]
            probs = np.zeros((len(X), len(classes)))
            learned = [place for place, index in enumerate(places) if index >= 0]  # a class may have had no usable row
            probs[:, learned] = known[task].numpy()[:, [places[place] for place in learned]]
            probs[nothing] = chances
            found.append(probs / probs.sum(1, keepdims=True))
        return found


def _check_table(X: Any) -> None:
    if not isinstance(X, pd.DataFrame):
        raise UserError(
            "X is a pandas DataFrame with columns of photo paths, texts or clip paths, but came as "
            f"{type(X).__name__}; give a frame, in a pipeline by set_output(transform='pandas')."
        )
    if not len(X):
        raise UserError("X has 0 rows, but at least one product is needed; give some.")


def _manifest(products: Sequence[Product], questions: Questions) -> Manifest:
    """The rows that can teach, with some held out for validation by whole groups."""
    labelled = [replace(one, labels=labels) for one, labels in zip(products, questions.labels, strict=True) if labels]
    usable = [product for product in labelled if product.modalities]
    if not usable:
        raise UserError("No row has both a label and a photo, a text or a clip; give some that have.")
    if len(usable) < len(products):
        _warn(
            f"{len(products) - len(usable):,} of {len(products):,} rows lack a label or every input and do not teach."
        )
    tasks = questions.names
    split = split_products(usable, {one.id: one.id for one in usable}, tasks, tasks, WITHOUT_VALIDATION)
    if not any(one.split == "val" for one in split):
        raise UserError(
            "Every class needs a row to learn from and some rows are held out for validation, but those that can teach "
            f"(n_samples = {len(split)}) leave none; give more rows of the same classes."
        )
    files = [source for product in usable for source in (*product.images, product.audio) if isinstance(source, Path)]
    meaning = hashlib.sha256(repr([(one.text, one.labels, one.split) for one in split]).encode()).digest()
    return Manifest(
        root=Path(),
        products=tuple(split),
        problems=(),
        tasks=tasks,
        label_columns=tasks,
        text_column="text",
        has_split=False,
        seal=Seal((), meaning, tuple((str(path), path) for path in files)),
        title="a DataFrame",
        rows=len(products),
    )


def _warn(sentence: str) -> None:
    warnings.warn(sentence, UserWarning, stacklevel=2)
